"""The shell around the overlay: two of them in one process, over real UDP, with chains in memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from quip.chain.batch import YOUNG_BRANCHES
from quip.chain.chain import Chain
from quip.net.actions import Answer, ImportBlocks
from quip.net.address import Address
from quip.net.events import Answered, Closed, Received, Tick
from quip.net.peers.trust_db import TrustEditor
from quip.net.ports import KnownAddress
from quip.net.quic.endpoint import EndpointConfig
from quip.net.quic.node_identity import NodeIdentity
from quip.net.wire.messages import BlockRequest
from quip.networks.network import Network
from quip.node.chain_thread import ChainThread
from quip.node.config import node_config
from quip.node.errors import ThreadFailed
from quip.node.network import driver
from quip.node.network.driver import QUEUED_EVENTS, NetworkDriver, NetworkParts
from quip.node.network.initial_sync import InitialSync, Readiness
from quip.node.network.opening import open_trust
from quip.node.process.clock import ClockWatch
from quip.node.process.failures import Failures
from quip.node.process.metrics import Metrics
from quip.storage.errors import StoreCorrupt
from support.chains import generator, grown, network_spec, new_chain, puzzle_of
from support.forged import complete_block

BLOCKS = 40
DEADLINE_S = 30


class Node:
    """A driver with a chain, running."""

    def __init__(self, directory: Path, chain: Chain, peers: tuple[str, ...], known: tuple[str, ...]) -> None:
        directory.mkdir()
        self.chain = chain
        self.trust = open_trust(directory / "trust.db")
        heard_s = int(time.time())
        rows = [
            KnownAddress(Address(host, int(port)), "127.0", False, 0, 0, 0, heard_s)
            for host, _, port in (one.rpartition(":") for one in known)
        ]
        self.trust.save_addresses(rows, [])
        clock = ClockWatch()
        counts = Metrics("0", "test")
        self.writer = ChainThread(chain, clock, counts)
        settings = node_config.load({"global": {"peer": list(peers), "data_dir": directory, "port": 0}}, None)
        self.driver = NetworkDriver(
            NetworkParts(
                config=settings,
                rules=Network(network_spec(), b"", puzzle_of(network_spec())),
                transport=EndpointConfig("127.0.0.1", 0, NodeIdentity.open(directory)),
                trust=self.trust,
                writer=self.writer,
                clock=clock,
                public=None,
                has_made=lambda block_hash: False,
                mining=lambda: False,
                counters=counts.public,
                failures=Failures(),
            )
        )

    def close(self) -> None:
        self.writer.close()
        self.trust.close()


@asynccontextmanager
async def running(directory: Path, chain: Chain, *peers: str, known: tuple[str, ...] = ()) -> AsyncIterator[Node]:
    """`peers` are named; `known` are in the address book, as an earlier run left it."""
    node = Node(directory, chain, peers, known)
    await node.driver.start()
    task = asyncio.create_task(node.driver.run())
    await asyncio.sleep(0)  # what has not begun would not end anything
    try:
        yield node
    finally:
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        node.close()
    assert isinstance(result, asyncio.CancelledError), result


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0)


async def test_a_chain_is_fetched_and_followed(tmp_path: Path) -> None:
    made = grown(BLOCKS)
    async with (
        running(tmp_path / "a", made.chain) as elder,
        running(tmp_path / "b", new_chain(), elder.driver.address) as young,
    ):
        assert young.driver.progress().expected
        await until(lambda: young.chain.head.hash == made.chain.head.hash)
        await until(lambda: young.driver.progress().resolved)
        await until(lambda: young.driver.progress().done >= BLOCKS)  # the head moves before the loop hears of it
        block = made.block(made.chain.head)
        assert (await asyncio.wrap_future(elder.writer.submit([block])))[0] is not None
        await until(lambda: young.chain.head.hash == block.header.hash)
        seen = young.driver.seen(block.header.hash)
        assert seen is not None
        await until(lambda: young.driver.figures.address_of(seen.connection) == elder.driver.address)
        await until(elder.driver.figures.peer_objects)
        (peer,) = elder.driver.figures.peer_objects()
        assert peer["direction"] == "inbound"


async def test_who_was_heard_of_in_an_earlier_run_is_asked_before_mining_begins(tmp_path: Path) -> None:
    """A bootstrap names nobody; after a restart it is behind those that once dialled it."""
    made = grown(BLOCKS)
    async with running(tmp_path / "a", made.chain) as elder:
        assert not elder.driver.progress().known
        async with running(tmp_path / "b", new_chain(), known=(elder.driver.address,)) as restarted:
            first = InitialSync(0.0)
            assert not restarted.driver.progress().expected
            assert first.judge(0.0, restarted.driver.progress()) is Readiness.WAIT_FOR_PEERS
            await until(lambda: first.judge(1.0, restarted.driver.progress()).over)
            assert first.judge(1.0, restarted.driver.progress()) is Readiness.SYNCED
            assert (first.fetched, restarted.chain.head.hash) == (BLOCKS, made.chain.head.hash)


async def test_edits_of_another_process_take_effect(tmp_path: Path) -> None:
    async with (
        running(tmp_path / "a", new_chain()) as host,
        running(tmp_path / "b", new_chain()) as guest,
    ):
        assert not guest.driver.progress().expected
        editor = TrustEditor(guest.trust.path)
        editor.add_manual(host.driver.address)
        editor.close()
        await until(lambda: guest.driver.progress().joined)


async def test_an_unreadable_store_ends_the_question_not_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(block_hash: bytes) -> None:
        raise StoreCorrupt("table headers")

    chain = grown(3).chain
    async with running(tmp_path / "a", chain) as node:
        monkeypatch.setattr(chain.tree.reads, "block", broken)
        events: list[Any] = []
        monkeypatch.setattr(node.driver._serving, "_report", events.append)
        node.driver._answer(Answer(1, 4, BlockRequest(chain.head.hash)))
        await until(lambda: Answered(1, 4, None) in events)
        assert node.driver.progress().joined == 0


async def test_while_too_much_lies_unread_answers_come_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who does not read gets no more; who does is not made to suffer for others."""
    chain = grown(3).chain
    async with running(tmp_path / "a", chain) as node:
        events: list[Any] = []
        monkeypatch.setattr(node.driver, "take", events.append)
        monkeypatch.setattr(driver, "MAX_UNSENT_TOTAL", -1)
        monkeypatch.setattr(node.driver._serving, "_start", lambda: None)
        question = BlockRequest(chain.head.hash)
        node.driver._answer(Answer(1, 4, question))
        assert events == []
        node.driver._answer(Answer(1, 8, question))  # the one before waits still
        node.driver._answer(Answer(2, 4, question))
        assert events == [Answered(1, 8, None)]
        monkeypatch.setattr(node.driver._transport, "unsent_to", lambda connection: int(connection == 3))
        node.driver._answer(Answer(3, 4, question))
        assert events == [Answered(1, 8, None), Answered(3, 4, None)]
        node.driver._handle(Closed(1, "gone"))
        assert not node.driver._serving.holds(1)
        assert node.driver._serving.holds(2)


