"""Rates: buckets alone, and what a session does with a peer above its rates and with its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.net import errors
from quip.net.actions import ResetStream, Send
from quip.net.errors import StreamCode
from quip.net.limits import (
    MAX_REPLY_BYTES_IN_FLIGHT,
    MAX_REQUESTS_IN_FLIGHT,
    MAX_REQUESTS_QUEUED,
    PATIENCE_MESSAGES,
    SELF_RESTRAINT,
)
from quip.net.session.events import Broken, Failed, Pushed
from quip.net.session.session import PeerSession
from quip.net.token_bucket import Buckets, Rate, TokenBucket
from quip.net.wire import messages as m
from quip.net.wire.codec import TABLE, Channel
from quip.net.wire.frames import frame
from quip.primitives.errors import Fault
from support.messages import CLAIM, LARGEST, ZERO
from support.sessions import Pair, at, heartbeat, joined_client, joined_server, reply_to

REQUEST_RULES = [rule for rule in TABLE.values() if rule.channel is Channel.REQUEST]


def test_a_bucket_by_hand() -> None:
    bucket = TokenBucket(Rate(2.0, 3), 10.0)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.take(10.4) is False
    assert bucket.take(10.5) is True
    assert bucket.take(9.0) is False  # a clock that goes back fills nothing
    assert [bucket.take(1_000.0) for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.floats(0, 5), max_size=200), st.floats(0.1, 20), st.integers(1, 20))
def test_never_more_than_burst_and_rate(steps: list[float], per_s: float, burst: int) -> None:
    bucket = TokenBucket(Rate(per_s, burst), 0.0)
    now_s, taken = 0.0, 0
    for step in steps:
        now_s += step
        taken += bucket.take(now_s)
        assert taken <= burst + per_s * now_s + 1e-6


def test_codes_have_buckets_of_their_own() -> None:
    buckets = Buckets({1: Rate(1, 1), 2: Rate(1, 1)}, 0.0)
    assert [buckets.take(code, 0.0) for code in (1, 2, 1, 2, 3, 3)] == [True, True, False, False, True, True]
    assert Rate(1 / 60, 2).share(0.25) == Rate(1 / 240, 1.0)


@pytest.mark.parametrize("rule", REQUEST_RULES, ids=lambda rule: rule.name)
def test_requests_too_fast_are_refused_and_then_break(rule: object) -> None:
    request = next(rule_ for rule_ in REQUEST_RULES if rule_ is rule).kind
    burst = int(next(rule_ for rule_ in REQUEST_RULES if rule_ is rule).rate.burst)  # type: ignore[union-attr]
    server = joined_server()
    message = LARGEST[request]
    data, reply = frame(message), reply_to(message)  # type: ignore[arg-type]
    for index in range(burst):
        stream = 4 + 4 * index
        assert len(server.received(stream, data, True, at(0.0))) == 1
        server.respond(stream, reply, at(0.0))
    server.drain()
    for index in range(burst, burst + PATIENCE_MESSAGES):
        stream = 4 + 4 * index
        assert server.received(stream, data, True, at(0.0)) == []
        assert server.drain() == [ResetStream(2, stream, StreamCode.BUSY)]
    events = server.received(4 + 4 * (burst + PATIENCE_MESSAGES), data, True, at(0.0))
    assert [type(event) for event in events] == [Broken]
    assert type(events[0].error) is errors.TooFast  # type: ignore[union-attr]
    assert events[0].error.fault is Fault.AT_FAULT  # type: ignore[union-attr]


def told(session: PeerSession, count: int, now_s: float) -> int:
    """How many of so many GOSSIPs a server takes."""
    events = session.received(2, frame(m.Gossip((CLAIM,))) * count, False, at(now_s))
    assert all(isinstance(event, Pushed) for event in events), events
    return len(events)


def test_news_too_fast_is_ignored_and_then_breaks() -> None:
    server = joined_server()
    assert told(server, 128, 0.0) == 128
    assert told(server, PATIENCE_MESSAGES, 0.0) == 0
    assert told(server, 20, 1.0) == 20  # the next second's
    assert told(server, 1, 1.0) == 0  # and one second's patience
    events = server.received(2, frame(m.Gossip((CLAIM,))), False, at(1.0))
    assert type(events[0].error) is errors.TooFast  # type: ignore[union-attr]


def test_heartbeats_too_fast() -> None:
    server = joined_server()
    data = b"".join(heartbeat(sequence) for sequence in range(1, 60))
    assert len(server.received(2, data, False, at(0.0))) == 19
    assert len(server.received(2, heartbeat(99), False, at(1.0))) == 1


def test_our_own_requests_keep_below_the_rates() -> None:
    """A pair of honest sessions never throttles: not even when asked for far too much."""
    pair = Pair(lambda end, asked: end.session.respond(asked.stream, reply_to(asked.request), at(pair.now_s)))
    pair.joined()
    for second in range(30):
        for _ in range(60):
            pair.client.session.request(m.StatusRequest(), at(pair.now_s), 5.0)
            pair.client.session.push(m.Gossip((CLAIM,)), at(pair.now_s))
        assert not pair.broken, second
        pair.advance(1.0, step_s=0.5)
    failed = pair.client.told(Failed)
    assert {str(event.error).partition(": ")[2] for event in failed} == {"too many requests wait"}
    rate = TABLE[0x32].rate
    assert rate is not None
    asked = len([event for event in pair.server.events if type(event).__name__ == "Asked"])
    assert asked == pytest.approx(30 * rate.per_s * SELF_RESTRAINT + rate.burst * SELF_RESTRAINT, abs=2)


def sent_requests(session: PeerSession) -> list[int]:
    return [action.stream for action in session.drain() if isinstance(action, Send) and action.fin]


def test_few_requests_in_flight() -> None:
    client = joined_client()
    for _ in range(MAX_REQUESTS_IN_FLIGHT + 5):
        client.request(m.HeadersRequest((ZERO,), 5), at(0.0), 60.0)
    streams = sent_requests(client)
    assert streams == [4 + 4 * index for index in range(MAX_REQUESTS_IN_FLIGHT)]
    client.received(streams[3], frame(m.Headers(())), True, at(0.0))
    assert len(sent_requests(client)) == 1


def test_few_bytes_of_answers_in_flight_and_small_ones_overtake() -> None:
    client = joined_client()
    for _ in range(4):
        client.request(m.BlockRequest(ZERO), at(0.0), 60.0)
    assert len(sent_requests(client)) == MAX_REPLY_BYTES_IN_FLIGHT // TABLE[0x27].max_bytes == 2
    client.request(m.StatusRequest(), at(0.0), 60.0)
    assert len(sent_requests(client)) == 1
    client.received(4, frame(m.BlockResponse(None)), True, at(0.0))
    assert len(sent_requests(client)) == 1


def test_a_full_queue_tells_at_the_next_tick() -> None:
    client = joined_client()
    tickets = [
        client.request(m.BlockRequest(ZERO), at(0.0), 60.0) for _ in range(MAX_REQUESTS_QUEUED + 2 + 3)
    ]  # two are in flight
    failed = client.tick(at(0.0))
    assert [event.ticket for event in failed if isinstance(event, Failed)] == tickets[-3:]
    assert client.tick(at(1.0)) == []
