"""The transaction pool: what waits for a block, bounded, by sender and nonce, and best first.

    add(bytes)                 intake -> admission -> room -> queue
    head_changed(change)       what left the chain comes back, what joined it leaves, touched senders are looked at anew
    best()                     for a block
    drain()                    what has become executable and what has left, for peers, subscribers and the journal

One thread changes it. What only reads (but for `best`) may be called from others: `get`, `signed`, `wants`,
`inventory`, `next_nonce`, `content`, `counts`. They copy dictionaries in one step, and may see a change half done.
What this file does not do: no file, no message, no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from quip.chain.mempool import validation
from quip.chain.mempool.account_queue import AccountQueue
from quip.chain.mempool.admission import Admission
from quip.chain.mempool.errors import (
    AlreadyKnown,
    FutureReplacesPending,
    PoolError,
    PoolFull,
    Refused,
    Underpriced,
)
from quip.chain.mempool.intake import Intake, SignatureMemory
from quip.chain.mempool.limits import MAX_TRANSACTION_BYTES, OVERHEAD_BYTES, REFUSED_HASHES, PoolLimits
from quip.chain.mempool.pooled import PooledTransaction
from quip.chain.mempool.ports import AccountCode, HeadChange, HeadState, SenderState
from quip.chain.mempool.pricing import EvictionOrder, best_first, rank
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.transaction import TRANSACTION_TYPES, DecodedTransaction, SignedTransaction
from quip.primitives.bounded_dict import BoundedDict


class Removal(Enum):
    """Why a transaction is not in the pool any more."""

    MINED = "mined"
    """It is in a block of the canonical chain."""
    STALE = "stale"
    """Another one with its nonce is."""
    UNPAYABLE = "unpayable"
    """Its sender has not got what it may cost."""
    REPLACED = "replaced"
    """By one that offers more."""
    EVICTED = "evicted"
    """Better ones needed the room."""
    DROPPED = "dropped"
    """Somebody asked for it, on a developer's chain."""


@dataclass(slots=True)
class PoolChanges:
    """What happened in the pool, in order."""

    ready: list[PooledTransaction] = field(default_factory=list)
    """Have become executable, and may have left again."""
    added: list[PooledTransaction] = field(default_factory=list)
    """Are new, executable or not, and may have left again."""
    removed: list[tuple[PooledTransaction, Removal]] = field(default_factory=list)


