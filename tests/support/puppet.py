"""A peer that says what a test tells it to: real sessions, no opinions. Put into a `Net` in an overlay's place."""

from collections.abc import Callable

from quip.net.actions import Action, Close, CloseCode
from quip.net.address import Address
from quip.net.events import Backlog, Closed, Event, Opened, Received, StreamReset, Tick
from quip.net.link import Instant
from quip.net.session.events import Asked, JoinAsked, PeerEvent, Pushed, Replied
from quip.net.session.session import LocalJoin, PeerSession
from quip.net.wire.messages import Encoded, HeadClaim, JoinRequest, Message, Push, Reply, Request
from support.overlays import Net, Node

Answers = Callable[[Request], Reply | Encoded | None]


class Puppet:
    """`handle` as an overlay has it; what peers say is kept in `heard`, `answers` may reply to their requests."""

    def __init__(self, join: JoinRequest) -> None:
        self.join = join
        self.answers: Answers = lambda request: None
        self.silent = False
        """Leave requests without any answer."""
        self.heard: list[PeerEvent] = []
        self.closed: list[str] = []
        self.sessions: dict[int, PeerSession] = {}
        self._actions: list[Action] = []

    def handle(self, event: Event, now: Instant) -> list[Action]:
        match event:
            case Opened(connection, link):
                self.sessions[connection] = PeerSession(connection, link, LocalJoin(lambda: self.join), now)
            case Received(connection, stream, data, fin) if connection in self.sessions:
                self._told(connection, self.sessions[connection].received(stream, data, fin, now), now)
            case StreamReset(connection, stream, _) if connection in self.sessions:
                self._told(connection, self.sessions[connection].reset(stream, now), now)
            case Closed(connection, reason):
                self.sessions.pop(connection, None)
                self.closed.append(reason)
            case Tick():
                for connection, session in list(self.sessions.items()):
                    self._told(connection, session.tick(now), now)
            case Backlog():
                pass
        return self._drain()

    def pushed(self, kind: type[Message]) -> list[Message]:
        """What peers pushed of one kind."""
        return [event.message for event in self.heard if isinstance(event, Pushed) and isinstance(event.message, kind)]

    def asked(self) -> list[Request]:
        """What peers asked."""
        return [event.request for event in self.heard if isinstance(event, Asked)]

    def replies(self) -> list[Reply]:
        """What peers answered."""
        return [event.reply for event in self.heard if isinstance(event, Replied)]

    def _told(self, connection: int, events: list[PeerEvent], now: Instant) -> None:
        for event in events:
            self.heard.append(event)
            session = self.sessions[connection]
            if isinstance(event, JoinAsked):
                session.welcome(now)
            elif isinstance(event, Asked) and not self.silent:
                reply = self.answers(event.request)
                if reply is None:
                    session.decline(event.stream, now)
                else:
                    self._told(connection, session.respond(event.stream, reply, now), now)

    def _drain(self) -> list[Action]:
        actions, self._actions = self._actions, []
        for session in self.sessions.values():
            actions.extend(session.drain())
        return actions


class PuppetPlayer:
    """Puts puppets into a network and pulls their strings."""

    def __init__(self, net: Net) -> None:
        self.net = net

    def enter(self, like: Node, *, address: Address | None = None) -> tuple[Node, Puppet]:
        """A puppet that joins on the terms of another node."""
        node = self.net.add(address=address, chain=like.chain)
        puppet = Puppet(join_like(like))
        node.overlay = puppet  # type: ignore[assignment]
        return node, puppet

    def say(self, node: Node, message: Push) -> None:
        """The puppet pushes a message to all its peers."""
        puppet = puppet_of(node)
        for session in puppet.sessions.values():
            assert session.push(message, self.net.now)
        self._flush(node)

    def ask(self, node: Node, request: Request) -> None:
        """The puppet asks all its peers."""
        for session in puppet_of(node).sessions.values():
            session.request(request, self.net.now, 10.0)
        self._flush(node)

    def hang_up(self, node: Node) -> None:
        """The puppet closes its connections."""
        for connection in list(puppet_of(node).sessions):
            self.net.perform(node, Close(connection, CloseCode.DONE, "done"))
        self.net.settle()

    def _flush(self, node: Node) -> None:
        for session in puppet_of(node).sessions.values():
            for action in session.drain():
                self.net.perform(node, action)
        self.net.settle()


def puppet_of(node: Node) -> Puppet:
    assert isinstance(node.overlay, Puppet)
    return node.overlay


def join_like(node: Node) -> JoinRequest:
    chain = node.chain
    genesis = chain.tree.canonical_hash(0)
    assert genesis is not None
    claim = HeadClaim(chain.head.hash, chain.head.header.number, chain.head.context.total_difficulty)
    return JoinRequest(1, chain.spec.chain_id, genesis, claim, None, "puppet/1")
