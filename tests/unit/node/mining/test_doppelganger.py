"""Somebody else signs with our identity: noticed at once, and never mistaken for our own earlier blocks."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quip.chain.chain import Chain
from quip.chain.ports import BlockSigner
from quip.node.chain_thread import ChainThread
from quip.node.mining.block_producer import BlockProducer, Identity
from quip.node.mining.doppelganger import REASON, Doppelganger
from quip.node.process.clock import ClockWatch
from quip.node.process.metrics import Metrics
from quip.wallet.mining_identity.identity import MiningIdentity
from sim.honest.chain_generator import ChainGenerator
from support.chains import generator, network_spec, new_chain, puzzle_of
from support.signers import MemorySigner, signer

BLOCKS = 3
OpenDesk = Callable[[Chain, Identity], BlockProducer]


class Forgetful(MemorySigner):
    """Our keys, in a process that did not sign the blocks in question."""

    def has_signed(self, block_hash: bytes, leaf: int) -> bool:
        return False


@pytest.fixture
def open_desk() -> Iterator[OpenDesk]:
    threads: list[ChainThread] = []

    def opened(chain: Chain, identity: Identity) -> BlockProducer:
        clock = ClockWatch(lambda: chain.head.header.timestamp + 1000.0, lambda: 0.0)
        threads.append(ChainThread(chain, clock, Metrics("0", "test")))
        return BlockProducer(threads[-1], clock, identity, bytes(20))

    yield opened
    for thread in threads:
        thread.close()


def signed_by(key: BlockSigner) -> Chain:
    made = ChainGenerator(new_chain(), puzzle_of(network_spec()), [key], 5)
    for _ in made.extend(BLOCKS):
        pass
    return made.chain


def replay(source: Chain, target: Chain) -> None:
    for number in range(1, BLOCKS + 1):
        stored = source.block_by_number(number)
        assert stored is not None
        target.accept(stored.block, stored.header.timestamp)


def test_blocks_of_an_earlier_run_are_ours(tmp_path: Path, open_desk: OpenDesk) -> None:
    keys, records = tmp_path / "keys", tmp_path / "records"
    with MiningIdentity.open(keys, network_spec().chain_id, records) as identity:
        before = signed_by(identity)
    with MiningIdentity.open(keys, network_spec().chain_id, records) as identity:
        assert not identity.fresh_because
        desk = open_desk(before, identity)
        Doppelganger(before, identity, desk).look_back()
        assert desk.idle_because is None
        lost = new_chain()
        desk = open_desk(lost, identity)
        lost.subscribe(Doppelganger(lost, identity, desk))
        replay(before, lost)
        assert (lost.head.hash, desk.idle_because) == (before.head.hash, None)


def test_a_block_that_we_never_signed_ends_signing(open_desk: OpenDesk) -> None:
    clone = signed_by(signer(1))
    ours = Forgetful(1, network_spec().chain_id)
    chain = new_chain()
    desk = open_desk(chain, ours)
    chain.subscribe(Doppelganger(chain, ours, desk))
    replay(clone, chain)
    assert desk.idle_because == REASON
    later = open_desk(chain, ours)
    Doppelganger(chain, ours, later).look_back()
    assert later.idle_because == REASON


def test_blocks_of_others_are_none_of_our_business(open_desk: OpenDesk) -> None:
    ours = Forgetful(3, network_spec().chain_id)
    chain = new_chain()
    desk = open_desk(chain, ours)
    chain.subscribe(Doppelganger(chain, ours, desk))
    for _ in generator(chain, miners=2).extend(BLOCKS):
        pass
    assert desk.idle_because is None
