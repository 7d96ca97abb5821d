"""Who may join: the same chain, not banned, not ourselves, not twice, and only so many."""

from __future__ import annotations

from dataclasses import dataclass

from quip.net.errors import RefusalCode
from quip.net.limits import DUPLICATE_RACE_S
from quip.net.link import Instant, Purpose
from quip.net.peers.eviction import victim
from quip.net.peers.peer_table import Peer, PeerTable
from quip.net.wire.messages import JoinRequest


@dataclass(frozen=True, slots=True)
class JoinDecision:
    """A welcome, for which other connections may have to be closed; or a refusal."""

    code: RefusalCode
    reason: str = ""
    closes: tuple[Peer, ...] = ()
    """Connections to close first: duplicates, or one that makes room."""


def same_network(local: JoinRequest, other: JoinRequest) -> JoinDecision:
    """Whether both speak the same protocol about the same chain."""
    if other.protocol_version != local.protocol_version:
        reason = f"protocol version {other.protocol_version}, here {local.protocol_version}"
        return JoinDecision(RefusalCode.WRONG_VERSION, reason)
    if other.chain_id != local.chain_id:
        return JoinDecision(RefusalCode.WRONG_CHAIN, f"chain {other.chain_id}, here {local.chain_id}")
    if other.genesis_hash != local.genesis_hash:
        reason = f"genesis 0x{other.genesis_hash.hex()}, here 0x{local.genesis_hash.hex()}"
        return JoinDecision(RefusalCode.WRONG_GENESIS, reason)
    return JoinDecision(RefusalCode.WELCOME)


class AdmissionPolicy:
    """Decides about connections; the overlay carries the decisions out."""

    def __init__(self, node_id: bytes, max_inbound: int) -> None:
        self._node_id = node_id
        self._max_inbound = max_inbound

    def dialled(self, peers: PeerTable, node_id: bytes) -> bool:
        """True if a connection that we dialled is worth a JOIN: we have no joined one with that node.

        The other side relies on it: a node that asks to join a second time has lost its older connection.
        """
        return not any(peer.joined or peer.welcomed or peer.link.outbound for peer in peers.of_node(node_id))

    def inbound(self, peers: PeerTable, new: Peer, local: JoinRequest, join: JoinRequest, now: Instant) -> JoinDecision:
        """The answer to a JOIN_REQUEST."""
        verdict = same_network(local, join)
        if verdict.code is not RefusalCode.WELCOME:
            return verdict
        if new.link.node_id == self._node_id:
            return JoinDecision(RefusalCode.SELF, "this is the same node")
        closes: list[Peer] = []
        for old in peers.of_node(new.link.node_id):
            if old is new:
                continue
            if self._keeps_old(old, now):
                return JoinDecision(RefusalCode.DUPLICATE, "connected already")
            closes.append(old)
        if self._is_full(peers, new, closes):
            evicted = victim([peer for peer in peers.of_purpose(Purpose.INBOUND) if peer is not new and peer.welcomed])
            if evicted is None:
                return JoinDecision(RefusalCode.FULL, "no room for another inbound peer")
            closes.append(evicted)
        return JoinDecision(RefusalCode.WELCOME, closes=tuple(closes))

    def _keeps_old(self, old: Peer, now: Instant) -> bool:
        """Both dialled at once: the connection that the smaller node id dialled stays, as both sides can tell."""
        if old.joined and now.monotonic_s - old.joined_s > DUPLICATE_RACE_S:
            return False
        return old.link.outbound and self._node_id < old.link.node_id

    def _is_full(self, peers: PeerTable, new: Peer, closes: list[Peer]) -> bool:
        others = [peer for peer in peers.of_purpose(Purpose.INBOUND) if peer.welcomed and peer is not new]
        return len([peer for peer in others if peer not in closes]) >= self._max_inbound
