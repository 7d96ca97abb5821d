"""One connection's limits: streams, requests that are given up, slow readers, answers that pile up."""

from quip.consensus.types.block import BlockBody
from quip.net import errors
from quip.net.actions import ResetStream
from quip.net.errors import StreamCode
from quip.net.limits import MAX_INBOUND_STREAMS, MAX_STREAM_GAP, SLOW_READER_S
from quip.net.session.events import Asked, Pushed
from quip.net.wire import messages as m
from quip.net.wire.frames import frame
from quip.primitives.errors import Fault
from support.messages import BLOCK, CLAIM, ZERO
from support.sessions import at, broken, heartbeat, joined_server


def test_streams_may_come_in_any_order_and_only_once() -> None:
    server = joined_server()
    for stream in (12, 4, 8, 16):
        events = server.received(stream, frame(m.BlockRequest(ZERO)), True, at(0.0))
        assert events == [Asked(stream, m.BlockRequest(ZERO))]
        server.respond(stream, m.BlockResponse(None), at(0.0))
        assert server.received(stream, b"\xff", True, at(0.0)) == []  # over: QUIC would not deliver it
    assert server.reset(20, at(0.0)) == []
    assert server.received(20, frame(m.BlockRequest(ZERO)), True, at(0.0)) == []


def test_too_many_streams_are_refused_and_then_break() -> None:
    server = joined_server()
    for index in range(MAX_INBOUND_STREAMS):
        assert server.received(4 + 4 * index, b"\x26", False, at(0.0)) == []
    refused = 0
    for index in range(MAX_INBOUND_STREAMS, 200):
        stream = 4 + 4 * index
        events = server.received(stream, b"\x26", False, at(0.0))
        if events:
            assert broken(events, errors.TooManyStreams).fault is Fault.AT_FAULT
            break
        assert server.drain() == [ResetStream(2, stream, StreamCode.BUSY)]
        refused += 1
    assert refused == 64


def test_a_leap_over_many_streams() -> None:
    server = joined_server()
    assert server.received(4 + 4 * MAX_STREAM_GAP, b"\x26", False, at(0.0)) == []
    broken(server.received(12 + 8 * MAX_STREAM_GAP, b"\x26", False, at(0.0)), errors.TooManyStreams)


def test_a_request_given_up_before_it_was_whole() -> None:
    server = joined_server()
    for index in range(3 * MAX_INBOUND_STREAMS):
        assert server.received(4 + 4 * index, b"\x26", False, at(0.0)) == []
        assert server.reset(4 + 4 * index, at(0.0)) == []
    assert server.drain() == []
    assert server.respond(4, m.BlockResponse(None), at(0.0)) == server.decline(4, at(0.0)) == []
    assert server.drain() == []


def test_streams_that_never_come_are_forgotten() -> None:
    """A peer may give streams up before it sends anything: what it skipped is bounded, the oldest first."""
    server = joined_server()
    for leap in range(1, 9):
        stream = 4 * leap * 200
        assert len(server.received(stream, frame(m.BlockRequest(ZERO)), True, at(0.0))) == 1
        server.respond(stream, m.BlockResponse(None), at(0.0))
    assert server.received(8, frame(m.BlockRequest(ZERO)), True, at(0.0)) == []  # long forgotten
    assert len(server.received(4 * 8 * 200 - 4, frame(m.BlockRequest(ZERO)), True, at(0.0))) == 1


def test_requests_given_up_while_being_answered_count_until_the_answer() -> None:
    """Opening and resetting streams does not make us work without bound."""
    server = joined_server()
    for index in range(MAX_INBOUND_STREAMS):
        assert len(server.received(4 + 4 * index, frame(m.SealsRequest((ZERO,))), True, at(0.0))) == 1
        assert server.reset(4 + 4 * index, at(0.0)) == []
    stream = 4 + 4 * MAX_INBOUND_STREAMS
    assert server.received(stream, frame(m.SealsRequest((ZERO,))), True, at(0.0)) == []
    assert server.drain() == [ResetStream(2, stream, StreamCode.BUSY)]
    server.respond(4, m.Seals((None,)), at(0.0))
    assert server.drain() == []
    assert len(server.received(stream + 4, frame(m.SealsRequest((ZERO,))), True, at(0.0))) == 1


# --- slow readers


def test_a_peer_that_reads_nothing() -> None:
    server = joined_server()
    server.received(4, frame(m.BlockRequest(ZERO)), True, at(0.0))
    server.respond(4, m.BlockResponse(BLOCK), at(0.0))
    assert server.backlog(1 << 20, at(1.0)) == []
    assert server.tick(at(1.0)) == []
    assert server.tick(at(SLOW_READER_S - 1)) == []
    assert broken(server.tick(at(SLOW_READER_S + 2)), errors.Stalled, "unread").fault is Fault.EARLY


def test_a_slow_peer_that_goes_on_reading() -> None:
    server = joined_server()
    server.received(4, frame(m.BodiesRequest((ZERO,))), True, at(0.0))
    server.respond(4, m.Bodies((BlockBody((b"\x02" * (8 << 20),)),)), at(0.0))
    for second in range(0, 300, 10):
        assert [type(event) for event in server.received(2, heartbeat(second + 1), False, at(second))] == [Pushed]
        assert server.backlog((8 << 20) - second * (10 << 10), at(second)) == []
        assert server.tick(at(second)) == []
    assert server.joined


def test_requests_wait_while_the_answers_lie_unread() -> None:
    server = joined_server()
    server.backlog(32 << 20, at(0.0))
    assert server.received(4, frame(m.BlockRequest(ZERO)), True, at(0.0)) == []
    assert server.received(8, frame(m.SealsRequest((ZERO,))), True, at(0.0)) == []
    assert server.push(m.Gossip((CLAIM,)), at(0.0)) is False
    events = server.backlog(21 << 20, at(1.0))
    assert events == [Asked(4, m.BlockRequest(ZERO)), Asked(8, m.SealsRequest((ZERO,)))]


def test_answers_in_preparation_count() -> None:
    server = joined_server()
    asked = [server.received(4 * n, frame(m.BlockRequest(ZERO)), True, at(0.0)) for n in range(1, 7)]
    assert [len(events) for events in asked] == [1, 1, 1, 0, 0, 0]
    assert server.respond(4, m.BlockResponse(None), at(0.0)) == [Asked(16, m.BlockRequest(ZERO))]
    assert server.decline(8, at(0.0)) == [Asked(20, m.BlockRequest(ZERO))]
