"""The tree that a key directory signs with: the one of last time if its state is beyond doubt, or a fresh one."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from quip._native.hashsig import XmssKey
from quip.primitives import ecdsa
from quip.primitives.hybrid import SUITE_ACCOUNT, SUITE_MINING, HybridKeys, miner_id, suite_of
from quip.wallet import secret_files
from quip.wallet.accounts.mnemonic import MAX_INDEX, PURPOSE_ACCOUNT, PURPOSE_MINING, Mnemonic
from quip.wallet.errors import DirectoryCopied, JournalMissing, KeyExhausted, LeafOnChain, OtherKey, WriteFailed
from quip.wallet.stateful_signer.journal import Part
from quip.wallet.stateful_signer.place import Place
from quip.wallet.stateful_signer.signer import HybridSecret, StatefulSigner
from quip.wallet.stateful_signer.tree_cache import TreeCache
from quip.wallet.stateful_signer.tree_state import TreeState

Progress = Callable[[int, int], object]
"""Called with (leaves done, leaves in all) while a tree is made, about 30 times."""
FirstUnseen = Callable[[bytes], int]
"""For a miner id (20 bytes): one past the highest leaf that the chain has seen of it, 0 if none."""


@dataclass(frozen=True, slots=True)
class KeyKind:
    """What a key is for."""

    purpose: str
    """In the derivation of its XMSS seeds, so that no two purposes share a leaf."""
    suite: int
    layers: int
    """Of its XMSS trees."""
    state_file: str
    record_prefix: str = ""
    """Before the name of its record."""


MINING = KeyKind(PURPOSE_MINING, SUITE_MINING, 2, "identity.json")
ACCOUNT = KeyKind(PURPOSE_ACCOUNT, SUITE_ACCOUNT, 1, "account.json", "account-")


@dataclass(frozen=True, slots=True)
class KeyHome:
    """Where a hybrid key lives, and for which chain it signs."""

    directory: Path
    chain_id: int
    records: Path
    """Directory outside the key directory, which no backup of the key directory includes."""
    kind: KeyKind = MINING

    @property
    def mnemonic(self) -> Path:
        """A mining identity's 24 words."""
        return self.directory / "mnemonic"

    @property
    def state(self) -> Path:
        """The TreeState."""
        return self.directory / self.kind.state_file

    def check_records(self) -> None:
        """Raises ValueError for records within the key directory, which every backup of it would take along."""
        if self.records.resolve().is_relative_to(self.directory.resolve()):
            raise ValueError(f"the records {self.records} must lie outside the key directory {self.directory}")

    def make_directories(self) -> None:
        """Make both of mode 0700. Raises ExposedSecret, NotAccessible; ValueError as `check_records`."""
        self.check_records()
        secret_files.make_directory(self.directory)
        secret_files.make_directory(self.records)

    def journal(self, index: int) -> Path:
        """The journal of tree `index`."""
        return self.directory / f"journal-{index}"

    def record(self, fingerprint: str, index: int) -> Path:
        """The record of tree `index`; that it exists means that the index is taken."""
        return self.records / f"{self.kind.record_prefix}{self.chain_id}-{fingerprint}-{index}"

    def place(self, fingerprint: str, index: int) -> Place:
        """Where the directory, the journal and the record of tree `index` are. Raises JournalMissing."""
        journal, record = self.journal(index), self.record(fingerprint, index)
        for path in (journal, record):
            if not path.exists():
                raise JournalMissing(f"{path} is gone")
        return Place.of(self.directory, journal, record)

    def trees(self, index: int) -> TreeCache:
        """The stored trees of tree `index`."""
        return TreeCache(self.directory, self.kind.suite, self.kind.layers, index)


@dataclass(frozen=True, slots=True)
class KeyTree:
    """An open tree: what signs, and what it is called."""

    state: TreeState
    signer: StatefulSigner
    xmss: XmssKey
    cache: TreeCache

    def store(self) -> None:
        """Keep the trees for the next start. Failing is no harm: they are computed again."""
        try:
            self.cache.save(self.xmss)
        except WriteFailed:
            return


