"""A wallet in one file that a password opens: words, keystores, and which hybrid accounts there are.

{"quip": "wallet backup", "version": 1, "kdf": {"n", "r", "p", "salt"}, "nonce", "data"}: scrypt gives the key of
AES-256-GCM, whose plaintext is JSON. It restores keys, never which one-time keys were used: a hybrid account that comes
back from it signs nothing (`HybridAccount.open` refuses it). Mining identities are not in it: they cannot be restored.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from quip.wallet import secret_files
from quip.wallet.accounts.hybrid_account import FOLDER as HYBRID_FOLDER
from quip.wallet.accounts.hybrid_account import STATE_FILE, hybrid_accounts
from quip.wallet.accounts.keystores import Keystores
from quip.wallet.accounts.mnemonic import Mnemonic
from quip.wallet.accounts.payout import PayoutWallet
from quip.wallet.errors import BadBackup, StateMissing, WalletExists, WalletMissing, WrongPassword
from quip.wallet.stateful_signer.tree_state import TreeState

KIND = "wallet backup"
VERSION = 1
MAX_BYTES = 16 << 20
"""Thousands of accounts."""
SCRYPT = {"n": 1 << 17, "r": 8, "p": 1}
"""128 MiB and half a second. Files that say something else are refused: there is one version."""
_SALT_BYTES = 32
_NONCE_BYTES = 12
_NAME = {"quip": KIND, "version": VERSION}


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back from a backup."""

    words: bool
    keystores: int
    hybrid: int


def write_backup(wallet: Path, file: Path, password: str) -> None:
    """Write the backup of a wallet's directory to a new file of mode 0600.

    Raises WalletMissing, WalletExists, WriteFailed, and what reading the wallet raises.
    """
    content: dict[str, Any] = {"words": None, "keystores": {}, "hybrid": {}}
    try:
        content["words"] = PayoutWallet.show(wallet).phrase
    except WalletMissing:
        if not Keystores(wallet).addresses():
            raise
    for address in Keystores(wallet).addresses():
        content["keystores"][address.hex()] = Keystores(wallet).read(address).decode()
    for directory in hybrid_accounts(wallet):
        with suppress(StateMissing):  # damaged: there is nothing to bring back
            content["hybrid"][directory.name] = TreeState.load(directory / STATE_FILE).document()
    secret_files.create(file, seal(content, password))


def restore_backup(wallet: Path, sealed: bytes, password: str) -> Restored:
    """Bring a backup back into a wallet's directory, where nothing else may be in its place. Raises BadBackup,
    WrongPassword, WalletExists, ExposedSecret or WriteFailed.
    """
    content = unseal(sealed, password)
    try:
        phrase = content["words"]
        keystores = {bytes.fromhex(name): text.encode() for name, text in content["keystores"].items()}
        states = {str(name): TreeState.of(document) for name, document in content["hybrid"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, StateMissing) as error:
        raise BadBackup(f"{error!r}") from None
    if any(name != f"{state.chain_id}-{state.index}" for name, state in states.items()):
        raise BadBackup("a hybrid account under another account's name")
    mnemonic = None if phrase is None else Mnemonic.parse(phrase)
    _check_free(wallet, mnemonic, list(keystores), list(states))
    if mnemonic is not None and not PayoutWallet.exists(wallet):
        PayoutWallet.restore(wallet, mnemonic.phrase)
    for address, document in keystores.items():
        Keystores(wallet).add(address, document)
    for name, state in states.items():
        directory = wallet / HYBRID_FOLDER / name
        secret_files.make_directory(directory.parent)
        secret_files.make_directory(directory)
        state.save(directory / STATE_FILE)
    return Restored(mnemonic is not None, len(keystores), len(states))


def _check_free(wallet: Path, mnemonic: Mnemonic | None, keystores: list[bytes], states: list[str]) -> None:
    """Raises WalletExists before anything is written."""
    if mnemonic is not None and PayoutWallet.exists(wallet) and PayoutWallet.show(wallet).phrase != mnemonic.phrase:
        PayoutWallet.check_free(wallet)
    for path in [Keystores(wallet).path(address) for address in keystores]:
        if path.exists():
            raise WalletExists(path)
    for name in states:
        if (wallet / HYBRID_FOLDER / name).exists():
            raise WalletExists(wallet / HYBRID_FOLDER / name)


def seal(content: dict[str, Any], password: str) -> bytes:
    """The file of a content."""
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    data = AESGCM(_key(password, salt)).encrypt(nonce, json.dumps(content).encode(), json.dumps(_NAME).encode())
    kdf = {**SCRYPT, "salt": salt.hex()}
    return json.dumps({**_NAME, "kdf": kdf, "nonce": nonce.hex(), "data": data.hex()}).encode() + b"\n"


def unseal(sealed: bytes, password: str) -> dict[str, Any]:
    """The content of a file. Raises BadBackup or WrongPassword."""
    if len(sealed) > MAX_BYTES:
        raise BadBackup(f"{len(sealed)} bytes")
    try:
        document = json.loads(sealed)
        if {name: document.get(name) for name in _NAME} != _NAME:
            raise BadBackup("it says that it is something else, or of another version")
        kdf = dict(document["kdf"])
        salt, nonce, data = (bytes.fromhex(text) for text in (kdf.pop("salt"), document["nonce"], document["data"]))
        if kdf != SCRYPT or (len(salt), len(nonce)) != (_SALT_BYTES, _NONCE_BYTES):
            raise BadBackup("its key derivation is another one")
        content = json.loads(AESGCM(_key(password, salt)).decrypt(nonce, data, json.dumps(_NAME).encode()))
    except InvalidTag:
        raise WrongPassword("the backup (or the file is damaged)") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadBackup(f"{error!r}"[:200]) from None
    if not isinstance(content, dict):
        raise BadBackup("there is no wallet in it")
    return content


def _key(password: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=SCRYPT["n"], r=SCRYPT["r"], p=SCRYPT["p"]).derive(password.encode())
