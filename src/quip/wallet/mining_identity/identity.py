"""The mining identity: a hybrid key of suite 0x02 that signs blocks, and sweeps the bonuses that its miner id receives.

A key directory holds `mnemonic` (24 words of its own), `identity.json`, `journal-<i>`, stored trees and `lock`. The
records directory, which must lie elsewhere and must not be restored together with it, holds one record for each tree
that this machine ever used, `<chain id>-<fingerprint>-<i>`.

An identity never rotates. Whenever its state cannot be shown to be the newest (copied, moved, restored, damaged, used
up), it goes on with a fresh tree: index i drawn at random from 2^31 minus those on record, so two copies of one
directory never meet. Only a directory whose mnemonic was made a moment ago starts with i = 0.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from quip.primitives.hybrid import HybridKeys, block_digest, miner_id, suite_of
from quip.primitives.hybrid_transaction import HybridPayload, HybridTransaction
from quip.wallet.accounts.mnemonic import Mnemonic
from quip.wallet.directory_lock import DirectoryLock
from quip.wallet.errors import BadMnemonic, KeyExhausted, SignerStateError, WalletError, WalletMissing
from quip.wallet.stateful_signer.journal import Part, read_only
from quip.wallet.stateful_signer.key_tree import (
    MINING,
    FirstUnseen,
    KeyHome,
    KeyTree,
    Progress,
    draw_index,
    open_current,
    start_fresh,
)
from quip.wallet.stateful_signer.transactions import sign_transaction
from quip.wallet.stateful_signer.tree_state import TreeState

FIRST_INDEX = 0
TREE_LEAVES = 1 << 10
"""Leaves of one bottom tree."""


@dataclass(frozen=True, slots=True)
class IdentitySummary:
    """What may be shown of an identity."""

    miner_id: bytes
    """20 bytes."""
    chain_id: int
    index: int
    """Number i of the tree."""
    keys: HybridKeys
    remaining: int
    """Leaves that no reservation covers yet."""
    directory: Path


class MiningIdentity:
    """An open identity; holds the directory's lock until `close`. Safe to call from several threads."""

    def __init__(self, tree: KeyTree, lock: DirectoryLock, fresh_because: str, doubt: WalletError | None) -> None:
        self.keys: HybridKeys = tree.state.keys
        self.miner_id: bytes = miner_id(tree.state.keys)
        self.chain_id: int = tree.state.chain_id
        self.index: int = tree.state.index
        self.fresh_because: str = fresh_because
        """Why this opening began a fresh tree, for the log; empty if it went on with the old one."""
        self.doubt: WalletError | None = doubt
        """What was wrong with the old tree; None if nothing was, or there was none."""
        self._tree = tree
        self._lock = lock
        self._mutex = threading.Lock()
        self._closed = False
        self._stored_tree = tree.signer.next_leaf // TREE_LEAVES

    @classmethod
    def open(
        cls,
        directory: Path,
        chain_id: int,
        records: Path,
        progress: Progress | None = None,
        first_unseen: FirstUnseen | None = None,
    ) -> MiningIdentity:
        """The identity in `directory`, made on the first run, with a fresh tree where the old one is in doubt.

        `first_unseen` asks the chain for leaves that this machine does not remember. Takes half a second where a tree
        is made. Raises DirectoryInUse, ExposedSecret, BadMnemonic or WriteFailed.
        """
        home = KeyHome(directory, chain_id, records)
        home.make_directories()
        doubt: WalletError | None
        with ExitStack() as undo:
            lock = undo.enter_context(closing(DirectoryLock(directory)))
            mnemonic, brand_new = _load_or_make(home)
            try:
                tree, fresh_because, doubt = open_current(home, mnemonic, first_unseen), "", None
            except (SignerStateError, KeyExhausted) as error:
                untouched = brand_new and not home.journal(FIRST_INDEX).exists()
                index = FIRST_INDEX if untouched else draw_index(home, mnemonic.fingerprint)
                tree = start_fresh(home, mnemonic, index, progress)
                fresh_because, doubt = ("first run", None) if brand_new else (error.message, error)
            undo.callback(tree.signer.close)
            identity = cls._prepared(tree, lock, fresh_because, doubt)
            undo.pop_all()
        return identity

    @classmethod
    def resume(cls, directory: Path, records: Path) -> MiningIdentity:
        """The identity as it is, for its account's sake: also one that has no leaf left for blocks, never a fresh tree.

        Raises WalletMissing, DirectoryInUse, KeyExhausted if no leaf is left for sweeps, or a SignerStateError.
        """
        state = TreeState.load(directory / MINING.state_file)
        home = KeyHome(directory, state.chain_id, records)
        with ExitStack() as undo:
            lock = undo.enter_context(closing(DirectoryLock(directory)))
            tree = open_current(home, _load(home), part=Part.TAIL)
            undo.pop_all()
        return cls(tree, lock, "", None)

    @classmethod
    def recover(cls, directory: Path, chain_id: int, records: Path, progress: Progress | None = None) -> MiningIdentity:
        """Begin a fresh tree whatever the state of the old one is: it never signs again.

        Raises WalletMissing if the directory has no mnemonic, and what `open` raises.
        """
        home = KeyHome(directory, chain_id, records)
        mnemonic = _load(home)
        home.make_directories()
        with ExitStack() as undo:
            lock = undo.enter_context(closing(DirectoryLock(directory)))
            tree = start_fresh(home, mnemonic, draw_index(home, mnemonic.fingerprint), progress)
            undo.callback(tree.signer.close)
            identity = cls._prepared(tree, lock, "asked for")
            undo.pop_all()
        return identity

    @classmethod
    def _prepared(
        cls, tree: KeyTree, lock: DirectoryLock, fresh_because: str, doubt: WalletError | None = None
    ) -> MiningIdentity:
        tree.xmss.prepare(tree.signer.next_leaf)
        tree.store()
        if fresh_because:
            tree.cache.drop_others()
        return cls(tree, lock, fresh_because, doubt)

    @property
    def remaining(self) -> int:
        """Blocks that this identity can still sign. At 0, close it and open it again for a fresh tree."""
        return self._tree.signer.remaining

    def has_signed(self, block_hash: bytes, leaf: int) -> bool:
        """Did this identity sign that block (now or in an earlier run)? False: somebody else has its keys."""
        return self._tree.signer.has_signed(block_hash, leaf)

    def sign_block(self, block_hash: bytes) -> tuple[bytes, bytes]:
        """Sign a 32-byte block hash: (ECDSA r || s || v, 65 bytes; XMSS, 4,963 bytes). The same hash, the same bytes.

        A few milliseconds, most of them fsync. Raises KeyExhausted, WriteFailed, DamagedTree or WrongProcess.
        """
        if len(block_hash) != 32:
            raise ValueError(f"block hash of {len(block_hash)} bytes, want 32")
        self._lock.check_process()
        with self._mutex:
            if self._closed:
                raise ValueError("the mining identity is closed")
            signature = self._tree.signer.sign(
                block_hash, lambda leaf: block_digest(self.chain_id, self.keys, leaf, block_hash)
            )
            if signature.leaf // TREE_LEAVES != self._stored_tree:
                self._stored_tree = signature.leaf // TREE_LEAVES
                self._tree.store()
        return signature.ecdsa, signature.xmss

    def sign_sweep(self, payload: HybridPayload) -> HybridTransaction:
        """Sign a transfer from the miner id's account, by one of the leaves that blocks never use.

        Its `leaf` is set here; the same transfer gives the same bytes. Takes half a second: two trees are made.

        Raises KeyExhausted after 256, WriteFailed, DamagedTree or WrongProcess; ValueError if it is another chain's,
        another sender's or no plain transfer.
        """
        plain = len(payload.to) == 20 and not payload.data and not payload.access_list
        ours = (payload.chain_id, payload.sender, payload.keys) == (self.chain_id, self.miner_id, self.keys)
        if not (plain and ours):
            raise ValueError("a mining identity signs plain transfers of its own account, and no other transaction")
        self._lock.check_process()
        with self._mutex:
            if self._closed:
                raise ValueError("the mining identity is closed")
            signed = sign_transaction(self._tree.signer, payload, Part.TAIL)
            if self.remaining:  # the last tree took the place of the one that signs blocks
                self._tree.xmss.prepare(self._tree.signer.next_leaf)
        return signed

    def summary(self) -> IdentitySummary:
        """What may be shown."""
        state = self._tree.state
        return IdentitySummary(
            self.miner_id, self.chain_id, self.index, self.keys, self.remaining, Path(state.place.path)
        )

    def close(self) -> None:
        """Let go of the directory. Further calls do nothing."""
        with self._mutex:
            self._closed = True
            self._tree.signer.close()
            self._lock.close()

    def __enter__(self) -> MiningIdentity:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def show_identity(directory: Path) -> IdentitySummary:
    """What may be shown of the identity in `directory`, also while a node uses it. Changes nothing.

    Raises WalletMissing if there is none, or a SignerStateError if its files cannot be read.
    """
    home = KeyHome(directory, 0, directory)
    if not home.state.is_file():
        raise WalletMissing(directory)
    state = TreeState.load(home.state)
    tail = suite_of(state.keys.suite).tail_leaves
    head, end = read_only(home.journal(state.index), tail)
    left = head.first_in_tail - end
    return IdentitySummary(miner_id(state.keys), state.chain_id, state.index, state.keys, left, directory)


def _load(home: KeyHome) -> Mnemonic:
    try:
        return Mnemonic.load(home.mnemonic)
    except WalletMissing as error:
        raise WalletMissing(home.mnemonic, "start the node once with --auto-mine: it makes the identity") from error
    except BadMnemonic as error:
        directory = home.mnemonic.parent
        remedy = f"run: mv {directory} {directory}.damaged (the next start makes a new identity, with another miner id)"
        raise BadMnemonic(error.reason, home.mnemonic, remedy) from error


def _load_or_make(home: KeyHome) -> tuple[Mnemonic, bool]:
    """The directory's mnemonic, and whether it was made just now."""
    if home.mnemonic.exists():
        return _load(home), False
    mnemonic = Mnemonic.generate()
    mnemonic.save(home.mnemonic)
    return mnemonic, True
