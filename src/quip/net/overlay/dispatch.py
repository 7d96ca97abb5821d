"""What joined peers say, ask and answer, and who here must hear of it."""

from __future__ import annotations

from quip.consensus.errors import KnownInvalid
from quip.net.actions import Answer, CloseCode
from quip.net.errors import NetError
from quip.net.limits import MAX_COUNTERS
from quip.net.link import Instant
from quip.net.overlay.state import OverlayState
from quip.net.peers.peer_table import Peer
from quip.net.session.events import PeerEvent
from quip.net.wire.messages import (
    BlockSubmit,
    Goodbye,
    Gossip,
    Heartbeat,
    NodeStats,
    NodeStatus,
    Peers,
    PeersRequest,
    Push,
    Reply,
    Request,
    StatsRequest,
    StatusRequest,
    TransactionGossip,
    Transactions,
    TransactionsRequest,
)


class Dispatch:
    """Dispatches the messages of joined peers."""

    def __init__(self, hub: OverlayState) -> None:
        self._hub = hub
        self._started_s: float | None = None

    def began(self, now: Instant) -> None:
        """The node's uptime counts from the first event."""
        if self._started_s is None:
            self._started_s = now.monotonic_s

    def pushed(self, peer: Peer, message: Push, now: Instant) -> None:
        """A message on the peer's push stream."""
        hub = self._hub
        peer.messages_in += 1
        match message:
            case Heartbeat(_, head):
                peer.heard_s = now.monotonic_s
                hub.claimed(peer, head, now)
            case Gossip(blocks):
                wrong = next((claim.hash for claim in blocks if hub.view.is_invalid(claim.hash)), None)
                if wrong is not None:
                    hub.blame(peer, KnownInvalid(block_hash=f"0x{wrong.hex()}"), now)
                else:
                    hub.gossip.announced(peer.connection, message, now)
            case BlockSubmit():
                hub.gossip.submitted(peer.connection, message, now)
            case TransactionGossip():
                hub.order(hub.inventory.announced(peer.connection, message))
            case Goodbye(_, reason):
                hub.close(peer, CloseCode.DONE, f"the peer said goodbye: {reason}", now)

    def asked(self, peer: Peer, stream: int, request: Request, now: Instant) -> list[PeerEvent]:
        """A request: answered here, or by the library in a reading thread."""
        peer.messages_in += 1
        match request:
            case PeersRequest():
                reply: Reply = self._hub.discovery.tell(peer, self._hub.peers, now)
            case StatusRequest():
                reply = self._status(now)
            case StatsRequest():
                reply = NodeStats(self._hub.setup.counters()[:MAX_COUNTERS])
            case TransactionsRequest():
                reply = self._hub.inventory.answer(request)
            case _:
                self._hub.actions.append(Answer(peer.connection, stream, request))
                return []
        return peer.session.respond(stream, reply, now)

    def replied(self, peer: Peer, asked: tuple[int, Request], reply: Reply, now: Instant) -> None:
        """An answer to a request of ours; `asked`: the session's ticket, and the request."""
        hub = self._hub
        ticket = peer.asked.pop(asked[0], None)
        peer.messages_in += 1
        if ticket is None:
            return
        if isinstance(reply, Peers):
            hub.discovery.told(peer, ticket, reply, now)
        elif isinstance(reply, Transactions):
            hub.inventory.told(ticket, reply)
        elif not hub.gossip.replied(peer.connection, ticket, reply, now):
            hub.sync.replied(peer.connection, ticket, asked[1], reply, now)

    def failed(self, peer: Peer, asked: tuple[int, Request], error: NetError, now: Instant) -> None:
        """A request of ours that came to nothing."""
        ticket = peer.asked.pop(asked[0], None)
        if ticket is not None:
            self._hub.request_failed(peer.connection, (ticket, asked[1]), error, now)

    def _status(self, now: Instant) -> NodeStatus:
        hub = self._hub
        synced = hub.sync.state.first_done and not hub.sync.state.syncing
        return NodeStatus(
            head=hub.claim_of_head(),
            agent=hub.setup.agent,
            synced=synced,
            mining=hub.setup.mining(),
            peers=sum(1 for _ in hub.peers.joined()),
            uptime_s=int(now.monotonic_s - (now.monotonic_s if self._started_s is None else self._started_s)),
        )
