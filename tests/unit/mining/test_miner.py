"""A miner whose threads meet what nobody foresaw: it says so, and goes on."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from quip.ising.puzzle import Puzzle
from quip.mining import worker
from quip.mining.miner import RESTART_S, Miner, MinerSetup
from quip.mining.plan import FALLBACK
from quip.mining.samplers.cpu import CpuSampler
from quip.mining.samplers.sampler import SamplerFailure
from quip.node.process.failures import Failures
from support.chains import network_spec, new_chain, puzzle_of

DEADLINE_S = 30.0


class Desk:
    """Gives the same work again and again, or raises what it was told to."""

    def __init__(self) -> None:
        chain = new_chain()
        self._template = chain.draft(b"\1" * 20, b"\2" * 20, chain.head.header.timestamp + 1000).build()
        self.failure: Exception | None = None
        self.asked = 0

    def template(self) -> Any:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return self._template

    def is_current(self, template: object) -> bool:
        return False


class Flaky(CpuSampler):
    """A device that can be lost."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = False
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.hangs = threading.Event()

    def sample(self, *arguments: Any) -> Any:
        if not self.goes_on.is_set():
            self.hangs.set()
        self.goes_on.wait(DEADLINE_S)
        if self.lost:
            raise SamplerFailure("device lost")
        return super().sample(*arguments)


class Bench:
    """A miner of two workers, and all threads of this process watched."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.samplers = (Flaky(), Flaky())
        self.counted: list[str] = []
        self.failures = Failures(self.counted.append)
        puzzle: Puzzle = puzzle_of(network_spec())
        self.miner = Miner(MinerSetup("CPU-1", self.samplers, FALLBACK), puzzle, self.desk)  # type: ignore[arg-type]

    def until(self, condition: Callable[[], object]) -> None:
        deadline_s = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline_s
            threading.Event().wait(0.005)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    with made.failures.watching_threads():
        yield made
        made.miner.stop()


def test_a_dead_thread_is_no_miner_and_comes_back(bench: Bench) -> None:
    assert bench.miner.failing is None
    bench.miner.start()
    bench.until(lambda: bench.miner.statistics().attempts)
    assert bench.miner.failing is None
    bench.desk.failure = PermissionError(13, "Permission denied", "node.log")
    bench.until(lambda: bench.miner.failing)
    assert bench.miner.failing == "PermissionError: [Errno 13] Permission denied: 'node.log'"
    assert bench.miner.trouble == bench.miner.failing
    bench.until(lambda: len(bench.failures.objects()) == 2)
    assert {one["thread"] for one in bench.failures.objects()} == {"CPU-1.0", "CPU-1.1"} == set(bench.counted)
    assert bench.miner.statistics().failures == 2
    asked = bench.desk.asked
    bench.miner.tend(0.0)
    assert bench.desk.asked == asked, "a moment later it would only fail again"
    bench.desk.failure = None
    attempts = bench.miner.statistics().attempts
    bench.miner.tend(time.monotonic() + RESTART_S)
    bench.until(lambda: bench.miner.statistics().attempts > attempts)
    assert bench.miner.failing is None


def test_a_lost_device_is_no_miner_until_it_is_found_again(bench: Bench) -> None:
    bench.miner.start()
    bench.samplers[0].lost = True
    bench.until(lambda: bench.miner.trouble)
    assert bench.miner.trouble == "device lost"
    assert bench.miner.failing is None, "the other worker mines"
    bench.samplers[1].lost = True
    bench.until(lambda: bench.miner.failing)
    assert bench.miner.failing == "device lost"
    for sampler in bench.samplers:
        sampler.lost = False
    bench.until(lambda: bench.miner.trouble is None)


@pytest.mark.parametrize("told_to_end", [True, False])
def test_a_sampler_that_hangs_is_no_miner_until_it_answers(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, told_to_end: bool
) -> None:
    bench.miner.start()
    bench.until(lambda: bench.miner.statistics().attempts)
    for sampler in bench.samplers:
        sampler.goes_on.clear()
    bench.until(lambda: all(sampler.hangs.is_set() for sampler in bench.samplers))
    if told_to_end:
        monkeypatch.setattr(worker, "CANCEL_S", 0.0)
        bench.miner.new_head()
    else:
        assert bench.miner.failing is None, "it may still answer"
        monkeypatch.setattr(worker, "ANSWER_S", 0.05)
    bench.until(lambda: bench.miner.failing)
    assert bench.miner.failing == "its sampler does not answer"
    for sampler in bench.samplers:
        sampler.goes_on.set()
    monkeypatch.undo()
    bench.until(lambda: bench.miner.trouble is None)


def test_after_the_end_nothing_is_started_again(bench: Bench) -> None:
    bench.desk.failure = RuntimeError("a mistake of ours")
    bench.miner.start()
    bench.until(lambda: bench.miner.failing)
    bench.miner.stop()
    asked = bench.desk.asked
    bench.miner.tend(time.monotonic() + 1000)
    assert bench.desk.asked == asked


def test_attempts_without_a_valid_set_show_how_near_they_came(bench: Bench) -> None:
    bench.desk._template = replace(
        bench.desk._template, requirements=replace(bench.desk._template.requirements, margin=1 << 20)
    )
    bench.miner.start()
    bench.until(lambda: bench.miner.statistics().best_margin is not None)  # few instances have a diverse set at all
    found = bench.miner.statistics()
    assert found.valid_sets == 0
    assert found.block.margin == 1 << 20
    assert found.best_margin is not None
    assert found.block.best_margin == found.best_margin < 1 << 20
    assert found.block.attempts == found.attempts