async def test_acting_on_what_a_peer_says_is_charged_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path / "a", new_chain()) as node:
        charged: list[tuple[int, float]] = []
        monkeypatch.setattr(node.driver._transport, "charge", lambda *what: charged.append(what))
        node.driver._handle(Received(7, 0, b"x", False))
        node.driver._handle(Tick())
        ((connection, seconds),) = charged
        assert connection == 7
        assert seconds > 0


async def test_a_failure_in_the_chains_thread_ends_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw must not leave a sync waiting for ever for the outcome of an import."""

    def broken(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    async with running(tmp_path / "a", new_chain()) as node:
        monkeypatch.setattr(node.chain, "accept_many", broken)
        made = generator(new_chain())
        node.driver._carry_out(ImportBlocks(1, (complete_block(made.block(made.chain.head)),), YOUNG_BRANCHES))
        with pytest.raises(ThreadFailed, match="chain's thread failed: RuntimeError: a mistake of ours"):
            await asyncio.wait_for(node.writer.run(), DEADLINE_S)


async def test_a_heart_that_stops_ends_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    node = Node(tmp_path / "a", new_chain(), (), ())
    await node.driver.start()
    monkeypatch.setattr(node.driver, "_look_at_policy", broken)
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        await asyncio.wait_for(node.driver.run(), DEADLINE_S)
    node.close()


async def test_while_the_queue_is_long_nobody_else_has_a_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "TURN_S", 0.0)
    async with running(tmp_path / "a", new_chain()) as node:
        monkeypatch.setattr(node.driver, "_handle", lambda event: None)
        for _ in range(QUEUED_EVENTS + 500):
            node.driver.take(Tick())
        await asyncio.sleep(0)
        assert 0 < len(node.driver._events) <= QUEUED_EVENTS
        await until(lambda: not node.driver._events)


async def test_bootnodes_are_dialled_while_there_is_hardly_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = grown(3)
    async with running(tmp_path / "a", made.chain) as boot, running(tmp_path / "b", new_chain()) as young:
        assert not young.driver.has_met
        assert not young.driver.progress().expected
        monkeypatch.setattr(young.driver, "_bootnodes", (boot.driver.address,))
        await until(lambda: young.driver.progress().joined)
        await until(lambda: young.driver.has_met and boot.driver.has_met)
        await until(lambda: young.chain.head.hash == made.chain.head.hash)
        monkeypatch.setattr(driver, "ENOUGH_PEERS", 1)
        await until(lambda: young.driver._named == ())
        assert young.driver.progress().joined


@pytest.mark.parametrize(
    ("given", "found"), [(None, ("shipped:1",)), ([], ()), (["own.example"], ("own.example:20049",))]
)
def test_bootnodes_of_the_operator_replace_the_shipped_ones(
    given: list[str] | None, found: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Network, "bootnodes", property(lambda _: ("shipped:1",)))
    settings = node_config.load({"global": {} if given is None else {"bootnodes": given}}, None)
    rules = Network(network_spec(), b"", puzzle_of(network_spec()))
    assert driver.bootnodes_of(settings, rules) == found
