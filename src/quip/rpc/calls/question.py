"""Where a call is asked: a block and its state, and what is raised there in the words that a caller may be told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from quip.consensus.errors.root import ConsensusError
from quip.consensus.execution import gas
from quip.consensus.execution.simulation import Failure, Overrides, Question, Refused, Stopped
from quip.consensus.execution.transition import Setting
from quip.consensus.types.header import ADDRESS_SIZE, HASH_SIZE, Header
from quip.rpc.errors import CallFailed, CallReverted
from quip.rpc.params import BlockRef
from quip.rpc.view import RpcView


def error_of(failure: Failure) -> CallFailed | CallReverted:
    """What the caller is told of a call that did not succeed."""
    return CallFailed(failure.text) if failure.data is None else CallReverted(failure.text, failure.data)


@contextmanager
def question(view: RpcView, reference: BlockRef, overrides: Overrides) -> Iterator[Question]:
    """Where calls are asked; what they raise leaves as what the caller may be told."""
    header, root = _place(view, reference)
    setting = setting_of(view, header)
    with told(view):
        yield Question(setting, view.store.state(root), overrides, view.call_limits)


def setting_of(view: RpcView, header: Header) -> Setting:
    """What the calls and transactions of a block see of it."""
    parent = view.store.header(header.parent_hash)  # genesis has none
    return Setting(view.spec, view.puzzle, header, bytes(HASH_SIZE) if parent is None else parent.mix_hash, ())


@contextmanager
def told(view: RpcView) -> Iterator[None]:
    """What execution raises leaves as what the caller may be told."""
    try:
        yield
    except Refused as error:
        raise error_of(Failure(str(error), error.data)) from None
    except Stopped as error:
        reasons = {
            "cancelled": "execution aborted (the node is stopping)",
            "deadline": f"execution aborted (timeout = {view.call_limits.milliseconds / 1_000:g}s)",
            "size": "the trace is too large: ask for less of it (callTracer, disableStack, disableStorage)",
        }
        raise CallFailed(reasons[error.reason]) from None
    except (ValueError, ConsensusError) as error:
        raise CallFailed(str(error)) from None


def _place(view: RpcView, reference: BlockRef) -> tuple[Header, bytes]:
    """The header that the calls see, and the root of the state that they see."""
    header = view.need_header(reference)
    return (_child(view, header) if reference.tag == "pending" else header), header.state_root


def _child(view: RpcView, head: Header) -> Header:
    """A block on the head, as far as transactions see it. Who mines it is not known: the zero address."""
    return replace(
        head,
        parent_hash=head.hash,
        beneficiary=bytes(ADDRESS_SIZE),
        number=head.number + 1,
        timestamp=max(view.node.now(), head.timestamp + 1),
        base_fee_per_gas=gas.next_base_fee(head),
    )
