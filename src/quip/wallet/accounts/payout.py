"""The payout wallet: an ordinary Ethereum account, m/44'/60'/0'/0/0 of a mnemonic that any wallet program can import.

It needs no state. (Hybrid accounts are made of the same words: hybrid_account.py.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from quip.primitives import ecdsa
from quip.primitives.address import checksum_address
from quip.wallet import secret_files
from quip.wallet.accounts.mnemonic import Mnemonic
from quip.wallet.errors import WalletExists

_FILE = "mnemonic"


@dataclass(frozen=True, slots=True)
class PayoutWallet:
    """A classical account and where its words are."""

    address: bytes
    """20 bytes."""
    mnemonic_path: Path
    """Text file of mode 0600: the words."""
    phrase: str = field(repr=False)
    """The words themselves. Show them only when asked to."""
    created: bool = False
    """True if this call made the wallet: tell the owner to write the words down."""

    @property
    def checksum_address(self) -> str:
        """The address as people see it (EIP-55)."""
        return checksum_address(self.address)

    @classmethod
    def create(cls, directory: Path, words: int = 24) -> PayoutWallet:
        """A new wallet. Raises WalletExists, BadMnemonic (number of words), ExposedSecret or WriteFailed."""
        return cls._save(directory, Mnemonic.generate(words))

    @classmethod
    def restore(cls, directory: Path, phrase: str) -> PayoutWallet:
        """The wallet of words typed by a person. Raises WalletExists, BadMnemonic, ExposedSecret or WriteFailed."""
        cls.check_free(directory)
        return cls._save(directory, Mnemonic.parse(phrase))

    @staticmethod
    def exists(directory: Path) -> bool:
        """Are there words?"""
        return (directory / _FILE).exists()

    @classmethod
    def check_free(cls, directory: Path) -> None:
        """Raises WalletExists where a wallet is: ask before a person types 24 words."""
        if cls.exists(directory):
            raise WalletExists(directory / _FILE)

    @classmethod
    def show(cls, directory: Path) -> PayoutWallet:
        """The wallet in `directory`. Raises WalletMissing, BadMnemonic or ExposedSecret."""
        return cls._of(Mnemonic.load(directory / _FILE), directory, created=False)

    @classmethod
    def create_or_open(cls, directory: Path) -> PayoutWallet:
        """The wallet in `directory`, made if there is none. Raises BadMnemonic, ExposedSecret or WriteFailed."""
        if cls.exists(directory):
            return cls.show(directory)
        return cls.create(directory)

    @classmethod
    def _save(cls, directory: Path, mnemonic: Mnemonic) -> PayoutWallet:
        secret_files.make_directory(directory)
        mnemonic.save(directory / _FILE)
        return cls._of(mnemonic, directory, created=True)

    @classmethod
    def _of(cls, mnemonic: Mnemonic, directory: Path, created: bool) -> PayoutWallet:
        key = ecdsa.public_key(mnemonic.ecdsa_secret(0))
        return cls(ecdsa.address(key), directory / _FILE, mnemonic.phrase, created)
