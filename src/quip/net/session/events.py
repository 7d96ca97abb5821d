"""What a PeerSession tells the overlay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from quip.net.address import Address
from quip.net.errors import NetError
from quip.net.wire.messages import JoinRequest, Push, Reply, Request


@dataclass(frozen=True, slots=True)
class JoinAsked:
    """Server side: the other side wants to join. Answer with `welcome` or `refuse`."""

    join: JoinRequest


@dataclass(frozen=True, slots=True)
class Joined:
    """Both sides agreed; requests and pushes may go both ways. Told to either side exactly once."""

    join: JoinRequest
    """The other side's."""
    observed: Address | None
    """This side's address as the other sees it; the server is not told."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Client side: the other side does not want us. Nothing more comes of this session."""

    code: int
    """RefusalCode, or a number that this version does not know."""
    reason: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """A pushed message; heartbeats and the goodbye too."""

    message: Push


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of the other side. Answer with `respond` or `decline` on that stream."""

    stream: int
    request: Request


@dataclass(frozen=True, slots=True)
class Replied:
    """The answer to a request of ours: it fits what was asked; whether it is true is for others to see."""

    ticket: int
    request: Request
    reply: Reply


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer to a request of ours; the connection goes on."""

    ticket: int
    request: Request
    error: NetError


@dataclass(frozen=True, slots=True)
class Broken:
    """The session is over, and open requests are void: close the connection, ban if the error is AT_FAULT."""

    error: NetError


PeerEvent: TypeAlias = JoinAsked | Joined | Refused | Pushed | Asked | Replied | Failed | Broken
