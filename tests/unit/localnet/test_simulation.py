"""quip-network-simulator without its nodes: the commands it would run, what it reads from logs, what it reports."""

import random
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from quip.cli import network_simulator
from quip.cli.terminal.live_table import bars, text_of
from quip.localnet.log_reader import FALLBACK, LogReader, Sightings
from quip.localnet.plan import SCENARIOS, Crew, plan_nodes
from quip.localnet.random_kills import RandomKills
from quip.localnet.report import Mined, NetworkReport, curve, propagation
from quip.node.errors import ConfigError

NO_END = float("inf")


def planned(*arguments: str) -> list[list[str]]:
    done = CliRunner().invoke(network_simulator.app, [*arguments, "--print-only"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return [shlex.split(line) for line in done.stdout.splitlines()]


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def kinds(commands: list[list[str]]) -> list[str]:
    return [next(word for word in command if word in ("cpu", "gpu", "qpu")) for command in commands]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("--scenario", "mixed"), ["cpu"] * 3 + ["gpu"] * 2 + ["qpu"]),
        (("--scenario", "cpu"), ["cpu"] * 4),
        (("--scenario", "gpu"), ["gpu"] * 2),
        (("--scenario", "gpu", "--num-cpu", "1"), ["cpu", "gpu", "gpu"]),
        (("--scenario", "cpu", "--num-cpu", "1", "--num-qpu", "1"), ["cpu", "qpu"]),
        (("--scenario", "mixed", "--num-gpu", "0"), ["cpu"] * 3 + ["qpu"]),
    ],
)
def test_a_scenario_names_the_kinds_and_counts_override_it(arguments: tuple[str, ...], wanted: list[str]) -> None:
    assert kinds(planned(*arguments)) == wanted


@pytest.mark.parametrize("arguments", [(), ("--base-port", "0"), ("--base-port", "30000"), ("--base-port", "20147")])
def test_ports_never_clash_and_all_dial_the_first(arguments: tuple[str, ...]) -> None:
    commands = planned("--scenario", "mixed", *arguments)
    ports = [option(command, "--port") for command in commands]
    assert len(set(ports)) == len(ports)
    rpc_ports = [option(command, "--rpc-port") for command in commands]
    assert set(rpc_ports) == {"0"} or len(set(rpc_ports)) == len(rpc_ports)
    assert "--peer" not in commands[0]
    assert {option(command, "--peer") for command in commands[1:]} == {f"127.0.0.1:{ports[0]}"}
    assert len({option(command, "--data-dir") for command in commands}) == len(commands)
    assert all(command[-1] == "--auto-mine" for command in commands)


