"""One connection: the join, pushes, requests and answers, heartbeats, and whatever a peer may try."""

from collections.abc import Callable

import pytest

from quip.consensus.types.block import BlockBody
from quip.net import errors
from quip.net.actions import Send
from quip.net.errors import NetError, RefusalCode
from quip.net.limits import (
    JOIN_TIMEOUT_S,
    REFUSAL_LINGER_S,
    REQUEST_ARRIVAL_S,
)
from quip.net.session.events import Asked, Broken, Failed, JoinAsked, Joined, Pushed, Refused, Replied
from quip.net.session.session import LocalJoin, PeerSession
from quip.net.wire import messages as m
from quip.net.wire.frames import frame
from quip.primitives.errors import Fault
from support.messages import BLOCK, CLAIM, HEADER, JOIN, SEAL, ZERO
from support.sessions import (
    CLIENT_ADDRESS,
    STATUS,
    End,
    Pair,
    at,
    broken,
    client_session,
    heartbeat,
    joined_client,
    joined_server,
    reply_to,
    server_session,
)

REQUESTS: list[m.Request] = [
    m.HeadersRequest((ZERO,), 512),
    m.SealsRequest((ZERO,)),
    m.BodiesRequest((ZERO,)),
    m.BlockRequest(ZERO),
    m.TransactionsRequest((ZERO,)),
    m.PeersRequest(),
    m.StatusRequest(),
    m.StatsRequest(),
]


def answers(end: End, asked: Asked) -> None:
    end.session.respond(asked.stream, reply_to(asked.request), at(0.0))


# --- the join


def test_both_sides_join_and_hear_each_other() -> None:
    pair = Pair().joined()
    assert [type(event) for event in pair.client.events] == [Joined, Pushed]
    assert [type(event) for event in pair.server.events] == [JoinAsked, Joined, Pushed]
    joined = pair.client.told(Joined)[0]
    assert joined == Joined(JOIN, CLIENT_ADDRESS)
    assert pair.server.told(Joined) == [Joined(JOIN, None)]
    assert pair.server.told(Pushed) == [Pushed(m.Heartbeat(0, CLAIM))]


def test_the_server_says_nothing_until_the_welcome_has_arrived() -> None:
    server = server_session()
    assert server.received(0, frame(JOIN), True, at(0.0)) == [JoinAsked(JOIN)]
    assert server.drain() == []
    server.welcome(at(0.0))
    assert [(send.stream, send.fin) for send in server.drain() if isinstance(send, Send)] == [(0, True)]
    assert server.push(m.Gossip((CLAIM,)), at(0.0)) is False
    server.request(m.StatusRequest(), at(0.0), 5.0)
    assert server.tick(at(1.0)) == []
    assert server.drain() == []
    events = server.received(4, frame(m.StatusRequest()), True, at(2.0))  # may overtake stream 2
    assert [type(event) for event in events] == [Joined, Asked]
    assert [send.stream for send in server.drain()] == [3, 1]


@pytest.mark.parametrize("code", [*RefusalCode][1:])
def test_a_refusal_is_polite_and_final(code: RefusalCode) -> None:
    pair = Pair()
    pair.welcomes = False
    pair.run()
    pair.server.session.refuse(code, "because", at(0.0))
    pair.run()
    assert pair.client.events == [Refused(code, "because")]
    assert pair.client.session.received(3, b"\xff" * 100, False, at(0.0)) == []
    for end in (pair.client, pair.server):
        assert end.session.reset(0, at(0.0)) == end.session.tick(at(0.0)) == []
    pair.advance(REFUSAL_LINGER_S)
    for end in (pair.client, pair.server):
        assert type(end.told(Broken)[0].error) is errors.JoinRefused
        assert end.told(Broken)[0].error.fault is Fault.EARLY
        assert end.session.tick(at(100.0)) == []


def test_an_unknown_refusal_code_is_passed_on() -> None:
    client = client_session()
    response = frame(m.JoinResponse(77, "odd", JOIN, CLIENT_ADDRESS))
    assert client.received(0, response, True, at(0.0)) == [Refused(77, "odd")]


