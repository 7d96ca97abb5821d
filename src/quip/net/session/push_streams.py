"""The push streams of one session: what the peer pushes, in order and at its rate, and what we push.

What this file does not do: it times no heartbeat; the session does.
"""

from __future__ import annotations

from typing import cast

from quip.net.errors import StreamLost, TooFast, UnexpectedMessage
from quip.net.limits import MAX_PUSH_BACKLOG, SELF_RESTRAINT
from quip.net.session.outbox import Outbox
from quip.net.token_bucket import Buckets, TokenBucket
from quip.net.wire.codec import TABLE, Channel, code_of, decode
from quip.net.wire.frames import FrameReader, frame
from quip.net.wire.messages import Goodbye, Heartbeat, Push

_RATES = {rule.code: rule.rate for rule in TABLE.values() if rule.channel is Channel.PUSH and rule.rate is not None}
_OUR_RATES = {code: rate.share(SELF_RESTRAINT) for code, rate in _RATES.items()}
_ALWAYS = (Goodbye, Heartbeat)


class PushesIn:
    """The peer's push stream. It begins with a heartbeat, its heartbeats count up, a goodbye ends it."""

    def __init__(self, stream: int, patience: TokenBucket, now_s: float) -> None:
        self.stream = stream
        self._patience = patience
        self._reader = FrameReader(_RATES)
        self._buckets = Buckets(_RATES, now_s)
        self._sequence = -1
        self._farewell = False

    def received(self, data: bytes, fin: bool, now_s: float) -> list[Push]:
        """The messages that `data` completes, without those that come too fast. Raises NetError."""
        pushed: list[Push] = []
        for code, payload in self._reader.feed(data, fin):
            if self._farewell:
                raise UnexpectedMessage("after the goodbye", name=TABLE[code].name)
            if not self._buckets.take(code, now_s):
                if not self._patience.take(now_s):
                    raise TooFast(name=TABLE[code].name, per_s=f"{_RATES[code].per_s:g}")
                continue
            message = cast(Push, decode(code, payload))
            self._check_order(message)
            pushed.append(message)
        if fin and not self._farewell:
            raise StreamLost(stream=self.stream)
        return pushed

    def _check_order(self, message: Push) -> None:
        if isinstance(message, Heartbeat):
            if message.sequence <= self._sequence:
                reason = f"sequence {message.sequence} after {self._sequence}"
                raise UnexpectedMessage(reason, name="HEARTBEAT")
            self._sequence = message.sequence
        elif self._sequence < 0:
            raise UnexpectedMessage("before the first heartbeat", name=TABLE[code_of(message)].name)
        self._farewell = isinstance(message, Goodbye)


class PushesOut:
    """Our push stream."""

    def __init__(self, outbox: Outbox, stream: int, now_s: float) -> None:
        self._outbox = outbox
        self._stream = stream
        self._buckets = Buckets(_OUR_RATES, now_s)
        self._ended = False

    def push(self, message: Push, now_s: float) -> bool:
        """Sends it, or drops news that comes too fast or on top of too much unsent; True if sent."""
        if self._ended:
            return False
        if not isinstance(message, _ALWAYS) and (
            self._outbox.unsent > MAX_PUSH_BACKLOG or not self._buckets.take(code_of(message), now_s)
        ):
            return False
        self._ended = isinstance(message, Goodbye)
        self._outbox.send(self._stream, frame(message), fin=self._ended)
        return True
