"""Networks by name: rules, text, puzzle, and whom to ask first."""

from pathlib import Path

import pytest

from quip.consensus.errors.spec import InvalidSpec
from quip.networks import network
from quip.networks.network import load, network_of, parse_bootnodes
from quip.networks.shipped import NETWORKS, file_name, spec_bytes


@pytest.mark.parametrize("name", NETWORKS)
def test_by_name_and_by_path(name: str, tmp_path: Path) -> None:
    found = load(name)
    assert (found.spec.name, found.text) == (name, spec_bytes(name))
    assert found.puzzle.rules.topology.digest == found.spec.puzzle.topology.digest
    copy = tmp_path / "mine.json"
    copy.write_bytes(found.text)
    assert load(str(copy)).spec == found.spec
    assert found.bootnodes == ()


def test_bootnodes_belong_to_the_rules_not_to_the_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bootnodes").mkdir()
    (tmp_path / "bootnodes" / "test.txt").write_text("# first\na.example:20049\n\n[::1]:1  # ours\n")
    monkeypatch.setattr(network, "files", lambda _: tmp_path)
    text = spec_bytes("test")
    assert network_of(text).bootnodes == ("a.example:20049", "[::1]:1")
    changed = text.replace(b'"future_limit": 4000000000', b'"future_limit": 4000000001')
    assert changed != text
    assert network_of(changed).bootnodes == ()
    renamed = text.replace(b'"name": "test"', b'"name": "else"')
    assert renamed != text
    assert network_of(renamed).bootnodes == ()


def test_what_is_neither_a_name_nor_a_file() -> None:
    with pytest.raises(InvalidSpec, match="neither a file nor one of"):
        load("nowhere")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_a_list(name: str) -> None:
    root = Path(network.__file__).parent
    assert parse_bootnodes((root / "bootnodes" / f"{name}.txt").read_text()) == ()
    assert (root / "specs" / file_name(name)).is_file()
