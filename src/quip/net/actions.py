"""What the overlay wants done: its whole output. The shell (sockets, threads) or the simulation carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from quip.chain.batch import Admission
from quip.consensus.block_validation import CompleteBlock, OmmerClaim, SealCheck
from quip.net.address import Address
from quip.net.link import Purpose
from quip.net.wire.messages import Request


class CloseCode(IntEnum):
    """Why a connection is closed: QUIC's application error code (RFC 9000, section 20.2)."""

    DONE = 0
    REFUSED = 1
    MISBEHAVED = 2
    TOO_SLOW = 3
    TIMED_OUT = 4
    BANNED = 5
    FULL = 6
    WRONG_KEY = 7
    SELF = 8


@dataclass(frozen=True, slots=True)
class Dial:
    """Open a connection. Answered by Opened or DialFailed."""

    address: Address
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for a stream, which begins with its first Send; `fin` ends it."""

    connection: int
    stream: int
    data: bytes
    fin: bool


@dataclass(frozen=True, slots=True)
class ResetStream:
    """Give a stream up in both directions."""

    connection: int
    stream: int
    code: int


@dataclass(frozen=True, slots=True)
class Close:
    """End a connection; Closed follows."""

    connection: int
    code: CloseCode
    reason: str
    """At most 200 bytes of ASCII; nothing secret."""


@dataclass(frozen=True, slots=True)
class GrantBudget:
    """The other side has joined: it may use some CPU of its own, beside what strangers have together."""

    connection: int


@dataclass(frozen=True, slots=True)
class CheckSeals:
    """Verify seals, of blocks or of ommers, on the native threads. Answered by SealsChecked.

    `connection`: whose CPU budget it is.
    """

    job: int
    connection: int
    checks: tuple[SealCheck | OmmerClaim, ...]


@dataclass(frozen=True, slots=True)
class ImportBlocks:
    """Accept blocks, in order, on the chain's thread. Answered by BlocksImported."""

    job: int
    blocks: tuple[CompleteBlock, ...]
    admission: Admission


@dataclass(frozen=True, slots=True)
class Answer:
    """Read the chain for a peer's request (`ChainServer.answer(request)`), off the event loop. Answered by Answered."""

    connection: int
    stream: int
    request: Request


@dataclass(frozen=True, slots=True)
class Log:
    """A line for the log. `event` is a short constant text; `fields` are public values."""

    level: str
    """"debug", "info", "warning" or "error"."""
    event: str
    fields: tuple[tuple[str, str | int | float], ...] = ()


Action: TypeAlias = Dial | GrantBudget | Send | ResetStream | Close | CheckSeals | ImportBlocks | Answer | Log
