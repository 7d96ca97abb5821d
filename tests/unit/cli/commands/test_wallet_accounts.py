"""quip wallet: accounts from the command line, without a chain."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from quip.cli.terminal.exits import UsageError
from quip.primitives.hybrid_transaction import HybridTransaction
from quip.wallet.accounts import backup, keystore
from quip.wallet.errors import (
    AccountRefused,
    BadTransaction,
    ExposedSecret,
    RotationDue,
    UnknownAccount,
    WalletError,
    WrongPassword,
)
from quip.wallet.mining_identity.identity import MiningIdentity
from support.commands import run, run_json

TO = "0x000102030405060708090a0b0c0d0e0f10111213"
REQUEST = {
    "chainId": 20_050, "nonce": 0, "gas": 21_000, "maxFeePerGas": "2000000000", "maxPriorityFeePerGas": 1, "to": TO,
    "value": "1000",
}  # fmt: skip
SECRET = "0x" + "01" * 32


class Place:
    """A data directory with a wallet, a home for its records, and files that commands read."""

    def __init__(self, parent: Path) -> None:
        self.parent = parent
        self.options = ["--data-dir", str(parent / "data")]

    def file(self, name: str, content: str, mode: int = 0o600) -> str:
        path = self.parent / name
        path.write_text(content)
        path.chmod(mode)
        return str(path)

    def request(self, **changes: Any) -> str:
        return self.file("request.json", json.dumps({**REQUEST, **changes}))

    @property
    def password(self) -> list[str]:
        return ["--password-file", self.file("password", "secret word\nnotes\n")]

    def accounts(self, kind: str) -> list[dict[str, Any]]:
        return [row for row in run_json("wallet", "list", *self.options) if row["kind"] == kind]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(keystore.encrypt, "__defaults__", (1 << 4,))
    monkeypatch.setitem(backup.SCRYPT, "n", 1 << 4)
    made = Place(tmp_path)
    run("wallet", "create", "--words", "12", *made.options)
    return made


def create_hybrid(place: Place) -> str:
    made = run_json("wallet", "create", "--hybrid", "--genesis-config", "dev", *place.options)
    return str(made["address"])


def test_a_hybrid_account_from_end_to_end(place: Place) -> None:
    address = create_hybrid(place)
    raw = run("wallet", "sign", "--from", address, place.request(), *place.options).strip()
    transaction = HybridTransaction.decode(bytes.fromhex(raw[2:]))
    assert transaction.verify()
    assert (transaction.payload.value, transaction.payload.leaf) == (1000, 0)
    shown = run_json("wallet", "verify", place.file("raw", raw))
    assert (shown["from"], shown["hash"], shown["type"]) == (address, f"0x{transaction.hash().hex()}", "0x51")
    assert run("wallet", "sign", "--from", address, place.request(), *place.options).strip() == raw
    again = run_json("wallet", "sign", "--from", address.lower(), place.request(nonce=1), *place.options)
    assert (again["leafIndex"], again["from"]) == (1, address)
    (account,) = place.accounts("hybrid")
    assert (account["address"], account["signaturesLeft"], account["note"]) == (address, 1006, "")
    run("wallet", "settle", address, "2", *place.options)
    for leaf in ("1", "3"):
        with pytest.raises(UsageError, match="said before"):
            run("wallet", "settle", address, leaf, *place.options)
    with pytest.raises(BadTransaction, match="chain id 1"):
        run("wallet", "sign", "--from", address, place.request(chainId=1), *place.options)
    with pytest.raises(WalletError, match="transactions only"):
        run("wallet", "sign", "--from", address, "--message", "hello", *place.options)


def test_the_words_account_signs_transactions_and_messages(place: Place) -> None:
    (payout,) = place.accounts("classical")
    address = payout["address"]
    raw = run("wallet", "sign", "--from", address, place.request(), *place.options).strip()
    shown = run_json("wallet", "verify", place.file("raw", raw), "--from", address)
    assert shown["type"] == "0x2"
    signed = run_json("wallet", "sign", "--from", address, "--message", "hello", *place.options)["signature"]
    file = place.file("signature", signed)
    assert run_json("wallet", "verify", file, "--message", "hello", "--from", address) == {"from": address}
    with pytest.raises(WalletError, match="signed by"):
        run("wallet", "verify", file, "--message", "hullo", "--from", address)
    with pytest.raises(WalletError, match="signed by"):
        run("wallet", "verify", place.file("raw", raw), "--from", TO)


def test_a_keystore_comes_in_and_signs(place: Place) -> None:
    made = run_json(
        "wallet", "import", "--private-key", place.file("key", SECRET + "\n"), *place.password, *place.options
    )
    with pytest.raises(WalletError, match="exists already"):
        run("wallet", "import", made["keystore"], *place.password, *place.options)
    elsewhere = ["--data-dir", str(place.parent / "elsewhere")]
    assert run_json("wallet", "import", made["keystore"], *place.password, *elsewhere)["address"] == made["address"]
    raw = run("wallet", "sign", "--from", made["address"], place.request(), *place.password, *place.options).strip()
    assert run_json("wallet", "verify", place.file("raw", raw))["from"] == made["address"]
    wrong = ["--password-file", place.file("wrong", "another")]
    with pytest.raises(WrongPassword):
        run("wallet", "sign", "--from", made["address"], place.request(), *wrong, *place.options)


def test_no_secret_is_shown(place: Place) -> None:
    """Neither by what commands print nor by their errors."""
    words = (place.parent / "data" / "wallet" / "mnemonic").read_text().split()
    address = create_hybrid(place)
    key = place.file("key", SECRET)
    said = [
        run("wallet", "list", *place.options),
        run("wallet", "show", *place.options),
        run("wallet", "import", "--private-key", key, *place.password, *place.options),
        run("wallet", "sign", "--from", address, place.request(), *place.options, "--json"),
    ]
    with pytest.raises(UsageError) as caught:
        run("wallet", "import", "--private-key", place.file("key", SECRET[:-2] + "zz"), *place.options)
    told = " ".join([*said, caught.value.message, caught.value.hint])
    assert "01" * 16 not in told
    assert not any(f" {first} {second} " in told for first, second in pairwise(words))


def test_passwords_are_read_with_care(place: Place) -> None:
    key = place.file("key", SECRET)
    bad = {
        "can be reached": place.file("open", "secret", 0o644),
        "no password": place.file("empty", "\nsecret"),
        "there is no": str(place.parent / "nothing"),
    }
    for said, file in bad.items():
        with pytest.raises((UsageError, ExposedSecret), match="can reach it" if "reached" in said else said):
            run("wallet", "import", "--private-key", key, "--password-file", file, *place.options)
    with pytest.raises(UsageError, match="no password for the new keystore"):
        run("wallet", "import", "--private-key", key, *place.options)


def test_backup_and_restore(place: Place) -> None:
    address = create_hybrid(place)
    file = str(place.parent / "backup")
    run("wallet", "backup", file, *place.password, *place.options)
    elsewhere = ["--data-dir", str(place.parent / "elsewhere")]
    assert run_json("wallet", "restore", file, *place.password, *elsewhere) == {
        "words": True, "keystores": 0, "hybrid": 1,
    }  # fmt: skip
    assert run_json("wallet", "list", *elsewhere)[0] == run_json("wallet", "list", *place.options)[0]
    with pytest.raises(AccountRefused, match="as after a restore"):
        run("wallet", "sign", "--from", address, place.request(), *elsewhere)
    assert "signs nothing" in run("wallet", "list", *elsewhere)
    run("wallet", "sign", "--from", address, place.request(), *place.options)


def test_a_miner_sweeps_its_bonuses(place: Place) -> None:
    identity = place.parent / "data" / "identity"
    records = place.parent / "records"
    with MiningIdentity.open(identity, 20_050, records) as opened:
        miner = f"0x{opened.miner_id.hex()}"
        opened.sign_block(bytes(32))
        with pytest.raises(WalletError, match="in use by"):
            run("wallet", "sign", "--from", miner, place.request(), "--records-dir", str(records), *place.options)
    options = ["--records-dir", str(records), *place.options]
    raw = run("wallet", "sign", "--from", miner, place.request(), *options).strip()
    transaction = HybridTransaction.decode(bytes.fromhex(raw[2:]))
    assert transaction.verify()
    assert (transaction.payload.keys.suite, transaction.payload.leaf) == (2, 2**20 - 256)
    with pytest.raises(BadTransaction, match="plain transfers"):
        run("wallet", "sign", "--from", miner, place.request(data="0x01"), *options)
    with MiningIdentity.open(identity, 20_050, records) as again:
        assert (f"0x{again.miner_id.hex()}", again.fresh_because) == (miner, "")


def test_a_damaged_account_is_listed_and_harms_no_other(place: Place) -> None:
    damaged, sound = create_hybrid(place), create_hybrid(place)
    folder = place.parent / "data" / "wallet" / "hybrid" / f"20050-{tree_of(place, damaged)}"
    (folder / "account.json").write_text("{")
    assert sorted(str(row["address"]) for row in place.accounts("hybrid")) == sorted(["None", sound])
    assert "cannot be read" in run("wallet", "list", *place.options)
    run("wallet", "sign", "--from", sound, place.request(), *place.options)
    with pytest.raises(UnknownAccount):
        run("wallet", "sign", "--from", damaged, place.request(), *place.options)
    run("wallet", "backup", str(place.parent / "backup"), *place.password, *place.options)


def tree_of(place: Place, address: str) -> str:
    (row,) = [row for row in place.accounts("hybrid") if row["address"] == address]
    return str(row["from"]).rpartition(" ")[2]


def test_what_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownAccount, match="no account"):
        run("wallet", "sign", "--from", TO, place.request(), *place.options)
    with pytest.raises(UnknownAccount):
        run("wallet", "settle", TO, "1", *place.options)
    with pytest.raises(UsageError, match="not an address"):
        run("wallet", "sign", "--from", "me", place.request(), *place.options)
    with pytest.raises(UsageError, match="cannot read"):
        run("wallet", "sign", "--from", TO, str(place.parent / "nothing"), *place.options)
    with pytest.raises(UsageError, match="no hex"):
        run("wallet", "verify", place.file("raw", "0xzz"))
    for raw in ("0x", "0x51", "0x02c0", "0x51c0"):
        with pytest.raises(BadTransaction):
            run("wallet", "verify", place.file("raw", raw))
    address = create_hybrid(place)
    monkeypatch.setattr("quip.wallet.stateful_signer.signer.StatefulSigner.left", lambda signer, part: 0)
    with pytest.raises(RotationDue, match="last 16"):
        run("wallet", "sign", "--from", address, place.request(), *place.options)
