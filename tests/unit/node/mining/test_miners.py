"""The node's miners: how many there are, what they won, what is shown of them."""

from pathlib import Path
from typing import Any

import pytest

from quip.networks.network import Network
from quip.node.config import node_config
from quip.node.config.settings import Kind
from quip.node.mining.miners import Miners, miner_setups
from quip.node.process.metrics import Metrics
from quip.node.startup import load_rules


class IdleDesk:
    """A desk without work."""

    idle_because: str | None = None

    def template(self) -> None:
        return None


def configured(toml: str, tmp_path: Path, kind: Kind | None = None) -> node_config.NodeConfig:
    file = tmp_path / "config.toml"
    file.write_text(toml)
    return node_config.load({}, file, kind)


def miners(toml: str, tmp_path: Path, desk: Any = None) -> tuple[Miners, Metrics]:
    counts = Metrics("0", "test")
    return Miners(configured(toml, tmp_path), rules(), desk or IdleDesk(), counts), counts


def rules() -> Network:
    return load_rules("test")


@pytest.mark.parametrize(
    ("toml", "names"),
    [("", ["CPU-1"]), ("[miners]\ncpu = 3\n", ["CPU-1", "CPU-2", "CPU-3"]), ("[miners]\ncpu = 0\n", [])],
)
def test_each_miner_has_its_name(toml: str, names: list[str], tmp_path: Path) -> None:
    made, _ = miners(toml, tmp_path)
    assert [entry["id"] for entry in made.objects()] == names


def test_what_the_operator_asked_for_replaces_the_plan(tmp_path: Path) -> None:
    (asked,) = miner_setups(configured("[cpu]\nnum_cpus = 1\nnum_reads = 64\nnum_sweeps = 4096\n", tmp_path), rules())
    assert (asked.plan is not None and asked.plan.sweeps, asked.reads, len(asked.samplers)) == (4096, 64, 1)
    (left,) = miner_setups(configured("", tmp_path), rules())
    assert (left.plan, left.reads) == (None, 512)


@pytest.mark.parametrize(
    ("toml", "kind", "names", "devices"),
    [
        ("", "gpu", ["GPU-1"], ["no GPU backend 'local' in this version"]),
        ('[gpu]\nbackend = "mps"\ndevices = [0, 1]\n', "gpu", ["GPU-1", "GPU-2"], ["no GPU backend 'mps'"] * 2),
        ('[gpu]\nbackend = "modal"\ntypes = ["t4", "a10g"]\n', "gpu", ["GPU-1", "GPU-2"], ["'modal'", "'modal'"]),
        ("", "qpu", ["QPU-1"], ["no QPU backend"]),
        ('[miners]\ncpu = 1\ngpu = ["0"]\nqpu = ["a", "b"]\n', "cpu", ["CPU-1", "GPU-1", "QPU-1", "QPU-2"],
         ["", "no GPU", "no QPU", "no QPU"]),
    ],
)  # fmt: skip
def test_devices_that_are_not_there_are_stood_in_for_by_the_cpu_which_says_so(
    toml: str, kind: Kind, names: list[str], devices: list[str], tmp_path: Path
) -> None:
    setups = miner_setups(configured(toml, tmp_path, kind), rules())
    assert [setup.name for setup in setups] == names
    for setup, part in zip(setups, devices, strict=True):
        sampler = setup.samplers[0]
        assert sampler.kind == setup.name.partition("-")[0].lower()
        assert part in sampler.device
        assert (sampler.kind == "cpu") == (not sampler.device.startswith("CPU ("))


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
