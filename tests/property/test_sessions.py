"""Sessions under random traffic: honest pairs never break, and nothing that a peer sends raises or grows."""

import tracemalloc
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from quip.net.actions import ResetStream, Send
from quip.net.errors import StreamCode
from quip.net.limits import MAX_INBOUND_STREAMS, MAX_REPLY_BYTES_IN_FLIGHT
from quip.net.session.events import Asked, Broken, Failed, Joined, PeerEvent, Pushed, Replied
from quip.net.session.session import PeerSession
from quip.net.wire import messages as m
from quip.net.wire.codec import TABLE, Channel
from quip.net.wire.frames import frame
from quip.primitives.errors import Fault
from support.examples import examples
from support.messages import CLAIM, MESSAGES, ZERO
from support.sessions import (
    End,
    Pair,
    at,
    client_session,
    heartbeat,
    joined_client,
    joined_server,
    reply_to,
    server_session,
)

REQUESTS: list[m.Request] = [
    m.HeadersRequest((ZERO,), 512), m.SealsRequest((ZERO,)), m.BodiesRequest((ZERO,)), m.BlockRequest(ZERO),
    m.TransactionsRequest((ZERO,)), m.StatusRequest(), m.StatsRequest(),
]  # fmt: skip


@examples(60)
@given(st.integers(0, 1 << 32))
def test_an_honest_pair_in_any_order_and_chunking(seed: int) -> None:
    """Streams overtake each other, frames are torn, answers are late, declined or never come, streams are reset."""
    rng = Random(seed)
    held: list[tuple[End, int, m.Request]] = []

    def answer(end: End, asked: Asked) -> None:
        fate = rng.random()
        if fate < 0.1:
            pair.tell(end, end.session.decline(asked.stream, at(pair.now_s)))
        elif fate < 0.3:
            held.append((end, asked.stream, asked.request))
        else:
            pair.tell(end, end.session.respond(asked.stream, reply_to(asked.request), at(pair.now_s)))

    pair = Pair(answer, rng)
    asked: dict[int, list[int]] = {0: [], 1: []}
    for _ in range(rng.randint(1, 120)):
        number = rng.randrange(2)
        end = (pair.client, pair.server)[number]
        what = rng.random()
        if what < 0.3:
            timeout_s = rng.choice((0.5, 3.0, 30.0))
            asked[number].append(end.session.request(rng.choice(REQUESTS), at(pair.now_s), timeout_s))
        elif what < 0.4:
            end.session.push(m.Gossip((CLAIM,)), at(pair.now_s))
        elif what < 0.5 and held:
            other, stream, request = held.pop(rng.randrange(len(held)))
            pair.tell(other, other.session.respond(stream, reply_to(request), at(pair.now_s)))
        elif what < 0.6:
            pair.advance(rng.random() * 2, step_s=0.5)
        else:
            for _ in range(rng.randint(1, 30)):
                pair.step()
    for end, stream, request in held:
        pair.tell(end, end.session.respond(stream, reply_to(request), at(pair.now_s)))
    pair.run()
    pair.advance(40.0)
    held.clear()
    assert pair.broken == []
    for number, end in enumerate((pair.client, pair.server)):
        assert len(end.told(Joined)) == 1
        outcomes = [event.ticket for event in end.events if isinstance(event, Replied | Failed)]
        assert len(outcomes) == len(set(outcomes))
        assert set(outcomes) <= set(asked[number])
        beats = [event.message.sequence for event in end.told(Pushed) if isinstance(event.message, m.Heartbeat)]
        assert beats == sorted(set(beats))


def answer_at_once(end: End, asked: Asked) -> None:
    end.session.respond(asked.stream, reply_to(asked.request), at(0.0))


@examples(60)
@given(st.integers(0, 1 << 32), st.integers(1, 60))
def test_every_request_has_exactly_one_outcome(seed: int, count: int) -> None:
    rng = Random(seed)
    pair = Pair(answer_at_once, rng).joined()
    tickets = [pair.client.session.request(rng.choice(REQUESTS), at(0.0), 1_000.0) for _ in range(count)]
    pair.run()
    pair.advance(60.0)
    assert sorted(event.ticket for event in pair.client.told(Replied)) == tickets
    assert pair.broken == []


