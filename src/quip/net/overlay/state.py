"""What the overlay's parts share: the peers, the collaborators, and how a connection is closed.

What this file does not do: it handles no event; `overlay`, `handshake` and `dispatch` do.
"""

from __future__ import annotations

from itertools import count
from random import Random

from quip.consensus.errors.header import KnownInvalid
from quip.consensus.errors.root import ConsensusError
from quip.net.actions import Action, CheckSeals, Close, CloseCode, ImportBlocks, Log, Send
from quip.net.commands import JobOwner, Order, Requester
from quip.net.errors import HeartbeatLost, JoinRefused, NetError, Stalled
from quip.net.gossip.gossip import Gossip
from quip.net.gossip.propagation import Propagation
from quip.net.gossip.transaction_fetcher import TransactionFetcher
from quip.net.gossip.transaction_relay import TransactionRelay
from quip.net.limits import DEPARTED, MAX_REASON_CHARACTERS, PROVIDERS
from quip.net.link import Instant, Link
from quip.net.overlay_config import PROTOCOL_VERSION, OverlayConfig
from quip.net.peers.address_book import AddressBook
from quip.net.peers.bans import Bans
from quip.net.peers.dialling import Dialler
from quip.net.peers.discovery import Discovery
from quip.net.peers.peer_table import Peer, PeerTable
from quip.net.ports import ChainView, PeerStorage, TransactionPool
from quip.net.sync.sync import Sync
from quip.net.wire.messages import HeadClaim, JoinRequest
from quip.primitives.bounded_dict import BoundedDict
from quip.primitives.errors import Fault

_CLOSE_CODES: dict[type[NetError | ConsensusError], CloseCode] = {
    HeartbeatLost: CloseCode.TIMED_OUT,
    Stalled: CloseCode.TOO_SLOW,
    JoinRefused: CloseCode.REFUSED,
}


def plain(text: str) -> str:
    """What may be sent as a reason: printable ASCII, and not too long."""
    shown = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text)
    return shown[:MAX_REASON_CHARACTERS]


