"""txpool_*: what waits in the pool."""

from collections.abc import Callable, Sequence
from typing import Any

from quip.consensus.types.transaction import SignedTransaction
from quip.primitives.address import checksum_address
from quip.rpc.encoding import quantity
from quip.rpc.methods.transaction_objects import terms_of, transaction_object
from quip.rpc.view import RpcView

KINDS = ("pending", "queued")


def status(view: RpcView) -> dict[str, str]:
    """How many are executable, and how many wait for a nonce or for funds."""
    return dict(zip(KINDS, map(quantity, view.node.pool.counts()), strict=True))


def content(view: RpcView) -> dict[str, Any]:
    """All of them by sender and nonce."""
    return _by_sender(view, transaction_object)


def inspect(view: RpcView) -> dict[str, Any]:
    """A line for each."""
    return _by_sender(view, _line)


def content_from(view: RpcView, address: bytes) -> dict[str, Any]:
    """Those of one sender by nonce."""
    queues = view.node.pool.content().get(address, ((), ()))
    return {kind: _by_nonce(queue, transaction_object) for kind, queue in zip(KINDS, queues, strict=True)}


def _by_sender(view: RpcView, shown: Callable[[SignedTransaction], Any]) -> dict[str, Any]:
    found = view.node.pool.content()
    return {
        kind: {
            checksum_address(address): _by_nonce(queues[index], shown)
            for address, queues in found.items()
            if queues[index]
        }
        for index, kind in enumerate(KINDS)
    }


def _by_nonce(queue: Sequence[SignedTransaction], shown: Callable[[SignedTransaction], Any]) -> dict[str, Any]:
    return {str(terms_of(one.kind, one.encoded).nonce): shown(one) for one in queue}


def _line(transaction: SignedTransaction) -> str:
    terms = terms_of(transaction.kind, transaction.encoded)
    to = checksum_address(terms.to) if terms.to else "contract creation"
    return f"{to}: {terms.value} wei + {terms.gas} gas × {terms.max_fee} wei"