class Attacker:
    """Speaks to one session: lawful openings, lawful messages in unlawful places, torn and random bytes."""

    def __init__(self, data: st.DataObject, session: PeerSession) -> None:
        self.data = data
        self.session = session
        self.now_s = 0.0
        self.events: list[PeerEvent] = []

    def act(self) -> None:
        what = self.data.draw(st.sampled_from(("bytes", "message", "message", "own", "reset", "time", "backlog")))
        now = at(self.now_s)
        stream = self.data.draw(st.integers(0, 40) | st.integers(0, 1 << 62))
        fin = self.data.draw(st.booleans())
        if what == "bytes":
            self.events += self.session.received(stream, self.data.draw(st.binary(max_size=40)), fin, now)
        elif what == "message":
            self.events += self.session.received(stream, frame(self.data.draw(MESSAGES)), fin, now)
        elif what == "own":
            self.session.request(self.data.draw(st.sampled_from(REQUESTS)), now, 5.0)
        elif what == "reset":
            self.events += self.session.reset(stream, now)
        elif what == "time":
            self.now_s += self.data.draw(st.floats(0, 20))
            self.events += self.session.tick(at(self.now_s))
        else:
            self.events += self.session.backlog(self.data.draw(st.integers(0, 1 << 40)), now)


OPENINGS = {
    "client": client_session,
    "server": server_session,
    "joined client": joined_client,
    "joined server": joined_server,
}


@examples(300)
@given(st.sampled_from(sorted(OPENINGS)), st.data())
def test_nothing_that_a_peer_does_raises(opening: str, data: st.DataObject) -> None:
    attacker = Attacker(data, OPENINGS[opening]())
    for _ in range(data.draw(st.integers(1, 12))):
        attacker.act()
    breaks = [event for event in attacker.events if isinstance(event, Broken)]
    assert len(breaks) <= 1
    if breaks:
        assert attacker.events[-1] is breaks[0]
        assert isinstance(breaks[0].error.fault, Fault)
    assert len([event for event in attacker.events if isinstance(event, Asked)]) <= MAX_INBOUND_STREAMS
    assert all(
        isinstance(action, Send) or action.code in list(StreamCode) for action in attacker.session.drain()
    )  # nothing else is ever sent


def test_half_frames_on_every_stream_stay_within_the_bound() -> None:
    """The most that a peer can make one session hold: a push, the requests, and the answers that we asked for."""
    session = joined_client()
    for _ in range(8):
        session.request(m.BlockRequest(ZERO), at(0.0), 60.0)
        session.request(m.SealsRequest((ZERO,)), at(0.0), 60.0)
    answers = {action.stream: action.data[0] + 1 for action in session.drain() if isinstance(action, Send)}
    session.received(3, heartbeat(), False, at(0.0))
    largest = max((rule.max_bytes, rule.code) for rule in TABLE.values() if rule.channel is Channel.REQUEST)[1]
    tracemalloc.start()
    try:
        for stream, code in answers.items():
            send_half(session, stream, code)
        send_half(session, 3, 0x13)
        for index in range(MAX_INBOUND_STREAMS + 50):
            send_half(session, 1 + 4 * index, largest)
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len([action for action in session.drain() if isinstance(action, ResetStream)]) == 50
    assert session.joined
    bound = MAX_REPLY_BYTES_IN_FLIGHT + TABLE[0x13].max_bytes + MAX_INBOUND_STREAMS * TABLE[largest].max_bytes
    assert bound / 2 < held < bound * 9 / 8 + 65_536  # a growing bytearray has an eighth to spare


def send_half(session: PeerSession, stream: int, code: int) -> None:
    """All but the last byte of the largest frame, in parts as they come off the wire."""
    size = TABLE[code].max_bytes
    data = bytes((code,)) + size.to_bytes(4, "big") + bytes(size - 1)
    for begin in range(0, len(data), 100_000):
        assert session.received(stream, data[begin : begin + 100_000], False, at(0.0)) == []
