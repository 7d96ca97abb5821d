"""One HTTP connection: uvicorn's h11 protocol with deadlines for whoever does not go on.

A connection is closed WAIT_S after it began, or after its last answer, unless a whole request head has come by then;
and WAIT_S after it stopped taking what is sent to it. (The time for a request's body is the application's matter.)
"""

import asyncio
from collections.abc import Callable
from typing import Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from quip.rpc.transport.one_write import OneWrite
from quip.rpc.transport.socket_connection import SocketConnection, SocketCount
from quip.rpc.transport.waiting import WAIT_S

__all__ = ["WAIT_S", "Connection"]


class Connection(H11Protocol):
    """A connection that knows since when it has been idle."""

    def __init__(
        self, config: Config, state: ServerState, gone: Callable[["Connection"], None], sockets: SocketCount
    ) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        self._gone = gone
        self._sockets = sockets
        self._upgraded = False
        self.ws_protocol_class = self._socket_protocol  # type: ignore[assignment]
        self._deadline: asyncio.TimerHandle | None = None
        self._unsent = 0
        self._since = self.loop.time()

    def idle_since(self) -> tuple[bool, float] | None:
        """None while an answer is under way; else whether there ever was a request, and since when there is none.

        Who has not sent its request whole yet has asked nothing: a slow body holds a place no better than silence.
        """
        if self._upgraded:
            return None
        if self.cycle is None or self.cycle.response_complete:
            return self.cycle is not None, self._since
        return (False, self._since) if self.cycle.more_body else None

    def evict(self) -> None:
        """Close at once, whatever is still to be sent."""
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """asyncio's protocol, as all below."""
        self._answers = OneWrite(transport, self.loop)
        super().connection_made(self._answers)  # type: ignore[arg-type]
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let others have its place."""
        super().connection_lost(exc)
        self._stop_waiting()
        self._gone(self)

    def handle_events(self) -> None:
        """A request that is whole so far is the application's matter."""
        super().handle_events()
        if self.idle_since() is None and not self.flow.write_paused:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """From here on the client is waited for."""
        self._answers.flush()
        self._since = self.loop.time()
        self._wait()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is told so, unless an answer was sent already: h11 would raise."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def pause_writing(self) -> None:
        """The client does not take what is sent."""
        super().pause_writing()
        self._wait()

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        if self.idle_since() is None:
            self._stop_waiting()

    def _should_upgrade(self) -> bool:
        return self._sockets.has_room and self._get_upgrade() == b"websocket"  # else the application answers

    def _socket_protocol(self, **arguments: Any) -> SocketConnection:
        """What goes on with this connection, which keeps its place."""
        self._upgraded = True
        self._sockets.open += 1
        return SocketConnection(self._socket_lost, **arguments)

    def _socket_lost(self) -> None:
        self._sockets.open -= 1
        self._stop_waiting()
        self._gone(self)

    def _wait(self) -> None:
        self._stop_waiting()
        self._unsent = self.transport.get_write_buffer_size()
        self._deadline = self.loop.call_later(WAIT_S, self._expire)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        if 0 < self.transport.get_write_buffer_size() < self._unsent:  # slow, but it goes on
            self._wait()
        else:
            self.transport.abort()