class Pool:
    """Transactions of one chain that are in no block of it."""

    def __init__(self, spec: ChainSpec, state: HeadState, limits: PoolLimits | None = None) -> None:
        self._limits = limits or PoolLimits()
        self._state = state
        self._memory = SignatureMemory()
        self._intake = Intake(spec, self.signed)
        self._by_hash: dict[bytes, PooledTransaction] = {}
        self._accounts: dict[bytes, AccountQueue] = {}
        self._authorities: Counter[bytes] = Counter()
        self._admission = Admission(self._limits, self._authorities, self._pooled)
        self._prices = EvictionOrder(self._by_hash)
        self._watched: dict[bytes, None] = {}
        """Senders whose account may change without a transaction of theirs: delegated ones, and short ones."""
        self._refused: BoundedDict[bytes, None] = BoundedDict(REFUSED_HASHES)
        self._weight = 0
        self._ready = 0
        self._changes = PoolChanges()

    def __len__(self) -> int:
        return len(self._by_hash)

    @property
    def weight(self) -> int:
        """Bytes of memory that its transactions count for."""
        return self._weight

    @property
    def counts(self) -> tuple[int, int]:
        """(pending, queued): how many are executable, and how many wait for a nonce or for funds."""
        pending = self._ready
        return pending, max(len(self._by_hash) - pending, 0)

    # --- in

    def add(self, encoded: Sequence[bytes]) -> list[PooledTransaction | PoolError]:
        """Each by itself, in order: the transaction, which is in the pool now, or why it is not let in."""
        found = self._intake.read(encoded, self._check)
        for index, one in enumerate(found):
            if isinstance(one, PooledTransaction):
                try:
                    self._insert(one)
                except Refused as error:
                    found[index] = error
                    self._memory.keep(one)
                    if not isinstance(error, AlreadyKnown):
                        self._refused[one.hash] = None
        return found

    def head_changed(self, change: HeadChange) -> None:
        """Another head, in one pass."""
        self._state = change.state
        self._refused.clear()
        mined, left = (self._intake.of_blocks(blocks) for blocks in (change.connected, change.disconnected))
        for transaction in left.values():
            self._memory.keep(transaction)
            if transaction.hash not in mined and transaction.size <= MAX_TRANSACTION_BYTES:
                self._return(transaction)
        for transaction_hash, transaction in mined.items():
            self._memory.keep(transaction)
            if (held := self._by_hash.get(transaction_hash)) is not None:
                self._remove(held, Removal.MINED)
        touched = dict.fromkeys(change.touched) | self._watched
        for transaction in (*left.values(), *mined.values()):
            touched |= dict.fromkeys((transaction.sender, *transaction.authorities))
        for address in touched:
            if (account := self._accounts.get(address)) is not None:
                self._refresh(account)
        if left:
            self._trim()

    def drop(self, transaction_hash: bytes) -> bool:
        """Let go of one; was it here? Those of its sender behind it wait from now on."""
        found = self._by_hash.get(transaction_hash)
        if found is None:
            return False
        self._remove(found, Removal.DROPPED)
        if (account := self._accounts.get(found.sender)) is not None:
            self._settle(account)
        return True

    # --- out

    def best(self, base_fee: int | None = None) -> Iterator[PooledTransaction]:
        """For a block, the highest effective tip first, each sender's by nonce; as the pool is now, whatever comes
        while it is read. The base fee is the next block's."""
        queues = [account.executable() for account in self._accounts.values() if account.ready]
        fee = self._state.base_fee if base_fee is None else base_fee
        return best_first(queues, fee, self._state.gas_limit)

    def drain(self) -> PoolChanges:
        """What happened since the last call."""
        changes, self._changes = self._changes, PoolChanges()
        return changes

    def get(self, transaction_hash: bytes) -> PooledTransaction | None:
        """A transaction of the pool."""
        return self._by_hash.get(transaction_hash)

    def signed(self, transaction_hash: bytes) -> SignedTransaction | None:
        """A transaction whose signature was checked here: of the pool, or mined or refused lately."""
        found = self._by_hash.get(transaction_hash)
        return found.signed if found is not None else self._memory.get(transaction_hash)

    def wants(self, kind: int, size: int, transaction_hash: bytes) -> bool:
        """Whether one that a peer announces should be fetched."""
        return (
            kind in TRANSACTION_TYPES
            and size <= MAX_TRANSACTION_BYTES
            and transaction_hash not in self._by_hash
            and transaction_hash not in self._refused
        )

    def inventory(self) -> list[PooledTransaction]:
        """All that are executable, in no order."""
        return [transaction for transaction in tuple(self._by_hash.values()) if transaction.ready]

    def next_nonce(self, address: bytes) -> int | None:
        """Of an account's next transaction, after all that are executable; None: it has none here, ask the state."""
        account = self._accounts.get(address)
        return None if account is None else account.state.nonce + account.ready

    def content(self) -> dict[bytes, tuple[tuple[PooledTransaction, ...], tuple[PooledTransaction, ...]]]:
        """By sender: (pending, queued), each by nonce."""
        return {address: account.halves() for address, account in tuple(self._accounts.items())}

    # --- the steps of an admission

    def _check(self, decoded: DecodedTransaction) -> None:
        """Before its signature is looked at."""
        if decoded.hash in self._by_hash:
            raise AlreadyKnown()
        try:
            self._check_offer(decoded)
        except Refused:
            self._refused[decoded.hash] = None
            raise

    def _check_offer(self, decoded: DecodedTransaction) -> None:
        validation.check_offer(decoded, self._state.gas_limit, self._limits.min_tip)
        if self._weight + decoded.size + OVERHEAD_BYTES > self._limits.pool_bytes:
            base_fee = self._state.base_fee
            lowest = self._prices.lowest(base_fee)
            tip = min(decoded.max_priority_fee_per_gas, decoded.max_fee_per_gas - base_fee)
            if lowest is not None and (True, tip) <= lowest[0][:2]:
                raise Underpriced()

    def _insert(self, new: PooledTransaction) -> None:
        """Raises a Refused."""
        if new.hash in self._by_hash:
            raise AlreadyKnown()
        state = self._state.sender(new.sender)
        account = self._accounts.get(new.sender) or AccountQueue(new.sender, state)
        if state != account.state:  # whoever told of the new head did not know
            self._refresh(account)
        self._admission.check(new, account)
        old = account.get(new.nonce)
        victims = self._victims(new, account, old)
        if old is not None:
            self._remove(old, Removal.REPLACED)
        for victim in victims:
            self._remove(victim, Removal.EVICTED)
        self._put(new, account)
        self._settle(account)

    def _victims(
        self, new: PooledTransaction, account: AccountQueue, old: PooledTransaction | None
    ) -> list[PooledTransaction]:
        """Who leaves so that a new one has room, each with its sender's later ones. Raises a Refused."""
        base_fee, fits = self._state.base_fee, self._limits.pool_bytes - new.weight
        ready = new.nonce <= account.first_gap()
        own = rank(new, base_fee, ready=ready)
        leaving: dict[bytes, PooledTransaction] = {}
        weight = self._weight - (old.weight if old is not None else 0)
        taken: list[PooledTransaction] = []
        try:
            while weight > fits:
                entry = self._prices.take(base_fee)
                if entry is None:
                    raise PoolFull()
                (lowest_ready, tip, _), lowest = entry
                taken.append(lowest)
                if lowest is old or lowest.hash in leaving:
                    continue
                if lowest_ready and not ready:
                    raise FutureReplacesPending()
                if (lowest_ready, tip) >= own[:2]:
                    raise Underpriced()
                if lowest.sender == new.sender and lowest.nonce < new.nonce:
                    raise PoolFull()
                for later in self._accounts[lowest.sender].from_nonce(lowest.nonce):
                    if later is not old and later.hash not in leaving:
                        leaving[later.hash] = later
                        weight -= later.weight
        except Refused:
            for transaction in taken:
                self._prices.changed(transaction)
            raise
        return list(leaving.values())

    # --- the steps of a new head

    def _return(self, transaction: PooledTransaction) -> None:
        """It was in a block that left the chain. What took its place in the pool meanwhile stays."""
        account = self._accounts.get(transaction.sender) or AccountQueue(transaction.sender, SenderState())
        if account.get(transaction.nonce) is None:
            self._put(transaction, account)

    def _trim(self) -> None:
        """Back within the bounds: what came back asked for no room."""
        limits = self._limits
        for account in list(self._accounts.values()):
            while len(account) > limits.sender_transactions or account.weight > limits.sender_bytes:
                self._remove(tuple(account)[-1], Removal.EVICTED)
        while self._weight > limits.pool_bytes and (entry := self._prices.take(self._state.base_fee)) is not None:
            lowest = entry[1]
            for later in self._accounts[lowest.sender].from_nonce(lowest.nonce):
                self._remove(later, Removal.EVICTED)

    # --- what all of them are made of

    def _refresh(self, account: AccountQueue) -> None:
        """The sender's account as it is now: what it has used, or cannot pay, leaves."""
        account.state = state = self._state.sender(account.address)
        for transaction in tuple(account):
            if transaction.nonce < state.nonce:
                self._remove(transaction, Removal.STALE)
            elif transaction.cost > state.balance:
                self._remove(transaction, Removal.UNPAYABLE)
        self._settle(account)

    def _settle(self, account: AccountQueue) -> None:
        for transaction in account.settle():
            self._prices.changed(transaction)
            self._ready += 1 if transaction.ready else -1
            if transaction.ready:
                self._changes.ready.append(transaction)
        if len(account) and (account.short or account.state.code is AccountCode.DELEGATION):
            self._watched[account.address] = None
        else:
            self._watched.pop(account.address, None)

    def _put(self, transaction: PooledTransaction, account: AccountQueue) -> None:
        self._accounts[account.address] = account
        account.put(transaction)
        self._by_hash[transaction.hash] = transaction
        self._weight += transaction.weight
        self._authorities.update(transaction.authorities)
        self._changes.added.append(transaction)
        self._prices.changed(transaction)

    def _remove(self, transaction: PooledTransaction, why: Removal) -> None:
        account = self._accounts[transaction.sender]
        account.remove(transaction)
        del self._by_hash[transaction.hash]
        self._memory.keep(transaction)
        self._weight -= transaction.weight
        self._ready -= transaction.ready
        for authority in transaction.authorities:
            self._authorities[authority] -= 1
            if not self._authorities[authority]:
                del self._authorities[authority]
        self._changes.removed.append((transaction, why))
        if not len(account):
            del self._accounts[account.address]
            self._watched.pop(account.address, None)

    def _pooled(self, sender: bytes) -> int:
        account = self._accounts.get(sender)
        return 0 if account is None else len(account)
