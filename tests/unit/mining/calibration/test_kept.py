"""What an interrupted calibration keeps."""

from dataclasses import replace
from pathlib import Path

import pytest

from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.ising.puzzle import Puzzle
from quip.mining.calibration.kept import Count, Kept
from quip.mining.calibration.ladder import build_ladder
from quip.mining.calibration.verify import Check, CheckPlan, verify
from quip.networks.shipped import load_spec
from unit.mining.calibration.test_calibration import summary_of

CALL = {"seed": 3, "start_seconds": 0.5}


def test_the_same_call_finds_what_was_kept_and_another_nothing(tmp_path: Path) -> None:
    path = tmp_path / "docs" / "dev.partial.json"
    kept = Kept(path, CALL)
    assert kept.summary is None
    kept.keep_summary(summary_of("dev"))
    kept.keep_count(32, 12_000, Count(2, 64, 1e9), done=True)
    again = Kept(path, CALL)
    assert again.summary == summary_of("dev")
    assert again.count(32, 12_000) == Count(2, 64, 1e9)
    assert again.count(32, 12_001) == again.count(33, 12_000) == Count()
    other = Kept(path, {**CALL, "seed": 4})
    assert other.summary is None
    assert other.count(32, 12_000) == Count()


@pytest.mark.parametrize("content", ["", "[]", '{"call": null}', "\x00"])
def test_what_is_no_such_file_is_ignored(tmp_path: Path, content: str) -> None:
    (tmp_path / "x").write_text(content)
    assert Kept(tmp_path / "x", CALL).summary is None


def test_a_finished_calibration_leaves_no_file(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "x", CALL)
    kept.keep_summary(summary_of("dev"))
    kept.remove()
    kept.remove()
    assert list(tmp_path.iterdir()) == []


def test_without_a_path_nothing_is_written() -> None:
    kept = Kept()
    kept.keep_count(1, 2, Count(1, 1, 1.0), done=True)
    kept.remove()
    assert kept.count(1, 2) == Count(1, 1, 1.0)


def test_a_count_goes_on_where_it_was_kept(tmp_path: Path) -> None:
    puzzle = Puzzle(replace(puzzle_rules(load_spec("dev").puzzle), baseline_cap=0))
    summary = summary_of("dev")
    ladder = build_ladder(summary, 2.0)

    def mined(proofs: int, kept: Kept) -> Check:
        (check,) = verify(puzzle, summary, ladder, CheckPlan(((0.02, proofs),), 1, 5, kept), lambda done, total: None)
        return check

    path = tmp_path / "x"
    few = mined(1, Kept(path, CALL))
    many = mined(60, Kept(path, CALL))
    assert few.attempts < many.attempts
    straight = mined(60, Kept())
    assert (many.proofs, many.attempts) == (straight.proofs, straight.attempts)
    assert many.measured_updates == pytest.approx(straight.measured_updates)
    assert mined(60, Kept(path, CALL)) == many
