"""Any order of events: the overlay never raises, stays within its bounds, and never touches a closed connection."""

from itertools import count
from random import Random
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from quip.chain.chain import Accepted, Status
from quip.chain.view import ChainReader
from quip.consensus.errors.body import WrongStateRoot
from quip.consensus.errors.header import FutureBlock, UnknownParent
from quip.consensus.errors.seal import InvalidSignature
from quip.consensus.types.block import Block, BlockBody
from quip.net.actions import Answer, CheckSeals, Close, Dial, ImportBlocks, ResetStream, Send
from quip.net.address import Address
from quip.net.chain_server import ChainServer
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
    TransactionInvalid,
    TransactionsReady,
)
from quip.net.limits import CANDIDATES, FETCHES, WAITING_CHILDREN
from quip.net.link import Instant, Link, Purpose
from quip.net.overlay.overlay import Overlay
from quip.net.overlay_config import OverlayConfig
from quip.net.session.events import Asked, JoinAsked
from quip.net.session.session import LocalJoin, PeerSession
from quip.net.wire.codec import code_of, encode
from quip.net.wire.messages import (
    BlockRequest,
    BlockResponse,
    BlockSubmit,
    Bodies,
    BodiesRequest,
    Encoded,
    Goodbye,
    Gossip,
    HeadClaim,
    Headers,
    HeadersRequest,
    Heartbeat,
    JoinRequest,
    NodeStats,
    NodeStatus,
    Peers,
    PeersRequest,
    Reply,
    Request,
    Seals,
    SealsRequest,
    StatsRequest,
    StatusRequest,
    TransactionClaim,
    TransactionGossip,
    Transactions,
    TransactionsRequest,
)
from quip.primitives.hashes import keccak256
from sim.liars.lies import flip, with_seal
from support.chains import grown
from support.examples import examples
from support.forged import good_seal
from support.mutants import with_header
from support.peer_memory import PeerMemory

TRANSACTION = b"\x02" + bytes(8)
OWN = b"\x05" * 32
NODE_IDS = st.sampled_from([bytes([number]) * 32 for number in range(1, 10)])
ADDRESSES = st.builds(
    Address,
    st.sampled_from(["127.0.0.1", "10.0.0.1", "66.1.0.1", "66.1.0.2", "67.1.0.1", "2a01:4f8::1", "0.0.0.0"]),
    st.sampled_from([1, 20_049, 65_535]),
)
VERDICTS: list[Any] = [
    None, UnknownParent(parent_hash="0x", number=1), FutureBlock(timestamp=1, future_limit=1, now=1),
    WrongStateRoot(claimed="0x", computed="0x"), InvalidSignature("no"),
]  # fmt: skip


def made_blocks() -> tuple[list[Block], list[Block]]:
    """A chain's blocks, and bad ones."""
    made = grown(4, seed=3)
    blocks = []
    for number in range(1, 5):
        stored = made.chain.block_by_number(number)
        assert stored is not None
        blocks.append(Block(stored.header, (), stored.seal))
    first = blocks[0]
    assert first.seal is not None
    chain = grown(0).chain
    bad = [
        with_seal(first, ecdsa_signature=flip(first.seal.ecdsa_signature)),
        with_header(chain, first, state_root=b"\x01" * 32),
        with_header(chain, first, difficulty=1),
    ]
    return blocks, bad


BLOCKS, BAD = made_blocks()


def submit(index: int, total: int) -> BlockSubmit:
    block = [*BLOCKS, *BAD][index]
    assert block.seal is not None
    return BlockSubmit(block.header, block.seal, total)


