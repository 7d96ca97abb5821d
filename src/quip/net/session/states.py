"""How far a session is, what can happen to it, and what that makes of it: one table (h11's habit).

    client                            server
    ASKING   -- JOIN_REQUEST (0) -->  LISTENING
                                      DECIDING     its overlay looks at the request
    JOINED   <- JOIN_RESPONSE (0) --  WELCOMED     or REFUSED on both sides
             -- HEARTBEAT (2) ----->  JOINED
             <- HEARTBEAT (3) ------

In brackets the stream. What a state does not expect is a fault, and is refused in one place: `after`.
What this file does not do: it reads no message and keeps no time; `PeerSession` does, and names here what it saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from quip.net.errors import UnexpectedMessage


class State(Enum):
    """How far the join is."""

    ASKING = "the client waits for the response"
    LISTENING = "the server waits for the request"
    DECIDING = "the server's overlay looks at it"
    WELCOMED = "the server waits for the client's first message"
    JOINED = "both may speak"
    REFUSED = "one does not want the other; nothing is listened to any more"
    OVER = "broken"


class Input(Enum):
    """What can happen to a session."""

    JOIN_BYTES = "bytes on the join's stream"
    STREAM_BYTES = "bytes on any other stream"
    JOIN_REQUEST = "the request is whole"
    YES = "the response is whole: we are welcome"
    NO = "the response is whole: we are not"
    MESSAGE = "a whole, lawful message on any other stream"
    RESET = "the other side gave up a request, ours or its own"
    WELCOME = "our overlay wants the other side"
    REFUSE = "our overlay does not"
    BREAK = "a broken rule, a time that is over, or a lost stream that has to stay"


_OURS = (Input.WELCOME, Input.REFUSE)
_UNEXPECTED = {Input.JOIN_BYTES: ("join", "a second time"), Input.STREAM_BYTES: ("message", "before the join")}
_DEAF = (
    Input.JOIN_BYTES, Input.STREAM_BYTES, Input.JOIN_REQUEST, Input.YES, Input.NO, Input.MESSAGE, Input.RESET,
)  # fmt: skip
"""What a state that listens to nothing lets pass."""

TRANSITIONS: Mapping[State, Mapping[Input, State]] = {
    State.ASKING: {
        Input.JOIN_BYTES: State.ASKING,
        Input.YES: State.JOINED,
        Input.NO: State.REFUSED,
        Input.RESET: State.ASKING,
        Input.BREAK: State.OVER,
    },
    State.LISTENING: {
        Input.JOIN_BYTES: State.LISTENING,
        Input.JOIN_REQUEST: State.DECIDING,
        Input.RESET: State.LISTENING,
        Input.BREAK: State.OVER,
    },
    State.DECIDING: {
        Input.WELCOME: State.WELCOMED,
        Input.REFUSE: State.REFUSED,
        Input.RESET: State.DECIDING,
        Input.BREAK: State.OVER,
    },
    State.WELCOMED: {
        Input.STREAM_BYTES: State.WELCOMED,
        Input.MESSAGE: State.JOINED,
        Input.RESET: State.WELCOMED,
        Input.BREAK: State.OVER,
    },
    State.JOINED: {
        Input.STREAM_BYTES: State.JOINED,
        Input.MESSAGE: State.JOINED,
        Input.RESET: State.JOINED,
        Input.BREAK: State.OVER,
    },
    State.REFUSED: {**dict.fromkeys(_DEAF, State.REFUSED), Input.BREAK: State.OVER},
    State.OVER: {**dict.fromkeys(_DEAF, State.OVER), Input.BREAK: State.OVER},
}


def after(state: State, what: Input) -> State:
    """The next state. Raises UnexpectedMessage for what the state does not allow a peer, ValueError for what it does
    not allow our own overlay."""
    following = TRANSITIONS[state].get(what)
    if following is not None:
        return following
    if what in _OURS:
        raise ValueError(f"nobody asked to join: {state.value}")
    name, reason = _UNEXPECTED.get(what, ("message", what.value))
    raise UnexpectedMessage(reason, name=name)
