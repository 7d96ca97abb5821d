import dataclasses
from pathlib import Path

import pytest

from quip.wallet.stateful_signer.place import Place


def test_a_place_stays_the_same(tmp_path: Path) -> None:
    link = tmp_path.parent / (tmp_path.name + "-link")
    link.symlink_to(tmp_path)
    assert Place.of(tmp_path).difference(Place.of(link)) == ""


def test_a_copy_and_a_moved_directory_are_elsewhere(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    before = Place.of(first)
    first.rename(second)
    assert "path" in before.difference(Place.of(second))
    second.rename(first)
    assert before.difference(Place.of(first)) == ""


@pytest.mark.parametrize(("name", "value"), [("machine", "x"), ("path", "/x"), ("filesystem", -1), ("inodes", (-1,))])
def test_every_part_counts(tmp_path: Path, name: str, value: object) -> None:
    here = Place.of(tmp_path)
    assert name in here.difference(dataclasses.replace(here, **{name: value}))  # type: ignore[arg-type]


def test_a_file_that_was_replaced_is_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("1")
    before = Place.of(tmp_path, file)
    file.write_text("2")
    assert before.difference(Place.of(tmp_path, file)) == ""
    (tmp_path / "restored").write_text("1")
    (tmp_path / "restored").replace(file)
    assert "inodes" in before.difference(Place.of(tmp_path, file))


def test_the_machine_id_is_hashed_and_may_be_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    identifier = tmp_path / "machine-id"
    monkeypatch.setattr("quip.wallet.stateful_signer.place._MACHINE_IDS", (tmp_path / "none", identifier))
    assert Place.of(tmp_path).machine == ""
    identifier.write_text("0123456789abcdef\n")
    machine = Place.of(tmp_path).machine
    assert len(machine) == 32 and "0123456789abcdef" not in machine
    identifier.write_text("fedcba9876543210\n")
    assert Place.of(tmp_path).machine not in (machine, "")
