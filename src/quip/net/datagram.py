"""What can be said of a datagram, or of a stranger's text, without QUIC's state (RFC 8999)."""

from __future__ import annotations

from quip.net.limits import MAX_REASON_CHARACTERS

CID_BYTES = 8  # of the connection ids that this node gives out
LONG_HEADER = 0x80


def destination_of(datagram: bytes) -> bytes:
    """The connection id that a datagram is addressed to; empty for garbage. Cheap: it looks at no more."""
    if len(datagram) <= CID_BYTES:
        return b""
    if not datagram[0] & LONG_HEADER:
        return datagram[1 : 1 + CID_BYTES]
    return datagram[6 : 6 + datagram[5]]


def printable(text: str) -> str:
    """What may stand in a log of what a stranger wrote."""
    return "".join(letter for letter in text if " " <= letter <= "~")[:MAX_REASON_CHARACTERS]
