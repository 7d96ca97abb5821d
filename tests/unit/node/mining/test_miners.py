"""The node's miners: how many there are, what they won, what is shown of them."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import structlog

from quip.consensus.proof_of_work.difficulty import Requirements
from quip.consensus.types.block import Block
from quip.mining.miner import MinerStatistics
from quip.mining.plan import annealing_plan
from quip.networks.network import Network
from quip.node.config import node_config
from quip.node.config.settings import Kind
from quip.node.mining.block_producer import BlockProducer
from quip.node.mining.miner_setups import miner_setups
from quip.node.mining.miners import CountingWorkSource, Miners
from quip.node.process.failures import Failures
from quip.node.process.metrics import Metrics
from quip.node.startup import load_rules


class IdleSource:
    """A block producer without work."""

    idle_because: str | None = None
    idle_details: Mapping[str, str] = {}
    failure: Exception | None = None

    def template(self) -> None:
        if self.failure is not None:
            raise self.failure

    def requirements(self) -> Requirements:
        return Requirements(1, 20 << 16, 1 << 20, 5, 0, 0, 0)


def configured(toml: str, tmp_path: Path, kind: Kind | None = None) -> node_config.NodeConfig:
    file = tmp_path / "config.toml"
    file.write_text(toml)
    return node_config.load({}, file, kind)


def miners(toml: str, tmp_path: Path, source: IdleSource | None = None) -> tuple[Miners, Metrics]:
    counts = Metrics("0", "test")
    return Miners(configured(toml, tmp_path), rules(), cast(BlockProducer, source or IdleSource()), counts), counts


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
    assert (asked.plan, asked.reads, len(asked.samplers)) == (annealing_plan(4096), 64, 1)
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


@pytest.mark.parametrize(
    ("cores", "toml", "threads", "turns"),
    [
        (1, '[miners]\ngpu = ["0", "1", "2"]\n', [1, 1, 1], True),
        (2, "[miners]\ncpu = 2\n", [1, 1], False),
        (4, '[miners]\ncpu = 1\ngpu = ["0"]\nqpu = ["a"]\n', [2, 1, 1], False),
    ],
)
def test_the_cap_on_cores_is_for_all_miners_together(
    cores: int, toml: str, threads: list[int], turns: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_config, "logical_cpus", lambda: 4)
    setups = miner_setups(configured(f"[cpu]\nnum_cpus = {cores}\n{toml}", tmp_path), rules())
    assert [len(setup.samplers) for setup in setups] == threads
    assert len({id(setup.turns) for setup in setups}) == 1, "they share what they take turns at"
    assert (setups[0].turns is not None) == turns


def test_mining_is_what_is_done_not_what_was_started(tmp_path: Path) -> None:
    source = IdleSource()
    made, counts = miners("[miners]\ncpu = 2\n", tmp_path, source)
    with Failures().watching_threads():
        made.start()
        assert made.failing is None
        source.failure = PermissionError("node.log")
        wait_for(lambda: made.failing)
        assert made.failing is not None
        assert made.failing.startswith("no miner works (CPU-1: PermissionError: node.log; CPU-2: ")
        made.measure()
        assert counts.registry.get_sample_value("quip_mining") == 0
        assert counts.registry.get_sample_value("quip_miner", {"miner": "CPU-1", "figure": "failures"}) >= 1
        with structlog.testing.capture_logs() as lines:
            made.observe()
        assert ("mining waits", made.failing) in [(line["event"], line.get("reason")) for line in lines]
        made.stop()


def test_without_a_miner_nothing_is_mined(tmp_path: Path) -> None:
    made, _ = miners("[miners]\ncpu = 0\n", tmp_path)
    assert made.failing == "the configuration names no miner"


def test_when_mining_starts_it_is_told_with_what_and_how_long_a_block_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, counts = miners("[cpu]\nnum_cpus = 1\n", tmp_path)
    monkeypatch.setattr(made, "_calibrated", True)
    now = MinerStatistics("CPU-1", "cpu", "x86 avx2", 2, attempts=9, spin_updates=10**9, busy_s=4.0, expected_sets=2.5)
    monkeypatch.setattr(made._miners["CPU-1"], "statistics", lambda: now)
    made.start()
    try:
        with structlog.testing.capture_logs() as lines:
            made.observe()
            made.observe()
        (line,) = [line for line in lines if line["event"] == "mining starts"]
        assert line["miners"] == "CPU-1 (2 x x86 avx2)"
        assert line["plan"] == "anneal 512"
        assert line["block_expected_every"] == "2.1 s"  # 2^20 * 1,000 updates at half of 10^9 a second
        now = replace(now, valid_sets=1)
        outlook = made.outlook()
        assert outlook["expectedBlockTime"] == 2.1
        assert outlook["luck"] == {"blocks": 0, "found": 1, "expected": 2.5, "ratio": 0.4}
        made.measure()
        assert counts.registry.get_sample_value("quip_mining_expected_block_seconds") == 2.1
        assert counts.registry.get_sample_value("quip_mining_luck_ratio") == 0.4
    finally:
        made.stop()


def test_that_mining_starts_is_told_before_its_first_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However early that comes: the speed may not be measured by then."""
    told: list[str] = []

    class Producer(IdleSource):
        def submit(self, block: object) -> bool:
            told.append(lines[-1]["event"])
            return False

    made, _ = miners("[cpu]\nnum_cpus = 1\n", tmp_path, Producer())
    monkeypatch.setattr(made, "_calibrated", True)
    source = CountingWorkSource("CPU-1", made._producer, made)
    with structlog.testing.capture_logs() as lines:
        source.submit(cast(Block, None))
        source.submit(cast(Block, None))
        made.start()
        made.observe()
        made.stop()
    assert told == ["mining starts"] * 2
    (line,) = [line for line in lines if line["event"] == "mining starts"]
    assert line["block_expected_every"] == "not measured yet"
    assert "updates_per_ns" not in line


def test_where_nothing_was_calibrated_nothing_is_promised(tmp_path: Path) -> None:
    made, _ = miners("", tmp_path)
    made.start()
    try:
        assert made.outlook() == {"expectedBlockTime": None, "luck": None}
        with structlog.testing.capture_logs() as lines:
            made.observe()
        assert [line["block_expected_every"] for line in lines if line["event"] == "mining starts"] == [
            "unknown: no calibration for this puzzle and plan"
        ]
    finally:
        made.stop()


def wait_for(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline_s
        threading.Event().wait(0.005)


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
    source = IdleSource()
    made, counts = miners("", tmp_path, source)
    assert not made.running
    made.start()
    try:
        assert made.running
        made.measure()
        assert counts.registry.get_sample_value("quip_mining") == 1
        source.idle_because = "the disk is full"
        made.observe()
        source.idle_because = None
        made.observe()
        made.measure()
        labels = {"miner": "CPU-1", "figure": "attempts"}
        assert counts.registry.get_sample_value("quip_miner", labels) == 0
    finally:
        made.stop()
    assert not made.running
    made.measure()
    assert counts.registry.get_sample_value("quip_mining") == 0
