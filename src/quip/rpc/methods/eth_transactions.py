"""eth_*: transactions in blocks and in the pool, and their receipts."""

from collections.abc import Sequence
from typing import Any

from quip.chain.ports import StoredBlock
from quip.consensus.types.transaction import SignedTransaction
from quip.primitives.errors import RuleError
from quip.rpc.encoding import data
from quip.rpc.errors import CallFailed
from quip.rpc.methods.receipt_objects import mined_receipts, receipt_object, recovered
from quip.rpc.methods.transaction_objects import Place, terms_of, transaction_object
from quip.rpc.params import BlockRef
from quip.rpc.view import RpcView
from quip.storage.errors import StateMissing


def by_hash(view: RpcView, wanted: bytes) -> dict[str, Any] | None:
    """A transaction of the canonical chain or of the pool, or null."""
    found = _mined(view, wanted)
    if found is not None:
        stored, index = found
        return _placed(stored, index)
    waiting = view.node.pool.get(wanted)
    return None if waiting is None else transaction_object(waiting)


def by_index(view: RpcView, reference: BlockRef, index: int) -> dict[str, Any] | None:
    """A transaction of a block by its place, or null."""
    if reference.tag == "pending":
        found = recovered(_transactions(view, reference)[index : index + 1])
        return transaction_object(found[0]) if found else None
    stored = view.find(reference)
    return None if stored is None or index >= len(stored.transactions) else _placed(stored, index)


def by_sender_and_nonce(view: RpcView, sender: bytes, nonce: int) -> dict[str, Any] | None:
    """The transaction of the canonical chain or of the pool with which a sender has used a nonce, or null.

    There is no index of these: the block is found by the sender's nonces in the states that are kept. Raises
    StateMissing where the nonce was used before.
    """
    head = view.head_header()
    if _nonce(view, sender, head.number) <= nonce:
        return _waiting(view, sender, nonce)
    low, high = 0, head.number  # the first block behind which the nonce is used is in low..high
    missing: StateMissing | None = None
    while low < high:
        middle = (low + high) // 2
        try:
            used = _nonce(view, sender, middle) > nonce
        except StateMissing as error:
            missing, used = error, False
        low, high = (low, middle) if used else (middle + 1, high)
    stored = view.find(BlockRef(number=low))
    for index, transaction in enumerate(recovered(() if stored is None else stored.transactions)):
        if transaction.sender == sender and terms_of(transaction.kind, transaction.encoded).nonce == nonce:
            return None if stored is None else _placed(stored, index)
    if missing is not None:
        raise missing
    return None  # an authorization used it (EIP-7702)


def raw_by_hash(view: RpcView, wanted: bytes) -> str:
    """A transaction's encoding; 0x where there is none, as go-ethereum says it."""
    found = _mined(view, wanted)
    if found is not None:
        stored, index = found
        return data(stored.transactions[index])
    waiting = view.node.pool.get(wanted)
    return data(b"" if waiting is None else waiting.encoded)


def raw_by_index(view: RpcView, reference: BlockRef, index: int) -> str:
    """The same by its place in a block."""
    transactions = _transactions(view, reference)
    return data(transactions[index] if index < len(transactions) else b"")


def receipt(view: RpcView, wanted: bytes) -> dict[str, Any] | None:
    """What came of a transaction of the canonical chain, or null."""
    found = _mined(view, wanted)
    if found is None:
        return None
    stored, index = found
    (transaction,) = recovered(stored.transactions[index : index + 1])
    mined = mined_receipts(view, stored.header.hash)[index]
    return receipt_object(stored.header, index, transaction, mined)


def block_receipts(view: RpcView, reference: BlockRef) -> list[dict[str, Any]] | None:
    """Those of all transactions of a block, side branches included, or null."""
    stored = None if reference.tag == "pending" else view.find(reference)
    if stored is None:
        return None
    pairs = zip(recovered(stored.transactions), mined_receipts(view, stored.header.hash), strict=True)
    return [receipt_object(stored.header, index, *pair) for index, pair in enumerate(pairs)]


def send_raw(view: RpcView, encoded: bytes) -> str:
    """Takes a signed transaction into the pool; its hash."""
    try:
        return data(view.node.pool.submit(encoded))
    except RuleError as error:
        raise CallFailed(str(error)) from None


def pending(view: RpcView) -> list[dict[str, Any]]:
    """The executable transactions of the pool, whoever sent them (go-ethereum: those of its own accounts)."""
    return [transaction_object(one) for executable, _ in view.node.pool.content().values() for one in executable]


def _mined(view: RpcView, wanted: bytes) -> tuple[StoredBlock, int] | None:
    """The block of the canonical chain that has a transaction, and its place."""
    place = view.store.transaction(wanted)
    stored = None if place is None else view.store.block(place.block_hash)
    return None if stored is None or place is None else (stored, place.index)


def _placed(stored: StoredBlock, index: int) -> dict[str, Any]:
    (transaction,) = recovered(stored.transactions[index : index + 1])
    return transaction_object(transaction, Place(stored.header, index))


def _transactions(view: RpcView, reference: BlockRef) -> Sequence[bytes]:
    """Those of a block; none of one that is not there."""
    if reference.tag == "pending":
        return view.node.pending().transactions
    stored = view.find(reference)
    return () if stored is None else stored.transactions


def _nonce(view: RpcView, sender: bytes, number: int) -> int:
    account = view.state(BlockRef(number=number)).account(sender)
    return 0 if account is None else account.nonce


def _waiting(view: RpcView, sender: bytes, nonce: int) -> dict[str, Any] | None:
    queues: tuple[Sequence[SignedTransaction], Sequence[SignedTransaction]] = view.node.pool.content().get(
        sender, ((), ())
    )
    for transaction in (*queues[0], *queues[1]):
        if terms_of(transaction.kind, transaction.encoded).nonce == nonce:
            return transaction_object(transaction)
    return None
