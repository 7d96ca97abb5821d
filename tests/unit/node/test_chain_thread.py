"""The thread that changes the chain: outcomes, the full disk, and what came too early."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any

import pytest

from quip.chain.chain import Accepted, Chain, Status
from quip.chain.ports import ChainStore, ImportChange
from quip.consensus.errors.root import ConsensusError
from quip.consensus.types.block import Block
from quip.node.chain_thread import ChainThread
from quip.node.process.clock import ClockWatch
from quip.node.process.metrics import Metrics
from quip.storage.errors import StoreFull
from sim.honest.chain_generator import ChainGenerator
from support.chains import generator, memory_store, network_spec, new_chain, puzzle_of


class FullDisk:
    """A real store whose disk is full while `full`."""

    def __init__(self, store: ChainStore) -> None:
        self._store = store
        self.full = False

    def commit(self, *changes: ImportChange) -> None:
        if self.full:
            raise StoreFull("disk is full")
        self._store.commit(*changes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Bench:
    """A chain thread with its clock and disk in our hands."""

    def __init__(self) -> None:
        self.disk = FullDisk(memory_store(network_spec()))
        spec = network_spec()
        chain = Chain.open(spec, self.disk, puzzle_of(spec))
        self.made: ChainGenerator = generator(new_chain(), seed=7)
        self.now = float(chain.head.header.timestamp + 10**9)
        self.metrics = Metrics("0", "test")
        self.thread = ChainThread(chain, ClockWatch(lambda: self.now, lambda: 0.0), self.metrics)

    def count(self, outcome: str) -> float:
        return self.metrics.registry.get_sample_value("quip_blocks_total", {"outcome": outcome}) or 0.0

    def height(self) -> float | None:
        return self.metrics.registry.get_sample_value("quip_chain_height")


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.thread.close()


def test_blocks_are_accepted_and_counted(bench: Bench) -> None:
    block = bench.made.block(bench.made.chain.head)
    accepted = bench.thread.accept(block)
    assert accepted is not None
    assert accepted.status is Status.CONNECTED
    again = bench.thread.accept(block)
    assert again is not None
    assert again.status is Status.KNOWN
    assert (bench.count("connected"), bench.count("known"), bench.height()) == (1, 1, 1)


def test_an_invalid_block_is_refused_and_nothing_moves(bench: Bench) -> None:
    block = bench.made.block(bench.made.chain.head)
    assert bench.thread.accept(replace(block, header=replace(block.header, nonce=b"\xff" * 8))) is None
    assert (bench.count("invalid"), bench.height()) == (1, 0)


def test_a_full_disk_stalls_and_the_block_enters_once_there_is_room(bench: Bench) -> None:
    block = bench.made.block(bench.made.chain.head)
    bench.disk.full = True
    assert bench.thread.accept(block) is None
    assert bench.thread.stalled
    bench.thread.tick()
    assert bench.thread.stalled
    bench.disk.full = False
    bench.thread.tick()
    assert not bench.thread.stalled
    assert bench.height() == 1
    assert bench.count("disk full") == 1


def test_a_block_of_the_future_waits_for_its_time(bench: Bench) -> None:
    block = bench.made.block(bench.made.chain.head)
    bench.now = float(block.header.timestamp - network_spec().difficulty.future_limit - 1)
    assert bench.thread.accept(block) is None
    bench.thread.tick()
    assert (bench.count("future"), bench.height()) == (1, 0)
    bench.now += 2
    bench.thread.tick()
    assert bench.height() == 1


def test_early_blocks_outlast_a_full_disk(bench: Bench) -> None:
    """Their time comes while nothing can be stored: none of them is forgotten."""
    first = bench.made.block(bench.made.chain.head)
    siblings = [first, *(generator(new_chain(), seed=seed).block(bench.made.chain.head) for seed in (5, 6))]
    bench.now = float(max(block.header.timestamp for block in siblings) - network_spec().difficulty.future_limit - 10)
    assert [bench.thread.accept(block) for block in siblings] == [None] * 3
    bench.now += 100
    bench.disk.full = True
    bench.thread.tick()
    bench.thread.tick()
    bench.disk.full = False
    bench.thread.tick()
    assert all(bench.thread.chain.tree.has(block.header.hash) for block in siblings)


def test_a_template_builds_on_the_head(bench: Bench) -> None:
    template = bench.thread.template(bytes(20), b"\x01" * 20)
    assert template.header.parent_hash == bench.thread.chain.head.hash
    assert template.header.timestamp == int(bench.now)
    assert template.header.miner_id == b"\x01" * 20


def blocks_of(made: ChainGenerator, count: int) -> list[Block]:
    found = []
    for _ in range(count):
        found.append(made.block(made.chain.head))
        made.accept(found[-1])
    return found


def test_many_blocks_are_taken_together(bench: Bench) -> None:
    blocks = blocks_of(bench.made, 4)
    broken = replace(blocks[2], header=replace(blocks[2].header, gas_used=1))
    outcomes = bench.thread.submit([blocks[0], blocks[1], broken, blocks[0]]).result()
    assert [type(outcome).__name__ for outcome in outcomes][:2] == ["Accepted", "Accepted"]
    assert isinstance(outcomes[2], ConsensusError)
    assert isinstance(outcomes[3], Accepted)
    assert outcomes[3].status is Status.KNOWN
    assert bench.thread.submit(blocks[2:]).result()[1] is not None
    assert (bench.height(), bench.count("connected"), bench.count("invalid")) == (4, 4, 1)


def test_what_did_not_fit_the_disk_is_no_fault_of_the_blocks_and_enters_later(bench: Bench) -> None:
    blocks = blocks_of(bench.made, 3)
    bench.disk.full = True
    assert bench.thread.submit(blocks).result() == [None, None, None]
    bench.disk.full = False
    bench.thread.tick()
    assert (bench.thread.stalled, bench.height()) == (False, 3)


def test_a_stopping_thread_takes_nothing(bench: Bench) -> None:
    bench.thread.stop_taking()
    assert bench.thread.submit(blocks_of(bench.made, 2)).result() == [None, None]
    assert bench.height() == 0


def test_it_runs_on_whatever_executor_it_is_given() -> None:
    class AtOnce(Executor):
        def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
            done: Future[Any] = Future()
            done.set_result(function(*arguments, **named))
            return done

    made = generator(new_chain(), seed=7)
    thread = ChainThread(new_chain(), ClockWatch(lambda: 1e10, lambda: 0.0), Metrics("0", "test"), AtOnce())
    assert thread.accept(made.block(made.chain.head)) is not None
    thread.close()
