"""Retry tokens (RFC 9000, section 8.1): proof that a client receives what is sent to its address.

    token = issued_ms (8 bytes) | length of the first connection id | that id | MAC (16 bytes)

The MAC binds the client's address, both connection ids and the moment; the key lives as long as the process. A server
keeps no state for a client that has not answered with its token: a flood from forged addresses costs a MAC each.
"""

from __future__ import annotations

import hashlib
import hmac

from quip.net.address import Address
from quip.net.limits import RETRY_TOKEN_S

MAX_CONNECTION_ID = 20  # bytes (RFC 9000, section 17.2)
_TIME_BYTES = 8
_MAC_BYTES = 16
_DOMAIN = b"quip retry 1"


class RetryTokens:
    """Makes tokens and checks those that come back."""

    def __init__(self, key: bytes) -> None:
        """`key`: 32 random bytes."""
        self._key = key

    def issue(self, address: Address, original_cid: bytes, retry_cid: bytes, now_s: float) -> bytes:
        """The token for a client's first datagram; the client must answer to `retry_cid`."""
        head = int(now_s * 1000).to_bytes(_TIME_BYTES, "big") + bytes([len(original_cid)]) + original_cid
        return head + self._mac(head, address, retry_cid)

    def check(self, token: bytes, address: Address, retry_cid: bytes, now_s: float) -> bytes | None:
        """The first connection id of the client that this token was made for; None if it was not, or too long ago."""
        head, mac = token[:-_MAC_BYTES], token[-_MAC_BYTES:]
        if not _TIME_BYTES < len(head) <= _TIME_BYTES + 1 + MAX_CONNECTION_ID:
            return None
        if not hmac.compare_digest(mac, self._mac(head, address, retry_cid)):
            return None
        age_s = now_s - int.from_bytes(head[:_TIME_BYTES], "big") / 1000
        return head[_TIME_BYTES + 1 :] if age_s <= RETRY_TOKEN_S else None

    def _mac(self, head: bytes, address: Address, retry_cid: bytes) -> bytes:
        bound = b"\0".join((_DOMAIN, head.hex().encode(), retry_cid.hex().encode(), str(address).encode()))
        return hmac.new(self._key, bound, hashlib.sha256).digest()[:_MAC_BYTES]
