"""What the network looks like, for RPC, metrics and the log: a snapshot that any thread may read.

The loop refreshes it; a reader sees one moment or the next, never a mixture.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from quip.net.link import Purpose
from quip.net.overlay_config import PeerInfo
from quip.net.sync.sync import SyncState
from quip.net.wire.messages import HeadClaim
from quip.node.process.metrics import NetworkMetrics
from quip.rpc.encoding import data, quantity


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment."""

    peers: tuple[PeerInfo, ...] = ()
    sync: SyncState | None = None
    awaited: int = 0
    """Peers that the operator named and that are not joined."""
    bytes_in: int = 0
    """Of all peers since the start, as far as it was seen."""
    bytes_out: int = 0
    bans: int = 0
    """In force."""


class NetworkStats:
    """Holds the newest snapshot."""

    def __init__(self) -> None:
        self._now = Snapshot()
        self._traffic: dict[int, tuple[int, int]] = {}
        self._began_at = 0

    @property
    def now(self) -> Snapshot:
        """The newest snapshot."""
        return self._now

    def refresh(self, peers: list[PeerInfo], sync: SyncState, awaited: int, head: int) -> None:
        """Called on the loop. `head`: number of the own head."""
        before = self._now
        if before.sync is None or not sync.syncing:
            self._began_at = head
        traffic = {peer.connection: (peer.bytes_in, peer.bytes_out) for peer in peers}
        for connection, (bytes_in, bytes_out) in traffic.items():
            old_in, old_out = self._traffic.get(connection, (0, 0))
            before = replace(
                before, bytes_in=before.bytes_in + bytes_in - old_in, bytes_out=before.bytes_out + bytes_out - old_out
            )
        self._traffic = traffic
        self._now = replace(before, peers=tuple(peers), sync=sync, awaited=awaited)

    def note_bans(self, bans: int) -> None:
        """How many bans are in force. Called on the loop."""
        self._now = replace(self._now, bans=bans)

    def address_of(self, connection: int) -> str | None:
        """The address of a peer, as people read it."""
        return next((str(peer.address) for peer in self._now.peers if peer.connection == connection), None)

    def directions(self) -> dict[str, int]:
        """How many peers there are, by why they were connected."""
        counted = Counter(peer.purpose for peer in self._now.peers)
        return {purpose.value: counted[purpose] for purpose in Purpose}

    def measure(self, counts: NetworkMetrics) -> None:
        """Set the metrics."""
        now = self._now
        for direction, peers in self.directions().items():
            counts.peers.labels(direction).set(peers)
        counts.awaited.set(now.awaited)
        counts.bytes.labels("in").set(now.bytes_in)
        counts.bytes.labels("out").set(now.bytes_out)
        counts.bans.set(now.bans)
        if now.sync is not None:
            counts.syncing.set(now.sync.syncing)
            counts.target.set(now.sync.target.number if now.sync.target else 0)
            counts.verified.set(now.sync.verified)
            counts.imported.set(now.sync.imported)

    def peer_objects(self) -> list[dict[str, Any]]:
        """What quip_getPeers answers."""
        return [peer_object(peer) for peer in self._now.peers]

    def syncing_object(self, head: int) -> dict[str, Any] | None:
        """What eth_syncing answers while blocks are fetched; None otherwise. `head`: number of the own head."""
        sync = self._now.sync
        if sync is None or not sync.syncing or sync.target is None:
            return None
        return {
            "startingBlock": quantity(min(self._began_at, head)),
            "currentBlock": quantity(head),
            "highestBlock": quantity(max(sync.target.number, head)),
            "verifiedSeals": sync.verified,
            "importedBlocks": sync.imported,
        }


def peer_object(peer: PeerInfo) -> dict[str, Any]:
    """One joined peer as JSON."""
    return {
        "address": str(peer.address),
        "nodeId": data(peer.node_id),
        "direction": peer.purpose.value,
        "agent": peer.agent,
        "head": claim_object(peer.head),
        "connectedSince": peer.connected_at_unix_s,
        "lastHeartbeatAge": round(peer.heartbeat_age_s, 1),
        "bytesIn": peer.bytes_in,
        "bytesOut": peer.bytes_out,
        "messagesIn": peer.messages_in,
        "blocksFirst": peer.blocks_first,
    }


def claim_object(claim: HeadClaim) -> dict[str, Any]:
    """What a peer says that its head is."""
    return {
        "hash": data(claim.hash),
        "number": quantity(claim.number),
        "totalDifficulty": quantity(claim.total_difficulty),
    }
