"""Real overlays joined in memory: instant delivery, real chains, jobs done in line, a clock moved by hand.

What this file does not do: no loss, no delay, no crash; the simulation in sim/ has those.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random
from typing import Any

from quip.chain.chain import Chain
from quip.chain.events import ChainEvent, HeadChanged
from quip.chain.view import ChainReader
from quip.consensus.block_validation import check_seals
from quip.consensus.types.block import Block
from quip.net.actions import (
    Action,
    Answer,
    CheckSeals,
    Close,
    Dial,
    GrantBudget,
    ImportBlocks,
    Log,
    ResetStream,
    Send,
)
from quip.net.address import Address
from quip.net.chain_server import ChainServer
from quip.net.events import (
    Answered,
    BlocksImported,
    Closed,
    DialFailed,
    Event,
    HeadMoved,
    Opened,
    Received,
    SealsChecked,
    StreamReset,
    Tick,
)
from quip.net.link import Instant, Link, Purpose
from quip.net.overlay.overlay import Overlay
from quip.net.overlay_config import OverlayConfig
from quip.net.ports import TransactionPool
from support.chains import new_chain
from support.judged import rules_of
from support.peer_memory import PeerMemory

START_S = 1_000.0
UNIX_S = 2_000_000_000
"""Far after every block of the `test` network."""
TICK_S = 0.5


@dataclass
class Node:
    """One overlay with its chain."""

    number: int
    chain: Chain
    overlay: Overlay
    address: Address
    setup: OverlayConfig
    storage: PeerMemory
    chain_server: ChainServer
    notes: list[Log] = field(default_factory=list)
    closes: list[Close] = field(default_factory=list)
    seals_checked: int = 0

    def noted(self, event: str) -> list[Log]:
        return [note for note in self.notes if note.event == event]


class Net:
    """Nodes in one process. `sift` gets (node, event) and returns what is delivered, an event or None."""

    def __init__(self) -> None:
        self.now_s = START_S
        self.nodes: dict[Address, Node] = {}
        self.sift: Callable[[Node, Event], Event | None] = lambda node, event: event
        self._queue: deque[tuple[Node, Event]] = deque()
        self._ends: dict[tuple[int, int], tuple[Node, int]] = {}
        self._connections = count(1)
        self._numbers: Iterator[int] = count(1)
        self._mined: bytes | None = None

    @property
    def now(self) -> Instant:
        return Instant(self.now_s, UNIX_S + int(self.now_s - START_S))

    def add(
        self, *manual: Address, address: Address | None = None, chain: Chain | None = None,
        storage: PeerMemory | None = None, pool: TransactionPool | None = None, **changes: Any,
    ) -> Node:  # fmt: skip
        """A new node; `manual`: whom it dials."""
        number = next(self._numbers)
        address = address or Address("127.0.0.1", 20_000 + number)
        setup = OverlayConfig(
            node_id=number.to_bytes(32, "big"), agent=f"test/{number}", public=Address("0.0.0.0", address.port),
            manual=lambda: manual,
        )  # fmt: skip
        setup = replace(setup, **changes)
        chain = chain or new_chain()
        view, storage = ChainReader(chain), storage or PeerMemory()
        overlay = Overlay(setup, view, storage, Random(number), pool)
        node = Node(number, chain, overlay, address, setup, storage, ChainServer(view))
        self.nodes[address] = node
        chain.subscribe(lambda event: self._head_changed(node, event))
        return node

    def remove(self, node: Node) -> None:
        """It is gone from one moment to the next: its peers are told nothing."""
        del self.nodes[node.address]
        node.chain._subscribers.clear()
        for end in [end for end, (other, _) in self._ends.items() if end[0] == node.number or other is node]:
            del self._ends[end]

    def mine(self, node: Node, block: Block) -> None:
        """The node's own miners found a block."""
        self._mined = block.header.hash
        node.chain.accept(block, self.now.unix_s)
        self.settle()

    def run(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds / TICK_S)):
            self.now_s += TICK_S
            for node in list(self.nodes.values()):
                self.give(node, Tick())
            self.settle()

    def give(self, node: Node, event: Event) -> None:
        """One event, after those that wait."""
        self._queue.append((node, event))

    def connect(self, node: Node, target: Node, purpose: Purpose = Purpose.MANUAL) -> None:
        """One node dials another, whatever it thinks of it."""
        self._dial(node, Dial(target.address, purpose))
        self.settle()

    def far_end(self, node: Node, connection: int) -> Node | None:
        """Who is at the other end of a node's connection."""
        end = self._ends.get((node.number, connection))
        return None if end is None else end[0]

    def settle(self) -> None:
        """Handle events until none waits."""
        for _ in range(200_000):
            if not self._queue:
                return
            node, event = self._queue.popleft()
            sifted = self.sift(node, event)
            if sifted is not None and self.nodes.get(node.address) is node:
                for action in node.overlay.handle(sifted, self.now):
                    self.perform(node, action)
        raise AssertionError("the network never comes to rest")

    def perform(self, node: Node, action: Action) -> None:
        """Carry one action out."""
        match action:
            case Dial():
                self._dial(node, action)
            case Send(connection, stream, data, fin):
                self._deliver(node, connection, lambda far: Received(far, stream, data, fin))
            case ResetStream(connection, stream, code):
                self._deliver(node, connection, lambda far: StreamReset(far, stream, code))
            case Close(connection, _, reason):
                node.closes.append(action)
                self._deliver(node, connection, lambda far: Closed(far, reason))
                far = self._ends.pop((node.number, connection), None)
                if far is not None:
                    self._ends.pop((far[0].number, far[1]), None)
                self.give(node, Closed(connection, reason))
            case CheckSeals(job, _, checks):
                node.seals_checked += len(checks)
                verdicts = check_seals(rules_of(node.chain), checks)
                self.give(node, SealsChecked(job, tuple(verdicts)))
            case ImportBlocks(job, blocks, admission):
                outcomes = node.chain.accept_many(list(blocks), self.now.unix_s, admission)
                self.give(node, BlocksImported(job, tuple(outcomes)))
            case Answer(connection, stream, request):
                self.give(node, Answered(connection, stream, node.chain_server.answer(request)))
            case Log():
                node.notes.append(action)
            case GrantBudget():
                pass  # nobody counts CPU here

    def _dial(self, node: Node, dial: Dial) -> None:
        target = self.nodes.get(dial.address)
        if target is None:
            self.give(node, DialFailed(dial.address, "nobody there"))
            return
        near, far = next(self._connections), next(self._connections)
        self._ends[node.number, near] = (target, far)
        self._ends[target.number, far] = (node, near)
        self.give(node, Opened(near, Link(dial.address, target.setup.node_id, dial.purpose)))
        seen = Address(node.address.host, 50_000 + near % 10_000)
        self.give(target, Opened(far, Link(seen, node.setup.node_id, Purpose.INBOUND)))

    def _deliver(self, node: Node, connection: int, event: Callable[[int], Event]) -> None:
        end = self._ends.get((node.number, connection))
        if end is not None:
            self.give(end[0], event(end[1]))

    def _head_changed(self, node: Node, event: ChainEvent) -> None:
        if isinstance(event, HeadChanged):
            mined = event.new.hash == self._mined
            self._mined = None
            self.give(node, HeadMoved(event.old, event.new, event.depth, mined))
