"""Peers that lie or stall: each is found out by its own error, costs little, and keeps nobody from syncing."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from quip.chain.chain import Chain
from quip.consensus.errors.body import ExecutionError, InvalidTransaction, WrongBody
from quip.consensus.errors.header import HeaderError, KnownInvalid
from quip.consensus.errors.root import ConsensusError
from quip.consensus.errors.seal import InvalidSignature, SealError
from quip.consensus.types.block import Block, transactions_root
from quip.net import limits
from quip.net.errors import FalseClaim, HeaderFlood, NetError, PartsWithheld, WrongAnswer
from quip.net.wire.messages import HeadClaim, Headers, HeadersRequest, Reply, Request, Seals, SealsRequest
from quip.primitives.errors import Fault
from sim.liars.lies import TRANSACTION, flip
from support.broken_rules import MUTANTS
from support.chains import generator, new_chain
from support.mutants import next_block, with_header
from support.sync_world import Peer, Teller, World, chain_with
from unit.net.sync.test_sync import SMALL, grow, line, same_head

HONEST = 60


def honest() -> Chain:
    return chain_with(line(HONEST))


def boasting(chain: Chain, more: int = 1 << 40) -> HeadClaim:
    """A claim of much more work than anybody has."""
    return HeadClaim(b"\x77" * 32, chain.head.header.number + 5, chain.head.context.total_difficulty + more)


class Boaster(Peer):
    """Honest but for its claim."""

    @property
    def claim(self) -> HeadClaim:
        return boasting(self.chain)


class Silent(Boaster):
    """Never answers."""

    def reply(self, request: Request) -> Reply | None:
        return None


class HeadersOnly(Peer):
    """Has headers, and nothing behind them."""

    def reply(self, request: Request) -> Reply | None:
        return super().reply(request) if isinstance(request, HeadersRequest) else None


class Changing(Peer):
    """Changes its answers before it sends them."""

    def __init__(self, chain: Chain, change: Callable[[Reply], Reply | None], latency_s: float = 0.01) -> None:
        super().__init__(chain, latency_s)
        self._change = change

    def reply(self, request: Request) -> Reply | None:
        answer = super().reply(request)
        return None if answer is None else self._change(answer)


def wrong_seals(answer: Reply) -> Reply:
    if not isinstance(answer, Seals):
        return answer
    broken = [replace(seal, xmss_signature=flip(seal.xmss_signature)) for seal in answer.seals if seal]
    return Seals(tuple(broken))


def swapped_seals(answer: Reply) -> Reply:
    return Seals(tuple(reversed(answer.seals))) if isinstance(answer, Seals) else answer


def no_seals(answer: Reply) -> Reply:
    return Seals((None,) * len(answer.seals)) if isinstance(answer, Seals) else answer


def too_many_seals(answer: Reply) -> Reply:
    return Seals(answer.seals * 2) if isinstance(answer, Seals) else answer


def unconnected(answer: Reply) -> Reply:
    return Headers(answer.headers[1:]) if isinstance(answer, Headers) else answer


def with_a_hole(answer: Reply) -> Reply:
    if not isinstance(answer, Headers) or len(answer.headers) < 9:
        return answer
    return Headers(answer.headers[:4] + answer.headers[5:])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (wrong_seals, InvalidSignature),
        (swapped_seals, SealError),
        (no_seals, PartsWithheld),
        (too_many_seals, WrongAnswer),
        (unconnected, WrongAnswer),
        (with_a_hole, WrongAnswer),
    ],
)
def test_wrong_answers(change: Callable[[Reply], Reply], error: type[ConsensusError | NetError]) -> None:
    """The liar is quicker than the honest peer, and leads; it is blamed, and the others finish."""
    source = honest()
    world = World(sizes=SMALL)
    (liar,) = world.join(Changing(source, change))
    honest_peers = world.join(Peer(source), Peer(source))
    world.run(30, lambda: same_head(world, source))
    assert list(world.blamed) == [liar]
    assert isinstance(world.blamed[liar], error)
    assert world.blamed[liar].fault is Fault.AT_FAULT
    assert world.dropped == {}
    assert sorted(world.peers) == honest_peers
    assert world.checked <= HONEST + limits.SYNC_FIRST_RANGE


def test_a_peer_that_only_spoils_seals_costs_one_small_range() -> None:
    """It is no leader; what it sends is checked, found wrong, and asked of another."""
    source = honest()
    world = World(sizes=SMALL)
    world.join(Peer(source))
    world.join(*(Changing(source, wrong_seals) for _ in range(6)))
    world.run(30, lambda: same_head(world, source))
    assert sorted(world.blamed) == [2, 3, 4, 5, 6, 7]
    assert world.checked <= HONEST + 6 * limits.SYNC_FIRST_RANGE


IN_HEADER = [name for name, (error, _, _) in MUTANTS.items() if issubclass(error, HeaderError | SealError)]
IN_EXECUTION = [name for name, (error, _, _) in MUTANTS.items() if issubclass(error, ExecutionError)]


@pytest.mark.parametrize("name", [*IN_HEADER, *IN_EXECUTION])
def test_every_broken_rule(name: str) -> None:
    """The last block of the liar's chain breaks one rule. The good part of it is kept, the honest chain wins."""
    expected, _, mutate = MUTANTS[name]
    made = generator(chain_with(line(HONEST)), seed=3, miners=1)
    good = next_block(made)
    mutant = mutate(made.chain, good)
    liar_blocks = [*line(HONEST), mutant]
    world = World(sizes=SMALL)
    (liar,) = world.join(Teller(liar_blocks))
    made.accept(good)
    world.run(5, lambda: bool(world.blamed))
    assert isinstance(world.blamed[liar], expected | PartsWithheld if mutant.seal is None else expected)
    assert world.chain.head.header.number <= HONEST
    (honest_peer,) = world.join(Peer(made.chain))
    world.run(30, lambda: same_head(world, made.chain))
    assert list(world.peers) == [honest_peer]
    assert world.chain.is_invalid(mutant.header.hash) == (name in IN_EXECUTION)


