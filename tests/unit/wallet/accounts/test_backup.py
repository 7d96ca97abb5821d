"""Backups bring keys back, and never the right to sign with a hybrid account."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quip.wallet.accounts import backup, keystore
from quip.wallet.accounts.backup import Restored, restore_backup, seal, unseal, write_backup
from quip.wallet.accounts.hybrid_account import HybridAccount, hybrid_accounts, show_account
from quip.wallet.accounts.keystores import Keystores
from quip.wallet.accounts.mnemonic import Mnemonic
from quip.wallet.accounts.payout import PayoutWallet
from quip.wallet.errors import AccountRefused, BadBackup, WalletExists, WalletMissing, WrongPassword

WORDS = "test " * 11 + "junk"
CHAIN_ID = 20_050
SECRET = b"\1" * 32


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Key derivation that takes no second."""
    monkeypatch.setattr(keystore.encrypt, "__defaults__", (1 << 4,))
    monkeypatch.setitem(backup.SCRYPT, "n", 1 << 4)


@pytest.fixture
def wallet(tmp_path: Path) -> Path:
    """Words, a keystore and a hybrid account."""
    place = tmp_path / "wallet"
    PayoutWallet.restore(place, WORDS)
    Keystores(place).add_secret(SECRET, "inner")
    HybridAccount.create(place, Mnemonic.parse(WORDS), CHAIN_ID, tmp_path / "records").close()
    return place


def test_what_comes_back(wallet: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "backup", tmp_path / "other"
    write_backup(wallet, file, "outer")
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"junk" not in file.read_bytes()
    assert restore_backup(other, file.read_bytes(), "outer") == Restored(words=True, keystores=1, hybrid=1)
    assert PayoutWallet.show(other).phrase == PayoutWallet.show(wallet).phrase
    (address,) = Keystores(other).addresses()
    assert Keystores(other).secret(address, "inner") == SECRET
    (was,), (now,) = hybrid_accounts(wallet), hybrid_accounts(other)
    shown = show_account(now, tmp_path / "records")
    assert shown.address == show_account(was, tmp_path / "records").address
    assert "not known" in shown.doubt
    with pytest.raises(AccountRefused):
        HybridAccount.open(now, Mnemonic.parse(WORDS), tmp_path / "records")
    HybridAccount.open(was, Mnemonic.parse(WORDS), tmp_path / "records").close()


def test_nothing_is_overwritten_and_nothing_half_done(wallet: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    write_backup(wallet, file, "x")
    with pytest.raises(WalletExists):
        write_backup(wallet, file, "x")
    with pytest.raises(WalletExists, match="keystore"):
        restore_backup(wallet, file.read_bytes(), "x")
    other = tmp_path / "other"
    PayoutWallet.create(other)
    with pytest.raises(WalletExists, match="mnemonic"):
        restore_backup(other, file.read_bytes(), "x")
    assert Keystores(other).addresses() == []
    same = tmp_path / "same"
    PayoutWallet.restore(same, WORDS)
    assert restore_backup(same, file.read_bytes(), "x").words
    with pytest.raises(WalletMissing):
        write_backup(tmp_path / "nothing", tmp_path / "second", "x")


def test_a_wallet_of_keystores_alone(tmp_path: Path) -> None:
    Keystores(tmp_path / "wallet").add_secret(SECRET, "inner")
    write_backup(tmp_path / "wallet", tmp_path / "backup", "x")
    restored = restore_backup(tmp_path / "other", (tmp_path / "backup").read_bytes(), "x")
    assert restored == Restored(words=False, keystores=1, hybrid=0)


def test_the_wrong_password_and_damage() -> None:
    sealed = seal({"words": None}, "right")
    with pytest.raises(WrongPassword):
        unseal(sealed, "Right")
    document = json.loads(sealed)
    for name in ("nonce", "data"):
        bent = {**document, name: ("00" if document[name][:2] != "00" else "01") + document[name][2:]}
        with pytest.raises(WrongPassword):
            unseal(json.dumps(bent).encode(), "right")


def changed(**changes: Any) -> Callable[[], bytes]:
    return lambda: json.dumps({**json.loads(seal({}, "x")), **changes}).encode()


BAD: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "a list": lambda: b"[]",
    "deep": lambda: b"[" * 5_000,
    "large": lambda: b" " * (backup.MAX_BYTES + 1),
    "kind": changed(quip="something else"),
    "version": changed(version=2),
    "no kdf": changed(kdf=None),
    "dear kdf": changed(kdf={"n": 1 << 40, "r": 8, "p": 1, "salt": "00" * 32}),
    "salt": changed(kdf={"n": 1 << 4, "r": 8, "p": 1, "salt": "zz"}),
    "nonce": changed(nonce="00"),
    "data": changed(data=5),
    "content that is a list": lambda: seal([], "x"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_what_is_no_backup(make: Callable[[], bytes], tmp_path: Path) -> None:
    with pytest.raises(BadBackup, match="quip wallet backup"):
        restore_backup(tmp_path / "wallet", make(), "x")
    assert not (tmp_path / "wallet").exists()


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"words": None, "keystores": [], "hybrid": {}},
        {"words": None, "keystores": {"zz": ""}, "hybrid": {}},
        {"words": None, "keystores": {}, "hybrid": {"../x": {}}},
    ],
)
def test_a_backup_of_something_else(content: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadBackup):
        restore_backup(tmp_path / "wallet", seal(content, "x"), "x")
