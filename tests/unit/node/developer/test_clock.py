"""A developer's clock: moved at will, never behind the head, and never so far that the node refuses its own block."""

import pytest

from quip.node.developer.clock import DeveloperClock
from quip.rpc.errors import CallFailed

HORIZON_S = 1_000


class World:
    """A system's clock and a head, both of our choice."""

    def __init__(self) -> None:
        self.now, self.latest = 100, 90
        self.clock = DeveloperClock(lambda: self.now, lambda: self.latest, HORIZON_S)

    def mine(self) -> int:
        """The timestamp of a block on the head."""
        self.latest = max(self.clock.block_time(), self.latest + 1)
        self.clock.mined(self.latest)
        return self.latest


@pytest.fixture
def world() -> World:
    return World()


def test_left_alone_it_is_the_systems(world: World) -> None:
    assert world.mine() == 100
    world.now = 107
    assert world.mine() == 107


def test_it_is_moved_by_seconds_and_stays_so(world: World) -> None:
    assert world.clock.increase(50) == 50
    assert world.mine() == 150
    world.now += 5
    assert world.mine() == 155
    assert world.clock.increase(10) == 60


def test_it_is_moved_from_the_head_where_that_is_ahead(world: World) -> None:
    world.latest = 300
    assert world.clock.increase(50) == 250
    assert world.mine() == 350


def test_the_next_block_has_the_timestamp_that_was_set_and_the_clock_goes_on(world: World) -> None:
    world.clock.set_next(500)
    world.now += 20
    assert world.mine() == 500
    world.now += 3
    assert world.mine() == 503


@pytest.mark.parametrize("timestamp", [0, 89, 90])
def test_time_does_not_go_back(world: World, timestamp: int) -> None:
    with pytest.raises(CallFailed, match="lower than or equal to previous block's timestamp 90"):
        world.clock.set_next(timestamp)


def test_nor_beyond_what_the_chain_takes(world: World) -> None:
    world.clock.set_next(100 + HORIZON_S)
    with pytest.raises(CallFailed, match="ahead of the system's clock"):
        world.clock.set_next(101 + HORIZON_S)
    with pytest.raises(CallFailed, match="ahead of the system's clock"):
        world.clock.increase(HORIZON_S + 1)
    assert world.clock.increase(HORIZON_S) == HORIZON_S