def test_a_hash_found_invalid_is_not_fetched_again() -> None:
    made = generator(chain_with(line(HONEST)), seed=3, miners=1)
    mutant = with_header(made.chain, next_block(made), state_root=bytes(32))
    world = World(sizes=SMALL)
    world.join(Teller([*line(HONEST), mutant]))
    world.run(5, lambda: bool(world.blamed))
    checked = world.checked
    world.join(Teller([*line(HONEST), mutant]))
    world.run(5, lambda: len(world.blamed) == 2)
    assert isinstance(world.blamed[2], KnownInvalid)
    assert world.checked == checked


def body_liars(mine: tuple[bytes, ...]) -> tuple[Block, ...]:
    made = generator(chain_with(line(20)), seed=3, miners=1)
    block = with_header(made.chain, next_block(made), transactions_root=transactions_root((TRANSACTION,)))
    return (*line(20), replace(block, transactions=mine))


def test_a_wrong_body_is_its_senders_fault() -> None:
    world = World()
    (liar,) = world.join(Teller(body_liars((TRANSACTION, TRANSACTION))))
    world.run(5, lambda: bool(world.blamed))
    assert isinstance(world.blamed[liar], WrongBody)
    world.run(2)
    (second,) = world.join(Teller(body_liars((TRANSACTION,))))
    world.run(5, lambda: second in world.blamed)
    assert isinstance(world.blamed[second], InvalidTransaction)  # the body was the header's