def open_current(
    home: KeyHome, mnemonic: Mnemonic, first_unseen: FirstUnseen | None = None, part: Part = Part.BODY
) -> KeyTree:
    """The tree of last time. Raises a SignerStateError, or KeyExhausted if no leaf of `part` is left."""
    state = TreeState.load(home.state)
    if (state.chain_id, state.fingerprint) != (home.chain_id, mnemonic.fingerprint):
        raise OtherKey(f"{home.state} is about chain {state.chain_id} and mnemonic {state.fingerprint}")
    moved = state.place.difference(home.place(state.fingerprint, state.index))
    if moved:
        raise DirectoryCopied(f"{home.directory} was copied, moved or restored: its {moved}")
    cache = home.trees(state.index)
    xmss = _stored_or_made(home.kind, mnemonic, state, cache)
    secret = HybridSecret(state.keys, mnemonic.ecdsa_secret(state.index), xmss)
    if (ecdsa.public_key(secret.ecdsa), xmss.public_key) != (state.keys.ecdsa, state.keys.xmss):
        raise OtherKey(f"the keys in {home.state} are not those of the mnemonic")
    record = home.record(state.fingerprint, state.index)
    signer = StatefulSigner.open(secret, state.index, home.journal(state.index), record)
    try:
        _check_leaves(signer, state.keys, first_unseen, part)
    except (LeafOnChain, KeyExhausted):
        signer.close()
        raise
    return KeyTree(state, signer, xmss, cache)


def start_fresh(home: KeyHome, mnemonic: Mnemonic, index: int, progress: Progress | None) -> KeyTree:
    """Make tree `index` and claim it. Raises WalletExists if the index is taken, or WriteFailed."""
    suite = home.kind.suite
    xmss = XmssKey.generate(suite, _seeds(home.kind, mnemonic, home.chain_id, index), progress)
    ecdsa_secret = mnemonic.ecdsa_secret(index)
    keys = HybridKeys(suite, ecdsa.public_key(ecdsa_secret), xmss.public_key)
    record = home.record(mnemonic.fingerprint, index)
    signer = StatefulSigner.create(HybridSecret(keys, ecdsa_secret, xmss), index, home.journal(index), record)
    state = TreeState(home.chain_id, mnemonic.fingerprint, index, keys, home.place(mnemonic.fingerprint, index))
    state.save(home.state)
    return KeyTree(state, signer, xmss, home.trees(index))


def draw_index(home: KeyHome, fingerprint: str) -> int:
    """A random tree number that neither the records nor the directory know."""
    while True:
        index = secrets.randbelow(MAX_INDEX + 1)
        if not home.record(fingerprint, index).exists() and not home.journal(index).exists():
            return index


def _seeds(kind: KeyKind, mnemonic: Mnemonic, chain_id: int, index: int) -> bytes:
    return mnemonic.xmss_seeds(chain_id, kind.purpose, index)


def _stored_or_made(kind: KeyKind, mnemonic: Mnemonic, state: TreeState, cache: TreeCache) -> XmssKey:
    seeds = _seeds(kind, mnemonic, state.chain_id, state.index)
    return cache.load(seeds, state.keys.xmss) or XmssKey.generate(kind.suite, seeds)


def _check_leaves(signer: StatefulSigner, keys: HybridKeys, first_unseen: FirstUnseen | None, part: Part) -> None:
    """The chain must not know more leaves than we do, and one must be left."""
    seen = first_unseen(miner_id(keys)) if first_unseen else 0
    if seen > signer.next_leaf:
        raise LeafOnChain(f"the chain has seen leaf {seen - 1}, the journal ends at {signer.next_leaf}")
    if signer.left(part) == 0:
        raise KeyExhausted(suite_of(keys.suite).leaves)