class OverlayState:
    """State and collaborators of one overlay, and the actions that it has not handed out yet."""

    def __init__(
        self, config: OverlayConfig, view: ChainView, storage: PeerStorage, pool: TransactionPool, rng: Random
    ) -> None:
        self.config = config
        self.view = view
        self.storage = storage
        self.peers = PeerTable()
        self.bans = Bans(storage)
        self.book = AddressBook(rng, storage.addresses())
        tickets = count(1)
        self.dialler = Dialler(config, self.book, self.bans, rng)
        self.dialler.use_anchors(storage.anchors())
        self.discovery = Discovery(self.book, storage, rng, tickets)
        self.propagation = Propagation(view, rng)
        self.gossip = Gossip(view, self.propagation, tickets)
        self.transactions = TransactionFetcher(pool, tickets)
        self.relay = TransactionRelay(pool)
        self.sync = Sync(view, rng, tickets)
        self.providers: BoundedDict[bytes, None] = BoundedDict(PROVIDERS)
        """Node ids that brought a new block first."""
        self.departed: BoundedDict[int, Link] = BoundedDict(DEPARTED)
        """Connections that ended, whichever side ended them: what they brought may turn out invalid afterwards."""
        self.job_owners: tuple[JobOwner, ...] = (self.gossip, self.sync)
        self.jobs: dict[int, JobOwner] = {}
        """Who ordered the seal checks and imports that are under way; every one of them is answered."""
        self.orders: list[tuple[Requester, Order]] = []
        self.actions: list[Action] = []
        self._touched: dict[int, None] = {}

    def claim_of_head(self) -> HeadClaim:
        """This node's head, as peers are told of it."""
        head = self.view.head
        return HeadClaim(head.hash, head.header.number, head.context.total_difficulty)

    def local_join(self) -> JoinRequest:
        """What this node says of itself."""
        spec, config = self.view.spec, self.config
        return JoinRequest(
            PROTOCOL_VERSION, spec.chain_id, self.view.genesis_hash, self.claim_of_head(), config.public, config.agent
        )

    def claimed(self, peer: Peer, claim: HeadClaim, now: Instant) -> None:
        """The peer says what its head is. An honest node's head breaks no rule: one known to be invalid is a lie."""
        if self.view.is_invalid(claim.hash):
            self.penalise(peer, KnownInvalid(block_hash=f"0x{claim.hash.hex()}"), now)
            return
        peer.claim = claim
        self.propagation.knows(peer.connection, claim.hash)
        # A block that gossip is fetching needs no sync. One far ahead does, even if others announced it as near.
        near = claim.number <= self.view.head.header.number + 1
        if not (near and self.gossip.handles(claim.hash)):
            self.sync.claim(peer.connection, claim, now, familiar=peer.familiar)

    def log(self, level: str, event: str, **fields: str | int | float) -> None:
        """A line for the log."""
        self.actions.append(Log(level, event, tuple(fields.items())))

    def penalise(self, peer: Peer, error: NetError | ConsensusError, now: Instant) -> None:
        """The peer broke a rule: close the connection; ban the peer where an honest one never does that."""
        if peer.closing:
            return
        if error.fault is not Fault.AT_FAULT:
            self.close(peer, _CLOSE_CODES.get(type(error), CloseCode.DONE), str(error), now)
            return
        punish(self, peer.link, error, now)
        self.close(peer, CloseCode.MISBEHAVED, type(error).__name__, now)
        self.departed.pop(peer.connection, None)

    def close(self, peer: Peer, code: CloseCode, reason: str, now: Instant) -> None:
        """End a connection. From here on nothing is read from it or written to it."""
        if peer.closing:
            return
        self.flush(peer)
        self.actions.append(Close(peer.connection, code, plain(reason)))
        self.log(
            "info" if peer.joined else "debug", "peer closed",
            address=str(peer.link.address), node=peer.link.node_id.hex()[:16], code=code.name, reason=reason,
        )  # fmt: skip
        self.leave(peer, now)

    def leave(self, peer: Peer, now: Instant) -> None:
        """The connection is ending: all parts forget it."""
        peer.closing = True
        number = peer.connection
        self.departed[number] = peer.link
        self.propagation.gone(number)
        self.gossip.gone(number, now)
        self.sync.gone(number, now)
        self.transactions.gone(number, now)
        self.relay.gone(number)
        self.discovery.gone(number)
        if peer.link.outbound and peer.join is None:
            self.dialler.failed(peer.link.address, now)
        elif peer.link.outbound:
            self.dialler.ended(peer, now)

    def order(self, owner: Requester, order: Order | None) -> None:
        """Something for the overlay to carry out before it hands out its actions."""
        if order is not None:
            self.orders.append((owner, order))

    def next_orders(self) -> list[tuple[Requester, Order]]:
        """What is to be carried out, each with who ordered it; once."""
        orders, self.orders = self.orders, []
        for owner in self.job_owners:
            for order in owner.drain():
                if isinstance(order, CheckSeals | ImportBlocks):
                    self.jobs[order.job] = owner
                orders.append((owner, order))
        orders += [(self.transactions, order) for order in self.transactions.drain()]
        return orders

    def touch(self, peer: Peer) -> None:
        """Its session may have something to send."""
        self._touched[peer.connection] = None

    def flush(self, peer: Peer) -> None:
        """Hand out what its session wants to send."""
        for action in peer.session.drain():
            if isinstance(action, Send):
                peer.bytes_out += len(action.data)
            self.actions.append(action)

    def flush_touched(self) -> None:
        """The same for all touched sessions."""
        touched, self._touched = self._touched, {}
        for number in touched:
            peer = self.peers.get(number)
            if peer is not None:
                self.flush(peer)


def punish(state: OverlayState, link: Link, error: NetError | ConsensusError, now: Instant) -> None:
    """Ban the node at the other end of a connection, even one that is closed."""
    rule = type(error).__name__
    for ban in state.bans.punish(link.node_id, link.address.host, rule, now.unix_s):
        state.log(
            "warning", "peer banned", subject=ban.subject, address=str(link.address), rule=rule,
            error=str(error)[:200], seconds=ban.until_unix_s - now.unix_s, offences=ban.offences,
        )  # fmt: skip