@pytest.mark.parametrize("session", [client_session, server_session])
def test_a_join_has_its_time(session: Callable[[], PeerSession]) -> None:
    one = session()
    assert one.tick(at(JOIN_TIMEOUT_S - 0.1)) == []
    assert broken(one.tick(at(JOIN_TIMEOUT_S)), errors.NoAnswer).fault is Fault.EARLY


def test_a_welcomed_client_that_stays_silent() -> None:
    server = server_session()
    server.received(0, frame(JOIN), True, at(5.0))
    server.welcome(at(5.0))
    assert server.tick(at(14.0)) == []
    broken(server.tick(at(15.0)), errors.NoAnswer)


@pytest.mark.parametrize("stream", [1, 2, 3, 4, 6, 7, 8])
@pytest.mark.parametrize("session", [client_session, server_session])
def test_nothing_comes_before_the_join(session: Callable[[], PeerSession], stream: int) -> None:
    error = broken(session().received(stream, heartbeat(), False, at(0.0)), errors.UnexpectedMessage, "before the join")
    assert error.fault is Fault.AT_FAULT


def test_a_client_that_does_not_wait_for_the_welcome() -> None:
    server = server_session()
    server.received(0, frame(JOIN), True, at(0.0))
    broken(server.received(2, heartbeat(), False, at(0.0)), errors.UnexpectedMessage, "before the join")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (frame(JOIN) * 2, errors.MalformedFrame),
        (frame(m.StatusRequest()), errors.UnexpectedMessage),
        (frame(m.JoinResponse(0, "", JOIN, CLIENT_ADDRESS)), errors.UnexpectedMessage),
        (b"\x01\0\0\0\0", errors.MalformedPayload),
        (b"\x01\0\0\xff\xff", errors.FrameTooLarge),
        (b"\x01\0\0", errors.MalformedFrame),
        (b"", errors.MalformedFrame),
        (b"GET / HTTP/1.1", errors.UnknownMessage),
    ],
)
def test_what_is_no_join_request(data: bytes, error: type[NetError]) -> None:
    broken(server_session().received(0, data, True, at(0.0)), error)


def test_a_second_join() -> None:
    broken(joined_server().received(0, frame(JOIN), True, at(0.0)), errors.UnexpectedMessage, "second time")
    broken(joined_server().received(4, frame(JOIN), True, at(0.0)), errors.UnexpectedMessage, "JOIN_REQUEST")
    broken(joined_server().received(2, frame(JOIN), False, at(0.0)), errors.UnexpectedMessage, "JOIN_REQUEST")
    response = frame(m.JoinResponse(0, "", JOIN, CLIENT_ADDRESS))
    broken(joined_client().received(0, response, True, at(0.0)), errors.UnexpectedMessage, "second time")


def test_only_the_overlay_answers_a_join_and_once() -> None:
    server = server_session()
    with pytest.raises(ValueError):
        server.welcome(at(0.0))
    server.received(0, frame(JOIN), True, at(0.0))
    server.welcome(at(0.0))
    with pytest.raises(ValueError):
        server.refuse(RefusalCode.FULL, "", at(0.0))


def test_nothing_after_the_end() -> None:
    server = joined_server()
    broken(server.received(2, b"\xff" * 5, False, at(0.0)), errors.UnknownMessage)
    assert server.received(2, heartbeat(1), False, at(0.0)) == []
    assert server.tick(at(1_000.0)) == server.reset(4, at(0.0)) == server.backlog(1 << 30, at(0.0)) == []
    assert server.push(m.Gossip((CLAIM,)), at(0.0)) is False
    server.request(m.StatusRequest(), at(0.0), 1.0)
    assert server.drain() == []
    assert not server.joined


# --- pushes and heartbeats

NEWS: list[m.Push] = [
    m.Gossip((CLAIM,)),
    m.BlockSubmit(HEADER, SEAL, 5),
    m.TransactionGossip(((2, 100, ZERO),)),
    m.Goodbye(0, "done"),
]


