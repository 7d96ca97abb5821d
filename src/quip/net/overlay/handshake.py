"""From a completed handshake to a joined peer: own key, bans, pins, duplicates, the join, the welcome."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from quip.net.actions import Close, CloseCode, GrantBudget
from quip.net.address import Address, is_loopback
from quip.net.errors import RefusalCode
from quip.net.events import Opened
from quip.net.limits import CHANGED_KEYS_NOTED
from quip.net.link import Instant, Link, Purpose
from quip.net.overlay.state import OverlayState, plain
from quip.net.peers.admission import AdmissionPolicy, same_network
from quip.net.peers.bans import is_excused
from quip.net.peers.peer_table import Peer
from quip.net.session.session import LocalJoin, PeerSession
from quip.net.wire.messages import JoinRequest
from quip.primitives.bounded_dict import BoundedDict

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MOMENT_S = 253_402_300_799  # of the year 9999


class Handshake:
    """Admits peers, or refuses them with a reason."""

    def __init__(self, state: OverlayState) -> None:
        self._state = state
        self._admission = AdmissionPolicy(state.config.node_id, state.config.max_inbound)
        self._noted: BoundedDict[tuple[Address, bytes], None] = BoundedDict(CHANGED_KEYS_NOTED)

    def opened(self, event: Opened, now: Instant) -> None:
        """A TLS handshake was completed."""
        state, link = self._state, event.link
        if link.outbound:
            state.dialler.answered(link.address, link.node_id)
        refusal = self._refusal(link, now)
        if refusal is not None:
            code, reason = refusal
            state.actions.append(Close(event.connection, code, reason))
            level = "info" if code is CloseCode.BANNED else "debug"
            state.log(level, "peer refused", address=str(link.address), node=link.node_id.hex()[:16], reason=reason)
            return
        local = LocalJoin(state.local_join, state.config.heartbeat_interval_s, state.config.heartbeat_timeout_s)
        peer = Peer(event.connection, link, PeerSession(event.connection, link, local, now), now)
        state.peers.add(peer)
        state.touch(peer)

    def _refusal(self, link: Link, now: Instant) -> tuple[CloseCode, str] | None:
        state = self._state
        if link.node_id == state.config.node_id:
            if link.outbound:
                state.dialler.is_self(link.address)
                self._note_self(link)
            return CloseCode.SELF, "this is the same node"
        ban = state.bans.against(link.node_id, link.address.host, now.unix_s)
        if ban is not None and not is_excused(link, ban):
            code, reason = CloseCode.BANNED, plain(f"banned until {_moment(ban.until_unix_s)}: {ban.reason}")
        elif not link.outbound:
            return None
        elif self._has_other_key(link):
            code, reason = CloseCode.WRONG_KEY, "another key than before"
        elif not self._admission.dialled(state.peers, link.node_id):
            code, reason = CloseCode.DONE, "connected already"
        else:
            return None
        if link.outbound:
            state.dialler.failed(link.address, now)
        return code, reason

    def _note_self(self, link: Link) -> None:
        """A single node names itself as its peer; elsewhere than at its own address it may be a copy of its key."""
        what, public = "that peer is this node itself", self._state.config.public
        here = public is not None and link.address.port == public.port and is_loopback(link.address.host)
        if here or link.address == public or link.purpose is not Purpose.MANUAL:
            self._state.log("info", what, address=str(link.address))
            return
        hint = "if it is another machine, its node.key is a copy: remove it there"
        self._state.log("warning", what, address=str(link.address), hint=hint)

    def _has_other_key(self, link: Link) -> bool:
        pinned = self._state.storage.pin_of(link.address)
        if pinned is None or pinned == link.node_id:
            return False
        if link.purpose is not Purpose.MANUAL:
            self._state.book.drop(link.address)
        elif (link.address, link.node_id) not in self._noted:
            self._noted[link.address, link.node_id] = None
            self._state.log(
                "error", "peer refused: its key changed", address=str(link.address), expected=pinned.hex(),
                found=link.node_id.hex(), hint=f"if that is right: quip peers trust {link.address}",
            )  # fmt: skip
        return True

    def _is_familiar(self, peer: Peer) -> bool:
        """True for a peer that did not select itself.

        We dialled it, now or earlier (pinned); or the operator named it; or it brought a block first, which costs work.
        """
        state, link = self._state, peer.link
        if link.outbound or link.node_id in state.providers or state.dialler.names(link.address):
            return True
        places = {link.address} if peer.public is None else {link.address, peer.public}
        return any(state.storage.pin_of(place) == link.node_id for place in places)

    def join_asked(self, peer: Peer, join: JoinRequest, now: Instant) -> None:
        """An inbound peer wants to join."""
        state = self._state
        verdict = self._admission.inbound(state.peers, peer, join, state.local_join(), now)
        if verdict.code is not RefusalCode.WELCOME:
            peer.session.refuse(verdict.code, plain(verdict.reason), now)
            usual = verdict.code in (RefusalCode.DUPLICATE, RefusalCode.SELF)
            level, node = "debug" if usual else "info", peer.link.node_id.hex()[:16]
            state.log(level, "join refused", address=str(peer.link.address), node=node, reason=verdict.reason)
            return
        for other in verdict.closes:
            same = other.link.node_id == peer.link.node_id
            state.close(other, CloseCode.DONE if same else CloseCode.FULL, "replaced by a newer connection", now)
        peer.welcomed = True
        peer.session.welcome(now)

    def joined(self, peer: Peer, join: JoinRequest, now: Instant) -> None:
        """Both sides welcomed."""
        state, link = self._state, peer.link
        verdict = same_network(state.local_join(), join)
        if verdict.code is not RefusalCode.WELCOME:
            self.refused(peer, verdict.code, verdict.reason, now)
            return
        peer.join, peer.claim = join, join.head
        peer.joined_s = peer.heard_s = now.monotonic_s
        peer.public = state.discovery.public_address(peer, join)
        peer.familiar = self._is_familiar(peer)
        if link.purpose in (Purpose.MANUAL, Purpose.OUTBOUND) and state.storage.pin_of(link.address) is None:
            state.storage.pin(link.address, link.node_id)
        ask = state.discovery.joined(peer, now)
        if link.purpose is Purpose.FEELER:
            state.close(peer, CloseCode.DONE, "only to see whether the address answers", now)
            return
        if not link.outbound:
            state.actions.append(GrantBudget(peer.connection))
        state.log(
            "info", "peer joined", address=str(link.address), node=link.node_id.hex()[:16],
            direction=link.purpose.value, agent=join.agent, head=join.head.number,
        )  # fmt: skip
        state.propagation.joined(peer.connection)
        for tell in state.relay.joined(peer.connection, now):
            state.order(state.transactions, tell)
        state.claimed(peer, join.head, now)
        state.order(state.discovery, ask)

    def refused(self, peer: Peer, code: int, reason: str, now: Instant) -> None:
        """The other side does not want us, or speaks of another chain."""
        state = self._state
        if code == RefusalCode.SELF:
            state.dialler.is_self(peer.link.address)
        serious = peer.link.outbound and code not in (RefusalCode.DUPLICATE, RefusalCode.SELF)
        level = "warning" if serious and state.dialler.is_news(peer.link.address, reason) else "debug"
        state.log(level, "join refused by peer", address=str(peer.link.address), code=_named(code), reason=reason)
        state.close(peer, CloseCode.REFUSED, "join refused", now)


def _moment(unix_s: int) -> str:
    """The same words each time, so that a log says them once."""
    return (_EPOCH + timedelta(seconds=min(unix_s, _LAST_MOMENT_S))).strftime("%Y-%m-%d %H:%M:%S UTC")


def _named(code: int) -> str:
    return RefusalCode(code).name.lower() if code in set(RefusalCode) else str(code)
