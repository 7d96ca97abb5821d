"""Questions about the chain off the loop: connections in turns, failures answered too, nothing after the end."""

import asyncio
import threading
from typing import cast

from quip.net.actions import Answer
from quip.net.chain_server import ChainServer
from quip.net.events import Answered
from quip.net.wire.messages import BlockRequest, Encoded, Request
from quip.node.network.serving_pool import ServingPool
from quip.node.process.failures import Failures
from quip.storage.errors import StoreCorrupt


class Shelf:
    """A library whose first answer takes until it is let go; it fails on what it is told to."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked: list[bytes] = []
        self.broken: dict[bytes, Exception] = {}

    def answer(self, request: Request) -> Encoded:
        assert isinstance(request, BlockRequest)
        assert self.go.wait(30)
        self.asked.append(request.hash)
        if request.hash in self.broken:
            raise self.broken[request.hash]
        return Encoded(0x27, request.hash)


class Bench:
    """A pool whose reports are collected."""

    def __init__(self) -> None:
        self.reports: list[Answered] = []
        self.shelf = Shelf()
        self.failures = Failures()
        self.desk = ServingPool(cast(ChainServer, self.shelf), self.reports.append, self.failures)

    def ask(self, connection: int, *names: bytes) -> None:
        for stream, name in enumerate(names):
            self.desk.submit(Answer(connection, stream, BlockRequest(name)))

    async def wait_for(self, count: int) -> list[Answered]:
        self.shelf.go.set()
        async with asyncio.timeout(30):
            while len(self.reports) < count:
                await asyncio.sleep(0)
        self.desk.close()
        return self.reports


async def test_connections_take_turns() -> None:
    bench = Bench()
    bench.ask(1, b"a", b"b", b"c", b"d")
    bench.ask(2, b"x")
    bench.ask(3, b"y", b"z")
    reports = await bench.wait_for(7)
    assert bench.shelf.asked == [b"a", b"b", b"x", b"y", b"c", b"z", b"d"]
    assert [(one.connection, one.stream, one.message and one.message.payload) for one in reports][:3] == [
        (1, 0, b"a"), (1, 1, b"b"), (2, 0, b"x"),
    ]  # fmt: skip


async def test_what_cannot_be_read_is_answered_by_nothing() -> None:
    bench = Bench()
    bench.shelf.broken = {b"bad": StoreCorrupt("seals", b"bad", "a bit is wrong"), b"bug": RuntimeError("ours")}
    bench.ask(1, b"bad", b"bug", b"good")
    reports = await bench.wait_for(3)
    assert [one.message is None for one in reports] == [True, True, False]
    assert [one["reason"] for one in bench.failures.objects()] == ["RuntimeError: ours"], "a disk is no mistake of ours"


async def test_after_the_end_nothing_is_told() -> None:
    bench = Bench()
    bench.ask(1, *(bytes([number]) for number in range(50)))
    bench.shelf.go.set()
    bench.desk.close()
    await asyncio.sleep(0)
    assert len(bench.reports) < 50
