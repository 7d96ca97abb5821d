"""quip genesis: cut and show."""

import json
import time
from pathlib import Path

import pytest

from quip.networks.cut import floor_level
from quip.networks.shipped import load_spec
from quip.node.errors import ConfigError, NodeError
from support.commands import run, run_json

WORDS = "a headline of today"


@pytest.mark.parametrize("name", ["public", "dev"])
def test_cut_and_show(name: str, tmp_path: Path) -> None:
    out = tmp_path / "new.json"
    before = int(time.time())
    made = run_json("genesis", "cut", name, "--out", str(out), "--commit-to", WORDS)
    spec = load_spec(str(out))
    assert before <= spec.genesis.timestamp == made["timestamp"] <= time.time()
    assert (made["chainId"], made["name"], made["lo"]) == (load_spec(name).chain_id, name, spec.difficulty.lo)
    floor = floor_level(66e9, 30) if name == "public" else load_spec(name).difficulty.lo
    assert spec.difficulty.lo == floor, "coins of other networks are worth nothing"
    assert run_json("genesis", "show", str(out), "--commit-to", WORDS) == made
    faster = ("--core-rate", "80")
    again = run("genesis", "cut", name, "--out", str(tmp_path / "b"), "--commit-to", WORDS, *faster)
    assert ("(raised)" in again) == (name == "public")
    with pytest.raises(NodeError, match="does not commit"):
        run("genesis", "show", str(out), "--commit-to", WORDS + "!")


def test_a_network_is_cut_once(tmp_path: Path) -> None:
    out = tmp_path / "new.json"
    out.write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        run("genesis", "cut", "test", "--out", str(out), "--commit-to", WORDS)
    assert out.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("cut", "dev", "--out", "x"), ConfigError, "--commit-to is missing"),
        (("cut", "nowhere.json", "--out", "x", "--commit-to", WORDS), ConfigError, "neither a file nor one of"),
        (("show", "nowhere.json"), ConfigError, "neither a file nor one of"),
        (("cut", "dev", "--out", "no/where/x", "--commit-to", WORDS), NodeError, "cannot write"),
        (("cut", "public", "--out", "x", "--commit-to", WORDS, "--core-rate", "1e30"), ConfigError, "above hi"),
    ],
)
def test_what_cannot_be_cut_is_said(
    arguments: tuple[str, ...], error: type[Exception], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        run("genesis", *arguments)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_spec_is_said(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps({"name": "x"}))
    for arguments in (("show", str(bad)), ("cut", str(bad), "--out", str(tmp_path / "x"), "--commit-to", WORDS)):
        with pytest.raises(ConfigError, match=r"bad\.json"):
            run("genesis", *arguments)
