"""Every way in which a peer can break the network's rules: one class per rule, and whose fault it is.

    NetError
    ├── FrameError
    │   ├── MalformedFrame       at fault   a stream that ends within a frame, or goes on after its last
    │   ├── FrameTooLarge        at fault   a length above the message's largest
    │   └── UnknownMessage       at fault   a code that is in no table
    ├── UnexpectedMessage        at fault   a known message where, or when, it does not belong
    ├── MalformedPayload         at fault   not the one encoding of such a message
    ├── WrongAnswer              at fault   a well-formed answer to something that was not asked
    ├── FalseClaim               at fault   a head that does not weigh what was claimed
    ├── PartsWithheld            at fault   headers whose seals or bodies the sender says it has not got
    ├── InvalidTransaction       at fault   a transaction that no block of this chain can hold
    ├── HeaderFlood              at fault   many headers, and no work behind them
    ├── TooFast                  at fault   throttled again and again
    ├── TooManyStreams           at fault   requests opened faster than they can be refused
    ├── NoAnswer                 early      a request that came to nothing
    ├── Stalled                  early      a peer that neither reads nor goes on
    ├── StreamLost               early      a stream that has to stay was given up
    ├── HeartbeatLost            early      no sign of life
    └── JoinRefused              early      one side does not want the other

What this file does not do: it closes and bans nobody; the overlay acts on `fault`.
"""

from __future__ import annotations

from enum import IntEnum

from quip.primitives.errors import Fault, RuleError


class RefusalCode(IntEnum):
    """The answer to a JOIN_REQUEST: welcome, or why not."""

    WELCOME = 0
    WRONG_VERSION = 1
    WRONG_CHAIN = 2
    WRONG_GENESIS = 3
    WRONG_KEY = 4
    """The address is pinned to another node's key."""
    SELF = 5
    """Both ends are the same node."""
    DUPLICATE = 6
    """The two are connected already."""
    FULL = 7
    BANNED = 8
    STOPPING = 9


class StreamCode(IntEnum):
    """Why one stream is reset: QUIC's application error code of RESET_STREAM and STOP_SENDING."""

    BUSY = 1
    """The request is not answered: too many, or too fast."""
    GIVEN_UP = 2
    """Nobody waits for the answer any more."""


class NetError(RuleError):
    """A peer that cannot be spoken to any further, or a request that failed."""


class FrameError(NetError):
    """Bytes of a stream that cannot be cut into messages."""


class MalformedFrame(FrameError):
    """A stream ended within a frame, or went on after its only frame."""

    text = "malformed frame: {reason}"


class FrameTooLarge(FrameError):
    """The length in a frame is above the largest size of its message."""

    text = "{name} of {size} bytes, more than {limit}"


class UnknownMessage(FrameError):
    """No message has this code."""

    text = "unknown message 0x{code:02x}"


class UnexpectedMessage(NetError):
    """A message on the wrong kind of stream, before the join, twice, or an answer to nothing."""

    text = "unexpected {name}: {reason}"


class MalformedPayload(NetError):
    """Not canonical RLP, or not of the message's shape and ranges."""

    text = "malformed {name}: {reason}"


class WrongAnswer(NetError):
    """A well-formed answer that does not answer the request."""

    text = "wrong {name}: {reason}"


class FalseClaim(NetError):
    """The block that the peer calls its head carries other work than it claimed, or another number."""

    text = "claimed {claimed} of work, found {found}"


class PartsWithheld(NetError):
    """The peer sent a header, so it has the block: but it says that it has not got the seal or the body."""

    text = "no seal or body of block {number}, whose header it sent"


class InvalidTransaction(NetError):
    """The peer passed on a transaction that breaks a rule which holds at every head, or that nobody signed."""

    text = "invalid transaction {hash}: {reason}"


class HeaderFlood(NetError):
    """Headers cost their sender only the gate; so many without a single good seal are no accident."""

    text = "more than {count} headers without work behind them"


class TooFast(NetError):
    """More messages than the rate allows, long after the first were ignored."""

    text = "{name} above {per_s} a second"


class TooManyStreams(NetError):
    """More open requests than allowed, long after the first were refused."""

    text = "{count} open streams, more than {limit}"


class NoAnswer(NetError):
    """The answer did not come in time, the peer refused to answer, or the request was never sent."""

    fault = Fault.EARLY
    text = "no answer to {name}: {reason}"


class Stalled(NetError):
    """The peer takes no bytes, or leaves a message half sent."""

    fault = Fault.EARLY
    text = "stalled: {reason}"


class StreamLost(NetError):
    """The join or push stream was reset or ended."""

    fault = Fault.EARLY
    text = "stream {stream} was given up"


class HeartbeatLost(NetError):
    """No whole message for the heartbeat timeout."""

    fault = Fault.EARLY
    text = "no sign of life for {silent_s} s"


class JoinRefused(NetError):
    """We refused the peer's join; it had its time to read why."""

    fault = Fault.EARLY
    text = "refused: {reason}"
