"""One peer's requests to us: each on a stream of its own, whole before it is looked at, as many as we can bear.

A request too many or too fast is refused (its stream is reset) and costs patience; without patience it breaks the
session. Answers are prepared only while the peer takes what was sent before.
What this file does not do: it answers nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import cast

from quip.net.errors import Stalled, StreamCode, TooFast, TooManyStreams
from quip.net.limits import MAX_ANSWER_BYTES, MAX_INBOUND_STREAMS, MAX_STREAM_GAP, REQUEST_ARRIVAL_S
from quip.net.session.events import Asked
from quip.net.session.outbox import Outbox
from quip.net.token_bucket import Buckets, TokenBucket
from quip.net.wire.codec import TABLE, Channel, decode
from quip.net.wire.frames import OneMessage
from quip.net.wire.messages import Request

_STREAM_STEP = 4
_RULES = {rule.code: rule for rule in TABLE.values() if rule.channel is Channel.REQUEST}
_RATES = {code: rule.rate for code, rule in _RULES.items() if rule.rate is not None}


@dataclass(slots=True)
class _Inquiry:
    """One open stream: arriving, then waiting (`request`), then being answered (`asked`)."""

    deadline_s: float
    message: OneMessage = field(default_factory=lambda: OneMessage(_RULES))
    request: Request | None = None
    reply_code: int = 0
    asked: bool = False
    abandoned: bool = False
    """The peer gave it up while it was being answered: it counts until the answer comes."""


class InboundRequests:
    """What one peer asked and waits for."""

    def __init__(self, outbox: Outbox, patience: TokenBucket, first_stream: int, now_s: float) -> None:
        self._outbox = outbox
        self._patience = patience
        self._next_stream = first_stream
        self._skipped: OrderedDict[int, None] = OrderedDict()
        self._open: dict[int, _Inquiry] = {}
        self._preparing_bytes = 0
        self._buckets = Buckets(_RATES, now_s)

    def received(self, stream: int, data: bytes, fin: bool, now_s: float) -> bool:
        """Bytes on a stream that the peer opened; True if they complete a lawful request. Raises NetError."""
        inquiry = self._open.get(stream)
        if inquiry is None:
            if not self._is_new(stream):
                return False
            if len(self._open) >= MAX_INBOUND_STREAMS:
                if not self._patience.take(now_s):
                    raise TooManyStreams(count=len(self._open) + 1, limit=MAX_INBOUND_STREAMS)
                self._outbox.reset(stream, StreamCode.BUSY)
                return False
            inquiry = self._open[stream] = _Inquiry(now_s + REQUEST_ARRIVAL_S)
        frame = inquiry.message.feed(data, fin)
        if frame is None:
            return False
        code, payload = frame
        if not self._buckets.take(code, now_s):
            if not self._patience.take(now_s):
                raise TooFast(name=_RULES[code].name, per_s=f"{_RATES[code].per_s:g}")
            self.decline(stream)
            return False
        inquiry.request = cast(Request, decode(code, payload))
        inquiry.reply_code = code + 1
        return True

    def reset(self, stream: int) -> None:
        """The peer gave the stream up; an answer that is being prepared for it goes nowhere."""
        inquiry = self._open.get(stream)
        if inquiry is None:
            self._is_new(stream)
        elif inquiry.asked:
            inquiry.abandoned = True
        else:
            del self._open[stream]

    def release(self) -> list[Asked]:
        """The requests, in order of arrival, whose answers there is room for."""
        asked: list[Asked] = []
        for stream, inquiry in self._open.items():
            if inquiry.request is None or inquiry.asked:
                continue
            answer_bytes = TABLE[inquiry.reply_code].max_bytes
            if self._outbox.unsent + self._preparing_bytes + answer_bytes > MAX_ANSWER_BYTES:
                break
            inquiry.asked = True
            self._preparing_bytes += answer_bytes
            asked.append(Asked(stream, inquiry.request))
        return asked

    def answered(self, stream: int, reply_code: int) -> bool:
        """The answer is there, and the stream over; True if the peer still waits for it. Raises ValueError for
        another's answer."""
        inquiry = self._open.get(stream)
        if inquiry is None or not inquiry.asked:
            return False
        if reply_code != inquiry.reply_code:
            raise ValueError(f"{TABLE[reply_code].name} does not answer {TABLE[inquiry.reply_code - 1].name}")
        self._close(stream)
        return not inquiry.abandoned

    def decline(self, stream: int) -> None:
        """Refuses to answer."""
        inquiry = self._open.get(stream)
        if inquiry is not None:
            self._close(stream)
            if not inquiry.abandoned:
                self._outbox.reset(stream, StreamCode.BUSY)

    def check_arrival(self, now_s: float) -> None:
        """Raises Stalled if a request has been arriving for too long."""
        for stream, inquiry in self._open.items():
            if inquiry.request is None and now_s >= inquiry.deadline_s:
                raise Stalled(f"the request on stream {stream} does not end")

    def _is_new(self, stream: int) -> bool:
        """True the first time that a stream is seen. Raises TooManyStreams if too many were skipped for it."""
        if stream in self._skipped:
            del self._skipped[stream]
            return True
        if stream < self._next_stream:
            return False
        gap = (stream - self._next_stream) // _STREAM_STEP
        if gap > MAX_STREAM_GAP:
            raise TooManyStreams(count=gap, limit=MAX_STREAM_GAP)
        self._skipped.update((skipped, None) for skipped in range(self._next_stream, stream, _STREAM_STEP))
        while len(self._skipped) > MAX_STREAM_GAP:
            self._skipped.popitem(last=False)
        self._next_stream = stream + _STREAM_STEP
        return True

    def _close(self, stream: int) -> None:
        inquiry = self._open.pop(stream)
        if inquiry.asked:
            self._preparing_bytes -= TABLE[inquiry.reply_code].max_bytes
