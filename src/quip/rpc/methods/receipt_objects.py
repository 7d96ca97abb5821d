"""Receipts and logs as JSON objects, with go-ethereum's fields. Receipts are kept per block: nothing is run again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from quip.chain.ports import Part, StoredBlock
from quip.consensus.types.header import Header
from quip.consensus.types.receipt import Log, Receipt, decode_receipts
from quip.consensus.types.transaction import SignedTransaction, decode, recover
from quip.primitives import rlp
from quip.primitives.hashes import keccak256
from quip.rpc.encoding import data, quantity
from quip.rpc.log_params import LogFilter
from quip.rpc.methods.transaction_objects import terms_of
from quip.rpc.view import RpcView

Read = TypeVar("Read")

_ADDRESS = slice(12, 32)


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where logs are: a transaction of a block."""

    header: Header
    transaction_hash: bytes
    index: int
    """Of the transaction in its block."""
    removed: bool = False
    """The block has left the canonical chain, and whoever was told of the log is told of that."""


@dataclass(frozen=True, slots=True)
class MinedReceipt:
    """A receipt and what only the block's earlier ones say."""

    receipt: Receipt
    gas_used: int
    """By this transaction."""
    first_log: int
    """Place of its first log among the block's."""


def mined_receipts(view: RpcView, block_hash: bytes) -> list[MinedReceipt]:
    """Those of a stored block, in order."""
    encoded = view.store.encoded(Part.RECEIPTS, block_hash)
    made, gas, logs = [], 0, 0
    for receipt in decode_receipts(encoded or rlp.encode([])):
        made.append(MinedReceipt(receipt, receipt.cumulative_gas_used - gas, logs))
        gas, logs = receipt.cumulative_gas_used, logs + len(receipt.logs)
    return made


def receipt_object(header: Header, index: int, transaction: SignedTransaction, mined: MinedReceipt) -> dict[str, Any]:
    """The receipt of a block's transaction."""
    terms = terms_of(transaction.kind, transaction.encoded)
    receipt = mined.receipt
    place = LogPlace(header, transaction.hash, index)
    return {
        "blockHash": data(header.hash),
        "blockNumber": quantity(header.number),
        "contractAddress": None if terms.to else data(created_address(transaction.sender, terms.nonce)),
        "cumulativeGasUsed": quantity(receipt.cumulative_gas_used),
        "effectiveGasPrice": quantity(terms.effective_price(header.base_fee_per_gas)),
        "from": data(transaction.sender),
        "gasUsed": quantity(mined.gas_used),
        "logs": [log_object(place, log, mined.first_log + number) for number, log in enumerate(receipt.logs)],
        "logsBloom": data(receipt.bloom),
        "status": quantity(receipt.succeeded),
        "to": data(terms.to) if terms.to else None,
        "transactionHash": data(transaction.hash),
        "transactionIndex": quantity(index),
        "type": quantity(receipt.kind),
    }


def created_address(sender: bytes, nonce: int) -> bytes:
    """Of the contract that a transaction makes: 20 bytes (Yellow Paper, eq. 90)."""
    return keccak256(rlp.encode([sender, rlp.int_to_bytes(nonce)]))[_ADDRESS]


def log_object(place: LogPlace, log: Log, number: int) -> dict[str, Any]:
    """A log; `number`: its place among the block's."""
    header = place.header
    return {
        "address": data(log.address),
        "topics": [data(topic) for topic in log.topics],
        "data": data(log.data),
        "blockNumber": quantity(header.number),
        "transactionHash": data(place.transaction_hash),
        "transactionIndex": quantity(place.index),
        "blockHash": data(header.hash),
        "blockTimestamp": quantity(header.timestamp),
        "logIndex": quantity(number),
        "removed": place.removed,
    }


def block_logs(
    view: RpcView, stored: StoredBlock, wanted: LogFilter, removed: bool = False
) -> Iterator[dict[str, Any]]:
    """The wanted logs of a block, in order."""
    for index, mined in enumerate(mined_receipts(view, stored.header.hash)):
        if not wanted.may_be_in(mined.receipt.bloom):
            continue
        found = [(number, log) for number, log in enumerate(mined.receipt.logs) if wanted.takes(log)]
        if not found:
            continue
        place = LogPlace(stored.header, keccak256(stored.transactions[index]), index, removed)
        for number, log in found:
            yield log_object(place, log, mined.first_log + number)


def recovered(encoded: Sequence[bytes]) -> list[SignedTransaction]:
    """A stored block's transactions with their senders: 30 us each, on all cores."""
    if not encoded:
        return []
    return [_lawful(one) for one in recover([_lawful(one) for one in decode(encoded)])]


def _lawful(found: Read | str) -> Read:
    if isinstance(found, str):  # a block that was executed holds only such as can be read
        raise ValueError(f"a stored transaction is none: {found}")
    return found
