"""quip wallet: hints that can be followed as they stand, whichever data directory was meant."""

import shlex
from pathlib import Path

import pytest

from quip.node.errors import NodeError
from quip.wallet.errors import WalletMissing
from support.commands import mined, run, run_json


def test_the_hint_makes_the_wallet_that_was_missing(tmp_path: Path) -> None:
    place = mined(tmp_path / "my node")
    with pytest.raises(NodeError, match="no wallet at") as caught:
        run("wallet", "show", "--data-dir", str(place))
    command = caught.value.hint.removeprefix("run: quip ").partition(", or: ")[0]
    run(*shlex.split(command))
    assert run_json("wallet", "show", "--data-dir", str(place))["address"].startswith("0x")


def test_the_damaged_store_of_a_hint_is_rebuilt(tmp_path: Path) -> None:
    place = mined(tmp_path / "my node")
    (place / "store.redb").write_text("my notes\n")
    with pytest.raises(NodeError) as caught:
        run("status", "--data-dir", str(place))
    *_, rebuild = caught.value.hint.split(": quip ")
    run(*shlex.split(rebuild), status=1)
    assert run_json("db", "check", "--data-dir", str(place))["sound"]


def test_there_is_no_identity_to_recover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    place = mined(tmp_path / "data")
    with pytest.raises(WalletMissing) as caught:
        run("wallet", "recover", "--data-dir", str(place))
    assert "start the node" in caught.value.hint


@pytest.mark.parametrize("command", ["show", "recover"])
def test_a_wallet_before_the_first_node_is_where_that_one_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(NodeError, match="none has run"):
        run("wallet", command)
    made = run_json("wallet", "create")
    assert made["mnemonicFile"] == str(tmp_path / ".quip" / "public" / "20049" / "wallet" / "mnemonic")
    assert run_json("wallet", "show")["address"] == made["address"]