CLAIMS = st.builds(
    HeadClaim,
    st.sampled_from([*(block.header.hash for block in (*BLOCKS, *BAD)), b"\x07" * 32]),
    st.integers(0, 10),
    st.sampled_from([0, 1, BLOCKS[-1].header.difficulty * 4, 1 << 200]),
)
CLAIM = (2, 9, keccak256(TRANSACTION))
OTHERS = [(2, 9, bytes([number]) * 32) for number in range(1, 5)]
PUSHES = st.one_of(
    st.builds(Heartbeat, st.integers(0, 9), CLAIMS),
    st.builds(Gossip, st.lists(CLAIMS, min_size=1, max_size=16).map(tuple)),
    st.builds(submit, st.integers(0, len(BLOCKS) + len(BAD) - 1), st.integers(0, 1 << 200)),
    st.sampled_from([TransactionGossip(((2, 9, b"\x01" * 32),)), TransactionGossip((CLAIM, *OTHERS))]),
    st.builds(Goodbye, st.integers(0, 255), st.just("bye")),
)
QUESTIONS = st.sampled_from(
    [
        PeersRequest(), StatusRequest(), StatsRequest(), TransactionsRequest((b"\x01" * 32,)),
        HeadersRequest((b"\x01" * 32,), 4), SealsRequest((b"\x01" * 32,)), BodiesRequest((b"\x01" * 32,)),
        BlockRequest(b"\x01" * 32),
    ]
)  # fmt: skip


class AnyPool:
    """Wants everything, has one transaction, and never says what it thinks of others."""

    def wants(self, kind: int, size: int, transaction_hash: bytes) -> bool:
        return True

    def get(self, transaction_hash: bytes) -> bytes | None:
        return TRANSACTION if transaction_hash == CLAIM[2] else None

    def inventory(self) -> list[TransactionClaim]:
        return [CLAIM, *OTHERS]

    def offered(self, peer: int, transactions: tuple[bytes, ...]) -> None:
        assert transactions == (TRANSACTION,)


