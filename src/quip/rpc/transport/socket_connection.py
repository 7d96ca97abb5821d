"""One WebSocket connection: uvicorn's protocol over `websockets`, with an end for whoever does not take what is sent.

uvicorn closes after what is still to be sent is sent, which may be never; and it answers pings though nobody takes the
answers. Here a client that takes nothing for WAIT_S is cut off, and nothing is read from it meanwhile.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from quip.rpc.transport.waiting import WAIT_S


@dataclass(slots=True)
class SocketCount:
    """How many WebSockets a server has, and may have."""

    limit: int
    open: int = 0

    @property
    def has_room(self) -> bool:
        """May there be one more?"""
        return self.open < self.limit


class SocketConnection(WebSocketsSansIOProtocol):
    """A WebSocket that does not wait for ever."""

    def __init__(self, lost: Callable[[], None], **arguments: Any) -> None:
        """`lost` is called when the connection is gone."""
        super().__init__(**arguments)
        self._lost = lost
        self._deadline: asyncio.TimerHandle | None = None
        self._unsent = 0

    def connection_lost(self, exc: Exception | None) -> None:
        """Let others have its place."""
        super().connection_lost(exc)
        self._stop_waiting()
        self._lost()

    def pause_writing(self) -> None:
        """The client does not take what is sent."""
        super().pause_writing()
        self.transport.pause_reading()
        self._wait()

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._stop_waiting()
        if not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def keepalive_timeout(self) -> None:
        """It does not answer: nobody is there to take a farewell."""
        super().keepalive_timeout()
        self.transport.abort()

    def _wait(self) -> None:
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
