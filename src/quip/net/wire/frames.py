"""Frames: how messages lie in a stream. u8 code, u32 big-endian length, payload; one after the other.

>>> from quip.net.wire.messages import StatusRequest
>>> frame(StatusRequest()).hex()
'3200000001c0'
"""

from __future__ import annotations

from collections.abc import Collection

from quip.net.errors import FrameTooLarge, MalformedFrame, UnexpectedMessage, UnknownMessage
from quip.net.wire.codec import TABLE, code_of, encode
from quip.net.wire.messages import Encoded, Message

HEADER_BYTES = 5
"""Code and length."""


def frame(message: Message | Encoded) -> bytes:
    """The frame of a message. Raises ValueError for one that no peer would take."""
    payload = encode(message)
    return bytes((code_of(message),)) + len(payload).to_bytes(4, "big") + payload


class FrameReader:
    """Cuts one stream into payloads. Holds at most one frame of the largest allowed message."""

    __slots__ = ("_allowed", "_buffer", "_length")

    def __init__(self, allowed: Collection[int]) -> None:
        self._allowed = allowed
        self._buffer = bytearray()
        self._length: int | None = None

    @property
    def buffered(self) -> int:
        """Bytes of the unfinished frame."""
        return len(self._buffer)

    def feed(self, data: bytes, fin: bool) -> list[tuple[int, bytes]]:
        """The (code, payload) of every frame that `data` completes; a frame is judged by its first five bytes.

        Raises UnknownMessage, UnexpectedMessage (not allowed in this stream), FrameTooLarge, and MalformedFrame if the
        stream ends within a frame.
        """
        frames: list[tuple[int, bytes]] = []
        self._buffer += data
        while len(self._buffer) >= self._wanted():
            if self._length is None:
                self._length = self._checked_length()
            else:
                end = HEADER_BYTES + self._length
                frames.append((self._buffer[0], bytes(self._buffer[HEADER_BYTES:end])))
                del self._buffer[:end]
                self._length = None
        if fin and self._buffer:
            raise MalformedFrame(f"the stream ends {self._wanted() - len(self._buffer)} bytes early")
        return frames

    def _wanted(self) -> int:
        """Bytes of the frame as far as they are known."""
        return HEADER_BYTES + (self._length or 0)

    def _checked_length(self) -> int:
        code = self._buffer[0]
        rule = TABLE.get(code)
        if rule is None:
            raise UnknownMessage(code=code)
        if code not in self._allowed:
            raise UnexpectedMessage("not in this stream", name=rule.name)
        length = int.from_bytes(self._buffer[1:HEADER_BYTES], "big")
        if length > rule.max_bytes:
            raise FrameTooLarge(name=rule.name, size=length, limit=rule.max_bytes)
        return length


class OneMessage:
    """A stream that holds exactly one frame, and is over with it."""

    __slots__ = ("_frame", "_reader")

    def __init__(self, allowed: Collection[int]) -> None:
        self._reader = FrameReader(allowed)
        self._frame: tuple[int, bytes] | None = None

    def feed(self, data: bytes, fin: bool) -> tuple[int, bytes] | None:
        """The (code, payload) once the stream has ended. Raises what FrameReader.feed does, and MalformedFrame."""
        frames = self._reader.feed(data, fin)
        if len(frames) + (self._frame is not None) > 1 or (self._reader.buffered and (frames or self._frame)):
            raise MalformedFrame("more than one message")
        if frames:
            self._frame = frames[0]
        if fin and self._frame is None:
            raise MalformedFrame("the stream ends without a message")
        return self._frame if fin else None
