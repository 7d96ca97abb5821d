"""The node's miners: how many there are, what they won, what is shown of them."""

from pathlib import Path
from typing import Any

import pytest

from quip.node import config
from quip.node.metrics import Metrics
from quip.node.miners import Miners, cpu_setup
from quip.node.opening import Rules, load_rules


class IdleDesk:
    """A desk without work."""

    idle_because: str | None = None

    def template(self) -> None:
        return None


def miners(toml: str, tmp_path: Path, desk: Any = None) -> tuple[Miners, Metrics]:
    file = tmp_path / "config.toml"
    file.write_text(toml)
    counts = Metrics("0", "test")
    return Miners(config.load({}, file), rules(), desk or IdleDesk(), counts), counts


def rules() -> Rules:
    return load_rules("test")


@pytest.mark.parametrize(
    ("toml", "names"),
    [("", ["CPU-1"]), ("[miners]\ncpu = 3\n", ["CPU-1", "CPU-2", "CPU-3"]), ("[miners]\ncpu = 0\n", [])],
)
def test_each_miner_has_its_name(toml: str, names: list[str], tmp_path: Path) -> None:
    made, _ = miners(toml, tmp_path)
    assert [entry["id"] for entry in made.objects()] == names


def test_what_the_operator_asked_for_replaces_the_plan() -> None:
    asked = cpu_setup("CPU-1", config.CpuConfig(4, 64, 4096), 4, rules())
    assert (asked.plan is not None and asked.plan.sweeps, asked.reads, len(asked.samplers)) == (4096, 64, 4)
    left = cpu_setup("CPU-1", config.CpuConfig(4, None, None), 4, rules())
    assert (left.plan, left.reads) == (None, 512)


def test_winnings_and_streaks(tmp_path: Path) -> None:
    made, _ = miners("[miners]\ncpu = 2\n", tmp_path)
    for name in ("CPU-1", "CPU-1", "CPU-2"):
        made.count(name, 10)
    first, second = made.objects()
    assert (first["earned"], first["streak"]) == ("0x14", 0)
    assert (second["earned"], second["streak"]) == ("0xa", 1)
    made.lost_race()
    assert [entry["streak"] for entry in made.objects()] == [0, 0]


def test_they_run_until_stopped_and_say_why_they_wait(tmp_path: Path) -> None:
    desk = IdleDesk()
    made, counts = miners("", tmp_path, desk)
    assert not made.running
    made.start()
    try:
        assert made.running
        assert counts.registry.get_sample_value("quip_mining") == 1
        desk.idle_because = "the disk is full"
        made.observe()
        desk.idle_because = None
        made.observe()
        made.measure()
        labels = {"miner": "CPU-1", "figure": "attempts"}
        assert counts.registry.get_sample_value("quip_miner", labels) == 0
    finally:
        made.stop()
    assert not made.running
    assert counts.registry.get_sample_value("quip_mining") == 0
