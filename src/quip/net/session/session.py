"""One connection's protocol: joining, pushes, requests both ways, heartbeats, limits. Bytes in, events out.

Theory of operation
* Joining. The client (who dialled) opens stream 0 with JOIN_REQUEST; the server answers there. The welcomed client then
  sends a heartbeat on its push stream, 2; its first message tells the server that the welcome arrived, and only then
  does the server open its own, 3, and may ask. So nothing can overtake the join, and whatever comes before it is a
  fault. `states` has the states and the table of what leads from one to the next.
* Speaking. Each side has one push stream for its whole life, and a stream for every request; `push_streams`,
  `outbound_requests` and `inbound_requests` own them, and all write into one `outbox`.
* Every call is a step: it reads what came, changes the state, and returns events. After it, whatever has room now is
  sent or answered. A rule that a peer breaks is an exception inside a step and `Broken`, the last event, outside.
* Time comes in with every call; `tick` alone lets it end something.

What this file does not do: it judges no join, keeps no head, closes no connection; the overlay does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from quip.net.actions import ResetStream, Send
from quip.net.errors import (
    HeartbeatLost,
    JoinRefused,
    NetError,
    NoAnswer,
    RefusalCode,
    StreamLost,
    UnexpectedMessage,
)
from quip.net.limits import (
    HEARTBEAT_INTERVAL_S,
    HEARTBEAT_TIMEOUT_S,
    JOIN_TIMEOUT_S,
    MIN_HEARTBEAT_INTERVAL_S,
    PATIENCE_MESSAGES,
    PATIENCE_PER_S,
    REFUSAL_LINGER_S,
)
from quip.net.link import Instant, Link
from quip.net.session.events import Broken, JoinAsked, Joined, PeerEvent, Pushed, Refused
from quip.net.session.inbound_requests import InboundRequests
from quip.net.session.outbound_requests import OutboundRequests
from quip.net.session.outbox import Outbox
from quip.net.session.push_streams import PushesIn, PushesOut
from quip.net.session.states import Input, State, after
from quip.net.token_bucket import Rate, TokenBucket
from quip.net.wire.codec import TABLE, code_of, decode
from quip.net.wire.frames import OneMessage, frame
from quip.net.wire.messages import Encoded, Heartbeat, JoinRequest, JoinResponse, Push, Reply, Request

_JOIN_STREAM = 0
_JOIN_REQUEST = 0x01
_JOIN_RESPONSE = 0x02
_BY_SERVER = 1
_ONE_WAY = 2
_CLIENT_REQUESTS = 4
_SERVER_REQUESTS = 1


@dataclass(frozen=True, slots=True)
class LocalJoin:
    """What a session says of its own node."""

    join: Callable[[], JoinRequest]
    """Who we are, with our head of now."""
    heartbeat_interval_s: float = HEARTBEAT_INTERVAL_S
    heartbeat_timeout_s: float = HEARTBEAT_TIMEOUT_S

    def __post_init__(self) -> None:
        if not MIN_HEARTBEAT_INTERVAL_S <= self.heartbeat_interval_s < self.heartbeat_timeout_s:
            raise ValueError("the heartbeat's interval has to be at least 0.1 s and below its timeout")


class PeerSession:
    """The state machine of one connection. Methods that return events never raise for anything that a peer does."""

    def __init__(self, connection: int, link: Link, local: LocalJoin, now: Instant) -> None:
        now_s = now.monotonic_s
        client = link.outbound
        patience = TokenBucket(Rate(PATIENCE_PER_S, PATIENCE_MESSAGES), now_s)
        theirs, ours = (_SERVER_REQUESTS, _CLIENT_REQUESTS) if client else (_CLIENT_REQUESTS, _SERVER_REQUESTS)
        self._link = link
        self._local = local
        self._outbox = Outbox(connection, now_s)
        self._requests = OutboundRequests(self._outbox, ours, now_s)
        self._inbound_requests = InboundRequests(self._outbox, patience, theirs, now_s)
        self._pushes_in = PushesIn(_ONE_WAY | client, patience, now_s)
        self._pushes_out = PushesOut(self._outbox, _ONE_WAY | (not client), now_s)
        self._join_stream = OneMessage((_JOIN_RESPONSE if client else _JOIN_REQUEST,))
        self._peer_join: JoinRequest | None = None
        self._joined_by_s = now_s + JOIN_TIMEOUT_S
        self._heard_s = now_s
        self._beat_s = now_s
        self._sequence = 0
        self._refusal = ""
        self._refused_s = now_s
        self._state = State.ASKING if client else State.LISTENING
        if client:
            self._outbox.send(_JOIN_STREAM, frame(local.join()), fin=True)

    @property
    def joined(self) -> bool:
        """Both sides agreed, and the session is not over."""
        return self._state is State.JOINED

    def received(self, stream: int, data: bytes, fin: bool, now: Instant) -> list[PeerEvent]:
        """Bytes of a stream, in order."""
        return self._guarded(lambda: self._dispatch(stream, data, fin, now.monotonic_s), now)

    def reset(self, stream: int, now: Instant) -> list[PeerEvent]:
        """The other side gave a stream up."""
        return self._guarded(lambda: self._on_reset(stream), now)

    def tick(self, now: Instant) -> list[PeerEvent]:
        """Time has passed."""
        return self._guarded(lambda: self._on_time(now.monotonic_s), now)

    def backlog(self, unsent_bytes: int, now: Instant) -> list[PeerEvent]:
        """How many bytes the other side has not taken yet."""
        self._outbox.told(unsent_bytes)
        return self._guarded(list, now)

    def respond(self, stream: int, message: Reply | Encoded, now: Instant) -> list[PeerEvent]:
        """The answer to Asked; every one needs it, or `decline`. Raises ValueError for one that no peer would take."""
        if self._inbound_requests.answered(stream, code_of(message)) and self.joined:
            self._outbox.send(stream, frame(message), fin=True)
        return self._guarded(list, now)

    def decline(self, stream: int, now: Instant) -> list[PeerEvent]:
        """No answer to Asked: the peer may ask somebody else."""
        self._inbound_requests.decline(stream)
        return self._guarded(list, now)

    def request(self, message: Request, now: Instant, timeout_s: float) -> int:
        """Asks, now or when there is room; Replied or Failed with this ticket follows, unless the session breaks."""
        ticket = self._requests.ask(message, timeout_s)
        if self.joined:
            self._requests.pump(now.monotonic_s)
        return ticket

    def push(self, message: Push, now: Instant) -> bool:
        """Tells; False if it was dropped: not joined, too fast, or the peer reads too slowly."""
        return self.joined and self._pushes_out.push(message, now.monotonic_s)

    def welcome(self, now: Instant) -> None:
        """Server side: the answer to JoinAsked. Joined follows with the client's first message."""
        self._enter(Input.WELCOME)
        self._answer_join(RefusalCode.WELCOME, "")
        self._joined_by_s = now.monotonic_s + JOIN_TIMEOUT_S

    def refuse(self, code: RefusalCode, reason: str, now: Instant) -> None:
        """Server side: the other answer. The client closes, or Broken(JoinRefused) comes shortly."""
        self._enter(Input.REFUSE)
        self._answer_join(code, reason)
        self._refusal, self._refused_s = reason, now.monotonic_s

    def drain(self) -> list[Send | ResetStream]:
        """What to send; to be called after every other call."""
        return self._outbox.drain()

    def _guarded(self, step: Callable[[], list[PeerEvent]], now: Instant) -> list[PeerEvent]:
        """One step, then whatever it made room for. A broken rule ends the session."""
        if self._state is State.OVER:
            return []
        try:
            events = step()
        except NetError as error:
            self._enter(Input.BREAK)
            return [Broken(error)]
        if self.joined:
            self._requests.pump(now.monotonic_s)
            events.extend(self._inbound_requests.release())
        return events

    def _enter(self, what: Input) -> bool:
        """Something happened: the table says what becomes of it; True if that is another state."""
        before, self._state = self._state, after(self._state, what)
        return self._state is not before

    def _dispatch(self, stream: int, data: bytes, fin: bool, now_s: float) -> list[PeerEvent]:
        self._enter(Input.JOIN_BYTES if stream == _JOIN_STREAM else Input.STREAM_BYTES)
        if self._state is State.REFUSED:
            return []
        if stream == _JOIN_STREAM:
            return self._on_join(data, fin, now_s)
        events: list[PeerEvent] = []
        if stream & _ONE_WAY:
            if stream != self._pushes_in.stream:
                raise UnexpectedMessage(f"on stream {stream}", name="push")
            events.extend(map(Pushed, self._pushes_in.received(data, fin, now_s)))
            heard = bool(events)
        elif bool(stream & _BY_SERVER) == self._link.outbound:
            heard = self._inbound_requests.received(stream, data, fin, now_s)
        else:
            events.extend(self._requests.received(stream, data, fin))
            heard = bool(events)
        if heard:
            self._heard_s = now_s
            if self._enter(Input.MESSAGE):
                events.insert(0, self._begin(None, now_s))
        return events

    def _on_join(self, data: bytes, fin: bool, now_s: float) -> list[PeerEvent]:
        framed = self._join_stream.feed(data, fin)
        if framed is None:
            return []
        message = decode(*framed)
        if isinstance(message, JoinRequest):
            self._peer_join = message
            self._enter(Input.JOIN_REQUEST)
            return [JoinAsked(message)]
        response = cast(JoinResponse, message)
        if response.code != RefusalCode.WELCOME:
            self._enter(Input.NO)
            self._refusal, self._refused_s = response.reason, now_s
            return [Refused(response.code, response.reason)]
        self._enter(Input.YES)
        self._peer_join = response.join
        return [self._begin(response, now_s)]

    def _begin(self, response: JoinResponse | None, now_s: float) -> Joined:
        """Both sides agreed: our first heartbeat opens our push stream."""
        self._heard_s = now_s
        self._beat(now_s)
        return Joined(cast(JoinRequest, self._peer_join), response.observed if response else None)

    def _beat(self, now_s: float) -> None:
        self._pushes_out.push(Heartbeat(self._sequence, self._local.join().head), now_s)
        self._sequence += 1
        self._beat_s = now_s

    def _on_reset(self, stream: int) -> list[PeerEvent]:
        if self._state is State.REFUSED:
            return []
        if stream == _JOIN_STREAM or stream & _ONE_WAY:
            raise StreamLost(stream=stream)
        self._enter(Input.RESET)
        if bool(stream & _BY_SERVER) == self._link.outbound:
            self._inbound_requests.reset(stream)
            return []
        return list(self._requests.reset(stream))

    def _on_time(self, now_s: float) -> list[PeerEvent]:
        if self._state is State.REFUSED:
            if now_s - self._refused_s >= REFUSAL_LINGER_S:
                raise JoinRefused(self._refusal)
            return []
        if self._state is not State.JOINED:
            if now_s >= self._joined_by_s:
                name = TABLE[_JOIN_RESPONSE if self._link.outbound else _JOIN_REQUEST].name
                raise NoAnswer(f"no join within {JOIN_TIMEOUT_S:g} s", name=name)
            return []
        silent_s = now_s - self._heard_s
        if silent_s >= self._local.heartbeat_timeout_s:
            raise HeartbeatLost(silent_s=f"{silent_s:.0f}")
        self._outbox.check_pace(now_s)
        self._inbound_requests.check_arrival(now_s)
        if now_s - self._beat_s >= self._local.heartbeat_interval_s:
            self._beat(now_s)
        return list(self._requests.expire(now_s))

    def _answer_join(self, code: RefusalCode, reason: str) -> None:
        response = JoinResponse(code, reason, self._local.join(), self._link.address)
        self._outbox.send(_JOIN_STREAM, frame(response), fin=True)