def test_in_the_documented_range_the_rpc_ports_follow_the_ports() -> None:
    commands = planned("--scenario", "cpu")
    assert [option(command, "--port") for command in commands] == ["20049", "20050", "20051", "20052"]
    assert [option(command, "--rpc-port") for command in commands] == ["8545", "8546", "8547", "8548"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scenario", "cpu", "--num-cpu", "0"), "0 nodes"),
        (("--num-gpu", "65"), "nodes"),
        (("--num-cpu", "-1", "--num-gpu", "3"), "nodes"),
        (("--duration", "-5"), "--duration -5"),
        (("--duration", "nan"), "--duration nan"),
        (("--blocks", "0"), "--blocks 0"),
        (("--base-port", "65534"), "--base-port 65534"),
        (("--base-port", "-5"), "--base-port -5"),
    ],
)
def test_what_cannot_be_run_is_refused(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        CliRunner().invoke(network_simulator.app, [*arguments, "--print-only"], catch_exceptions=False)
    assert caught.value.hint


def test_a_directory_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    with pytest.raises(ConfigError, match="not empty"):
        CliRunner().invoke(network_simulator.app, ["--data-dir", str(tmp_path)], catch_exceptions=False)


def test_the_scenarios_are_those_of_the_option() -> None:
    assert list(SCENARIOS) == ["mixed", "cpu", "gpu"]
    for counts in SCENARIOS.values():
        assert Crew(**counts).kinds


def test_a_follower_is_the_same_command_without_mining(tmp_path: Path) -> None:
    (plan,) = plan_nodes(Crew(1, 0, 0), 0, "dev", tmp_path)
    assert plan.arguments(mining=True) == [*plan.arguments(mining=False), "--auto-mine"]


def test_the_log_is_read_as_it_grows_and_half_a_line_waits(tmp_path: Path) -> None:
    log = tmp_path / "node.json"
    reader = LogReader(log)
    assert list(reader.read()) == []
    log.write_bytes(b'{"event": "a"}\n{"eve')
    assert [line["event"] for line in reader.read()] == ["a"]
    with log.open("ab") as more:
        more.write(b'nt": "b"}\ncut off by a ki{"event": "c"}\n[1]\n{"event": "d"}\n')
    assert [line["event"] for line in reader.read()] == ["b", "d"]


def block_line(name: str, at: str, **more: Any) -> dict[str, Any]:
    return {"event": "block", "hash": name, "timestamp": f"2026-01-01T00:00:{at}Z", "level": "info", **more}


def test_the_first_sight_of_a_block_counts_and_complaints_are_kept() -> None:
    seen = Sightings()
    seen.take("a", block_line("0x01", "01.000000"))
    seen.take("a", block_line("0x01", "09.000000", depth=2))
    seen.take("b", block_line("0x01", "01.250000"))
    seen.take("b", {"event": FALLBACK, "level": "warning", "reason": "no GPU"})
    seen.take("b", {"event": "cannot sign blocks", "level": "error", "reason": "worn out"})
    seen.take("b", {"event": "odd", "level": "info", "exception": "Traceback"})
    assert seen.heads["0x01"]["b"] - seen.heads["0x01"]["a"] == pytest.approx(0.25)
    assert seen.reorganisations == [2]
    assert seen.fallbacks == {"b": "no GPU"}
    assert seen.complaints == ["b: cannot sign blocks: worn out", "b: odd"]


def test_only_those_who_were_there_all_the_time_count_as_reached() -> None:
    seen = Sightings()
    seen.heads = {"x": {"a": 10.0, "b": 10.1, "c": 10.4, "d": 30.0}, "y": {"a": 40.0}}
    there = {"a": [[0.0, NO_END]], "b": [[0.0, NO_END]], "c": [[0.0, 20.0]], "d": [[0.0, 10.2], [29.0, NO_END]]}
    assert propagation(seen, there) == {"blocks": 1, "samples": 2, "p50Ms": 100.0, "p99Ms": 400.0, "maxMs": 400.0}
    assert propagation(Sightings(), there)["p50Ms"] is None


def test_the_curve_is_bounded_and_ends_with_the_tip() -> None:
    blocks = [Mined(number, "", number, number, "a") for number in range(1, 1_002)]
    points = curve(blocks)
    assert len(points) <= 200
    assert points[-1]["number"] == 1_001
    assert bars([5, 5]) == "▁▁"
    assert len(bars(range(1_000))) <= 60
    assert bars([]) == "-"


class Walker:
    """Stands where a child stands in RandomKills: remembers what is done to it."""

    def __init__(self, name: str) -> None:
        self.plan = self
        self.name = name
        self.deeds: list[str] = []

    def start(self, mining: bool) -> None:
        assert mining
        self.deeds.append("start")

    def kill(self, victim: "Walker") -> None:
        victim.deeds.append("kill")


def deeds_of(seed: int, until_s: float | None) -> tuple[list[Any], list[list[str]]]:
    walkers: Any = [Walker(name) for name in "abcd"]
    network: Any = walkers[0]
    kills = RandomKills(seed, walkers, until_s)
    for tick in range(1_200):
        kills.act(network, tick / 10)
    return kills.done, [walker.deeds for walker in walkers]


def test_who_is_killed_follows_from_the_seed_and_everybody_comes_back() -> None:
    seed = random.randrange(1 << 30)
    done, deeds = deeds_of(seed, 100.0)
    assert (done, deeds) == deeds_of(seed, 100.0), f"seed {seed}"
    assert 3 <= len(done) <= 15, f"seed {seed}"
    assert all(kill.at_s < 100 for kill in done), f"seed {seed}"
    for one in deeds:
        assert one == ["kill", "start"] * (len(one) // 2), f"seed {seed}"
    assert deeds_of(seed, 0.0)[0] == []


def test_the_text_says_what_the_figures_say() -> None:
    node = {"name": "gpu-1", "kind": "gpu", "minesBy": "CPU (no GPU)", "wins": 3, "longestStreak": 2, "kills": 1,
            "peers": None, "tip": "0x" + "ab" * 32}  # fmt: skip
    outcome = NetworkReport({
        "scenario": "gpu", "genesis": "dev", "seed": 7, "seconds": 12.5, "started": "2026-01-01T00:00:00Z",
        "oneTip": True, "tips": {"gpu-1": "0xabcd"}, "blocks": 3, "blockTime": 2.5,
        "forks": {"sideBlocks": 1, "reorganisations": 2, "deepest": 1},
        "propagation": {"blocks": 3, "samples": 9, "p50Ms": 20.5, "p99Ms": 80.0, "maxMs": 81.0},
        "nodes": [node], "difficulty": [{"number": 1, "timestamp": 1, "work": 10}], "kills": [1],
    }, ["gpu-1: odd"])  # fmt: skip
    text = text_of(outcome)
    for part in (
        "one: 0xabcd",
        "1 side blocks, 2 reorganisations, deepest 1",
        "p50 20.5 ms",
        "CPU (no GPU)",
        "gpu-1: odd",
    ):
        assert part in text
    assert not outcome.good
    assert outcome.as_json()["problems"] == ["gpu-1: odd"]
    outcome.problems, outcome.figures["oneTip"] = [], False
    assert not outcome.good
    assert "NOT CONVERGED" in text_of(outcome)
