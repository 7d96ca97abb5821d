"""Branches that leave far below the head: refused, weighed in constant memory, admitted, then accepted fully."""

from dataclasses import replace

import pytest

from quip.chain.branches import BranchProbe
from quip.chain.chain import Chain, Status
from quip.chain.errors import ProbeTooLight, UnknownFork
from quip.chain.events import Head
from quip.chain.limits import MAX_BRANCH_DEPTH
from quip.consensus.block import Block
from quip.consensus.errors import BranchTooOld, Fault, GateError, InvalidSignature, Spoils, UnknownParent
from support.chains import grown
from support.mutants import flip, with_seal

NOW = 1 << 40
LONG = MAX_BRANCH_DEPTH + 6


def grown_to(blocks: int, seed: int) -> tuple[Chain, list[Block]]:
    """A chain and its blocks from genesis on."""
    chain = grown(blocks, seed).chain
    stored = [chain.block_by_number(number) for number in range(1, blocks + 1)]
    return chain, [Block(block.header, block.transactions, block.seal) for block in stored if block]


def weigh(probe: BranchProbe, blocks: list[Block]) -> None:
    for block in blocks:
        assert block.seal is not None
        probe.step(block.header, block.seal, NOW)


def genesis_hash(chain: Chain) -> bytes:
    found = chain.tree.canonical_hash(0)
    assert found is not None
    return found


def test_old_branch_is_probed_then_accepted() -> None:
    chain, _ = grown_to(LONG, seed=1)
    longer, blocks = grown_to(LONG + 8, seed=2)
    assert longer.head.context.total_difficulty > chain.head.context.total_difficulty
    with pytest.raises(BranchTooOld) as caught:
        chain.accept(blocks[0], NOW)
    assert (caught.value.fault, caught.value.spoils) == (Fault.BEHIND, Spoils.NOTHING)
    probe = chain.branches.probe(genesis_hash(chain))
    weigh(probe, blocks)
    assert probe.total_difficulty == longer.head.context.total_difficulty
    assert (probe.header, probe.context) == (longer.head.header, longer.head.context)
    chain.branches.admit(probe, chain.head.context.total_difficulty)
    accepted = [chain.accept(block, NOW) for block in blocks]
    moved = [outcome for outcome in accepted if outcome.reorg_depth]
    assert [outcome.reorg_depth for outcome in moved] == [LONG]
    assert accepted[0].status is Status.SIDE
    assert chain.head == longer.head
    assert chain.miners() == longer.miners()
    assert not chain.branches.is_admitted(genesis_hash(chain))  # used up


def test_depth_is_counted_from_the_fork_point() -> None:
    made = grown(MAX_BRANCH_DEPTH + 3)
    tree = made.chain.tree
    for number, allowed in ((3, True), (2, False)):
        fork_hash = tree.canonical_hash(number)
        assert fork_hash is not None
        block = made.block(Head(fork_hash, *tree.known(fork_hash)))
        if allowed:
            assert made.accept(block).status is Status.SIDE
            late = made.block(Head(block.header.hash, *tree.known(block.header.hash)))
        else:
            with pytest.raises(BranchTooOld):
                made.accept(block)
    made.accept(made.block(made.chain.head))
    with pytest.raises(BranchTooOld):  # the branch has grown old meanwhile
        made.accept(late)


def test_light_probe_is_not_admitted() -> None:
    chain, _ = grown_to(12, seed=1)
    _, blocks = grown_to(6, seed=2)
    probe = chain.branches.probe(genesis_hash(chain))
    weigh(probe, blocks)
    with pytest.raises(ProbeTooLight):
        chain.branches.admit(probe, chain.head.context.total_difficulty)


def test_probe_refuses_what_accept_refuses() -> None:
    chain, _ = grown_to(4, seed=1)
    _, blocks = grown_to(4, seed=2)
    probe = chain.branches.probe(genesis_hash(chain))
    weigh(probe, blocks[:2])
    before = (probe.header, probe.context)
    third, fourth = blocks[2], blocks[3]
    assert third.seal is not None
    assert fourth.seal is not None
    with pytest.raises(UnknownParent):
        probe.step(fourth.header, fourth.seal, NOW)
    bad = with_seal(third, xmss_signature=flip(third.seal.xmss_signature)).seal
    assert bad is not None
    with pytest.raises(InvalidSignature):
        probe.step(third.header, bad, NOW)
    with pytest.raises(GateError):
        probe.step(replace(third.header, difficulty=1), third.seal, NOW)
    assert (probe.header, probe.context) == before
    probe.step(third.header, third.seal, NOW)
    assert probe.header == third.header


def test_probes_start_on_the_canonical_chain() -> None:
    chain, _ = grown_to(3, seed=1)
    for unknown in (bytes(32), grown_to(2, seed=9)[1][0].header.hash):
        with pytest.raises(UnknownFork):
            chain.branches.probe(unknown)
