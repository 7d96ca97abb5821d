"""The keystores of a wallet: `keystore/<address>.json` in its directory, one classical account each."""

from __future__ import annotations

import re
from pathlib import Path

from quip.primitives import ecdsa
from quip.wallet import secret_files
from quip.wallet.accounts import keystore

FOLDER = "keystore"
_NAME = re.compile(r"[0-9a-f]{40}\.json")


class Keystores:
    """Reads and adds them. Names are addresses in lower case."""

    def __init__(self, wallet: Path) -> None:
        self._folder = wallet / FOLDER

    def path(self, address: bytes) -> Path:
        """Where the keystore of an address (20 bytes) is, or would be."""
        return self._folder / f"{address.hex()}.json"

    def addresses(self) -> list[bytes]:
        """20 bytes each, ascending."""
        names = (path.name for path in self._folder.glob("*.json"))
        return sorted(bytes.fromhex(name[:40]) for name in names if _NAME.fullmatch(name))

    def read(self, address: bytes) -> bytes:
        """The file. Raises WalletMissing, ExposedSecret."""
        return secret_files.read_secret(self.path(address))

    def secret(self, address: bytes, password: str) -> bytes:
        """The secret (32 bytes). Raises WalletMissing, ExposedSecret, BadKeystore, WrongPassword."""
        return keystore.decrypt(self.read(address), password)

    def add_secret(self, secret: bytes, password: str) -> bytes:
        """Keep a secret under a password; its address.

        Raises BadKeystore, WalletExists, ExposedSecret or WriteFailed.
        """
        document = keystore.encrypt(secret, password)
        address = ecdsa.address(ecdsa.public_key(secret))
        self.add(address, document)
        return address

    def add(self, address: bytes, document: bytes) -> None:
        """Keep a keystore as it is. Raises WalletExists, ExposedSecret or WriteFailed."""
        secret_files.make_directory(self._folder)
        secret_files.create(self.path(address), document)
