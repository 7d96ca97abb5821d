"""What can go wrong with keys and their state. Every error says what is wrong and ends with a hint.

WalletError
├── BadMnemonic             unknown word, wrong number of words, or wrong checksum
├── BadKeystore             no Web3 Secret Storage file, version 3, or one that costs too much to open
├── BadBackup               no backup of a wallet
├── BadTransaction          not everything that a transaction needs, or something that it cannot have
├── WrongPassword           the password does not open it
├── UnknownAccount          the wallet has no such account
├── WalletExists            a file that must not be overwritten is there
├── WalletMissing           no wallet in this directory
├── NotAccessible           the system does not let us read or make a file
├── ExposedSecret           others on this machine may read or write a secret file
├── DirectoryInUse          another process holds the key directory
├── WrongProcess            the signer was opened by a parent process (fork)
├── WriteFailed             the disk took no record; nothing was signed
├── KeyExhausted            every leaf is used
├── LeavesPending           too many transactions are not known to be buried
├── RotationDue             the leaves that are left sign nothing but a hybrid account's rotation
├── DamagedTree             a stored tree is wrong: the new signature did not verify and was thrown away
└── SignerStateError        nothing proves that the state is the newest: signing is refused
    ├── DirectoryCopied     the directory is a copy, was moved, or came from a backup
    ├── StateMissing        no state, or not in a form that can be read
    ├── JournalMissing      the journal, or its record outside the directory, is gone
    ├── JournalDamaged      a record that was written is not what was written
    ├── JournalStale        the journal and its record outside the directory disagree: one is older
    ├── LeafOnChain         the chain shows a leaf that the journal has not reserved
    ├── OtherKey            the state belongs to another key
    └── AccountRefused      any of these, of a hybrid account: there a fresh tree would be another account

A one-time leaf that signs two messages gives its key away, so a SignerStateError is final for that tree: the way out
is a new tree (`quip wallet recover`), never another try. Mining identities take it by themselves.
"""

from __future__ import annotations

from pathlib import Path

from quip.files.durable_files import advice, closing_command
from quip.files.file_lock import NO_LOCKS_HINT, NoLocks
from quip.primitives.errors import OperatorError

RECOVER = "run: quip wallet recover (it starts a new tree; the old one never signs again)"

SPELLING = "check the spelling and order of the 12 to 24 English words"


class WalletError(OperatorError):
    """An expected failure with keys or their state."""

    code = "wallet"

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}"


class BadMnemonic(WalletError):
    """The words are no BIP-39 mnemonic."""

    code = "mnemonic-wrong"
    exit_status = 2

    def __init__(self, reason: str, file: Path | None = None, hint: str | None = None) -> None:
        if hint is None:
            hint = SPELLING if file is None else f"{SPELLING}; without them, move the directory {file.parent} away"
        super().__init__(f"{'not a mnemonic' if file is None else f'no mnemonic is in {file}'}: {reason}", hint)
        self.reason = reason


class BadKeystore(WalletError):
    """No keystore that this program opens."""

    code = "keystore-wrong"
    exit_status = 2

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"not a keystore: {reason}",
            "give a Web3 Secret Storage file, version 3, as geth and other wallets write it",
        )


class BadBackup(WalletError):
    """No backup that `quip wallet backup` wrote."""

    code = "backup-wrong"
    exit_status = 2

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a backup of a wallet: {reason}", "give a file that quip wallet backup wrote")


class BadTransaction(WalletError):
    """What is to be signed, or verified, is no transaction."""

    code = "transaction-wrong"
    exit_status = 2

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(f"not a transaction: {reason}", hint)


class WrongPassword(WalletError):
    """Nothing was opened."""

    code = "password-wrong"
    exit_status = 2

    def __init__(self, what: str) -> None:
        super().__init__(f"the password does not open {what}", "try it again: case and spaces count")


class UnknownAccount(WalletError):
    """An address that is none of the wallet's."""

    code = "account-unknown"
    exit_status = 2

    def __init__(self, address: str, directory: Path) -> None:
        super().__init__(f"{directory} has no account {address}", "quip wallet list shows the accounts that it has")


class WalletExists(WalletError):
    """Refused, because it would overwrite a key."""

    code = "wallet-exists"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists already", "move it away first, or name another directory")


