"""eth_*: what gas costs now, what it cost lately, and what to offer.

The suggestion is go-ethereum's: of the three lowest tips of each of the last blocks, those of the beneficiary itself
left out, the 60th percentile. A block without such tips stands for one of LEAST_TIP.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from quip.chain.ports import StoredBlock
from quip.consensus.execution.gas import next_base_fee
from quip.consensus.types.header import Header
from quip.rpc.encoding import quantity
from quip.rpc.errors import CallFailed
from quip.rpc.methods.receipt_objects import mined_receipts, recovered
from quip.rpc.methods.transaction_objects import terms_of
from quip.rpc.params import BlockRef
from quip.rpc.time_limit import TimeLimit
from quip.rpc.view import RpcView

SAMPLED_BLOCKS = 20
SAMPLES = 3  # of each of them
SUGGESTED_PERCENTILE = 60
IGNORED_TIP = 2  # wei: below that nobody meant to offer something
LEAST_TIP = 1_000_000  # wei: 0.001 gwei, what go-ethereum begins with
MOST_TIP = 500 * 10**9  # wei: nobody shall pay more because others did
BLOB_BASE_FEE = 1  # wei: there are no blobs, so it stays at its minimum (EIP-4844), as opcode BLOBBASEFEE says
MAX_HISTORY = 1_024  # blocks; who asks for more gets so many


@dataclass(frozen=True, slots=True)
class Tipped:
    """What one transaction of a block paid the beneficiary."""

    tip: int
    """Wei a gas."""
    gas_used: int


def gas_price(view: RpcView) -> str:
    """Wei a gas for a transaction of type 0 or 1: what the next block takes, and the suggested tip."""
    header = view.head_header()
    return quantity(max(header.base_fee_per_gas, next_base_fee(header)) + _suggested(view, header))


def max_priority_fee(view: RpcView) -> str:
    """The suggested tip in wei a gas."""
    return quantity(_suggested(view, view.head_header()))


def base_fee(view: RpcView) -> str:
    """Wei a gas that the next block burns."""
    return quantity(next_base_fee(view.head_header()))


def blob_base_fee(_view: RpcView) -> str:
    """Wei a blob gas; there are no blobs to pay for."""
    return quantity(BLOB_BASE_FEE)


def fee_history(view: RpcView, count: int, last: BlockRef, percentiles: Sequence[float]) -> dict[str, Any]:
    """Base fees, how full the blocks were and, for percentiles of their gas, tips; of so many blocks up to one."""
    newest = _last_header(view, last)
    count = min(count, MAX_HISTORY, newest.number + 1)
    if not count:
        return {"oldestBlock": "0x0", "gasUsedRatio": None}
    oldest = newest.number - count + 1
    limit = TimeLimit()
    headers, rewards = [newest], []
    while len(headers) < count:  # by parents: one branch, whatever the chain does meanwhile
        headers.append(_need(view.store.header(headers[-1].parent_hash)))
    headers.reverse()
    if percentiles:
        for header in headers:
            if limit.over:
                raise limit.error(f"ask for less: {quantity(header.number - oldest)} blocks took so long")
            rewards.append([quantity(tip) for tip in _percentile_tips(view, header, percentiles)])
    base_fees = [header.base_fee_per_gas for header in headers] + [next_base_fee(newest)]
    return {
        "oldestBlock": quantity(oldest),
        **({"reward": rewards} if percentiles else {}),
        "baseFeePerGas": [quantity(fee) for fee in base_fees],
        "gasUsedRatio": [_ratio(header) for header in headers],
        "baseFeePerBlobGas": [quantity(BLOB_BASE_FEE)] * (count + 1),
        "blobGasUsedRatio": [0] * count,
    }


def tips(view: RpcView, stored: StoredBlock) -> list[Tipped]:
    """What each transaction of a block paid, in order."""
    base_fee = stored.header.base_fee_per_gas
    return [
        Tipped(terms_of(mined.receipt.kind, encoded).tip(base_fee), mined.gas_used)
        for encoded, mined in zip(stored.transactions, mined_receipts(view, stored.header.hash), strict=True)
    ]


def _suggested(view: RpcView, head: Header) -> int:
    samples: list[int] = []
    header: Header | None = head
    for _ in range(SAMPLED_BLOCKS):
        if header is None or not header.number:
            break
        samples += _lowest_tips(view, header) or [LEAST_TIP]
        header = view.store.header(header.parent_hash)
    if not samples:
        return LEAST_TIP
    return min(sorted(samples)[(len(samples) - 1) * SUGGESTED_PERCENTILE // 100], MOST_TIP)


def _lowest_tips(view: RpcView, header: Header) -> list[int]:
    if not header.gas_used:
        return []
    stored = _need_block(view, header)
    base_fee = header.base_fee_per_gas
    kinds = [mined.receipt.kind for mined in mined_receipts(view, header.hash)]
    offered = sorted(
        (tip, index)
        for index, (kind, encoded) in enumerate(zip(kinds, stored.transactions, strict=True))
        if (tip := terms_of(kind, encoded).tip(base_fee)) >= IGNORED_TIP
    )
    found: list[int] = []
    for tip, index in offered:
        (transaction,) = recovered(stored.transactions[index : index + 1])
        if transaction.sender != header.beneficiary:
            found.append(tip)
        if len(found) == SAMPLES:
            break
    return found


def _percentile_tips(view: RpcView, header: Header, percentiles: Sequence[float]) -> list[int]:
    """The tip that is reached once so much of a block's gas is counted, the lowest tips first."""
    if not header.gas_used:
        return [0] * len(percentiles)
    paid = sorted(tips(view, _need_block(view, header)), key=lambda one: one.tip)
    found, index, counted = [], 0, paid[0].gas_used
    for percentile in percentiles:
        threshold = int(header.gas_used * Fraction(percentile) / 100)
        while counted < threshold and index < len(paid) - 1:
            index += 1
            counted += paid[index].gas_used
        found.append(paid[index].tip)
    return found


def _last_header(view: RpcView, last: BlockRef) -> Header:
    head = view.head_header()
    if last.number is not None and last.number > head.number:
        raise CallFailed(f"request beyond head block: requested {last.number}, head {head.number}")
    return view.need_header(last)


def _ratio(header: Header) -> float:
    whole = header.gas_used in (0, header.gas_limit)
    return header.gas_used // header.gas_limit if whole else header.gas_used / header.gas_limit


def _need(header: Header | None) -> Header:
    if header is None:
        raise CallFailed("header not found")
    return header


def _need_block(view: RpcView, header: Header) -> StoredBlock:
    return view.need(BlockRef(hash=header.hash))
