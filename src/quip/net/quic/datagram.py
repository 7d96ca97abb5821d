"""What can be said of a datagram, or of a stranger's text, without QUIC's state (RFC 8999)."""

from __future__ import annotations

from dataclasses import dataclass

from quip.net.address import Address
from quip.net.limits import MAX_REASON_CHARACTERS

CID_BYTES = 8  # of the connection ids that this node gives out
LONG_HEADER = 0x80
FIRST_DATAGRAM = 1_200  # bytes at least of a client's first one (RFC 9000, section 14.1)


@dataclass(slots=True)
class ValidatedInitial:
    """A client's first datagram, whose address is proved."""

    datagram: bytes
    address: Address
    first_cid: bytes
    """What the client called the server before the Retry."""
    retry_cid: bytes
    source_cid: bytes


def destination_of(datagram: bytes) -> bytes:
    """The connection id that a datagram is addressed to; empty for garbage. Cheap: it looks at no more."""
    if len(datagram) <= CID_BYTES:
        return b""
    if not datagram[0] & LONG_HEADER:
        return datagram[1 : 1 + CID_BYTES]
    return datagram[6 : 6 + datagram[5]]


def may_begin(datagram: bytes) -> bool:
    """True for what is large enough to begin a connection; anything else of a stranger is not worth a word."""
    return len(datagram) >= FIRST_DATAGRAM and datagram[0] & LONG_HEADER != 0


def printable(text: str) -> str:
    """What may stand in a log of what a stranger wrote."""
    return "".join(letter for letter in text if " " <= letter <= "~")[:MAX_REASON_CHARACTERS]
