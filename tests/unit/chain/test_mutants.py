"""Every rule has a block that breaks it: its own error, whose fault it is, and whether hash or message is spoilt."""

from dataclasses import replace

import pytest

from quip.chain.chain import Chain, Status
from quip.consensus.errors.body import MalformedBlock, MalformedTransaction, NotExecutable, WrongStateRoot
from quip.consensus.errors.header import (
    BranchTooOld,
    FutureBlock,
    GasLimitOutOfBounds,
    InvalidParent,
    KnownInvalid,
    MalformedHeader,
    StateNotKept,
    UnknownParent,
    WrongDifficulty,
)
from quip.consensus.errors.root import ConsensusError
from quip.consensus.errors.seal import EnergyAboveBaseline, EnergyAboveCap, MalformedSeal, SealUnchecked, WrongSuite
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.block import Block
from quip.primitives.errors import Fault
from sim.honest.chain_generator import ChainGenerator
from sim.liars.lies import with_seal
from support.broken_rules import HASH, MESSAGE, MUTANTS, ZERO, moved
from support.chains import generator, grown, network_spec, new_chain
from support.mutants import next_block, proof, with_energies, with_header
from support.ommers import UNLAWFUL

CODECS = {MalformedBlock, MalformedHeader, MalformedTransaction, MalformedSeal}
BELOW = {EnergyAboveCap, EnergyAboveBaseline, GasLimitOutOfBounds, KnownInvalid, NotExecutable}
ELSEWHERE = CODECS | BELOW | {InvalidParent, BranchTooOld, StateNotKept, SealUnchecked}  # the last is our own failure
NOW = 1 << 40


@pytest.fixture(scope="module")
def made() -> ChainGenerator:
    return grown(5)


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant(name: str, made: ChainGenerator) -> None:
    expected, spoils, mutate = MUTANTS[name]
    chain, good = made.chain, next_block(made)
    head = chain.head
    bad = mutate(chain, good)
    with pytest.raises(expected) as caught:
        chain.accept(bad, NOW)
    fault = {FutureBlock: Fault.EARLY, UnknownParent: Fault.BEHIND}.get(expected, Fault.AT_FAULT)
    assert type(caught.value) is expected
    assert (caught.value.fault, caught.value.spoils) == (fault, spoils)
    assert chain.is_invalid(bad.header.hash) == (spoils is HASH)
    assert chain.head == head
    assert not chain.tree.has(bad.header.hash)
    assert chain.accept(good, NOW).status is Status.CONNECTED  # whatever came before, the good block is not poisoned


def test_known_invalid_and_its_child(made: ChainGenerator) -> None:
    chain = made.chain
    bad = with_header(chain, next_block(made), state_root=ZERO)
    with pytest.raises(WrongStateRoot):
        chain.accept(bad, NOW)
    with pytest.raises(KnownInvalid) as again:
        chain.accept(bad, NOW)
    assert (again.value.fault, again.value.spoils) == (Fault.AT_FAULT, HASH)
    child = with_header(chain, bad, parent_hash=bad.header.hash, number=bad.header.number + 1)
    with pytest.raises(InvalidParent) as caught:
        chain.accept(child, NOW)
    assert (caught.value.fault, caught.value.spoils) == (Fault.AT_FAULT, HASH)
    assert chain.is_invalid(child.header.hash)


def bounded_gas(minimum: int, maximum: int) -> ChainSpec:
    return replace(network_spec(), gas_limit_minimum=minimum, gas_limit_maximum=maximum)


@pytest.mark.parametrize("bounds", [(30_000_000, 30_000_100), (29_999_900, 30_000_000)])
@pytest.mark.parametrize("step", [-1, 1])
def test_gas_limit_bounds(bounds: tuple[int, int], step: int) -> None:
    made = generator(new_chain(bounded_gas(*bounds)))
    bad = moved("gas_limit", step)(made.chain, next_block(made))
    if bounds[0] <= bad.header.gas_limit <= bounds[1]:
        with pytest.raises(WrongSuite):  # lawful limit: the check after it speaks
            made.chain.accept(with_seal(bad, suite=1), NOW)
        return
    with pytest.raises(GasLimitOutOfBounds) as caught:
        made.chain.accept(bad, NOW)
    assert (caught.value.fault, caught.value.spoils) == (Fault.AT_FAULT, HASH)


# With a margin of about -40,000 the cap (-36,000) is at E = 8 and B (-52,500, sd 2,100) at E = -24.
STEEP = ((0, -40_100), (40 << 16, -40_000))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(-10_000, -60, None), (-4, 7, EnergyAboveBaseline), (9, 400, EnergyAboveCap)],
)
def test_energies(low: int, high: int, expected: type[ConsensusError] | None) -> None:
    spec = replace(network_spec(), puzzle=replace(network_spec().puzzle, ladder=STEEP))
    made = generator(new_chain(spec), solver=lambda puzzle, seed, energy: proof(puzzle, seed, -10_000, energy))
    good = next_block(made)
    changed = with_energies(made.chain, good, low, high)
    if expected is None:
        assert made.chain.accept(changed, NOW).status is Status.CONNECTED
        return
    with pytest.raises(expected) as caught:
        made.chain.accept(changed, NOW)
    assert type(caught.value) is expected
    assert (caught.value.fault, caught.value.spoils) == (Fault.AT_FAULT, MESSAGE)
    assert made.chain.accept(good, NOW).status is Status.CONNECTED


def leaves(kind: type[ConsensusError]) -> set[type[ConsensusError]]:
    below = kind.__subclasses__()
    return set().union(*map(leaves, below)) if below else {kind}


def test_every_rule_has_a_mutant() -> None:
    assert leaves(ConsensusError) == {entry[0] for entry in MUTANTS.values()} | ELSEWHERE | set(UNLAWFUL.values())


def test_second_valid_seal_is_ignored(made: ChainGenerator) -> None:
    chain, good = made.chain, next_block(made)
    assert chain.accept(good, NOW).status is Status.CONNECTED
    other = with_energies(chain, good, -10_000, -60)
    assert chain.accept(other, NOW).status is Status.KNOWN
    stored = chain.block_by_hash(good.header.hash)
    assert stored is not None
    assert stored.seal == good.seal != other.seal


def test_errors_carry_values(made: ChainGenerator) -> None:
    chain: Chain = made.chain
    bad: Block = moved("difficulty", 7)(chain, next_block(made))
    with pytest.raises(WrongDifficulty) as caught:
        chain.accept(bad, NOW)
    expected = bad.header.difficulty - 7
    assert caught.value.values["expected"] == expected
    assert str(expected) in str(caught.value)
