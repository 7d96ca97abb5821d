"""Where miners get work: fresh templates, and none while mining has to wait."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quip.chain.template import Template
from quip.node.chain_thread import ChainThread
from quip.node.mining.block_producer import BLOCKED_S, BlockProducer
from quip.node.process.clock import SETTLE_S, ClockWatch, utc
from quip.node.process.metrics import Metrics
from quip.storage.errors import StoreCorrupt
from quip.wallet.errors import KeyExhausted, WalletError, WriteFailed
from support.chains import generator, network_spec, new_chain
from support.signers import MemorySigner, signer

PAYEE = b"\x0b" * 20


class FailingSigner:
    """A signer that can be told to fail."""

    def __init__(self, inner: MemorySigner) -> None:
        self._inner = inner
        self.failure: WalletError | None = None
        self.keys = inner.keys
        self.miner_id = inner.miner_id

    def sign_block(self, block_hash: bytes) -> tuple[bytes, bytes]:
        if self.failure is not None:
            raise self.failure
        return self._inner.sign_block(block_hash)


class Bench:
    """A block producer over a real chain, with the clocks in our hands."""

    def __init__(self) -> None:
        self.made = generator(new_chain(), seed=3, miners=1)
        self.wall = float(self.made.chain.head.header.timestamp + 1000)
        self.steady = 1000.0
        self.clock = ClockWatch(lambda: self.wall, lambda: self.steady)
        self.thread = ChainThread(self.made.chain, self.clock, Metrics("0", "test"))
        self.signer: Any = FailingSigner(signer(1))
        self.desk = BlockProducer(self.thread, self.clock, self.signer, PAYEE)

    def work(self) -> Template:
        template = self.desk.template()
        assert template is not None
        return template

    def prove(self, template: Template) -> tuple[int, tuple[bytes, ...]]:
        return self.made._prove(template)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.thread.close()


def test_a_proof_goes_from_template_to_head(bench: Bench) -> None:
    template = bench.work()
    assert (template.header.beneficiary, template.header.miner_id) == (PAYEE, bench.signer.miner_id)
    block = bench.desk.seal(template, *bench.prove(template))
    assert block is not None
    assert bench.desk.submit(block)
    assert bench.desk.reward_of(block) > 0
    assert not bench.desk.is_current(template)
    assert bench.work().header.number == 2


def test_a_template_is_kept_for_a_second(bench: Bench) -> None:
    first = bench.work()
    assert bench.work() is first
    bench.wall += 1
    bench.steady += 1
    assert bench.work().header.timestamp == first.header.timestamp + 1


def test_after_a_jump_of_the_clock_mining_waits(bench: Bench) -> None:
    bench.wall += 3600
    bench.clock.look()
    assert bench.desk.template() is None
    assert bench.desk.idle_because == "the clock jumped"
    bench.steady += SETTLE_S
    bench.wall += SETTLE_S
    assert bench.desk.idle_because is None


def test_a_clock_behind_the_chain_gives_no_work(bench: Bench) -> None:
    bench.wall -= 2000 + network_spec().difficulty.future_limit
    assert bench.desk.template() is None
    assert bench.desk.idle_because == "the clock is behind the chain"


def test_a_clock_behind_the_chain_is_told_with_both_times_the_gap_and_the_way_back(bench: Bench) -> None:
    chain = bench.made.chain
    chain.spec = replace(chain.spec, difficulty=replace(chain.spec.difficulty, future_limit=60))
    while bench.made.chain.head.header.number < 6:
        template = bench.work()
        block = bench.desk.seal(template, *bench.prove(template))
        assert block is not None
        assert bench.desk.submit(block)
        bench.wall += 3600
    assert bench.desk.idle_details == {}
    third, head = bench.made.chain.block_by_number(3), bench.made.chain.head.header
    assert third is not None
    bench.wall = float(third.header.timestamp + 300)
    details = bench.desk.idle_details
    assert details["head_time"] == utc(head.timestamp)
    assert details["clock"] == utc(third.header.timestamp + 300)
    assert details["gap"] == "2 h 55 min"
    assert "quip db rewind --to 3" in details["hint"]
    bench.wall = 0.0
    assert "quip db rewind --to 0" in bench.desk.idle_details["hint"]


def test_a_signer_that_cannot_write_is_left_alone_for_a_while(bench: Bench) -> None:
    template = bench.work()
    bench.signer.failure = WriteFailed(Path("journal"), OSError(28, "No space left on device"))
    assert bench.desk.seal(template, *bench.prove(template)) is None
    assert bench.desk.template() is None
    bench.steady += BLOCKED_S
    bench.wall += BLOCKED_S
    assert bench.desk.idle_because is None


def test_a_store_that_cannot_be_read_is_left_alone_for_a_while(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(root: bytes) -> None:
        raise StoreCorrupt(f"table nodes: {root.hex()}")

    with monkeypatch.context() as patched:
        patched.setattr(bench.made.chain.tree, "state", broken)
        assert bench.desk.template() is None
        assert bench.desk.idle_because == "the store cannot be read"
    bench.steady += BLOCKED_S
    bench.wall += BLOCKED_S
    assert bench.work().header.number == 1


def test_a_used_up_signer_ends_mining(bench: Bench) -> None:
    template = bench.work()
    bench.signer.failure = KeyExhausted(1)
    assert bench.desk.seal(template, *bench.prove(template)) is None
    assert bench.desk.template() is None
    assert "one-time keys" in (bench.desk.idle_because or "")


def test_a_closed_desk_has_no_work(bench: Bench) -> None:
    bench.desk.close()
    assert (bench.desk.template(), bench.desk.idle_because) == (None, "the node stops")


def test_while_mining_waits_there_is_no_work_and_nothing_is_signed(bench: Bench) -> None:
    template = bench.work()
    proof = bench.prove(template)
    bench.desk.wait_for("the first sync is not over")
    assert (bench.desk.template(), bench.desk.idle_because) == (None, "the first sync is not over")
    assert bench.desk.seal(template, *proof) is None
    bench.desk.wait_for(None)
    block = bench.desk.seal(template, *proof)
    assert block is not None
    assert bench.desk.has_made(block.header.hash)
    assert not bench.desk.has_made(template.header.parent_hash)


def test_a_desk_that_gave_up_signs_nothing(bench: Bench) -> None:
    template = bench.work()
    bench.desk.give_up("another node signs with this identity")
    assert bench.desk.seal(template, *bench.prove(template)) is None
    assert bench.desk.idle_because == "another node signs with this identity"
