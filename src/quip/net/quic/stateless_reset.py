"""Stateless resets (RFC 9000, section 10.3): how a restarted node tells its peers that it has forgotten them.

Who is killed loses its connections and cannot close them; the other side would wait for heartbeats that never come.
So every connection id that a node gives out comes with a token that only it can make, also after a restart; a packet
for an id that it does not know is answered with that token behind random bytes: who holds it dials again at once.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from quip.net.quic.datagram import CID_BYTES, LONG_HEADER

TOKEN_BYTES = 16
SMALLEST_RESET = 21  # bytes; anything shorter is no packet
LARGEST_RESET = 42  # as long as a packet with a few bytes in it
_FIXED_BIT = 0x40
_DOMAIN = b"quip stateless reset 1"


class ResetTokens:
    """Makes the token of each of this node's connection ids, the same ones after a restart."""

    def __init__(self, key: bytes) -> None:
        """`key`: a secret of the node that outlives it."""
        self._key = key

    def token(self, cid: bytes) -> bytes:
        """What proves that a packet for this id was answered by the node that gave it out."""
        return hmac.new(self._key, _DOMAIN + cid, hashlib.sha256).digest()[:TOKEN_BYTES]

    def answer(self, datagram: bytes) -> bytes:
        """The reset for a packet that is worth one and whose connection id is unknown here.

        Always shorter than what it answers, so that two nodes that know nothing of each other fall silent soon.
        """
        size = min(len(datagram) - 1, LARGEST_RESET)
        noise = bytearray(os.urandom(size - TOKEN_BYTES))
        noise[0] = noise[0] & (_FIXED_BIT - 1) | _FIXED_BIT
        return bytes(noise) + self.token(datagram[1 : 1 + CID_BYTES])


def is_worth_a_reset(datagram: bytes) -> bool:
    """True for what looks like a packet of a connection, and is long enough for a shorter answer."""
    return len(datagram) > SMALLEST_RESET and not datagram[0] & LONG_HEADER


def token_of(datagram: bytes) -> bytes:
    """Where the token is, if the datagram is a reset; empty if it cannot be one."""
    if len(datagram) < SMALLEST_RESET or datagram[0] & LONG_HEADER:
        return b""
    return datagram[-TOKEN_BYTES:]
