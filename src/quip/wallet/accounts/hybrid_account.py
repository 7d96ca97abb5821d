"""Hybrid accounts: suite 0x01, made of the wallet's words, signing through the same stateful signer as blocks.

A wallet's directory holds them in `hybrid/<chain id>-<i>`: `account.json` (public), `journal-<i>`, a stored tree and
`lock`. The record that proves the journal's age lies outside, as a mining identity's does. The number i is drawn at
random, so that two copies of the words never make the same tree; it is no secret, and a backup has it.

An account whose state is in doubt signs nothing, ever: unlike a mining identity it cannot go on with a fresh tree,
which would be another account.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from quip.primitives.address import checksum_address
from quip.primitives.hybrid import HybridKeys, account_address, suite_of
from quip.primitives.hybrid_transaction import HybridPayload, HybridTransaction
from quip.wallet import secret_files
from quip.wallet.accounts.mnemonic import Mnemonic
from quip.wallet.accounts.transaction_request import TransactionRequest
from quip.wallet.directory_lock import DirectoryLock
from quip.wallet.errors import (
    AccountRefused,
    DirectoryCopied,
    JournalMissing,
    KeyExhausted,
    RotationDue,
    SignerStateError,
    StateMissing,
)
from quip.wallet.stateful_signer.journal import read_only
from quip.wallet.stateful_signer.key_tree import (
    ACCOUNT,
    KeyHome,
    KeyTree,
    Progress,
    draw_index,
    open_current,
    start_fresh,
)
from quip.wallet.stateful_signer.transactions import sign_transaction
from quip.wallet.stateful_signer.tree_state import TreeState

FOLDER = "hybrid"
STATE_FILE = ACCOUNT.state_file


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """What may be shown of a hybrid account."""

    address: bytes
    """20 bytes."""
    chain_id: int
    index: int
    """Number i of the tree."""
    remaining: int
    """Transactions that it can still sign; 0 where it is in doubt."""
    doubt: str
    """Why it signs nothing here; empty if it does."""
    directory: Path


class HybridAccount:
    """An open account; holds its directory's lock until `close`."""

    def __init__(self, tree: KeyTree, lock: DirectoryLock) -> None:
        self.keys: HybridKeys = tree.state.keys
        self.address: bytes = account_address(tree.state.keys)
        self.chain_id: int = tree.state.chain_id
        self.directory = Path(tree.state.place.path)
        self._tree = tree
        self._lock = lock

    @classmethod
    def create(
        cls, wallet: Path, mnemonic: Mnemonic, chain_id: int, records: Path, progress: Progress | None = None
    ) -> HybridAccount:
        """A new account in a wallet's directory. Takes a second: 1,024 one-time keys are made.

        Raises ExposedSecret, NotAccessible or WriteFailed; ValueError where the records lie in its directory.
        """
        folder = wallet / FOLDER
        secret_files.make_directory(folder)
        index = draw_index(KeyHome(folder, chain_id, records, ACCOUNT), mnemonic.fingerprint)
        home = KeyHome(folder / f"{chain_id}-{index}", chain_id, records, ACCOUNT)
        home.make_directories()
        with ExitStack() as undo:
            lock = undo.enter_context(closing(DirectoryLock(home.directory)))
            tree = start_fresh(home, mnemonic, index, progress)
            undo.pop_all()
        tree.store()
        return cls(tree, lock)

    @classmethod
    def open(cls, directory: Path, mnemonic: Mnemonic, records: Path) -> HybridAccount:
        """The account in a directory. Raises AccountRefused, RotationDue or DirectoryInUse."""
        state = _state(directory)
        home = KeyHome(directory, state.chain_id, records, ACCOUNT)
        with ExitStack() as undo:
            lock = undo.enter_context(closing(DirectoryLock(directory)))
            try:
                tree = open_current(home, mnemonic)
            except SignerStateError as error:
                raise AccountRefused(checksum_address(account_address(state.keys)), _doubt(error)) from error
            except KeyExhausted as error:
                raise RotationDue(suite_of(state.keys.suite).tail_leaves) from error
            undo.pop_all()
        tree.store()
        return cls(tree, lock)

    @property
    def remaining(self) -> int:
        """Transactions that it can still sign."""
        return self._tree.signer.remaining

    def settle(self, below: int) -> None:
        """Remember that transactions signed by lower leaves are 64 blocks deep, or can never be mined.

        Raises WriteFailed; ValueError for a leaf that has not signed, or below what was said before.
        """
        self._tree.signer.settle(below)

    def sign(self, request: TransactionRequest) -> HybridTransaction:
        """Sign a transaction of this account. The same request gives the same bytes, another fee takes another leaf.

        Raises RotationDue, LeavesPending, WriteFailed, DamagedTree or WrongProcess; ValueError for another chain's.
        """
        if request.chain_id != self.chain_id:
            raise ValueError(f"chain id {request.chain_id}, the account is on {self.chain_id}")
        self._lock.check_process()
        try:
            return sign_transaction(self._tree.signer, payload_of(request, self.address, self.keys))
        except KeyExhausted as error:
            raise RotationDue(suite_of(self.keys.suite).tail_leaves) from error

    def close(self) -> None:
        """Let go of the directory. Further calls do nothing."""
        self._tree.signer.close()
        self._lock.close()

    def __enter__(self) -> HybridAccount:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def payload_of(request: TransactionRequest, sender: bytes, keys: HybridKeys) -> HybridPayload:
    """What a hybrid key signs of a request; its leaf is the signer's to choose."""
    return HybridPayload(
        chain_id=request.chain_id,
        nonce=request.nonce,
        max_priority_fee_per_gas=request.max_priority_fee_per_gas,
        max_fee_per_gas=request.max_fee_per_gas,
        gas=request.gas,
        to=request.to,
        value=request.value,
        data=request.data,
        access_list=request.access_list,
        sender=sender,
        keys=keys,
        leaf=0,
    )


def hybrid_accounts(wallet: Path) -> list[Path]:
    """The directories of a wallet's hybrid accounts, by name."""
    return sorted(file.parent for file in (wallet / FOLDER).glob(f"*/{STATE_FILE}"))


def show_account(directory: Path, records: Path) -> AccountSummary:
    """What may be shown of an account, also while it is in use. Changes nothing.

    Raises AccountRefused where not even its name can be read, or ExposedSecret.
    """
    state = _state(directory)
    remaining, doubt = 0, ""
    try:
        home = KeyHome(directory, state.chain_id, records, ACCOUNT)
        moved = state.place.difference(home.place(state.fingerprint, state.index))
        if moved:
            raise DirectoryCopied(f"its directory was copied, moved or restored: its {moved}")
        head, end = read_only(home.journal(state.index), suite_of(state.keys.suite).tail_leaves)
        remaining = head.first_in_tail - end
    except SignerStateError as error:
        doubt = _doubt(error)
    return AccountSummary(account_address(state.keys), state.chain_id, state.index, remaining, doubt, directory)


def _state(directory: Path) -> TreeState:
    try:
        return TreeState.load(directory / STATE_FILE)
    except StateMissing as error:
        raise AccountRefused(f"the account in {directory}", error.message) from error


def _doubt(error: SignerStateError) -> str:
    if isinstance(error, JournalMissing):
        return f"which one-time keys it used is not known, as after a restore ({error.message})"
    return error.message
