"""Sync among peers that hold real chains: messages travel by a fake clock, everything else is the real thing."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import cast

from quip.chain.batch import Admission
from quip.chain.chain import Accepted, Chain
from quip.chain.events import HeadChanged
from quip.chain.ports import ChainStore
from quip.chain.view import ChainReader
from quip.consensus.block_validation import check_seals
from quip.consensus.errors.root import ConsensusError
from quip.consensus.types.block import Block
from quip.net.actions import CheckSeals, ImportBlocks, Log
from quip.net.chain_server import ChainServer
from quip.net.commands import Ask, Disconnect, ReportPeer
from quip.net.errors import NetError, NoAnswer
from quip.net.link import Instant
from quip.net.sync.context import Sizes
from quip.net.sync.sync import Sync
from quip.net.wire.codec import decode
from quip.net.wire.messages import (
    Bodies,
    BodiesRequest,
    HeadClaim,
    Headers,
    HeadersRequest,
    Reply,
    Request,
    Seals,
    SealsRequest,
)
from support.chains import network_spec, new_chain
from support.judged import rules_of

LATENCY_S = 0.05
TICK_S = 0.25
UNIX_S = 1 << 40


class Peer:
    """An honest peer: it answers from its chain. Liars override `reply`."""

    def __init__(self, chain: Chain, latency_s: float = LATENCY_S) -> None:
        self.chain = chain
        self.latency_s = latency_s
        self.asked: list[Request] = []
        self._chain_server = ChainServer(ChainReader(chain))

    @property
    def claim(self) -> HeadClaim:
        head = self.chain.head
        return HeadClaim(head.hash, head.header.number, head.context.total_difficulty)

    def reply(self, request: Request) -> Reply | None:
        """None: no answer ever."""
        encoded = self._chain_server.answer(request)
        return cast(Reply, decode(encoded.code, encoded.payload))


def claim_of(chain: Chain) -> HeadClaim:
    return Peer(chain).claim


@dataclass
class World:
    """One node that syncs; `peers` by connection."""

    chain: Chain = field(default_factory=new_chain)
    sizes: Sizes | None = None
    seed: int = 1
    now_s: float = 1_000.0
    unix_s: int = UNIX_S
    store_full: bool = False
    peers: dict[int, Peer] = field(default_factory=dict)
    blamed: dict[int, ConsensusError | NetError] = field(default_factory=dict)
    dropped: dict[int, str] = field(default_factory=dict)
    notes: list[Log] = field(default_factory=list)
    checked: int = 0
    """Seals verified."""
    batches: list[int] = field(default_factory=list)
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._order = count()
        self._connections = count(1)
        self._chain_busy_until_s = 0.0
        self.view = ChainReader(self.chain)
        self.sync = Sync(self.view, random.Random(self.seed), count(1), self.sizes)
        self.chain.subscribe(self._moved)

    @property
    def now(self) -> Instant:
        return Instant(self.now_s, self.unix_s)

    def join(self, *peers: Peer) -> list[int]:
        """Peers connect and say what their heads are."""
        numbers = [next(self._connections) for _ in peers]
        self.peers.update(zip(numbers, peers, strict=True))
        for number in numbers:
            self.tell(number)
        return numbers

    def tell(self, number: int, claim: HeadClaim | None = None) -> None:
        """A heartbeat."""
        if number in self.peers:
            self.sync.claim(number, claim or self.peers[number].claim, self.now)
            self._carry_out()

    def leave(self, number: int) -> None:
        """The connection breaks."""
        self.peers.pop(number)
        self.sync.gone(number, self.now)
        self._carry_out()

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> None:
        """Let time pass; stop early once `until` holds."""
        end = self.now_s + seconds
        while not (until and until()):
            next_tick = self.now_s - self.now_s % TICK_S + TICK_S
            due = self._events[0][0] if self._events else float("inf")
            if min(due, next_tick) > end:
                break
            self.now_s = max(self.now_s, min(due, next_tick))
            if due <= next_tick:
                heapq.heappop(self._events)[2]()
            else:
                self.sync.tick(self.now)
            self._carry_out()
        assert until is None or until(), f"not within {seconds} s: {self.sync.state}"

    def accept(self, block: Block) -> None:
        """A block from elsewhere: mined here, or gossip."""
        self.chain.accept(block, self.unix_s)
        self._carry_out()

    def _later(self, delay_s: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now_s + delay_s, next(self._order), what))

    def _moved(self, event: object) -> None:
        if isinstance(event, HeadChanged):
            self._later(0, lambda: self.sync.head_moved(event.new, self.now))

    def _carry_out(self) -> None:
        while orders := self.sync.drain():
            for order in orders:
                match order:
                    case Ask():
                        self._ask(order)
                    case CheckSeals():
                        self._check(order)
                    case ImportBlocks():
                        self._import(order)
                    case ReportPeer(peer, error):
                        self.blamed[peer] = error
                        self._disconnect(peer)
                    case Disconnect(peer, reason):
                        self.dropped[peer] = reason
                        self._disconnect(peer)
                    case Log():
                        self.notes.append(order)
                    case _:
                        raise AssertionError(f"sync orders {order}")

    def _disconnect(self, number: int) -> None:
        if self.peers.pop(number, None) is not None:
            self.sync.gone(number, self.now)

    def _ask(self, ask: Ask) -> None:
        peer = self.peers.get(ask.peer)
        if peer is None:
            return
        peer.asked.append(ask.request)
        reply = peer.reply(ask.request)
        if reply is not None and peer.latency_s < ask.timeout_s:
            self._later(peer.latency_s, lambda: self._answer(ask, reply))
        else:
            self._later(ask.timeout_s, lambda: self._answer(ask, NoAnswer("time is up", name="it")))

    def _answer(self, ask: Ask, reply: Reply | NetError) -> None:
        if ask.peer not in self.peers:
            return
        if isinstance(reply, NetError):
            self.sync.failed(ask.peer, ask.ticket, ask.request, reply, self.now)
        else:
            self.sync.replied(ask.peer, ask.ticket, ask.request, reply, self.now)

    def _check(self, order: CheckSeals) -> None:
        self.checked += len(order.checks)
        verdicts = check_seals(rules_of(self.chain), order.checks)
        self._later(0.001 * len(order.checks), lambda: self.sync.seals_checked(order.job, verdicts, self.now))

    def _import(self, order: ImportBlocks) -> None:
        def done() -> None:
            outcomes: list[Accepted | ConsensusError | None] = [None] * len(order.blocks)
            if not self.store_full:
                self.batches.append(len(order.blocks))
                outcomes[:] = self.chain.accept_many(order.blocks, self.unix_s, order.admission)
            self.sync.imported(order.job, outcomes, self.now)

        self._chain_busy_until_s = max(self._chain_busy_until_s, self.now_s) + 0.001 * len(order.blocks)
        self._later(self._chain_busy_until_s - self.now_s, done)


def chain_with(*branches: tuple[Block, ...], store: ChainStore | None = None) -> Chain:
    """A chain that accepted these blocks, whatever their age."""
    chain = new_chain(network_spec(), store)
    for blocks in branches:
        for start in range(0, len(blocks), 64):
            part = blocks[start : start + 64]
            fork = ChainReader(chain).fork_number(part[0].header.parent_hash)
            outweighs = None if fork is None else chain.tree.canonical_hash(fork)
            for outcome in chain.accept_many(part, UNIX_S, Admission(outweighs)):
                assert isinstance(outcome, Accepted), outcome
    return chain


class Teller(Peer):
    """Answers from a list of blocks above genesis, whatever they are, and claims what it likes."""

    def __init__(self, blocks: Sequence[Block], claim: HeadClaim | None = None) -> None:
        super().__init__(new_chain())
        self.tell_of(blocks)
        last, total = blocks[-1].header, sum(block.header.difficulty for block in blocks)
        self._claim = claim or HeadClaim(last.hash, last.number, total)

    def tell_of(self, blocks: Sequence[Block]) -> None:
        """Other blocks from now on, under the same claim."""
        self.blocks = {block.header.hash: block for block in blocks}
        self.order = [block.header.hash for block in blocks]

    @property
    def claim(self) -> HeadClaim:
        return self._claim

    def reply(self, request: Request) -> Reply | None:
        match request:
            case HeadersRequest(locator, limit):
                start = next((self.order.index(one) + 1 for one in locator if one in self.blocks), 0)
                return Headers(tuple(self.blocks[one].header for one in self.order[start : start + limit]))
            case SealsRequest(hashes):
                return Seals(tuple(self.blocks[one].seal if one in self.blocks else None for one in hashes))
            case BodiesRequest(hashes):
                return Bodies(tuple(self.blocks[one].body if one in self.blocks else None for one in hashes))
            case _:
                raise AssertionError(request)
