"""Messages of joined peers: pushes, requests and answers, each to the part of the overlay that it concerns."""

from __future__ import annotations

from quip.consensus.errors.header import KnownInvalid
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
    PeersRequest,
    Push,
    Reply,
    Request,
    StatsRequest,
    StatusRequest,
    TransactionGossip,
    TransactionsRequest,
)


class Dispatch:
    """Dispatches the messages of joined peers."""

    def __init__(self, state: OverlayState) -> None:
        self._state = state
        self._started_s: float | None = None

    def began(self, now: Instant) -> None:
        """The node's uptime counts from the first event."""
        if self._started_s is None:
            self._started_s = now.monotonic_s

    def pushed(self, peer: Peer, message: Push, now: Instant) -> None:
        """A message on the peer's push stream."""
        state = self._state
        peer.messages_in += 1
        match message:
            case Heartbeat(_, head):
                peer.heard_s = now.monotonic_s
                state.claimed(peer, head, now)
            case Gossip(blocks):
                wrong = next((claim.hash for claim in blocks if state.view.is_invalid(claim.hash)), None)
                if wrong is not None:
                    state.penalise(peer, KnownInvalid(block_hash=f"0x{wrong.hex()}"), now)
                else:
                    state.gossip.announced(peer.connection, message, now)
            case BlockSubmit():
                state.gossip.submitted(peer.connection, message, now)
            case TransactionGossip():
                state.relay.heard(peer.connection, message)
                state.transactions.announced(peer.connection, message, now)
            case Goodbye(_, reason):
                state.close(peer, CloseCode.DONE, f"the peer said goodbye: {reason}", now)

    def asked(self, peer: Peer, stream: int, request: Request, now: Instant) -> list[PeerEvent]:
        """A request: answered here, or from the chain, by a thread that only reads."""
        peer.messages_in += 1
        match request:
            case PeersRequest():
                reply: Reply = self._state.discovery.answer(peer, self._state.peers, now)
            case StatusRequest():
                reply = self._status(now)
            case StatsRequest():
                reply = NodeStats(self._state.config.counters()[:MAX_COUNTERS])
            case TransactionsRequest():
                reply = self._state.relay.answer(peer.connection, request)
            case _:
                self._state.actions.append(Answer(peer.connection, stream, request))
                return []
        return peer.session.respond(stream, reply, now)

    def replied(self, peer: Peer, ticket: int, reply: Reply, now: Instant) -> None:
        """An answer to a request of ours, by the session's ticket: it goes to who asked."""
        peer.messages_in += 1
        pending = peer.asked.pop(ticket, None)
        if pending is not None:
            pending.owner.replied(peer.connection, pending.ticket, pending.request, reply, now)

    def failed(self, peer: Peer, ticket: int, error: NetError, now: Instant) -> None:
        """A request of ours that came to nothing."""
        pending = peer.asked.pop(ticket, None)
        if pending is not None:
            pending.owner.failed(peer.connection, pending.ticket, pending.request, error, now)

    def _status(self, now: Instant) -> NodeStatus:
        state = self._state
        synced = state.sync.state.first_done and not state.sync.state.syncing
        return NodeStatus(
            head=state.claim_of_head(),
            agent=state.config.agent,
            synced=synced,
            mining=state.config.mining(),
            peers=sum(1 for _ in state.peers.joined()),
            uptime_s=int(now.monotonic_s - (now.monotonic_s if self._started_s is None else self._started_s)),
        )
