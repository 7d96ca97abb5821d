"""Addresses of other nodes, and which of the many to dial.

Bitcoin Core's addrman in small. An address begins in a `new` bucket, chosen by a keyed hash of (who told us, its
netgroup), and moves to a `tried` bucket, chosen by its netgroup alone, once a connection to it was joined. One source
reaches few new buckets, one netgroup few tried ones, and a full slot is only taken from an address that has been found
dead: a source that floods us displaces mostly its own addresses.
What this file does not do: it dials nothing, and keeps nothing on disk.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random

from quip.net.address import Address, Reach, is_dialable, netgroup, reach
from quip.net.limits import (
    ADDRESS_DEAD_ATTEMPTS,
    ADDRESS_STALE_S,
    BUCKET_SLOTS,
    NEW_BUCKETS,
    NEW_BUCKETS_PER_SOURCE,
    SMALL_BOOK,
    TRIED_BUCKETS,
    TRIED_BUCKETS_PER_GROUP,
    TRIED_CONTESTS,
)
from quip.net.ports import KnownAddress
from quip.primitives.hashes import blake3

_SELECT_TRIES = 64
"""Draws before `select` gives up finding an acceptable address."""


@dataclass(frozen=True, slots=True)
class _Slot:
    tried: bool
    bucket: int
    position: int


class AddressBook:
    """At most (NEW_BUCKETS + TRIED_BUCKETS) * BUCKET_SLOTS addresses, each in one slot."""

    def __init__(self, rng: Random, rows: Iterable[KnownAddress] = ()) -> None:
        self._rng = rng
        self._key = rng.randbytes(32)
        self._rows: dict[Address, KnownAddress] = {}
        self._slots: dict[Address, _Slot] = {}
        self._tables: dict[bool, dict[int, dict[int, Address]]] = {False: {}, True: {}}
        self._contests: dict[Address, Address] = {}
        for row in sorted(rows, key=lambda row: (row.address, row.source)):
            if is_dialable(row.address) and row.address not in self._rows:
                self._place(row)

    def learn(self, address: Address, source_host: str, seen_s: int, now_s: int) -> bool:
        """Note an address that a peer at `source_host` told us, last seen alive at Unix time `seen_s`. True if new."""
        seen_s = max(0, min(seen_s, now_s))
        known = self._rows.get(address)
        if known is not None:
            if seen_s > known.last_seen_unix_s:
                self._rows[address] = replace(known, last_seen_unix_s=seen_s)
            return False
        row = KnownAddress(address, netgroup(source_host), False, 0, 0, 0, seen_s)
        slot = self._slot(row)
        holder = self._tables[False].get(slot.bucket, {}).get(slot.position)
        if holder is not None and not self._is_dead(self._rows[holder], now_s):
            return False
        self._put(row, slot)
        return True

    def attempted(self, address: Address, now_s: int) -> None:
        """It is being dialled; counts as a failure until `succeeded`."""
        row = self._rows.get(address)
        if row is not None:
            self._rows[address] = replace(row, attempts=row.attempts + 1, last_attempt_unix_s=now_s)

    def succeeded(self, address: Address, now_s: int) -> None:
        """A connection that we dialled was joined."""
        row = self._rows.get(address)
        if row is None:
            row = KnownAddress(address, netgroup(address.host), False, 0, 0, 0, now_s)
        row = replace(row, attempts=0, last_success_unix_s=now_s, last_attempt_unix_s=now_s, last_seen_unix_s=now_s)
        self._contests = {mine: holder for mine, holder in self._contests.items() if holder != address}
        if row.tried:
            self._rows[address] = row
            return
        slot = self._slot(replace(row, tried=True))
        holder = self._tables[True].get(slot.bucket, {}).get(slot.position)
        if holder is None or self._is_dead(self._rows[holder], now_s):
            self._promote(row, slot)
            return
        if address in self._rows or self._place(row):
            self._rows[address] = row
            if len(self._contests) < TRIED_CONTESTS:
                self._contests[address] = holder

    def failed(self, address: Address, now_s: int) -> None:
        """The dial came to nothing. A tried address whose slot is contested gives way once it is dead."""
        row = self._rows.get(address)
        if row is None or not row.tried or not self._is_dead(row, now_s):
            return
        heir = next((mine for mine, holder in self._contests.items() if holder == address), None)
        if heir is not None and heir in self._rows:
            del self._contests[heir]
            self._promote(self._rows[heir], self._slot(replace(self._rows[heir], tried=True)))

    def drop(self, address: Address) -> None:
        """Forget an address (this node's own, or one whose key changed)."""
        self._remove(address)

    def select(self, now_s: int, refused: set[Address], *, new_only: bool = False) -> Address | None:
        """An address to dial, from both tables alike, none of `refused`; each bucket is as likely as any other."""
        if all(address in refused for address in self._rows):  # a small network: everybody is known and connected
            return None
        for _ in range(_SELECT_TRIES):
            tried = not new_only and bool(self._tables[True]) and self._rng.random() < 0.5
            table = self._tables[tried] or ({} if new_only else self._tables[not tried])
            if not table:
                return None
            bucket = table[self._rng.choice(sorted(table))]
            address = bucket[self._rng.choice(sorted(bucket))]
            if address not in refused and now_s >= self._rest_until(self._rows[address]):
                return address
        return None

    def contested(self) -> Address | None:
        """A tried address to test: another one that works wants its slot."""
        return next(iter(self._contests.values()), None)

    def sample(self, limit: int, to: Reach, now_s: int) -> list[tuple[Address, int]]:
        """Addresses that a peer in `to` can dial and that may be alive, with the time last seen.

        At most `limit`, and of a large book a quarter: nobody reads all of it in one go.
        """
        fit = [row for row in self._rows.values() if not self._is_dead(row, now_s) and reach(row.address.host) >= to]
        count = min(limit, len(fit), max(SMALL_BOOK, len(self._rows) // 4))
        return [(row.address, row.last_seen_unix_s) for row in self._rng.sample(fit, count)]

    def rows(self) -> list[KnownAddress]:
        """Everything, for keeping."""
        return list(self._rows.values())

    def __contains__(self, address: Address) -> bool:
        return address in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def _place(self, row: KnownAddress) -> bool:
        slot = self._slot(row)
        if slot.position in self._tables[slot.tried].get(slot.bucket, {}):
            if not row.tried:
                return False
            return self._place(replace(row, tried=False))
        self._put(row, slot)
        return True

    def _promote(self, row: KnownAddress, slot: _Slot) -> None:
        holder = self._tables[True].get(slot.bucket, {}).get(slot.position)
        loser = self._rows[holder] if holder is not None else None
        self._remove(row.address)
        if holder is not None:
            self._remove(holder)
        self._put(replace(row, tried=True), slot)
        if loser is not None:
            self._place(replace(loser, tried=False))

    def _put(self, row: KnownAddress, slot: _Slot) -> None:
        bucket = self._tables[slot.tried].setdefault(slot.bucket, {})
        holder = bucket.get(slot.position)
        if holder is not None:
            self._remove(holder)
            bucket = self._tables[slot.tried].setdefault(slot.bucket, {})
        bucket[slot.position] = row.address
        self._rows[row.address] = row
        self._slots[row.address] = slot

    def _remove(self, address: Address) -> None:
        slot = self._slots.pop(address, None)
        if slot is None:
            return
        del self._rows[address]
        bucket = self._tables[slot.tried][slot.bucket]
        del bucket[slot.position]
        if not bucket:
            del self._tables[slot.tried][slot.bucket]
        self._contests = {mine: holder for mine, holder in self._contests.items() if address not in (mine, holder)}

    def _slot(self, row: KnownAddress) -> _Slot:
        group, text = netgroup(row.address.host), str(row.address)
        if row.tried:
            lane = self._hash("tried", text) % TRIED_BUCKETS_PER_GROUP
            bucket = self._hash("tried bucket", group, str(lane)) % TRIED_BUCKETS
        else:
            lane = self._hash("new", row.source, group) % NEW_BUCKETS_PER_SOURCE
            bucket = self._hash("new bucket", row.source, str(lane)) % NEW_BUCKETS
        position = self._hash("position", str(row.tried), str(bucket), text) % BUCKET_SLOTS
        return _Slot(row.tried, bucket, position)

    def _hash(self, *parts: str) -> int:
        return int.from_bytes(blake3(self._key + "\0".join(parts).encode())[:8], "big")

    @staticmethod
    def _is_dead(row: KnownAddress, now_s: int) -> bool:
        """Not worth a slot that somebody else wants."""
        if row.attempts >= ADDRESS_DEAD_ATTEMPTS:
            return True
        return max(row.last_seen_unix_s, row.last_success_unix_s) < now_s - ADDRESS_STALE_S

    @staticmethod
    def _rest_until(row: KnownAddress) -> int:
        """Unix time before which it is not dialled again: 1 min after a failure, then 2, 4, ... up to 17 h."""
        if row.attempts == 0:
            return 0
        return row.last_attempt_unix_s + (60 << min(row.attempts - 1, 10))
