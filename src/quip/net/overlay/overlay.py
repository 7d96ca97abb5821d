"""The hub of a node's network: every event comes in here, every action goes out.

    event -> handler -> sessions, sync, gossip, discovery, dialler -> orders -> actions

Sans-IO, single-threaded and deterministic: the same events at the same instants with the same random numbers give the
same actions, so a simulation can drive whole networks of it. Each collaborator knows one thing; this file knows who
must hear of what. What it does not do: no bytes (sessions do), no rule of consensus, no choice of whom to dial.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from quip.consensus.errors import ConsensusError
from quip.net.actions import Action, CheckSeals, CloseCode, ImportBlocks, Log
from quip.net.commands import Ask, CreditBlock, Disconnect, HeadClaimed, Order, ReportPeer, Tell
from quip.net.errors import NetError, NoAnswer, RefusalCode
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
    SealsChecked,
    StreamReset,
    Tick,
)
from quip.net.limits import ORDER_ROUNDS
from quip.net.link import Address, Instant
from quip.net.overlay.dispatch import Dispatch
from quip.net.overlay.handshake import Handshake
from quip.net.overlay.state import OverlayState, punish
from quip.net.overlay_config import OverlayConfig, PeerInfo
from quip.net.peers.bans import is_excused
from quip.net.peers.peer_table import Peer
from quip.net.ports import ChainView, PeerStorage
from quip.net.session.events import Asked, Broken, Failed, JoinAsked, Joined, PeerEvent, Pushed, Refused, Replied
from quip.net.sync.sync import SyncState
from quip.net.wire.messages import Goodbye
from quip.primitives.errors import Fault


class Overlay:
    """One node's network, as a machine: events in, actions out."""

    def __init__(self, setup: OverlayConfig, view: ChainView, storage: PeerStorage, rng: Random) -> None:
        self._hub = OverlayState(setup, view, storage, rng)
        self._reception = Handshake(self._hub)
        self._conversation = Dispatch(self._hub)
        self._handlers: dict[type[Event], Callable[[Any, Instant], None]] = {
            Opened: self._reception.opened,
            DialFailed: self._dial_failed,
            Received: self._received,
            StreamReset: self._stream_reset,
            Closed: self._closed,
            Backlog: self._backlog,
            SealsChecked: self._seals_checked,
            BlocksImported: self._blocks_imported,
            Answered: self._answered,
            HeadMoved: self._head_moved,
            PolicyChanged: self._policy_changed,
            Tick: self._tick,
        }

    def handle(self, event: Event, now: Instant) -> list[Action]:
        """Everything to be done because of an event. `now` never goes back."""
        self._conversation.began(now)
        self._handlers[type(event)](event, now)
        return self._settle(now)

    def stop(self, now: Instant) -> list[Action]:
        """Say goodbye to everybody and keep the address book; no event is handled after it."""
        self._hub.discovery.save(self._hub.peers, now, at_once=True)
        for peer in self._hub.peers.all():
            if peer.joined:
                peer.session.push(Goodbye(RefusalCode.STOPPING, "stopping"), now)
            self._hub.close(peer, CloseCode.DONE, "stopping", now)
        actions, self._hub.actions = self._hub.actions, []
        return actions

    @property
    def sync_state(self) -> SyncState:
        """How far sync is."""
        return self._hub.sync.state

    @property
    def awaited(self) -> int:
        """Peers named by the operator that are neither joined nor this node itself."""
        return self._hub.dialler.awaited(self._hub.peers)

    def peers(self, now: Instant) -> list[PeerInfo]:
        """The joined peers."""
        return [peer.info(now) for peer in self._hub.peers.joined()]

    def admits(self, address: Address, now: Instant) -> bool:
        """False if the address's netgroup is banned: not even a handshake."""
        return self._hub.bans.against(b"", address.host, now.unix_s) is None

    # --- the transport's events

    def _dial_failed(self, event: DialFailed, now: Instant) -> None:
        level = "warning" if self._hub.dialler.is_news(event.address, event.reason) else "debug"
        self._hub.note(level, "dial failed", address=str(event.address), reason=event.reason[:200])
        self._hub.dialler.failed(event.address, now)

    def _received(self, event: Received, now: Instant) -> None:
        peer = self._hub.peers.get(event.connection)
        if peer is not None:
            peer.bytes_in += len(event.data)
            self._told(peer, peer.session.received(event.stream, event.data, event.fin, now), now)

    def _stream_reset(self, event: StreamReset, now: Instant) -> None:
        peer = self._hub.peers.get(event.connection)
        if peer is not None:
            self._told(peer, peer.session.reset(event.stream, now), now)

    def _closed(self, event: Closed, now: Instant) -> None:
        peer = self._hub.peers.remove(event.connection)
        if peer is None or peer.closing:
            return
        if peer.joined:
            level = "info"
        else:
            unheard = peer.link.outbound and self._hub.dialler.is_news(peer.link.address, event.reason)
            level = "warning" if unheard else "debug"
        what = "peer lost" if peer.joined else "no connection"
        self._hub.note(level, what, address=str(peer.link.address), reason=event.reason[:200])
        self._hub.leave(peer, now)

    def _backlog(self, event: Backlog, now: Instant) -> None:
        peer = self._hub.peers.get(event.connection)
        if peer is not None:
            self._told(peer, peer.session.backlog(event.unsent_bytes, now), now)

    # --- results of work elsewhere

    def _seals_checked(self, event: SealsChecked, now: Instant) -> None:
        if not self._hub.gossip.seals_checked(event.job, event.verdicts, now):
            self._hub.sync.seals_checked(event.job, event.verdicts, now)

    def _blocks_imported(self, event: BlocksImported, now: Instant) -> None:
        if not self._hub.gossip.imported(event.job, event.outcomes, now):
            self._hub.sync.imported(event.job, event.outcomes, now)

    def _answered(self, event: Answered, now: Instant) -> None:
        peer = self._hub.peers.get(event.connection)
        if peer is None:
            return
        if event.message is None:
            self._told(peer, peer.session.decline(event.stream, now), now)
        else:
            self._told(peer, peer.session.respond(event.stream, event.message, now), now)

    def _head_moved(self, event: HeadMoved, now: Instant) -> None:
        self._hub.sync.head_moved(event.new, now)
        syncing = self._hub.sync.state.syncing
        self._hub.orders.extend(self._hub.propagation.head_moved(event.new, mined=event.mined, syncing=syncing))

    def _policy_changed(self, event: PolicyChanged, now: Instant) -> None:
        """The operator decided: bans apply at once, and manual peers are dialled anew."""
        hub = self._hub
        hub.dialler.forget_selves()
        added = {ban.subject for ban in hub.bans.reload()}
        for peer in hub.peers.all() if added else ():
            ban = hub.bans.against(peer.link.node_id, peer.link.address.host, now.unix_s)
            if ban is not None and ban.subject in added and not is_excused(peer.link, ban):
                hub.close(peer, CloseCode.BANNED, "banned by the operator", now)

    def _tick(self, event: Tick, now: Instant) -> None:
        hub = self._hub
        for peer in hub.peers.all():
            self._told(peer, peer.session.tick(now), now)
        hub.sync.tick(now)
        hub.orders.extend(hub.propagation.tick(syncing=hub.sync.state.syncing))
        dials = hub.dialler.due(hub.peers, now)
        hub.actions.extend(dials)
        hub.orders.extend(hub.discovery.tick(hub.peers, now, in_need=hub.dialler.in_need(hub.peers) and not dials))

    # --- sessions' events

    def _told(self, peer: Peer, events: list[PeerEvent], now: Instant) -> None:
        self._hub.touch(peer)
        for event in events:
            if peer.closing:
                return
            more: list[PeerEvent] = []
            match event:
                case JoinAsked(join):
                    self._reception.join_asked(peer, join, now)
                case Joined(join):
                    self._reception.joined(peer, join, now)
                case Refused(code, reason):
                    self._reception.refused(peer, code, reason, now)
                case Pushed(message):
                    self._conversation.pushed(peer, message, now)
                case Asked(stream, request):
                    more = self._conversation.asked(peer, stream, request, now)
                case Replied(ticket, request, reply):
                    self._conversation.replied(peer, (ticket, request), reply, now)
                case Failed(ticket, request, error):
                    self._conversation.failed(peer, (ticket, request), error, now)
                case Broken(error):
                    self._hub.blame(peer, error, now)
            self._told(peer, more, now)

    def _blame_departed(self, connection: int, error: NetError | ConsensusError, now: Instant) -> None:
        """Who hangs up before the verdict, and dials again perhaps, does not get away with it."""
        hub = self._hub
        link = hub.departed.get(connection)
        if link is None:
            return
        hub.departed.drop(connection)
        punish(hub, link, error, now)
        for peer in hub.peers.of_node(link.node_id):
            hub.close(peer, CloseCode.BANNED, type(error).__name__, now)

    # --- orders

    def _settle(self, now: Instant) -> list[Action]:
        hub = self._hub
        for _ in range(ORDER_ROUNDS):
            orders: list[Order] = [*hub.orders, *hub.gossip.drain(), *hub.sync.drain()]
            hub.orders = []
            if not orders:
                break
            for order in orders:
                self._carry_out(order, now)
        hub.flush_touched()
        actions, hub.actions = hub.actions, []
        return actions

    def _carry_out(self, order: Order, now: Instant) -> None:
        hub = self._hub
        if isinstance(order, CheckSeals | ImportBlocks | Log):
            hub.actions.append(order)
            return
        peer = hub.peers.get(order.peer)
        if peer is None or not peer.joined:
            if isinstance(order, Ask):
                lost = NoAnswer("the connection is closed", name=type(order.request).__name__)
                hub.request_failed(order.peer, (order.ticket, order.request), lost, now)
            elif isinstance(order, ReportPeer) and order.error.fault is Fault.AT_FAULT:
                self._blame_departed(order.peer, order.error, now)
            return
        hub.touch(peer)
        match order:
            case Ask(_, ticket, request, timeout_s):
                peer.asked[peer.session.request(request, now, timeout_s)] = ticket
            case Tell(_, message):
                peer.session.push(message, now)
            case ReportPeer(_, error):
                hub.blame(peer, error, now)
            case Disconnect(_, reason):
                hub.close(peer, CloseCode.DONE, reason, now)
            case HeadClaimed(_, claim, held):
                if held:
                    hub.sync.claim(peer.connection, claim, now, familiar=peer.familiar)
                else:
                    hub.sync.heard(peer.connection, claim, now)
            case CreditBlock(_, claim):
                peer.blocks_first += 1
                peer.last_block_s = now.monotonic_s
                peer.familiar = True
                hub.providers.put(peer.link.node_id, None)
                hub.note(
                    "debug", "block received",
                    number=claim.number, hash=f"0x{claim.hash.hex()}", address=str(peer.link.address),
                )  # fmt: skip
