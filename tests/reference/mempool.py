"""The pool in plain Python: one list of transactions, everything computed anew from it each time.

What this file does not do: no signatures and no bytes; a transaction is what it says.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plain:
    """A transaction."""

    name: bytes
    """Its hash."""
    sender: bytes
    nonce: int
    fee: int
    tip: int
    cost: int
    weight: int
    order: int = 0


@dataclass(frozen=True)
class Bounds:
    """As the pool's."""

    pool_bytes: int
    sender_bytes: int
    sender_transactions: int
    sender_queued: int


@dataclass
class PlainPool:
    """Accounts are (nonce, balance) by address, the base fee is the next block's: both are set from outside."""

    bounds: Bounds
    accounts: dict[bytes, tuple[int, int]]
    base_fee: int
    held: list[Plain] = field(default_factory=list)

    def of(self, sender: bytes) -> list[Plain]:
        """By nonce."""
        return sorted((one for one in self.held if one.sender == sender), key=lambda one: one.nonce)

    def pending(self, sender: bytes) -> list[Plain]:
        """Without a gap, and paid for together."""
        nonce, left = self.accounts[sender]
        found = []
        for one in self.of(sender):
            left -= one.cost
            if one.nonce != nonce or left < 0:
                break
            found.append(one)
            nonce += 1
        return found

    def gap(self, sender: bytes) -> int:
        """The first nonce that is missing."""
        nonces = {one.nonce for one in self.of(sender)}
        nonce = self.accounts[sender][0]
        while nonce in nonces:
            nonce += 1
        return nonce

    def tip(self, one: Plain) -> int:
        """What the beneficiary gets of a unit of gas."""
        return min(one.tip, one.fee - self.base_fee)

    def leaving(self) -> list[Plain]:
        """The first to leave first."""
        ready = {one.name for sender in self.accounts for one in self.pending(sender)}
        return sorted(self.held, key=lambda one: (one.name in ready, self.tip(one), -one.order))

    def best(self) -> list[Plain]:
        """In the order for a block."""
        queues = [self.pending(sender) for sender in self.accounts]
        found = []
        while heads := [queue for queue in queues if queue and queue[0].fee >= self.base_fee]:
            first = max(heads, key=lambda queue: (self.tip(queue[0]), -queue[0].order))
            found.append(first.pop(0))
        return found

    def weight(self) -> int:
        """Of all."""
        return sum(one.weight for one in self.held)

    def add(self, new: Plain) -> str:
        """The refusal's name, or nothing."""
        if any(one.name == new.name for one in self.held):
            return "AlreadyKnown"
        ready = {one.name for sender in self.accounts for one in self.pending(sender)}
        if self.weight() + new.weight > self.bounds.pool_bytes and self.held:
            lowest = self.leaving()[0]
            if (True, self.tip(new)) <= (lowest.name in ready, self.tip(lowest)):
                return "Underpriced"
        own, old = self.of(new.sender), next((o for o in self.of(new.sender) if o.nonce == new.nonce), None)
        beside = [one for one in own if one is not old]
        refusal = self._account(new, old, beside)
        if refusal:
            return refusal
        victims = self._victims(new, old)
        if isinstance(victims, str):
            return victims
        self.held = [one for one in self.held if one is not old and one not in victims] + [new]
        return ""

    def _victims(self, new: Plain, old: Plain | None) -> list[Plain] | str:
        ready = {one.name for sender in self.accounts for one in self.pending(sender)}
        victims: list[Plain] = []
        executable = new.nonce <= self.gap(new.sender)
        order = [one for one in self.leaving() if one is not old]
        total = self.weight() + new.weight - (old.weight if old else 0)
        while total > self.bounds.pool_bytes:
            order = [one for one in order if one not in victims]
            lowest = order[0] if order else new
            if lowest is not new and lowest.name in ready and not executable:
                return "FutureReplacesPending"
            if lowest is not new and (lowest.name in ready, self.tip(lowest)) >= (executable, self.tip(new)):
                return "Underpriced"
            if lowest.sender == new.sender and lowest.nonce <= new.nonce:
                return "PoolFull"
            later = [one for one in self.of(lowest.sender) if one.nonce >= lowest.nonce and one is not old]
            total -= sum(one.weight for one in later if one not in victims)
            victims += later
        return victims

    def _account(self, new: Plain, old: Plain | None, beside: list[Plain]) -> str:
        nonce, balance = self.accounts[new.sender]
        if new.nonce < nonce:
            return "NonceTooLow"
        if sum(one.cost for one in beside) + new.cost > balance:
            return "InsufficientFunds"
        if old and not all(a > b and a >= b * 110 // 100 for a, b in ((new.fee, old.fee), (new.tip, old.tip))):
            return "ReplacementUnderpriced"
        queued = len(beside) + (old is not None) - len(self.pending(new.sender))
        if (
            len(beside) >= self.bounds.sender_transactions
            or sum(one.weight for one in beside) + new.weight > self.bounds.sender_bytes
            or (old is None and new.nonce > self.gap(new.sender) and queued >= self.bounds.sender_queued)
        ):
            return "AccountLimitExceeded"
        return ""

    def head(self, left: list[Plain], joined: set[bytes]) -> None:
        """The accounts and the base fee are those of the new head already."""
        for one in left:
            if one.name not in joined and not any(o.nonce == one.nonce for o in self.of(one.sender)):
                self.held.append(one)
        self.held = [
            one
            for one in self.held
            if one.name not in joined
            and one.nonce >= self.accounts[one.sender][0]
            and one.cost <= self.accounts[one.sender][1]
        ]
        if not left:
            return
        for sender in self.accounts:
            while len(own := self.of(sender)) > self.bounds.sender_transactions or (
                sum(one.weight for one in own) > self.bounds.sender_bytes
            ):
                self.held.remove(own[-1])
        while self.weight() > self.bounds.pool_bytes:
            lowest = self.leaving()[0]
            self.held = [o for o in self.held if o.sender != lowest.sender or o.nonce < lowest.nonce]
