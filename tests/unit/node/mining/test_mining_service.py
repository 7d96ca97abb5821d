"""When mining begins: what the clock and the company have to do with it."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from quip.chain.chain import Chain
from quip.node.mining.block_producer import BlockProducer
from quip.node.mining.mining_service import MiningService
from quip.node.network.alone import ALONE, OLD_GENESIS, is_alone
from quip.node.network.initial_sync import Progress
from quip.node.process.clock import ClockWatch
from quip.node.process.clock_memory import FAR_S, ClockMemory
from quip.node.startup import load_rules
from support.chains import grown, new_chain
from support.signers import signer

DAY_S = 86_400
NOBODY = Progress(expected=False, known=False, joined=0, answered=False, resolved=True, done=0)


class World:
    """A node's mining over a chain, at a time and with a memory of our choice."""

    def __init__(self, chain: Chain, now: int, remembered: int | None, tmp_path: Path) -> None:
        from quip.node.chain_thread import ChainThread
        from quip.node.process.metrics import Metrics

        self.now = now
        memory = ClockMemory(tmp_path / "clock")
        if remembered is not None:
            memory.remember(remembered)
            memory = ClockMemory(tmp_path / "clock")
        clock = ClockWatch(lambda: self.now, lambda: 0.0)
        self.writer = ChainThread(chain, clock, Metrics("0", "test"))
        self.producer = BlockProducer(self.writer, clock, signer(1), b"\1" * 20)
        core: Any = SimpleNamespace(
            writer=self.writer,
            clock=clock,
            time=memory,
            config=SimpleNamespace(auto_mine=True),
            rules=load_rules("dev"),
        )
        self.network: Any = SimpleNamespace(has_met=False, progress=lambda: NOBODY)
        self.miners = SimpleNamespace(running=True, observe=lambda: None, start=lambda: None, stop=lambda: None)
        self.core = core
        setup: Any = SimpleNamespace(producer=self.producer, miners=self.miners)
        self.service = MiningService(setup, core, self.network)

    def begin(self) -> list[str]:
        """The warnings until mining may begin."""
        with structlog.testing.capture_logs() as lines:
            asyncio.run(self.service._first_sync())
        assert self.producer.idle_because is None
        assert self.producer.template() is not None
        self.lines = lines
        return [line["event"] for line in lines if line["log_level"] == "warning"]


@pytest.fixture
def made() -> Iterator[list[World]]:
    worlds: list[World] = []
    yield worlds
    for world in worlds:
        world.writer.close()


@pytest.mark.parametrize(
    ("blocks", "ahead_s", "remembered_s", "warned"),
    [
        (3, DAY_S, None, False),  # stopped for a day
        (3, DAY_S, 0, False),
        (3, FAR_S + 1, FAR_S - DAY_S, False),  # nothing was mined for a month, but a node ran
        (3, FAR_S, None, False),
        (3, FAR_S + 1, None, True),
        (3, 365 * DAY_S, 0, True),
        (0, 365 * DAY_S, None, False),  # a first run: a genesis is no clock
        (0, 365 * DAY_S, 0, True),
        (0, 365 * DAY_S, 360 * DAY_S, False),
    ],
)
def test_a_clock_far_ahead_of_everything_is_told_once_and_a_pause_is_not(
    blocks: int, ahead_s: int, remembered_s: int | None, warned: bool, tmp_path: Path, made: list[World]
) -> None:
    chain = grown(blocks).chain if blocks else new_chain()
    head_s = chain.head.header.timestamp
    remembered = None if remembered_s is None else head_s + remembered_s
    made.append(World(chain, head_s + ahead_s, remembered, tmp_path))
    warnings = made[0].begin()
    assert len(warnings) == warned
    if warned:
        (line,) = [line for line in made[0].lines if line["log_level"] == "warning"]
        assert "clock is far ahead" in line["event"]
        assert (line["clock"][-3:], line["newest_known"][-3:]) == ("UTC", "UTC")
        assert "quip db rewind" in line["hint"]


def test_who_mines_on_the_public_network_alone_is_told_once(tmp_path: Path, made: list[World]) -> None:
    chain = grown(3).chain
    made.append(World(chain, chain.head.header.timestamp + 10, None, tmp_path))
    world = made[0]

    def warnings() -> list[str]:
        with structlog.testing.capture_logs() as lines:
            world.service._warn_if_alone()
        return [line["event"] for line in lines]

    assert warnings() == [], "a dev chain of one node is a network"
    world.core.rules = replace(load_rules("dev"), spec=replace(load_rules("dev").spec, name="public"))
    world.network.has_met = True
    assert warnings() == []
    assert not is_alone(world.core.rules, world.network)
    world.network.has_met = False
    assert warnings() == [ALONE]
    assert warnings() == []


@pytest.mark.parametrize(("blocks", "days", "told"), [(0, 31, True), (0, 29, False), (3, 31, False)])
def test_who_begins_alone_on_an_old_genesis_is_told(
    tmp_path: Path, made: list[World], blocks: int, days: int, told: bool
) -> None:
    chain = grown(blocks).chain
    dev = load_rules("dev").spec
    now = dev.genesis.timestamp + days * 86_400
    made.append(World(chain, now, None, tmp_path))
    world = made[0]
    world.core.rules = replace(load_rules("dev"), spec=replace(dev, name="public"))
    world.network.has_met = False
    with structlog.testing.capture_logs() as lines:
        world.service._warn_if_alone()
    assert [line["event"] for line in lines] == [ALONE, OLD_GENESIS][: 1 + told]
