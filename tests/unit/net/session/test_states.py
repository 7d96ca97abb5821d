"""The table of a session's states, and that the session does what it says, in every state and in every order."""

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.net.errors import RefusalCode, UnexpectedMessage
from quip.net.limits import HEARTBEAT_TIMEOUT_S
from quip.net.session.events import Broken, PeerEvent
from quip.net.session.session import PeerSession
from quip.net.session.states import TRANSITIONS, Input, State, after
from quip.net.wire import messages as m
from quip.net.wire.frames import frame
from support.examples import examples
from support.messages import JOIN
from support.sessions import CLIENT_ADDRESS, at, client_session, heartbeat, joined_server, server_session

YES = frame(m.JoinResponse(0, "", JOIN, CLIENT_ADDRESS))
NO = frame(m.JoinResponse(int(RefusalCode.FULL), "full", JOIN, CLIENT_ADDRESS))
STATUS_REQUEST = frame(m.StatusRequest())
NEVER_S = 10 * HEARTBEAT_TIMEOUT_S


def deciding() -> PeerSession:
    session = server_session()
    session.received(0, frame(JOIN), True, at(0.0))
    return session


def welcomed() -> PeerSession:
    session = deciding()
    session.welcome(at(0.0))
    return session


def refused() -> PeerSession:
    session = deciding()
    session.refuse(RefusalCode.FULL, "full", at(0.0))
    return session


def over() -> PeerSession:
    session = server_session()
    session.tick(at(NEVER_S))
    return session


IN_STATE: dict[State, Callable[[], PeerSession]] = {
    State.ASKING: client_session,
    State.LISTENING: server_session,
    State.DECIDING: deciding,
    State.WELCOMED: welcomed,
    State.JOINED: joined_server,
    State.REFUSED: refused,
    State.OVER: over,
}


def stream_of(session: PeerSession, push: bool) -> int:
    """The other side's push stream, or its first for requests."""
    return session._pushes_in.stream if push else 1 if session._link.outbound else 4


PEERS: dict[Input, Callable[[PeerSession], list[PeerEvent]]] = {
    Input.JOIN_BYTES: lambda session: session.received(0, b"", False, at(0.0)),
    Input.STREAM_BYTES: lambda session: session.received(stream_of(session, True), heartbeat()[:3], False, at(0.0)),
    Input.JOIN_REQUEST: lambda session: session.received(0, frame(JOIN), True, at(0.0)),
    Input.YES: lambda session: session.received(0, YES, True, at(0.0)),
    Input.NO: lambda session: session.received(0, NO, True, at(0.0)),
    Input.MESSAGE: lambda session: session.received(stream_of(session, False), STATUS_REQUEST, True, at(0.0)),
    Input.RESET: lambda session: session.reset(stream_of(session, False), at(0.0)),
    Input.BREAK: lambda session: session.tick(at(NEVER_S)),
}


def happen(session: PeerSession, what: Input) -> list[PeerEvent]:
    """Make it happen, as a peer or the overlay would."""
    if what is Input.WELCOME:
        session.welcome(at(0.0))
    elif what is Input.REFUSE:
        session.refuse(RefusalCode.FULL, "full", at(0.0))
    else:
        return PEERS[what](session)
    return []


EVERYTHING = list(product(State, Input))


@pytest.mark.parametrize(("state", "what"), EVERYTHING, ids=lambda part: part.name)
def test_every_pair_is_in_the_table_or_refused(state: State, what: Input) -> None:
    following = TRANSITIONS[state].get(what)
    if following is not None:
        assert after(state, what) is following
        return
    with pytest.raises(ValueError if what in (Input.WELCOME, Input.REFUSE) else UnexpectedMessage):
        after(state, what)


@pytest.mark.parametrize(("state", "what"), EVERYTHING, ids=lambda part: part.name)
def test_the_session_does_what_the_table_says(state: State, what: Input) -> None:
    """From every state; what the table does not allow a peer ends the session, and what it does not allow us raises."""
    session = IN_STATE[state]()
    assert session._state is state
    following = TRANSITIONS[state].get(what)
    if following is None and what in (Input.WELCOME, Input.REFUSE):
        with pytest.raises(ValueError, match="nobody asked"):
            happen(session, what)
        assert session._state is state
        return
    events = happen(session, what)
    assert session._state is (following or State.OVER)
    if following is None:
        assert [type(event) for event in events] == [Broken]
        assert isinstance(events[0].error, UnexpectedMessage)  # type: ignore[union-attr]
    elif what is not Input.BREAK:
        assert not any(isinstance(event, Broken) for event in events)


def test_every_state_is_reached_and_only_the_last_is_never_left() -> None:
    reached = {following for row in TRANSITIONS.values() for following in row.values()}
    assert reached == set(State)
    for state, row in TRANSITIONS.items():
        assert (set(row.values()) == {State.OVER}) is (state is State.OVER)


def test_nobody_joins_but_by_both_sides_will() -> None:
    """Who is JOINED was welcomed, and has told so with a message, or heard that it is welcome."""
    ways = {(state, what) for state, row in TRANSITIONS.items() for what in row if row[what] is State.JOINED}
    assert {way for way in ways if way[0] is not State.JOINED} == {
        (State.ASKING, Input.YES),
        (State.WELCOMED, Input.MESSAGE),
    }


@examples(200)
@given(st.booleans(), st.lists(st.sampled_from(Input), max_size=12))
def test_any_order_of_inputs_follows_the_table(client: bool, inputs: list[Input]) -> None:
    session = client_session() if client else server_session()
    state = session._state
    messages = 0
    for what in inputs:
        if what in (Input.MESSAGE, Input.STREAM_BYTES, Input.RESET) and messages:
            continue  # the same bytes a second time on one stream would be another fault than that of the state
        messages += what in (Input.MESSAGE, Input.STREAM_BYTES, Input.RESET)
        try:
            state, refused_by_us = after(state, what), False
        except ValueError:
            refused_by_us = True
        except UnexpectedMessage:
            state, refused_by_us = State.OVER, False
        if refused_by_us:
            with pytest.raises(ValueError):
                happen(session, what)
        else:
            happen(session, what)
        assert session._state is state