@pytest.mark.parametrize("kind", [Silent, HeadersOnly])
def test_a_claim_without_work_ends_within_a_minute(kind: type[Peer]) -> None:
    """Silent, or with headers but no seals."""
    world = World(sizes=SMALL)
    (number,) = world.join(kind(chain_with(line(90, seed=4))))
    world.run(limits.SYNC_CLAIM_S + 1, lambda: number in world.dropped)
    assert world.blamed == {}
    assert not world.sync.state.syncing
    assert world.chain.head.header.number == 0


def test_claims_that_keep_talking_have_their_minute_and_no_more() -> None:
    """They answer everything: the leader has headers, the others have none of its seals."""

    class Elsewhere(Boaster):
        def reply(self, request: Request) -> Reply | None:
            return Seals((None,) * len(request.hashes)) if isinstance(request, SealsRequest) else Headers(())

    world = World(sizes=SMALL)
    world.join(*(Elsewhere(honest()) for _ in range(4)))
    world.run(limits.SYNC_CLAIM_S + 1, lambda: not world.peers)
    assert world.chain.head.header.number == 0


def test_heavy_claims_do_not_keep_the_honest_waiting() -> None:
    source = honest()
    world = World(sizes=SMALL)
    world.join(*(Silent(source) for _ in range(3)))
    world.join(Peer(source))
    world.run(45, lambda: same_head(world, source))
    world.run(120, lambda: len(world.peers) == 1)
    assert world.sync.state.first_done


class Dripping(Boaster):
    """Claims most, and has one good header in each answer, late."""

    def __init__(self, chain: Chain) -> None:
        super().__init__(chain, latency_s=4.0)

    def reply(self, request: Request) -> Reply | None:
        answer = super().reply(request)
        return Headers(answer.headers[:1]) if isinstance(answer, Headers) else answer


def test_a_leader_that_drips_is_replaced() -> None:
    """All that it sends is good; but at its pace a chain would be fetched for ever."""
    source = honest()
    world = World(sizes=SMALL)
    world.join(Dripping(source), Peer(source))
    world.run(2 * limits.SYNC_ROTATE_S, lambda: same_head(world, source))
    assert not any(isinstance(error, ConsensusError) for error in world.blamed.values())


def test_strangers_that_come_again_and_again_do_not_starve_the_honest() -> None:
    """Each leads once and leaves; whoever has waited longest is next, whatever the newcomers claim."""
    source = honest()
    world = World(sizes=SMALL)
    world.join(*(Silent(source) for _ in range(4)))
    (patient,) = world.join(Peer(source))

    def others_come_and_go() -> bool:
        tried = [number for number in world.peers if number != patient and _led(world, number)]
        for number in tried:
            world.leave(number)
        world.join(*(Silent(source) for _ in tried))
        return same_head(world, source)

    world.run(6 * limits.SYNC_ROTATE_S, others_come_and_go)
    assert patient in world.peers


def test_a_claimant_that_was_kept_waiting_is_not_let_go() -> None:
    source = honest()
    world = World(sizes=SMALL)
    world.join(*(Silent(source) for _ in range(9)))
    (patient,) = world.join(Peer(source))
    world.run(10.5 * limits.SYNC_ROTATE_S, lambda: same_head(world, source))
    assert patient in world.peers


def test_peers_of_our_choice_need_not_wait_behind_strangers() -> None:
    source = honest()
    world = World(sizes=SMALL)
    world.join(*(Silent(source) for _ in range(9)))
    (ours,) = world.join(Peer(source))
    world.sync.claim(ours, world.peers[ours].claim, world.now, familiar=True)
    world.run(1.5 * limits.SYNC_ROTATE_S, lambda: same_head(world, source))
    assert world.now_s <= 1_000.0 + 1.5 * limits.SYNC_ROTATE_S


def _led(world: World, number: int) -> bool:
    peer = world.sync._peers.get(number)
    return peer is not None and peer.attempts > 0


