"""How many frames of a kind one packet may have: aioquic takes as many as fit, thousands of them."""

from __future__ import annotations

from quip.net.limits import MAX_ACKS_IN_PACKET, MAX_FRAMES_IN_PACKET, MAX_RETIRED_IN_PACKET

ACK, ACK_ECN, RETIRE_CONNECTION_ID = 0x02, 0x03, 0x19  # RFC 9000, section 19
_LIMITS = {
    ACK: MAX_ACKS_IN_PACKET, ACK_ECN: MAX_ACKS_IN_PACKET, RETIRE_CONNECTION_ID: MAX_RETIRED_IN_PACKET,
}  # fmt: skip


class FrameCount:
    """Of one connection; a packet is known by its context, whatever that is."""

    def __init__(self) -> None:
        self._packet: object = None
        self._counts: dict[int, int] = {}

    def too_many(self, packet: object, kind: int) -> bool:
        """Count one frame. True if there are more in this packet than anybody needs."""
        if packet is not self._packet:
            self._packet = packet
            self._counts.clear()
        count = self._counts[kind] = self._counts.get(kind, 0) + 1
        return count > _LIMITS.get(kind, MAX_FRAMES_IN_PACKET)
