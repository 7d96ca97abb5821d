"""What one session wants sent, and whether the other side reads it."""

from __future__ import annotations

from quip.net.actions import ResetStream, Send
from quip.net.errors import Stalled, StreamCode
from quip.net.limits import SLOW_READER_BYTES, SLOW_READER_PROGRESS_BYTES, SLOW_READER_S


class Outbox:
    """Collects sends and resets of one connection until they are drained, and watches the peer's pace."""

    def __init__(self, connection: int, now_s: float) -> None:
        self._connection = connection
        self._actions: list[Send | ResetStream] = []
        self._sent_bytes = 0
        self._told_unsent = 0
        self._sent_since_told = 0
        self._window_s = now_s
        self._window_taken = 0

    @property
    def unsent(self) -> int:
        """Bytes that the other side has not taken: what the transport told, and what was sent since."""
        return self._told_unsent + self._sent_since_told

    def send(self, stream: int, data: bytes, fin: bool) -> None:
        """Bytes for a stream."""
        self._actions.append(Send(self._connection, stream, data, fin))
        self._sent_bytes += len(data)
        self._sent_since_told += len(data)

    def reset(self, stream: int, code: StreamCode) -> None:
        """A stream is given up."""
        self._actions.append(ResetStream(self._connection, stream, code))

    def drain(self) -> list[Send | ResetStream]:
        """What was collected, once."""
        actions, self._actions = self._actions, []
        return actions

    def told(self, unsent_bytes: int) -> None:
        """The transport's count of bytes not taken yet."""
        self._told_unsent = unsent_bytes
        self._sent_since_told = 0

    def check_pace(self, now_s: float) -> None:
        """Raises Stalled if the peer leaves bytes lying for too long. To be called at every tick."""
        self._sent_since_told = 0  # the transport would have told by now if it were much
        taken = self._sent_bytes - self._told_unsent
        if self._told_unsent > SLOW_READER_BYTES:
            if now_s - self._window_s < SLOW_READER_S:
                return
            if taken - self._window_taken < SLOW_READER_PROGRESS_BYTES:
                raise Stalled(f"{self._told_unsent} bytes lie unread")
        self._window_s = now_s
        self._window_taken = taken
