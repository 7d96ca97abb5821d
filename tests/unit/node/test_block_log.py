"""The lines that people read: one a block, and during a sync one every few seconds instead."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import structlog

from quip.chain.events import Head, HeadChanged
from quip.net.sync.sync import SyncState
from quip.net.wire.messages import HeadClaim
from quip.node.block_log import PROGRESS_S, BlockLog
from quip.node.network.driver import Seen
from quip.node.network.stats import NetworkStats
from quip.node.process.metrics import Metrics
from support.chains import grown

IDLE = SyncState(first_done=True, syncing=False, target=None, verified=5, imported=4, peers=1)
BUSY = replace(IDLE, syncing=True, target=HeadClaim(b"\1" * 32, 900, 1))


class World:
    """A chain of four blocks, a network that saw some of them, and the lines."""

    def __init__(self) -> None:
        self.figures = NetworkStats()
        self.known: dict[bytes, Seen] = {}
        self.counts = Metrics("0", "test")
        chain = grown(4).chain
        self.heads = []
        for number in range(5):
            block = chain.block_by_number(number)
            assert block is not None
            self.heads.append(Head(block.header.hash, block.header, block.context))
        self.log = BlockLog(self, self.counts.network, self.heads[4].header.miner_id, chain)

    def seen(self, block_hash: bytes) -> Seen | None:
        return self.known.get(block_hash)

    def move(self, old: int, new: int, depth: int = 0) -> list[dict[str, object]]:
        with structlog.testing.capture_logs() as lines:
            self.log.tell(HeadChanged(self.heads[old], self.heads[new], depth))
        return [dict(line) for line in lines]

    def look(self, now_s: float, head: int, state: SyncState) -> list[str]:
        self.figures.refresh([], state, 0, head)
        with structlog.testing.capture_logs() as lines:
            self.log.look(now_s, head)
        return [str(line["event"]) for line in lines]


@pytest.fixture
def world() -> World:
    return World()


def test_a_block_of_ours_and_one_of_a_peer(world: World) -> None:
    (ours,) = world.move(3, 4)
    assert (ours["event"], ours["number"], ours["miner"]) == ("block", 4, "this node")
    assert not {"peer", "depth"} & set(ours)
    world.known[world.heads[2].hash] = Seen(7, 0.0)
    (theirs,) = world.move(1, 2)
    assert (theirs["peer"], theirs["number"]) == ("gone", 2)
    value = world.counts.registry.get_sample_value
    assert (value("quip_block_delay_seconds_count"), value("quip_block_age_seconds_count")) == (1, 1)


def test_a_reorganisation_says_how_deep(world: World) -> None:
    (line,) = world.move(2, 4, depth=2)
    assert line["depth"] == 2


def test_what_a_sync_brings_by_the_batch_is_told_every_few_seconds(world: World) -> None:
    assert world.move(0, 4) == []
    assert world.look(0.0, 0, BUSY) == []
    assert world.look(PROGRESS_S - 1, 50, BUSY) == []
    assert world.look(PROGRESS_S, 100, BUSY) == ["syncing"]
    assert world.look(PROGRESS_S + 1, 120, BUSY) == []
    assert world.look(PROGRESS_S + 2, 130, IDLE) == ["sync ended"]
    assert world.look(PROGRESS_S + 3, 130, IDLE) == []


def test_what_a_short_sync_brought_is_said_once(world: World) -> None:
    """It may begin and end between two looks; of a single block its own line speaks."""
    assert world.look(0.0, 4, IDLE) == ["sync ended"]
    assert world.look(1.0, 4, BUSY) == []
    assert world.look(2.0, 13, replace(IDLE, imported=13)) == ["sync ended"]
    assert world.look(3.0, 14, replace(IDLE, imported=14)) == []
    assert world.look(4.0, 16, replace(IDLE, imported=16)) == ["sync ended"]
    assert world.look(5.0, 16, replace(IDLE, imported=16)) == []


def test_seconds_between_blocks_are_real_ones(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Header times may run ahead; what somebody reads beside a block is how long it took."""
    times = iter([100.0, 107.5])
    monkeypatch.setattr("quip.node.block_log.time", SimpleNamespace(monotonic=lambda: next(times)))
    (first,) = world.move(1, 2)
    (second,) = world.move(2, 3)
    assert "after_s" not in first
    assert second["after_s"] == 7.5
    assert second["stamped_after_s"] == world.heads[3].header.timestamp - world.heads[2].header.timestamp


def test_the_first_block_is_after_nothing(world: World) -> None:
    (line,) = world.move(0, 1)
    assert not {"after_s", "stamped_after_s"} & set(line)
