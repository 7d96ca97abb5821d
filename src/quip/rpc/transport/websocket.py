"""JSON-RPC on one WebSocket: calls in order, one at a time, and beside them what the connection subscribed to.

What is not sent yet is not kept: a call is read when the answer of the one before is on its way, and news are read from
the store when there is room for them. So a client that takes nothing costs a few buffers, until it is cut off
(socket_connection.py).
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from quip.rpc.transport.dispatch import Dispatcher, Method, encode
from quip.storage.errors import StoreError

INTERNAL_ERROR = 1011  # RFC 6455, section 7.4.1
ENDED = (WebSocketDisconnect, RuntimeError)
"""What comes of a send after the client has gone (RuntimeError: Starlette's word for it)."""

ACCESS_LOG = "quip.http"

access_log = structlog.get_logger(ACCESS_LOG)
log = structlog.get_logger("quip.rpc")


class Feed(Protocol):
    """What one connection can subscribe to. One call at a time, of whatever thread."""

    @property
    def methods(self) -> Sequence[Method]:
        """Those that subscribe and unsubscribe."""

    @property
    def poll_s(self) -> float | None:
        """How often to ask for news that nobody tells of; None: never."""

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call it, from any thread, when there may be news. Returns the call that ends it."""

    def answered(self) -> None:
        """Every answer so far is sent."""

    def read(self) -> tuple[list[dict[str, Any]], bool]:
        """Notifications of what is new, and whether there may be more at once."""


class Session:
    """One connection from its upgrade to its end."""

    def __init__(self, socket: WebSocket, dispatcher: Dispatcher, feed: Feed, admin: bool) -> None:
        """`admin`: may the caller use admin methods?"""
        self._socket = socket
        self._dispatcher = dispatcher
        self._feed = feed
        self._admin = admin
        self._own = {method.name: method for method in feed.methods}
        self._news = asyncio.Event()
        self._feed_lock = asyncio.Lock()
        self._messages = 0
        self._notifications = 0

    async def run(self) -> None:
        """Talk until either side ends it."""
        await self._socket.accept()
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        stop = self._feed.listen(partial(_wake, loop, self._news))
        halves = [loop.create_task(half) for half in (self._answer(), self._tell())]
        try:
            await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop()
            for half in halves:
                half.cancel()
            outcomes = await asyncio.gather(*halves, return_exceptions=True)
            access_log.info(
                "rpc socket",
                client=self._socket.client.host if self._socket.client else None,
                messages=self._messages,
                notifications=self._notifications,
                s=round(time.monotonic() - started, 2),
            )
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, ENDED):
                raise outcome

    async def _answer(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            self._messages += 1
            body = message.get("text")
            body = message.get("bytes") or b"" if body is None else body.encode()
            async with self._feed_lock:
                answer = await self._dispatcher.handle(body, self._admin, self._own)
                if answer is not None:
                    await self._socket.send_text(answer.decode())
                self._feed.answered()
            self._news.set()

    async def _tell(self) -> None:
        """Send what is new, as fast as it is taken."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._feed.poll_s):
                        await self._news.wait()
                self._news.clear()
                more = True
                while more:
                    async with self._feed_lock:
                        found, more = await self._dispatcher.in_pool(self._feed.read)
                        for one in found:
                            await self._socket.send_text(encode(one).decode())
                            self._notifications += 1
                            await asyncio.sleep(0)  # it leaves now; only then is it known whether there is room
        except StoreError as error:
            log.error("a subscription failed", reason=str(error))
            await self._socket.close(INTERNAL_ERROR)


def _wake(loop: asyncio.AbstractEventLoop, news: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # the node stops, and the loop with it
        loop.call_soon_threadsafe(news.set)
