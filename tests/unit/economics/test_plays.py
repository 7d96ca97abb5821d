"""Shocks, forks, hoppers, delays, griefers: small plays of the law have the known outcome."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.economics import command
from benchmarks.economics.advantage import share_of_work
from benchmarks.economics.candidate import candidate_spec, flat_spec, mended_spec
from benchmarks.economics.law_plays import hopping, overtakes, recovery
from benchmarks.economics.network_plays import cheapest_stamp_s, delayed, griefed
from quip.consensus.spec.chain_spec import ChainSpec

FLAT = flat_spec()


def test_work_follows_a_loss_of_speed() -> None:
    blocks, hours, overshoot = recovery(FLAT, 0.1, seed=1)
    assert 20 < blocks < 200
    assert 0.5 < hours < 4
    assert overshoot < 1


def test_a_private_fork_of_the_weak_fails_and_of_the_strong_succeeds() -> None:
    weak, strong = (sum(overtakes(FLAT, share, 0, False, seed) for seed in range(30)) for share in (0.1, 0.45))
    assert weak <= 2
    assert strong >= 8


def test_a_streak_helps_to_be_the_longest_and_not_to_be_the_heaviest() -> None:
    seeds = range(60)
    spec = flat_spec(lag=0)
    heaviest, longest = (sum(overtakes(spec, 0.35, 7, rule, seed) for seed in seeds) for rule in (False, True))
    assert longest > heaviest


def test_who_mines_only_while_it_is_cheap_earns_more_per_effort() -> None:
    per_effort, on = hopping(FLAT, 1.0, 0.1, 2_000)
    assert 1.0 < per_effort < 1.4
    assert 0 < on < 0.4
    assert hopping(FLAT, 1.0, 5.0, 100) == (0.0, 0.0)


def test_orphans_come_with_delay() -> None:
    assert delayed(mended_spec(), 0.4, 0.0, 300)[0] == 0
    assert 0.08 < delayed(mended_spec(), 0.4, 5.0, 600)[0] < 0.22


@pytest.mark.parametrize(("spec", "most_t"), [(candidate_spec(), 1.6), (mended_spec(), 1.42)])
def test_cheap_ommers_slow_the_chain_by_their_number(spec: ChainSpec, most_t: float) -> None:
    block_t, ommers, income = griefed(spec, 0.1, 500)
    assert block_t == pytest.approx(1 + ommers, abs=0.06)
    assert 1.2 < block_t < most_t
    assert income < 0.01
    assert griefed(spec, 0.0, 200)[1] == 0


def test_the_cheapest_ommer_is_as_light_as_the_factor_admits() -> None:
    spec = candidate_spec()
    assert cheapest_stamp_s(spec) == 18 * 30 - 1
    assert cheapest_stamp_s(replace(spec, ommers=replace(spec.ommers, fork_factor=1))) == 10 * 30 - 1


def test_shares_of_better_solvers() -> None:
    assert share_of_work(0.5, 1) == 0.5
    assert share_of_work(0.1, 9) == 0.5


def test_a_section_is_remade_and_the_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"one": "first", "two": "second"}
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "SECTIONS", {name: lambda long, name=name: f"## {made[name]}\n" for name in made})
    command.main([])
    made["two"] = "third"
    command.main(["two", "--long"])
    text = (tmp_path / "figures.md").read_text(encoding="utf-8")
    assert [word in text for word in ("## first", "## second", "## third", "--long,")] == [True, False, True, True]


def test_an_unknown_section_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["nothing"])
    assert "no section is called nothing" in capsys.readouterr().err
