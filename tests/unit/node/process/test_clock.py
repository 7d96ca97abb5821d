"""The watch on the clock, with clocks of our own."""

import pytest

from quip.node.process.clock import JUMP_S, SETTLE_S, ClockWatch


class Clocks:
    """A wall clock and a steady clock that the test moves."""

    def __init__(self) -> None:
        self.wall = 1_700_000_000.0
        self.steady = 100.0

    def pass_time(self, seconds: float, jump: float = 0.0) -> None:
        self.steady += seconds
        self.wall += seconds + jump


@pytest.mark.parametrize(("jump", "words"), [(3600.0, "forwards by 3600 s"), (-60.0, "backwards by 60 s")])
def test_a_jump_is_noticed_once_and_mining_waits(jump: float, words: str) -> None:
    clocks = Clocks()
    watch = ClockWatch(lambda: clocks.wall, lambda: clocks.steady)
    clocks.pass_time(1.0, jump)
    assert watch.steady
    assert words in str(watch.look())
    assert not watch.steady
    assert watch.look() is None
    clocks.pass_time(SETTLE_S)
    assert watch.look() is None
    assert watch.steady
    assert watch.now() == int(clocks.wall)


@pytest.mark.parametrize("drift", [0.0, JUMP_S - 0.1, 0.1 - JUMP_S])
def test_small_drift_is_no_jump(drift: float) -> None:
    clocks = Clocks()
    watch = ClockWatch(lambda: clocks.wall, lambda: clocks.steady)
    clocks.pass_time(3600.0, drift)
    assert watch.look() is None
    assert watch.steady


def test_the_real_clocks_agree() -> None:
    watch = ClockWatch()
    assert watch.look() is None
    assert watch.now() > 1_600_000_000
