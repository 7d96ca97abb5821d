"""Everything in the pool that can grow has a bound, and a reason."""

from __future__ import annotations

from dataclasses import dataclass

MAX_TRANSACTION_BYTES = 128 << 10
"""One transaction, as geth has it: a contract of the largest size three times over."""
OVERHEAD_BYTES = 1 << 10
"""Memory of a pooled transaction beside its bytes: the objects that name it, its places in queues and price lists."""
MAX_POOL_BYTES = 64 << 20
"""All transactions, overhead included: 55,000 transfers, forty of the largest blocks."""
MAX_SENDER_BYTES = 2 << 20
"""Of one sender, overhead included: a thirty-second of the pool, so nobody alone can displace more."""
MAX_SENDER_TRANSACTIONS = 256
"""Of one sender: a script's worth. Each costs a look whenever the sender's account changes."""
MAX_SENDER_QUEUED = 64
"""Of one sender behind a gap of nonces: they may never be executable. As geth."""
MIN_TIP = 1
"""Wei a gas to the beneficiary, as geth: a transaction without any is in nobody's interest."""
PRICE_BUMP_PERCENT = 10
"""By which a replacement raises both fees: replacing costs nothing but this."""
REMEMBERED_BYTES = 16 << 20
"""Signatures recovered of transactions that are not in the pool (mined, or refused for now): not checked twice."""
REFUSED_HASHES = 8_192
"""Transactions refused at this head, which are not fetched from the next peer that has them. 100 bytes each."""


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """The bounds that one pool keeps."""

    pool_bytes: int = MAX_POOL_BYTES
    sender_bytes: int = MAX_SENDER_BYTES
    sender_transactions: int = MAX_SENDER_TRANSACTIONS
    sender_queued: int = MAX_SENDER_QUEUED
    min_tip: int = MIN_TIP