class WalletMissing(WalletError):
    """There is no key where one is needed."""

    code = "wallet-missing"

    def __init__(self, path: Path, hint: str = "run: quip wallet create, or: quip wallet restore") -> None:
        super().__init__(f"no wallet at {path}", hint)


class ExposedSecret(WalletError):
    """A secret that other users of the machine can reach."""

    code = "secret-exposed"
    exit_status = 2

    def __init__(self, path: Path, mode: int) -> None:
        super().__init__(f"{path} has mode {mode:04o}: others can reach it", f"run: {closing_command([path])}")


class NotAccessible(WalletError):
    """A file or directory of the wallet that this user cannot reach."""

    code = "not-accessible"

    def __init__(self, path: Path, error: OSError) -> None:
        hint = NO_LOCKS_HINT if isinstance(error, NoLocks) else "check who owns it"
        super().__init__(f"cannot use {path}: {error.strerror or error}", hint)


class DirectoryInUse(WalletError):
    """Two processes may not sign from one key directory."""

    code = "keys-in-use"

    def __init__(self, directory: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"{directory} is in use by {holder}", "stop that process first")
        self.pid = pid


class WrongProcess(WalletError):
    """A signer that was carried into a forked child."""

    code = "signer-forked"

    def __init__(self, opened_by: int) -> None:
        super().__init__(f"this signer belongs to process {opened_by}", "open it again in this process")


class WriteFailed(WalletError):
    """The state could not be made durable, so nothing was signed."""

    code = "write-failed"

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"cannot write {path}: {error.strerror or error}", advice(error))
        self.errno = error.errno


class KeyExhausted(WalletError):
    """All leaves of the tree are used."""

    code = "key-exhausted"

    def __init__(self, leaves: int) -> None:
        super().__init__(f"all {leaves} one-time keys of this tree are used", RECOVER)


class LeavesPending(WalletError):
    """The chain would forget an earlier leaf before its transaction is safe."""

    code = "leaves-pending"

    def __init__(self, leaf: int, settled: int) -> None:
        super().__init__(
            f"one-time key {leaf} is too far above {settled}, whose transaction is not known to be 64 blocks deep: "
            "a reorganisation could strand it",
            "wait until it is, then say so: quip wallet settle ADDRESS LEAF",
        )


class RotationDue(WalletError):
    """A hybrid account that has to change its keys before it can do anything else."""

    code = "rotation-due"

    def __init__(self, kept: int) -> None:
        super().__init__(
            f"this account's tree is used up: its last {kept} one-time keys sign nothing but the change to new keys",
            "keep the account's directory: what it holds is safe until its keys are changed",
        )


class DamagedTree(WalletError):
    """A signature that did not verify was thrown away."""

    code = "tree-damaged"

    def __init__(self, reason: str) -> None:
        super().__init__(reason, "start again: the stored trees are then made anew")


class SignerStateError(WalletError):
    """Signing is refused, because a leaf might sign a second message."""

    code = "signer-state"

    def __init__(self, message: str, hint: str = RECOVER) -> None:
        super().__init__(message, hint)


class DirectoryCopied(SignerStateError):
    """The directory is not where its state was made."""

    code = "signer-copied"


class StateMissing(SignerStateError):
    """There is no state, or none that can be read."""

    code = "signer-state-missing"


class JournalMissing(SignerStateError):
    """A journal file is gone."""

    code = "signer-journal-missing"


class JournalDamaged(SignerStateError):
    """A journal file is not what was written."""

    code = "signer-journal-damaged"


class JournalStale(SignerStateError):
    """The journal and its record outside the directory disagree."""

    code = "signer-journal-stale"


class LeafOnChain(SignerStateError):
    """The chain has seen a leaf that this state does not know."""

    code = "signer-leaf-on-chain"


class OtherKey(SignerStateError):
    """The state belongs to another key."""

    code = "signer-other-key"


class AccountRefused(SignerStateError):
    """A hybrid account that must not sign here."""

    code = "account-refused"

    def __init__(self, address: str, why: str) -> None:
        super().__init__(
            f"{address} signs nothing here: {why}",
            "sign where the account was made, if that place is as it was; else only its recovery key can help. "
            "A one-time key that signs twice gives the account away",
        )
