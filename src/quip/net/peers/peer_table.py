"""The connections in being, with what is known about each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from quip.net.address import Address, netgroup
from quip.net.commands import PendingRequest
from quip.net.link import Instant, Link, Purpose
from quip.net.overlay_config import PeerInfo
from quip.net.session.session import PeerSession
from quip.net.wire.messages import HeadClaim, JoinRequest


@dataclass(slots=True)
class Peer:
    """One connection, from its handshake on."""

    connection: int
    link: Link
    session: PeerSession
    opened: Instant
    join: JoinRequest | None = None
    """What it said of itself; None until both sides welcomed."""
    welcomed: bool = False
    """Inbound: we answered its JOIN_REQUEST with a welcome; it is joined once it speaks."""
    public: Address | None = None
    """Where it can be dialled."""
    familiar: bool = False
    """It did not select itself: we dialled it, or it brought a new block first, which costs work."""
    claim: HeadClaim | None = None
    joined_s: float = 0.0
    heard_s: float = 0.0
    """Its last heartbeat, by the monotonic clock."""
    closing: bool = False
    """Close was ordered: nothing more is read from it or written to it."""
    asked: dict[int, PendingRequest] = field(default_factory=dict)
    """Requests in flight, by the session's tickets."""
    bytes_in: int = 0
    bytes_out: int = 0
    messages_in: int = 0
    blocks_first: int = 0
    last_block_s: float = 0.0
    """When it last brought a new block first."""

    @property
    def joined(self) -> bool:
        """True between welcome and close."""
        return self.join is not None and not self.closing

    @property
    def group(self) -> str:
        """The netgroup of its address."""
        return netgroup(self.link.address.host)

    def info(self, now: Instant) -> PeerInfo:
        """For people; of a joined peer only."""
        assert self.join is not None
        assert self.claim is not None
        return PeerInfo(
            connection=self.connection,
            address=self.link.address,
            node_id=self.link.node_id,
            purpose=self.link.purpose,
            public=self.public,
            agent=self.join.agent,
            head=self.claim,
            connected_at_unix_s=self.opened.unix_s,
            heartbeat_age_s=now.monotonic_s - self.heard_s,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            messages_in=self.messages_in,
            blocks_first=self.blocks_first,
        )


class PeerTable:
    """Connections by number. Bounded by the transport's caps and the overlay's own (`admission`)."""

    def __init__(self) -> None:
        self._peers: dict[int, Peer] = {}

    def add(self, peer: Peer) -> None:
        """A handshake was completed."""
        self._peers[peer.connection] = peer

    def remove(self, connection: int) -> Peer | None:
        """The connection is gone."""
        return self._peers.pop(connection, None)

    def get(self, connection: int) -> Peer | None:
        """A connection that is not being closed."""
        peer = self._peers.get(connection)
        return None if peer is None or peer.closing else peer

    def all(self) -> list[Peer]:
        """Every connection that is not being closed."""
        return [peer for peer in self._peers.values() if not peer.closing]

    def joined(self) -> Iterator[Peer]:
        """Every connection that is welcome on both sides."""
        return (peer for peer in self._peers.values() if peer.joined)

    def of_node(self, node_id: bytes) -> list[Peer]:
        """The connections with one node; more than one only until the duplicate is closed."""
        return [peer for peer in self.all() if peer.link.node_id == node_id]

    def of_purpose(self, purpose: Purpose) -> list[Peer]:
        """The connections opened for one reason."""
        return [peer for peer in self.all() if peer.link.purpose is purpose]

    def __len__(self) -> int:
        return len(self._peers)
