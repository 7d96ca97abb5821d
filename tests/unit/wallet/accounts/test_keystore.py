"""Web3 Secret Storage: the published vectors, another program's files, and files that cost too much."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from quip.primitives import ecdsa
from quip.wallet.accounts import keystore
from quip.wallet.accounts.keystores import Keystores
from quip.wallet.errors import BadKeystore, ExposedSecret, WalletExists, WalletMissing, WrongPassword

# The two vectors of the format's own page (Web3 Secret Storage Definition).
SECRET = bytes.fromhex("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d")
ADDRESS = bytes.fromhex("008aeeda4d805471df9b2a5b0f38a0c3bcba786b")
PASSWORD = "testpassword"
PBKDF2: dict[str, Any] = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf": "pbkdf2",
        "kdfparams": {
            "c": 262144,
            "dklen": 32,
            "prf": "hmac-sha256",
            "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
        },
        "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
SCRYPT: dict[str, Any] = {
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
        "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
        "kdf": "scrypt",
        "kdfparams": {
            "dklen": 32,
            "n": 262144,
            "p": 8,
            "r": 1,
            "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
        },
        "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3,
}
CHEAP = 1 << 10


def file_of(document: object) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize("document", [PBKDF2, SCRYPT], ids=["pbkdf2", "scrypt"])
def test_the_published_vectors(document: dict[str, Any]) -> None:
    assert keystore.decrypt(file_of(document), PASSWORD) == SECRET
    assert ecdsa.address(ecdsa.public_key(SECRET)) == ADDRESS


def test_files_of_geth_begin_with_capitals_and_state_an_address() -> None:
    crypto = {"Crypto": SCRYPT["crypto"], "version": 3, "address": ADDRESS.hex()}
    assert keystore.decrypt(file_of(crypto), PASSWORD) == SECRET
    with pytest.raises(BadKeystore, match="another address"):
        keystore.decrypt(file_of({**crypto, "address": bytes(20).hex()}), PASSWORD)


def test_other_programs_open_what_is_written_here_and_the_reverse() -> None:
    made = keystore.encrypt(SECRET, "päss wörd", scrypt_n=CHEAP)
    assert bytes(Account.decrypt(json.loads(made), "päss wörd")) == SECRET
    assert json.loads(made)["address"] == ADDRESS.hex()
    other = Account.encrypt(SECRET, "x", kdf="pbkdf2", iterations=10)
    assert keystore.decrypt(file_of(other), "x") == SECRET
    assert keystore.encrypt(SECRET, "x", scrypt_n=CHEAP) != keystore.encrypt(SECRET, "x", scrypt_n=CHEAP)


def test_the_wrong_password() -> None:
    made = keystore.encrypt(SECRET, "right", scrypt_n=CHEAP)
    with pytest.raises(WrongPassword, match="does not open"):
        keystore.decrypt(made, "Right")


def changed(*path: str, to: Any) -> Callable[[], bytes]:
    """The scrypt vector with one thing changed; None: without it."""

    def make() -> bytes:
        document = json.loads(json.dumps(SCRYPT))
        place = document
        for name in path[:-1]:
            place = place[name]
        if to is None:
            del place[path[-1]]
        else:
            place[path[-1]] = to
        return file_of(document)

    return make


BAD: dict[str, Callable[[], bytes]] = {
    "no JSON": lambda: b"{",
    "deep": lambda: b"[" * 5_000,
    "a list": lambda: b"[]",
    "large": lambda: b" " * (keystore.MAX_BYTES + 1),
    "version": changed("version", to=1),
    "no crypto": changed("crypto", to=None),
    "cipher": changed("crypto", "cipher", to="aes-256-ctr"),
    "kdf": changed("crypto", "kdf", to="argon2"),
    "no kdfparams": changed("crypto", "kdfparams", to=None),
    "no mac": changed("crypto", "mac", to=None),
    "mac": changed("crypto", "mac", to="zz"),
    "iv": changed("crypto", "cipherparams", to="x"),
    "iv of 32 bytes": changed("crypto", "cipherparams", "iv", to="ff" * 32),
    "short secret": changed("crypto", "ciphertext", to="d172"),
    "dklen": changed("crypto", "kdfparams", "dklen", to=16),
    "n that is no power of two": changed("crypto", "kdfparams", "n", to=262143),
    "n as text": changed("crypto", "kdfparams", "n", to="262144"),
    "n of terabytes": changed("crypto", "kdfparams", "n", to=1 << 40),
    "r of gigabytes": changed("crypto", "kdfparams", "r", to=32),
    "p of hours": changed("crypto", "kdfparams", "p", to=1 << 20),
    "no n": changed("crypto", "kdfparams", "n", to=None),
    "address": changed("address", to="0x12"),
    "iterations of hours": lambda: file_of(
        {**PBKDF2, "crypto": {**PBKDF2["crypto"], "kdfparams": {**PBKDF2["crypto"]["kdfparams"], "c": 10**9}}}
    ),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_what_is_no_keystore(make: Callable[[], bytes]) -> None:
    with pytest.raises(BadKeystore, match="Web3 Secret Storage"):
        keystore.decrypt(make(), PASSWORD)


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32, b"\1" * 31], ids=["zero", "too large", "short"])
def test_what_is_no_secret(secret: bytes) -> None:
    with pytest.raises(BadKeystore):
        keystore.encrypt(secret, "x", scrypt_n=CHEAP)


def test_a_folder_of_keystores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keystore.encrypt, "__defaults__", (CHEAP,))
    stored = Keystores(tmp_path)
    assert stored.addresses() == []
    assert stored.add_secret(SECRET, "x") == ADDRESS
    other = stored.add_secret(b"\1" * 32, "y")
    assert stored.addresses() == sorted([ADDRESS, other])
    assert stored.secret(ADDRESS, "x") == SECRET
    with pytest.raises(WalletExists):
        stored.add_secret(SECRET, "z")
    with pytest.raises(WalletMissing):
        stored.secret(bytes(20), "x")
    (tmp_path / "keystore" / "notes.json").write_text("mine")
    assert len(stored.addresses()) == 2
    path = stored.path(ADDRESS)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    path.chmod(0o644)
    with pytest.raises(ExposedSecret):
        stored.secret(ADDRESS, "x")
