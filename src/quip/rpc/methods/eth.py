"""eth_*: the chain in Ethereum's words, with go-ethereum's answers."""

from typing import Any

from quip.rpc.encoding import data, quantity
from quip.rpc.errors import NeedsWebSocket
from quip.rpc.methods import block_objects
from quip.rpc.params import BlockRef
from quip.rpc.view import RpcView


def chain_id(view: RpcView) -> str:
    """The chain id."""
    return quantity(view.spec.chain_id)


def accounts(view: RpcView) -> list[str]:
    """Those whose keys the node holds for its callers: none, but on a developer's chain."""
    developer = view.node.developer
    return [] if developer is None else [data(address) for address in developer.addresses]


def syncing(view: RpcView) -> dict[str, Any] | bool:
    """False, or how far a sync is; every quantity beside Ethereum's three is a plain integer."""
    return view.node.network.syncing() or False


def subscribe(_view: RpcView, _name: object, _options: object) -> None:
    """Only on a WebSocket, where methods/subscriptions.py takes its place."""
    raise NeedsWebSocket("eth_subscribe")


def unsubscribe(_view: RpcView, _identity: object) -> None:
    """As `subscribe`."""
    raise NeedsWebSocket("eth_unsubscribe")


def head_number(view: RpcView) -> str:
    """The head's number."""
    return quantity(view.head_header().number)


def block_by_number(view: RpcView, reference: BlockRef, full: bool) -> dict[str, Any] | None:
    """The canonical block of a number or tag, or null."""
    if reference.tag == "pending":
        template = view.node.pending()
        total = view.head().context.total_difficulty + template.header.difficulty
        return block_objects.pending_object(template, total, full)
    stored = view.find(reference)
    return None if stored is None else block_objects.block_object(stored, full)


def block_by_hash(view: RpcView, wanted: bytes, full: bool) -> dict[str, Any] | None:
    """Any verified block, side branches included, or null."""
    stored = view.find(BlockRef(hash=wanted))
    return None if stored is None else block_objects.block_object(stored, full)


def header(view: RpcView, reference: BlockRef) -> dict[str, Any] | None:
    """The header of a block, or null."""
    found = view.find_header(reference)
    context = None if found is None else view.store.context(found.hash)
    if found is None or context is None:
        return None
    return block_objects.header_object(found, context.total_difficulty)


def transaction_count(view: RpcView, reference: BlockRef) -> str | None:
    """How many transactions a block has, or null."""
    if reference.tag == "pending":
        return quantity(len(view.node.pending().transactions))
    stored = view.find(reference)
    return None if stored is None else quantity(len(stored.transactions))


def uncle_count(view: RpcView, reference: BlockRef) -> str | None:
    """How many ommers a block shows, or null."""
    stored = view.find(reference)
    return None if stored is None else quantity(len(stored.ommers))


def uncle(view: RpcView, reference: BlockRef, index: int) -> dict[str, Any] | None:
    """An ommer that a block shows, by its place, or null."""
    stored = view.find(reference)
    if stored is None or index >= len(stored.ommers):
        return None
    return block_objects.uncle_object(stored.ommers[index].included)