@pytest.mark.parametrize("known", [0, HONEST])
def test_a_claim_heavier_than_its_own_chain(known: int) -> None:
    claim = Peer(honest()).claim
    more = replace(claim, total_difficulty=claim.total_difficulty + 1)
    world = World(chain_with(line(HONEST)[:known]), SMALL)
    (liar,) = world.join(Teller(line(HONEST), more))
    world.run(5, lambda: bool(world.blamed))
    assert isinstance(world.blamed[liar], FalseClaim)


def test_a_boast_about_a_block_that_never_comes() -> None:
    """All that it has is taken; then the claim is called what it is."""
    source = honest()
    world = World(sizes=SMALL)
    (liar,) = world.join(Boaster(source))
    world.run(30, lambda: bool(world.blamed))
    assert same_head(world, source)
    assert isinstance(world.blamed[liar], FalseClaim)


def test_stalling_peers_are_replaced() -> None:
    source = honest()
    world = World(sizes=SMALL)
    world.join(Peer(source, latency_s=100.0), HeadersOnly(source), Peer(source))
    world.run(60, lambda: same_head(world, source))
    assert world.blamed == {}


class Bystander(Silent):
    """Claims to have all blocks, but not the most work, so that it leads nothing."""

    @property
    def claim(self) -> HeadClaim:
        claim = Peer(self.chain).claim
        return replace(claim, total_difficulty=claim.total_difficulty - 1)


@pytest.mark.parametrize("seed", range(5))
def test_silent_strangers_do_not_hold_up_a_good_leader(seed: int) -> None:
    """Who sends the headers, and who has sent good seals, is asked for seals before those of whom nothing is known."""
    source = chain_with(line(10))
    world = World(sizes=SMALL, seed=seed)
    world.join(Peer(source), *(Bystander(source) for _ in range(20)))
    world.run(limits.SYNC_HURRY_S + 1.5, lambda: same_head(world, source))
    assert world.blamed == {}


def test_a_flood_of_headers_without_work_is_banned() -> None:
    """It has headers for ever and changes its story every time; no seal of it is ever seen."""

    class Flooder(Peer):
        def __init__(self) -> None:
            super().__init__(new_chain())
            self.stories = [line(250, seed=20 + story) for story in range(4)]
            self.story = 0

        @property
        def claim(self) -> HeadClaim:
            return HeadClaim(bytes([self.story + 1]) * 32, 10_000, 1 << 60)

        def reply(self, request: Request) -> Reply | None:
            if not isinstance(request, HeadersRequest):
                return None
            self.story += 1
            blocks = self.stories[self.story % 4]
            return Headers(tuple(block.header for block in blocks[: request.limit]))

    world = World()
    (liar,) = world.join(Flooder())
    world.run(10, lambda: bool(world.blamed))
    assert isinstance(world.blamed[liar], HeaderFlood)
    assert world.blamed[liar].fault is Fault.AT_FAULT
    assert world.chain.head.header.number == 0


def test_orphan_headers_are_bounded() -> None:
    """However many headers a peer has without seals, no more than a window of them is asked for."""
    source = chain_with(line(250, seed=21))
    world = World(sizes=SMALL)
    liar = HeadersOnly(source)
    world.join(liar)
    world.run(9)
    assert sum(isinstance(request, HeadersRequest) for request in liar.asked) <= SMALL.window // SMALL.headers
    assert world.sync._download is not None
    assert world.sync._download.branch.window is not None
    assert len(world.sync._download.branch.window) <= SMALL.window


def test_nothing_light_is_imported() -> None:
    """A branch that is good but lighter than the head, under a boast."""
    ours = grow(line(20), 20, seed=31)
    light = grow(line(20), 6, seed=32)
    world = World(chain_with(ours), sizes=SMALL)
    (liar,) = world.join(Teller(light, boasting(world.chain)))
    world.run(limits.SYNC_CLAIM_S + 5, lambda: liar in world.blamed or liar in world.dropped)
    assert not any(world.chain.tree.has(block.header.hash) for block in light[20:])