def test_news_goes_both_ways_in_order() -> None:
    pair = Pair().joined()
    for end, other in ((pair.client, pair.server), (pair.server, pair.client)):
        assert all(end.session.push(message, at(0.0)) for message in NEWS)
        assert end.session.push(NEWS[0], at(0.0)) is False  # after the goodbye
        pair.run()
        assert [event.message for event in other.told(Pushed)][1:] == NEWS
    assert pair.broken == []


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (heartbeat(0), errors.UnexpectedMessage, "sequence 0 after 0"),
        (frame(NEWS[3]) + heartbeat(1), errors.UnexpectedMessage, "after the goodbye"),
        (frame(STATUS), errors.UnexpectedMessage, "not in this stream"),
        (frame(m.StatusRequest()), errors.UnexpectedMessage, "not in this stream"),
        (b"\x12\0\0\0\x01\xc0", errors.MalformedPayload, "GOSSIP"),
    ],
)
def test_what_does_not_belong_on_the_push_stream(data: bytes, error: type[NetError], words: str) -> None:
    assert broken(joined_server().received(2, data, False, at(0.0)), error, words).fault is Fault.AT_FAULT


def test_news_before_the_first_heartbeat() -> None:
    broken(joined_client().received(3, frame(NEWS[0]), False, at(0.0)), errors.UnexpectedMessage, "first heartbeat")


@pytest.mark.parametrize("stream", [3, 6, 10])
def test_a_second_push_stream(stream: int) -> None:
    broken(joined_server().received(stream, heartbeat(), False, at(0.0)), errors.UnexpectedMessage)


def test_the_push_stream_stays() -> None:
    broken(joined_server().received(2, b"", True, at(0.0)), errors.StreamLost)
    broken(joined_server().reset(2, at(0.0)), errors.StreamLost)
    broken(joined_server().reset(0, at(0.0)), errors.StreamLost)
    assert len(joined_server().received(2, frame(NEWS[3]), True, at(0.0))) == 1


def test_heartbeats_every_interval_and_death_after_the_timeout() -> None:
    pair = Pair().joined()
    pair.advance(150.0)
    for end in (pair.client, pair.server):
        beats = [event.message for event in end.told(Pushed)]
        assert [beat.sequence for beat in beats] == list(range(11))
    assert pair.client.session.tick(at(pair.now_s + 59.0)) == []
    error = broken(pair.client.session.tick(at(pair.now_s + 61.0)), errors.HeartbeatLost)
    assert error.fault is Fault.EARLY


def test_the_times_are_the_operators() -> None:
    pair = Pair(local=LocalJoin(lambda: JOIN, 1.0, 3.0)).joined()
    pair.advance(5.0)
    assert len(pair.server.told(Pushed)) == 6
    broken(pair.server.session.tick(at(pair.now_s + 3.5)), errors.HeartbeatLost)
    for interval_s, timeout_s in ((0.01, 60.0), (60.0, 60.0)):
        with pytest.raises(ValueError):
            LocalJoin(lambda: JOIN, interval_s, timeout_s)