class OverlayStates(RuleBasedStateMachine):
    """One overlay, with far ends that are real sessions and say anything."""

    @initialize(seed=st.integers(0, 9))
    def begin(self, seed: int) -> None:
        self.made = grown(0)
        self.storage = PeerMemory()
        view = ChainReader(self.made.chain)
        self.manual = [Address("127.0.0.1", 1)]
        setup = OverlayConfig(OWN, "test/1", Address("0.0.0.0", 1), lambda: tuple(self.manual), max_inbound=3)
        self.pool = AnyPool()
        self.overlay = Overlay(setup, view, self.storage, Random(seed), self.pool)
        self.library = ChainServer(view)
        self.now_s, self.numbers = 1_000.0, count(1)
        self.open: dict[int, PeerSession | None] = {}
        self.jobs: list[CheckSeals | ImportBlocks] = []
        self.answers: list[Answer] = []
        self.dials: list[Dial] = []
        genesis = HeadClaim(view.genesis_hash, 0, 0)
        for number in (1, 2, 3):
            purpose = Purpose.INBOUND if number == 1 else Purpose.OUTBOUND
            self.opened(bytes([number]) * 32, Address(f"6{number}.1.0.1", 20_049), purpose, genesis, 1, None)

    @property
    def now(self) -> Instant:
        return Instant(self.now_s, 2_000_000_000 + int(self.now_s))

    def give(self, event: Event) -> None:
        for action in self.overlay.handle(event, self.now):
            match action:
                case Send(connection, stream, data, fin):
                    assert connection in self.open
                    far = self.open[connection]
                    if far is not None:
                        self.far_told(connection, far.received(stream, data, fin, self.now))
                case ResetStream(connection, stream, _):
                    assert connection in self.open
                    far = self.open[connection]
                    if far is not None:
                        far.reset(stream, self.now)
                case Close(connection, _, reason):
                    assert reason.isascii()
                    assert len(reason) <= 200
                    del self.open[connection]
                case CheckSeals() | ImportBlocks():
                    self.jobs.append(action)
                case Answer():
                    self.answers.append(action)
                case Dial():
                    self.dials.append(action)

    def far_told(self, connection: int, events: list[Any]) -> None:
        far = self.open[connection]
        assert far is not None
        for event in events:
            if isinstance(event, JoinAsked):
                far.welcome(self.now)
            elif isinstance(event, Asked):
                reply = self.any_reply(event.request)
                if reply is None:
                    far.decline(event.stream, self.now)
                else:
                    far.respond(event.stream, reply, self.now)

    def any_reply(self, request: Request) -> Reply | None:
        draw = Random(repr(request) + str(self.now_s))
        blocks = draw.choice([BLOCKS, BAD])
        match request:
            case HeadersRequest():
                reply: Reply = Headers(tuple(block.header for block in blocks[: draw.randrange(4)]))
            case SealsRequest(hashes):
                reply = Seals(tuple(draw.choice([None, *(block.seal for block in BLOCKS)]) for _ in hashes))
            case BodiesRequest(hashes):
                reply = Bodies(tuple(draw.choice([None, BlockBody(), BlockBody((b"\x02\xc0",))]) for _ in hashes))
            case BlockRequest():
                reply = BlockResponse(draw.choice([None, *BLOCKS, *BAD]))
            case PeersRequest():
                reply = Peers(tuple((Address(f"70.{draw.randrange(99)}.0.1", 1), 5) for _ in range(3)))
            case TransactionsRequest():
                reply = Transactions(draw.choice([(), (TRANSACTION,)]))
            case StatusRequest():
                reply = NodeStatus(HeadClaim(b"\x01" * 32, 1, 1), "x", True, True, 1, 1)
            case StatsRequest():
                reply = NodeStats(())
        return None if draw.random() < 0.2 else reply

    def flush_far(self) -> None:
        """What the far ends want to send arrives."""
        for connection in list(self.open):
            far = self.open.get(connection)
            for action in far.drain() if far is not None else ():
                if connection in self.open:
                    if isinstance(action, Send):
                        self.give(Received(connection, action.stream, action.data, action.fin))
                    else:
                        self.give(StreamReset(connection, action.stream, action.code))

    def join_request(self, claim: HeadClaim, version: int, public: Address | None) -> JoinRequest:
        view = ChainReader(self.made.chain)
        return JoinRequest(version, view.spec.chain_id, view.genesis_hash, claim, public, "far/1")

    @rule(
        node_id=NODE_IDS, address=ADDRESSES, purpose=st.sampled_from(Purpose), claim=CLAIMS,
        version=st.sampled_from([1, 1, 1, 2]), public=st.none() | ADDRESSES,
    )  # fmt: skip
    def opened(
        self, node_id: bytes, address: Address, purpose: Purpose, claim: HeadClaim, version: int, public: Address | None
    ) -> None:
        connection = next(self.numbers)
        mirror = Link(Address("127.0.0.1", 7), OWN, Purpose.MANUAL if purpose is Purpose.INBOUND else Purpose.INBOUND)
        join = self.join_request(claim, version, public)
        self.open[connection] = PeerSession(connection, mirror, LocalJoin(lambda: join), self.now)
        self.give(Opened(connection, Link(address, node_id, purpose)))
        self.flush_far()
        self.flush_far()

    @rule(messages=st.lists(PUSHES, min_size=1, max_size=5), pick=st.integers(0, 99))
    def pushed(self, messages: list[Any], pick: int) -> None:
        if self.open:
            far = self.open[sorted(self.open)[pick % len(self.open)]]
            if far is not None:
                for message in messages:
                    far.push(message, self.now)
        self.flush_far()

    @rule(question=QUESTIONS, pick=st.integers(0, 99))
    def asked(self, question: Request, pick: int) -> None:
        if self.open:
            far = self.open[sorted(self.open)[pick % len(self.open)]]
            if far is not None:
                far.request(question, self.now, 10.0)
        self.flush_far()

    @rule(stream=st.integers(0, 40), data=st.binary(max_size=40), fin=st.booleans(), pick=st.integers(0, 99))
    def garbage(self, stream: int, data: bytes, fin: bool, pick: int) -> None:
        if self.open:
            self.give(Received(sorted(self.open)[pick % len(self.open)], stream, data, fin))

    @rule(connection=st.integers(0, 30), stream=st.integers(0, 12), size=st.integers(0, 1 << 30))
    def strays(self, connection: int, stream: int, size: int) -> None:
        self.give(StreamReset(connection, stream, 0))
        self.give(Backlog(connection, size))
        self.give(Answered(connection, 4_000 + stream, Encoded(code_of(Peers(())), encode(Peers(())))))

    @rule(pick=st.integers(0, 99))
    def closed(self, pick: int) -> None:
        connection = sorted(self.open)[pick % len(self.open)] if self.open else 12_345
        self.open.pop(connection, None)
        self.give(Closed(connection, "gone"))

    @precondition(lambda self: self.jobs)
    @rule(pick=st.integers(0, 99), verdict=st.sampled_from(VERDICTS), honest=st.booleans())
    def job_done(self, pick: int, verdict: Any, honest: bool) -> None:
        job = self.jobs.pop(pick % len(self.jobs))
        if isinstance(job, CheckSeals):
            verdicts = [good_seal(one) if honest else verdict for one in job.checks]
            self.give(SealsChecked(job.job, tuple(verdicts)))
        elif honest:
            old = self.made.chain.head
            outcomes = self.made.chain.accept_many(list(job.blocks), self.now.unix_s)
            if self.made.chain.head is not old:
                self.give(HeadMoved(old, self.made.chain.head, 0, mined=False))
            self.give(BlocksImported(job.job, tuple(outcomes)))
        else:
            outcome = Accepted(Status.KNOWN, b"\x01" * 32) if verdict is None else verdict
            self.give(BlocksImported(job.job, tuple(outcome for _ in job.blocks)))

    @rule(claims=st.lists(st.sampled_from([CLAIM, *OTHERS]), max_size=3), pick=st.integers(0, 99))
    def pool_spoke(self, claims: list[TransactionClaim], pick: int) -> None:
        self.give(TransactionsReady(tuple(claims)))
        if pick < 10:
            connection = sorted(self.open)[pick % len(self.open)] if self.open else 12_345
            self.give(TransactionInvalid(connection, b"\x01" * 32, "breaks a rule"))

    @rule(job=st.integers(0, 1_000), verdict=st.sampled_from(VERDICTS), size=st.integers(0, 3))
    def unknown_job(self, job: int, verdict: Any, size: int) -> None:
        if all(known.job != job for known in self.jobs):
            self.give(SealsChecked(job, (verdict,) * size))
            self.give(BlocksImported(job, (verdict,) * size))

    @precondition(lambda self: self.answers)
    @rule()
    def answer_ready(self) -> None:
        answer = self.answers.pop()
        self.give(Answered(answer.connection, answer.stream, self.library.answer(answer.request)))

    @precondition(lambda self: self.dials)
    @rule()
    def dial_failed(self) -> None:
        self.give(DialFailed(self.dials.pop().address, "nobody there"))

    @rule(address=ADDRESSES)
    def policy_changed(self, address: Address) -> None:
        self.manual = [address]
        self.storage.banned.clear()
        self.give(PolicyChanged())

    @rule(seconds=st.sampled_from([0.1, 0.5, 2.0, 11.0, 61.0, 3_600.0]))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds
        for connection in list(self.open):
            far = self.open.get(connection)
            if far is not None:
                far.tick(self.now)
        self.give(Tick())
        self.flush_far()

    @rule()
    def mined(self) -> None:
        if self.made.chain.head.header.number >= 3:
            return
        old = self.made.chain.head
        for _ in self.made.extend(1):
            pass
        self.give(HeadMoved(old, self.made.chain.head, 0, mined=True))

    @invariant()
    def within_bounds(self) -> None:
        if not hasattr(self, "overlay"):
            return
        state = self.overlay._state
        assert len(state.gossip) <= CANDIDATES
        assert len(state.gossip._pipeline._waiting) <= WAITING_CHILDREN
        assert len(state.gossip._blocks) <= FETCHES
        assert {peer.connection for peer in state.peers.all()} == set(self.open)
        joined = list(state.peers.joined())
        assert len([peer for peer in joined if peer.link.purpose is Purpose.INBOUND]) <= 3
        assert set(state.propagation._known) == {peer.connection for peer in joined}
        assert set(state.relay._peers) == {peer.connection for peer in joined}
        assert set(state.transactions._peers) <= {peer.connection for peer in joined}
        in_flight = [name for peer in state.transactions._peers.values() for name in peer.asked]
        assert sorted(in_flight) == sorted(state.transactions._in_flight)
        assert OWN not in [peer.link.node_id for peer in joined]
        ids = [peer.link.node_id for peer in joined]
        assert len(ids) == len(set(ids))


OverlayStates.TestCase.settings = settings(
    examples(30), stateful_step_count=40, suppress_health_check=list(HealthCheck)
)
TestOverlayStates = OverlayStates.TestCase
