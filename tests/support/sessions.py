"""Two sessions joined in memory: every stream in order, streams among each other in any, chunks of any size."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from quip.net.actions import Send
from quip.net.address import Address
from quip.net.errors import NetError
from quip.net.link import Instant, Link, Purpose
from quip.net.session.events import Asked, Broken, JoinAsked, Joined, PeerEvent
from quip.net.session.session import LocalJoin, PeerSession
from quip.net.wire import messages as m
from quip.net.wire.frames import frame
from support.messages import JOIN

CLIENT_ADDRESS = Address("127.0.0.1", 40_000)
SERVER_ADDRESS = Address("127.0.0.1", 20_049)
LOCAL = LocalJoin(lambda: JOIN)


def at(now_s: float) -> Instant:
    return Instant(now_s, 1_800_000_000 + int(now_s))


def client_session(local: LocalJoin = LOCAL, now_s: float = 0.0) -> PeerSession:
    return PeerSession(1, Link(SERVER_ADDRESS, b"s" * 32, Purpose.MANUAL), local, at(now_s))


def server_session(local: LocalJoin = LOCAL, now_s: float = 0.0) -> PeerSession:
    return PeerSession(2, Link(CLIENT_ADDRESS, b"c" * 32, Purpose.INBOUND), local, at(now_s))


@dataclass
class End:
    """One session, what it told, and what is on the way to it: (data, fin), or None for a reset, per stream."""

    session: PeerSession
    events: list[PeerEvent] = field(default_factory=list)
    inbound: dict[int, deque[tuple[bytes, bool] | None]] = field(default_factory=dict)

    def told(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def answer_nothing(end: End, asked: Asked) -> None:
    """Leaves every request unanswered."""


class Pair:
    """A client and a server. `answer` is called for every request; joins are welcomed unless `welcomes` is False."""

    def __init__(
        self,
        answer: Callable[[End, Asked], object] = answer_nothing,
        rng: Random | None = None,
        local: LocalJoin = LOCAL,
    ) -> None:
        self.now_s = 0.0
        self.client = End(client_session(local))
        self.server = End(server_session(local))
        self.welcomes = True
        self._answer = answer
        self._rng = rng

    def joined(self) -> "Pair":
        """After the join."""
        self.run()
        assert len(self.client.told(Joined)) == len(self.server.told(Joined)) == 1
        return self

    @property
    def broken(self) -> list[Broken]:
        return [*self.client.told(Broken), *self.server.told(Broken)]

    def run(self) -> None:
        """Delivers until nothing is on its way."""
        while self.step():
            pass

    def step(self) -> bool:
        """Delivers one chunk; False if there was none."""
        self._collect()
        ready = [(end, stream) for end in (self.client, self.server) for stream in end.inbound]
        if not ready:
            return False
        end, stream = self._rng.choice(ready) if self._rng else ready[0]
        self._deliver(end, stream)
        return True

    def advance(self, seconds: float, step_s: float = 1.0) -> None:
        """Time passes on both sides, in ticks, with delivery between them."""
        until_s = self.now_s + seconds
        while self.now_s < until_s - 1e-9:
            self.now_s = min(until_s, self.now_s + step_s)
            for end in (self.client, self.server):
                self.tell(end, end.session.tick(at(self.now_s)))
            self.run()

    def tell(self, end: End, events: list[PeerEvent]) -> None:
        for event in events:
            end.events.append(event)
            if isinstance(event, JoinAsked) and self.welcomes:
                end.session.welcome(at(self.now_s))
            elif isinstance(event, Asked):
                self._answer(end, event)

    def _collect(self) -> None:
        for end, other in ((self.client, self.server), (self.server, self.client)):
            for action in end.session.drain():
                queue = other.inbound.setdefault(action.stream, deque())
                queue.append((action.data, action.fin) if isinstance(action, Send) else None)

    def _deliver(self, end: End, stream: int) -> None:
        queue = end.inbound[stream]
        part = queue.popleft()
        now = at(self.now_s)
        if part is None:
            self.tell(end, end.session.reset(stream, now))
        else:
            data, fin = part
            if self._rng and len(data) > 1:
                size = min(len(data), self._rng.choice((1, 4, 5, 6, 1_171, 1_200, 65_536)))
                if size < len(data):
                    queue.appendleft((data[size:], fin))
                    data, fin = data[:size], False
            self.tell(end, end.session.received(stream, data, fin, now))
        if not queue:
            del end.inbound[stream]


STATUS = m.NodeStatus(JOIN.head, "quip", True, False, 1, 2)


_REPLIES: dict[type[m.Request], m.Reply] = {
    m.HeadersRequest: m.Headers(()),
    m.SealsRequest: m.Seals((None,)),
    m.BodiesRequest: m.Bodies((None,)),
    m.BlockRequest: m.BlockResponse(None),
    m.TransactionsRequest: m.Transactions(()),
    m.PeersRequest: m.Peers(()),
    m.StatusRequest: STATUS,
    m.StatsRequest: m.NodeStats((("blocks", 1),)),
}


def reply_to(request: m.Request) -> m.Reply:
    """A fitting answer to any request."""
    return _REPLIES[type(request)]


def heartbeat(sequence: int = 0) -> bytes:
    return frame(m.Heartbeat(sequence, JOIN.head))


def joined_client() -> PeerSession:
    """A welcomed client; its peer is the test."""
    session = client_session()
    session.drain()
    response = m.JoinResponse(0, "", JOIN, CLIENT_ADDRESS)
    assert [type(event) for event in session.received(0, frame(response), True, at(0.0))] == [Joined]
    session.drain()
    return session


def joined_server() -> PeerSession:
    """A server whose client has joined; its peer is the test."""
    session = server_session()
    session.received(0, frame(JOIN), True, at(0.0))
    session.welcome(at(0.0))
    assert type(session.received(2, heartbeat(), False, at(0.0))[0]) is Joined
    session.drain()
    return session


def broken(events: list[PeerEvent], error: type[NetError], *words: str) -> NetError:
    """The error of the only event, which ends the session; it is of that class and says these words."""
    assert [type(event) for event in events] == [Broken]
    found = events[-1].error  # type: ignore[union-attr]
    assert type(found) is error, repr(found)
    for word in words:
        assert word in str(found)
    return found
