"""A node's network: every event comes in here, every action goes out.

    event -> handler -> sessions, sync, gossip, discovery, dialler -> orders -> actions

Sans-IO, single-threaded and deterministic: the same events at the same instants with the same random numbers give the
same actions, so a simulation can drive whole networks of it. Each collaborator knows one thing; this file knows which
of them an event concerns. What it does not do: no bytes (sessions do), no rule of consensus, no choice of whom to dial.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from quip.consensus.errors.root import ConsensusError
from quip.net.actions import Action, CheckSeals, CloseCode, ImportBlocks, Log
from quip.net.address import Address
from quip.net.commands import (
    Ask,
    CreditBlock,
    Disconnect,
    HeadClaimed,
    Order,
    PendingRequest,
    ReportPeer,
    Requester,
    Tell,
)
from quip.net.errors import InvalidTransaction, NetError, NoAnswer, RefusalCode
from quip.net.events import (
    Answered,
    Backlog,
    BlocksImported,
    Closed,
    DialFailed,
    Event,
    HeadMoved,
    Opened,
    PolicyChanged,
    Received,
    Rejected,
    SealsChecked,
    StreamReset,
    Tick,
    TransactionInvalid,
    TransactionsReady,
)
from quip.net.limits import ORDER_ROUNDS
from quip.net.link import Instant
from quip.net.overlay.dispatch import Dispatch
from quip.net.overlay.handshake import Handshake
from quip.net.overlay.state import OverlayState, punish
from quip.net.overlay_config import OverlayConfig, PeerInfo
from quip.net.peers.bans import is_excused
from quip.net.peers.peer_table import Peer
from quip.net.ports import ChainView, EmptyPool, PeerStorage, TransactionPool
from quip.net.session.events import Asked, Broken, Failed, JoinAsked, Joined, PeerEvent, Pushed, Refused, Replied
from quip.net.sync.sync import SyncState
from quip.net.wire.messages import Goodbye
from quip.primitives.errors import Fault


class Overlay:
    """One node's network, as a machine: events in, actions out."""

    def __init__(
        self,
        config: OverlayConfig,
        view: ChainView,
        storage: PeerStorage,
        rng: Random,
        pool: TransactionPool | None = None,
    ) -> None:
        self._state = OverlayState(config, view, storage, pool or EmptyPool(), rng)
        self._handshake = Handshake(self._state)
        self._dispatch = Dispatch(self._state)
        self._handlers: dict[type[Event], Callable[[Any, Instant], None]] = {
            Opened: self._handshake.opened,
            DialFailed: self._dial_failed,
            Rejected: self._rejected,
            Received: self._received,
            StreamReset: self._stream_reset,
            Closed: self._closed,
            Backlog: self._backlog,
            SealsChecked: self._seals_checked,
            BlocksImported: self._blocks_imported,
            Answered: self._answered,
            HeadMoved: self._head_moved,
            TransactionsReady: self._transactions_ready,
            TransactionInvalid: self._transaction_invalid,
            PolicyChanged: self._policy_changed,
            Tick: self._tick,
        }

    def handle(self, event: Event, now: Instant) -> list[Action]:
        """Everything to be done because of an event. `now` never goes backwards."""
        self._dispatch.began(now)
        self._handlers[type(event)](event, now)
        return self._carry_out_orders(now)

    def stop(self, now: Instant) -> list[Action]:
        """Say goodbye to everybody and keep the address book; no event is handled after it."""
        self._state.discovery.save(self._state.peers, now, at_once=True)
        for peer in self._state.peers.all():
            if peer.joined:
                peer.session.push(Goodbye(RefusalCode.STOPPING, "stopping"), now)
            self._state.close(peer, CloseCode.DONE, "stopping", now)
        actions, self._state.actions = self._state.actions, []
        return actions

    @property
    def sync_state(self) -> SyncState:
        """How far sync is."""
        return self._state.sync.state

    @property
    def awaited(self) -> int:
        """Peers named by the operator that are neither joined nor this node itself."""
        return self._state.dialler.awaited(self._state.peers)

    def peers(self, now: Instant) -> list[PeerInfo]:
        """The joined peers."""
        return [peer.info(now) for peer in self._state.peers.joined()]

    def admits(self, address: Address, now: Instant) -> bool:
        """False if the address's netgroup is banned: not even a handshake."""
        return self._state.bans.against(b"", address.host, now.unix_s) is None

    # --- the transport's events

    def _dial_failed(self, event: DialFailed, now: Instant) -> None:
        level = "warning" if self._state.dialler.is_news(event.address, event.reason) else "debug"
        self._state.log(level, "dial failed", address=str(event.address), reason=event.reason[:200])
        self._state.dialler.failed(event.address, now)

    def _rejected(self, event: Rejected, now: Instant) -> None:
        what = "handshake refused" if event.handshake else "connection refused"
        untold = {"untold": event.untold} if event.untold else {}
        self._state.log("info", what, address=str(event.address), reason=event.reason[:200], **untold)

    def _received(self, event: Received, now: Instant) -> None:
        peer = self._state.peers.get(event.connection)
        if peer is not None:
            peer.bytes_in += len(event.data)
            self._session_events(peer, peer.session.received(event.stream, event.data, event.fin, now), now)

    def _stream_reset(self, event: StreamReset, now: Instant) -> None:
        peer = self._state.peers.get(event.connection)
        if peer is not None:
            self._session_events(peer, peer.session.reset(event.stream, now), now)

    def _closed(self, event: Closed, now: Instant) -> None:
        peer = self._state.peers.remove(event.connection)
        if peer is None or peer.closing:
            return
        if peer.joined:
            level = "info"
        else:
            unheard = peer.link.outbound and self._state.dialler.is_news(peer.link.address, event.reason)
            level = "warning" if unheard else "debug"
        what = "peer lost" if peer.joined else "no connection"
        self._state.log(level, what, address=str(peer.link.address), reason=event.reason[:200])
        self._state.leave(peer, now)

    def _backlog(self, event: Backlog, now: Instant) -> None:
        peer = self._state.peers.get(event.connection)
        if peer is not None:
            self._session_events(peer, peer.session.backlog(event.unsent_bytes, now), now)

    # --- results of work elsewhere

    def _seals_checked(self, event: SealsChecked, now: Instant) -> None:
        if (owner := self._state.jobs.pop(event.job, None)) is not None:
            owner.seals_checked(event.job, event.verdicts, now)

    def _blocks_imported(self, event: BlocksImported, now: Instant) -> None:
        if (owner := self._state.jobs.pop(event.job, None)) is not None:
            owner.imported(event.job, event.outcomes, now)

    def _answered(self, event: Answered, now: Instant) -> None:
        peer = self._state.peers.get(event.connection)
        if peer is None:
            return
        if event.message is None:
            self._session_events(peer, peer.session.decline(event.stream, now), now)
        else:
            self._session_events(peer, peer.session.respond(event.stream, event.message, now), now)

    def _head_moved(self, event: HeadMoved, now: Instant) -> None:
        self._state.sync.head_moved(event.new, now)
        syncing = self._state.sync.state.syncing
        for order in self._state.propagation.head_moved(event.new, mined=event.mined, syncing=syncing):
            self._state.order(self._state.gossip, order)

    def _transactions_ready(self, event: TransactionsReady, now: Instant) -> None:
        for tell in self._state.relay.ready(event.claims, now):
            self._state.order(self._state.transactions, tell)

    def _transaction_invalid(self, event: TransactionInvalid, now: Instant) -> None:
        error = InvalidTransaction(event.reason, hash=f"0x{event.transaction_hash.hex()}")
        self._state.order(self._state.transactions, ReportPeer(event.connection, error))

    def _policy_changed(self, event: PolicyChanged, now: Instant) -> None:
        """The operator decided: bans apply at once, and manual peers are dialled anew."""
        state = self._state
        state.dialler.forget_selves()
        added = {ban.subject for ban in state.bans.reload()}
        for peer in state.peers.all() if added else ():
            ban = state.bans.against(peer.link.node_id, peer.link.address.host, now.unix_s)
            if ban is not None and ban.subject in added and not is_excused(peer.link, ban):
                state.close(peer, CloseCode.BANNED, "banned by the operator", now)

    def _tick(self, event: Tick, now: Instant) -> None:
        state = self._state
        for peer in state.peers.all():
            self._session_events(peer, peer.session.tick(now), now)
        state.sync.tick(now)
        for tell in state.propagation.tick(syncing=state.sync.state.syncing):
            state.order(state.gossip, tell)
        state.transactions.tick(now)
        for tell in state.relay.tick(now):
            state.order(state.transactions, tell)
        dials = state.dialler.due(state.peers, now)
        state.actions.extend(dials)
        in_need = state.dialler.in_need(state.peers) and not dials
        state.order(state.discovery, state.discovery.tick(state.peers, now, in_need=in_need))

    # --- sessions' events

    def _session_events(self, peer: Peer, events: list[PeerEvent], now: Instant) -> None:
        self._state.touch(peer)
        for event in events:
            if peer.closing:
                return
            more: list[PeerEvent] = []
            match event:
                case JoinAsked(join):
                    self._handshake.join_asked(peer, join, now)
                case Joined(join):
                    self._handshake.joined(peer, join, now)
                case Refused(code, reason):
                    self._handshake.refused(peer, code, reason, now)
                case Pushed(message):
                    self._dispatch.pushed(peer, message, now)
                case Asked(stream, request):
                    more = self._dispatch.asked(peer, stream, request, now)
                case Replied(ticket, _, reply):
                    self._dispatch.replied(peer, ticket, reply, now)
                case Failed(ticket, _, error):
                    self._dispatch.failed(peer, ticket, error, now)
                case Broken(error):
                    self._state.penalise(peer, error, now)
            self._session_events(peer, more, now)

    def _penalise_departed(self, connection: int, error: NetError | ConsensusError, now: Instant) -> None:
        """A peer that closes the connection before we know that it broke a rule is banned all the same."""
        state = self._state
        link = state.departed.get(connection)
        if link is None:
            return
        state.departed.pop(connection, None)
        punish(state, link, error, now)
        for peer in state.peers.of_node(link.node_id):
            state.close(peer, CloseCode.BANNED, type(error).__name__, now)

    # --- orders

    def _carry_out_orders(self, now: Instant) -> list[Action]:
        state = self._state
        for _ in range(ORDER_ROUNDS):
            orders = state.next_orders()
            if not orders:
                break
            for owner, order in orders:
                self._carry_out(owner, order, now)
        state.flush_touched()
        actions, state.actions = state.actions, []
        return actions

    def _carry_out(self, owner: Requester, order: Order, now: Instant) -> None:
        state = self._state
        if isinstance(order, CheckSeals | ImportBlocks | Log):
            state.actions.append(order)
            return
        peer = state.peers.get(order.peer)
        if peer is None or not peer.joined:
            if isinstance(order, Ask):
                lost = NoAnswer("the connection is closed", name=type(order.request).__name__)
                owner.failed(order.peer, order.ticket, order.request, lost, now)
            elif isinstance(order, ReportPeer) and order.error.fault is Fault.AT_FAULT:
                self._penalise_departed(order.peer, order.error, now)
            return
        state.touch(peer)
        match order:
            case Ask(_, ticket, request, timeout_s):
                peer.asked[peer.session.request(request, now, timeout_s)] = PendingRequest(owner, ticket, request)
            case Tell(_, message):
                peer.session.push(message, now)
            case ReportPeer(_, error):
                state.penalise(peer, error, now)
            case Disconnect(_, reason):
                state.close(peer, CloseCode.DONE, reason, now)
            case HeadClaimed(_, claim, held):
                if held:
                    state.sync.claim(peer.connection, claim, now, familiar=peer.familiar)
                else:
                    state.sync.heard(peer.connection, claim, now)
            case CreditBlock(_, claim):
                peer.blocks_first += 1
                peer.last_block_s = now.monotonic_s
                peer.familiar = True
                state.providers[peer.link.node_id] = None
                state.log(
                    "debug", "block received",
                    number=claim.number, hash=f"0x{claim.hash.hex()}", address=str(peer.link.address),
                )  # fmt: skip
