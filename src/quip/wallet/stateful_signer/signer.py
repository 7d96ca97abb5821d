"""A signer that remembers: no leaf ever signs two digests.

In this order, each step durable before the next: reserve a range of leaves in the journal, then in the record outside
the key directory; write down (message, leaf, digest); sign; hand out. A restart goes on after the reserved range, so a
crash skips leaves and never repeats one. The same message gets its leaf, and so its bytes, again.

What makes the state trustworthy is compared on opening: the place of the directory, the journal's checksums, and that
journal and record agree (the journal may be one reservation ahead: a crash between the two). Anything else is refused.
This file knows no blocks and no transactions; a caller names a message and says how its digest follows from a leaf, and
whether the leaf is to come from the body of the tree or from its tail (`Part`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from quip.primitives import ecdsa
from quip.primitives.hashes import keccak256
from quip.primitives.hybrid import SUITE_ACCOUNT, SUITE_MINING, HybridKeys, suite_of
from quip.wallet.errors import DamagedTree, JournalStale, KeyExhausted, LeavesPending, WalletError
from quip.wallet.stateful_signer.journal import Journal, JournalHead, Part, Signed

RESERVED_LEAVES = 32
"""Leaves of one reservation for blocks: a crash costs at most so many of a million, and two more flushes come every 32
blocks. Transactions reserve one leaf at a time: there are few, and a program that signs one ends after it."""
WINDOW = 255
"""How far above the lowest leaf that is not settled an account may sign: the chain remembers the 256 below its highest,
so that no reorganisation can strand a transaction whose leaf it no longer remembers."""


class LeafKey(Protocol):
    """Signs with the leaf it is told (quip._native.hashsig.XmssKey)."""

    def sign(self, leaf: int, message: bytes) -> bytes:
        """Raises RuntimeError if a stored tree is damaged."""


@dataclass(frozen=True, slots=True)
class HybridSecret:
    """Both halves of a hybrid key, and their public keys."""

    keys: HybridKeys
    ecdsa: bytes = field(repr=False)
    """The 32-byte secret."""
    xmss: LeafKey = field(repr=False)

    def head(self, index: int) -> JournalHead:
        """The head of every journal about this key as tree `index`."""
        name = keccak256(bytes([self.keys.suite]) + self.keys.ecdsa + self.keys.xmss)
        suite = suite_of(self.keys.suite)
        return JournalHead(index, suite.leaves, name, suite.tail_leaves)


@dataclass(frozen=True, slots=True)
class HybridSignature:
    """Both halves over one digest."""

    leaf: int
    ecdsa: bytes
    """r || s || v, 65 bytes."""
    xmss: bytes


class StatefulSigner:
    """Owns one tree's journal and its record outside the directory. Safe to call from several threads."""

    def __init__(self, secret: HybridSecret, journal: Journal, record: Journal) -> None:
        self._secret = secret
        self._journal = journal
        self._record = record
        self._next = [journal.ends(part)[0] for part in Part]
        self._mutex = threading.Lock()

    @classmethod
    def create(cls, secret: HybridSecret, index: int, journal: Path, record: Path) -> StatefulSigner:
        """The signer of a new tree. The record comes first: its name claims the index.

        Raises WalletExists or WriteFailed.
        """
        claimed = Journal.create(record, secret.head(index))
        return cls(secret, Journal.create(journal, secret.head(index)), claimed)

    @classmethod
    def open(cls, secret: HybridSecret, index: int, journal: Path, record: Path) -> StatefulSigner:
        """The signer of a tree that has signed before, if journal and record agree. Raises a SignerStateError,
        or DirectoryInUse.
        """
        opened = Journal.open(journal, secret.head(index))
        try:
            outside = Journal.open(record, secret.head(index))
        except WalletError:
            opened.close()
            raise
        signer = cls(secret, opened, outside)
        try:
            signer._agree()
        except WalletError:
            signer.close()
            raise
        return signer

    def _agree(self) -> None:
        """Compare journal and record, and bring the record up. Raises JournalStale."""
        for part in Part:
            reserved, before = self._journal.ends(part)
            recorded = self._record.ends(part)[0]
            if recorded not in (reserved, before):
                raise JournalStale(
                    f"{self._journal.path} ends at leaf {reserved}, its record {self._record.path} at leaf {recorded}: "
                    "one of them came back from a backup"
                )
        self._bring_record_up()

    def _bring_record_up(self) -> None:
        for part in Part:
            reserved = self._journal.ends(part)[0]
            if self._record.ends(part)[0] < reserved:
                self._record.reserve(reserved)

    @property
    def next_leaf(self) -> int:
        """The leaf of the body that the next message will use at the earliest."""
        return self._next[Part.BODY]

    @property
    def remaining(self) -> int:
        """Leaves that are left in the body."""
        return self.left(Part.BODY)

    def left(self, part: Part) -> int:
        """Leaves that are left in a part."""
        return self._journal.head.end_of(part) - self._next[part]

    @property
    def settled(self) -> int:
        """Transactions that lower leaves signed are buried deep, or can never be mined."""
        return self._journal.settled

    def settle(self, below: int) -> None:
        """Remember that, so that an account may sign on. It only rises. Raises WriteFailed; ValueError above what is
        used.
        """
        with self._mutex:
            self._journal.settle(below)

    def has_signed(self, message: bytes, leaf: int) -> bool:
        """Did this signer sign `message` with that leaf, as far as it remembers? What is too old to tell, it did."""
        with self._mutex:
            signed = self._journal.signed(message)
            return leaf < self._journal.remembered_from if signed is None else signed.leaf == leaf

    def sign(self, message: bytes, digest_of: Callable[[int], bytes], part: Part = Part.BODY) -> HybridSignature:
        """Sign what `message` (32 bytes) stands for, by a leaf of `part`; the same message gives the same bytes.

        `digest_of(leaf)` gives the 32 bytes that both halves sign. Raises KeyExhausted, LeavesPending, WriteFailed or
        DamagedTree; ValueError if a message that was signed before now has another digest.
        """
        with self._mutex:
            signed = self._journal.signed(message)
            if signed is None:
                leaf = self._take_leaf(part)
                signed = Signed(leaf, _checked(digest_of(leaf)))
                self._journal.record(message, signed)
            elif digest_of(signed.leaf) != signed.digest:
                raise ValueError(f"message 0x{message.hex()} had another digest when leaf {signed.leaf} signed it")
            return self._signature(signed)

    def _take_leaf(self, part: Part) -> int:
        leaf, end = self._next[part], self._journal.head.end_of(part)
        if leaf >= end:
            raise KeyExhausted(end)
        suite = self._secret.keys.suite
        if suite == SUITE_ACCOUNT and leaf - self.settled > WINDOW:
            raise LeavesPending(leaf, self.settled)
        reserved = self._journal.ends(part)[0]
        if leaf >= reserved:
            ahead = RESERVED_LEAVES if suite == SUITE_MINING and part is Part.BODY else 1
            self._journal.reserve(min(reserved + ahead, end))
        self._bring_record_up()
        self._next[part] = leaf + 1
        return leaf

    def _signature(self, signed: Signed) -> HybridSignature:
        try:
            xmss = self._secret.xmss.sign(signed.leaf, signed.digest)
        except RuntimeError as error:
            raise DamagedTree(str(error)) from error
        return HybridSignature(signed.leaf, ecdsa.sign(self._secret.ecdsa, signed.digest), xmss)

    def close(self) -> None:
        """Let go of the files. Further calls do nothing."""
        self._journal.close()
        self._record.close()


def _checked(digest: bytes) -> bytes:
    if len(digest) != 32:
        raise ValueError(f"digest of {len(digest)} bytes, want 32")
    return digest