def test_any_whole_message_is_a_sign_of_life_and_half_a_one_is_not() -> None:
    asking, trickling = joined_server(), joined_server()
    for second in range(10, 140, 10):
        assert len(asking.received(4 * second // 10, frame(m.StatusRequest()), True, at(second))) == 1
        asking.respond(4 * second // 10, STATUS, at(second))
        assert asking.tick(at(second)) == []
    for second in range(1, 60):
        assert trickling.received(2, frame(NEWS[1])[second - 1 : second], False, at(second)) == []
        assert trickling.tick(at(second)) == []
    broken(trickling.tick(at(61.0)), errors.HeartbeatLost)


def test_a_head_that_moves_is_in_the_next_heartbeat() -> None:
    heads = [m.HeadClaim(ZERO, number, number) for number in range(9)]
    client = client_session(LocalJoin(lambda: m.JoinRequest(1, 5, ZERO, heads.pop(), None, "x")))
    client.received(0, frame(m.JoinResponse(0, "", JOIN, CLIENT_ADDRESS)), True, at(0.0))
    client.tick(at(15.0))
    numbers = {send.stream: send.data for send in client.drain() if isinstance(send, Send)}
    assert frame(m.Heartbeat(1, m.HeadClaim(ZERO, 6, 6))) == numbers[2]


# --- requests and answers


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
def test_every_request_is_answered_both_ways(request_: m.Request) -> None:
    pair = Pair(answers).joined()
    for end in (pair.client, pair.server):
        ticket = end.session.request(request_, at(0.0), 5.0)
        pair.run()
        assert end.told(Replied) == [Replied(ticket, request_, reply_to(request_))]
    assert pair.broken == []


def test_a_request_before_the_join_waits_for_it() -> None:
    pair = Pair(answers)
    tickets = [end.session.request(m.StatusRequest(), at(0.0), 5.0) for end in (pair.client, pair.server)]
    pair.joined()
    assert [end.told(Replied)[0].ticket for end in (pair.client, pair.server)] == tickets


def test_no_answer_in_time() -> None:
    pair = Pair().joined()
    ticket = pair.client.session.request(m.StatusRequest(), at(0.0), 3.0)
    pair.run()
    pair.advance(2.5, step_s=0.5)
    assert pair.client.told(Failed) == []
    pair.advance(0.5)
    failed = pair.client.told(Failed)[0]
    assert (failed.ticket, type(failed.error), failed.error.fault) == (ticket, errors.NoAnswer, Fault.EARLY)
    stream = pair.server.told(Asked)[0].stream
    assert pair.server.session.respond(stream, STATUS, at(4.0)) == []  # too late: goes nowhere
    assert pair.server.session.drain() == []
    assert pair.client.session.received(4, frame(STATUS), True, at(4.0)) == []  # or it had been on its way
    assert pair.broken == []


def test_a_declined_request_fails_at_once() -> None:
    pair = Pair(lambda end, asked: end.session.decline(asked.stream, at(0.0))).joined()
    ticket = pair.client.session.request(m.BlockRequest(ZERO), at(0.0), 60.0)
    pair.run()
    failed = pair.client.told(Failed)[0]
    assert failed.ticket == ticket
    assert "refused" in str(failed.error)
    assert pair.broken == []


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (m.HeadersRequest((ZERO,), 1), m.Headers((HEADER, HEADER))),
        (m.HeadersRequest((ZERO,), 2), m.Headers((HEADER, HEADER))),
        (m.SealsRequest((ZERO,)), m.Seals((None, None))),
        (m.BodiesRequest((ZERO,)), m.Bodies((None, BlockBody()))),
        (m.BlockRequest(ZERO), m.BlockResponse(BLOCK)),
        (m.TransactionsRequest((ZERO,)), m.Transactions((b"\x02",))),
    ],
)
def test_answers_that_do_not_fit(request_: m.Request, reply: m.Reply) -> None:
    client = joined_client()
    client.request(request_, at(0.0), 5.0)
    assert broken(client.received(4, frame(reply), True, at(0.0)), errors.WrongAnswer).fault is Fault.AT_FAULT


def test_an_answer_of_another_kind() -> None:
    client = joined_client()
    client.request(m.BlockRequest(ZERO), at(0.0), 5.0)
    broken(client.received(4, frame(STATUS), True, at(0.0)), errors.UnexpectedMessage)


@pytest.mark.parametrize("stream", [8, 12, 1 << 40])
def test_answers_to_nothing(stream: int) -> None:
    client = joined_client()
    client.request(m.StatusRequest(), at(0.0), 5.0)
    broken(client.received(stream, frame(STATUS), True, at(0.0)), errors.UnexpectedMessage, "never opened")


def test_a_wrong_answer_from_our_own_side_is_our_bug() -> None:
    server = joined_server()
    server.received(4, frame(m.BlockRequest(ZERO)), True, at(0.0))
    with pytest.raises(ValueError):
        server.respond(4, STATUS, at(0.0))


def test_half_a_request_does_not_stay() -> None:
    server = joined_server()
    assert server.received(4, frame(m.BlockRequest(ZERO))[:-1], False, at(0.0)) == []
    assert server.tick(at(REQUEST_ARRIVAL_S - 1)) == []
    assert broken(server.tick(at(REQUEST_ARRIVAL_S)), errors.Stalled).fault is Fault.EARLY


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (frame(m.StatusRequest()) * 2, errors.MalformedFrame),
        (frame(STATUS), errors.UnexpectedMessage),
        (heartbeat(1), errors.UnexpectedMessage),
        (b"\x22\xff\0\0\0", errors.FrameTooLarge),
        (b"\x22\0\0\0\0", errors.MalformedPayload),
        (b"", errors.MalformedFrame),
        (b"\x22\0\0", errors.MalformedFrame),
    ],
)
def test_what_is_no_request(data: bytes, error: type[NetError]) -> None:
    assert broken(joined_server().received(4, data, True, at(0.0)), error).fault is Fault.AT_FAULT
