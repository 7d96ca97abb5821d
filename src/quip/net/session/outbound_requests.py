"""Our requests to one peer: a queue, a few in flight on a stream each, timeouts, answers.

What this file does not do: it decides nothing about a wrong answer; it raises.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import cast

from quip.net.errors import NoAnswer, StreamCode, UnexpectedMessage
from quip.net.limits import MAX_REPLY_BYTES_IN_FLIGHT, MAX_REQUESTS_IN_FLIGHT, MAX_REQUESTS_QUEUED, SELF_RESTRAINT
from quip.net.session.events import Failed, Replied
from quip.net.session.outbox import Outbox
from quip.net.session.reply_check import check_answer
from quip.net.token_bucket import Buckets
from quip.net.wire.codec import TABLE, Channel, code_of, decode
from quip.net.wire.frames import OneMessage, frame
from quip.net.wire.messages import Reply, Request

_STREAM_STEP = 4
_RATES = {
    rule.code: rule.rate.share(SELF_RESTRAINT)
    for rule in TABLE.values()
    if rule.channel is Channel.REQUEST and rule.rate is not None
}


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request that is not sent yet."""

    ticket: int
    request: Request
    timeout_s: float

    @property
    def reply_code(self) -> int:
        return code_of(self.request) + 1


@dataclass(frozen=True, slots=True)
class _InFlight:
    """A request on its stream."""

    waiting: _Waiting
    deadline_s: float
    answer: OneMessage


class OutboundRequests:
    """What one session asked and waits for."""

    def __init__(self, outbox: Outbox, first_stream: int, now_s: float) -> None:
        self._outbox = outbox
        self._next_stream = first_stream
        self._tickets: Iterator[int] = count(1)
        self._queue: deque[_Waiting] = deque()
        self._overflow: list[_Waiting] = []
        self._in_flight: dict[int, _InFlight] = {}
        self._reply_bytes = 0
        self._buckets = Buckets(_RATES, now_s)

    def ask(self, request: Request, timeout_s: float) -> int:
        """Queues a request; `timeout_s` counts from when it is sent."""
        waiting = _Waiting(next(self._tickets), request, timeout_s)
        (self._queue if len(self._queue) < MAX_REQUESTS_QUEUED else self._overflow).append(waiting)
        return waiting.ticket

    def pump(self, now_s: float) -> None:
        """Sends what may be sent now: within the streams, the answers' bytes and our own rates."""
        held: list[_Waiting] = []
        while self._queue and len(self._in_flight) < MAX_REQUESTS_IN_FLIGHT:
            waiting = self._queue.popleft()
            reply_bytes = TABLE[waiting.reply_code].max_bytes
            fits = self._reply_bytes + reply_bytes <= MAX_REPLY_BYTES_IN_FLIGHT
            if not fits or not self._buckets.take(code_of(waiting.request), now_s):
                held.append(waiting)
                continue
            answer = OneMessage((waiting.reply_code,))
            self._in_flight[self._next_stream] = _InFlight(waiting, now_s + waiting.timeout_s, answer)
            self._reply_bytes += reply_bytes
            self._outbox.send(self._next_stream, frame(waiting.request), fin=True)
            self._next_stream += _STREAM_STEP
        self._queue.extendleft(reversed(held))

    def received(self, stream: int, data: bytes, fin: bool) -> list[Replied]:
        """Bytes on a stream that we opened. Raises NetError for anything but the answer."""
        if stream >= self._next_stream:
            raise UnexpectedMessage(f"stream {stream} was never opened", name="answer")
        flight = self._in_flight.get(stream)
        if flight is None:  # given up already
            return []
        answer = flight.answer.feed(data, fin)
        if answer is None:
            return []
        reply = cast(Reply, decode(*answer))
        check_answer(flight.waiting.request, reply)
        self._forget(stream)
        return [Replied(flight.waiting.ticket, flight.waiting.request, reply)]

    def reset(self, stream: int) -> list[Failed]:
        """The other side refuses to answer."""
        if stream not in self._in_flight:
            return []
        return [_failed(self._forget(stream), "refused")]

    def expire(self, now_s: float) -> list[Failed]:
        """Gives up what is overdue, and tells of requests that found no room."""
        failed = [_failed(waiting, "too many requests wait") for waiting in self._overflow]
        self._overflow.clear()
        for stream in [stream for stream, flight in self._in_flight.items() if now_s >= flight.deadline_s]:
            self._outbox.reset(stream, StreamCode.GIVEN_UP)
            waiting = self._forget(stream)
            failed.append(_failed(waiting, f"none within {waiting.timeout_s:g} s"))
        return failed

    def _forget(self, stream: int) -> _Waiting:
        waiting = self._in_flight.pop(stream).waiting
        self._reply_bytes -= TABLE[waiting.reply_code].max_bytes
        return waiting


def _failed(waiting: _Waiting, reason: str) -> Failed:
    name = TABLE[code_of(waiting.request)].name
    return Failed(waiting.ticket, waiting.request, NoAnswer(reason, name=name))
