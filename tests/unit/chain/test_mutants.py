"""Every rule has a block that breaks it: its own error, whose fault it is, and whether hash or message is spoilt."""

from dataclasses import replace

import pytest

from quip.chain.chain import Chain, Status
from quip.chain.generator import ChainGenerator
from quip.consensus import errors
from quip.consensus.block import MAX_BODY_SIZE, MAX_SEAL_SIZE, Block
from quip.consensus.errors import ConsensusError, Fault, Spoils
from quip.consensus.spec import ChainSpec
from support.chains import generator, grown, network_spec, new_chain
from support.mutants import (
    TRANSACTION,
    Mutation,
    closed_gate,
    flip,
    next_block,
    proof,
    signed,
    too_close,
    with_energies,
    with_header,
    with_seal,
    with_transactions,
)
from support.signers import signer

HASH, MESSAGE, NOTHING = Spoils.HASH, Spoils.MESSAGE, Spoils.NOTHING
ZERO = bytes(32)


def header(**changes: object) -> Mutation:
    return lambda chain, block: with_header(chain, block, **changes)


def moved(name: str, by: int) -> Mutation:
    return lambda chain, block: with_header(chain, block, **{name: getattr(block.header, name) + by})


def seal(**changes: object) -> Mutation:
    return lambda chain, block: with_seal(block, **changes)


def seal_part(name: str, position: int = -1) -> Mutation:
    return lambda chain, block: with_seal(block, **{name: flip(getattr(block.seal, name), position)})


def solutions(change: object) -> Mutation:
    return lambda chain, block: with_seal(block, solutions=tuple(change(list(block.seal.solutions))))  # type: ignore


MUTANTS: dict[str, tuple[type[ConsensusError], Spoils, Mutation]] = {
    "body too large": (
        errors.BlockTooLarge,
        MESSAGE,
        lambda chain, block: replace(block, transactions=(TRANSACTION + bytes(MAX_BODY_SIZE),)),
    ),
    "seal too large": (errors.BlockTooLarge, MESSAGE, seal(solutions=(bytes(MAX_SEAL_SIZE),))),
    "seed": (
        errors.SeedMismatch,
        HASH,
        lambda chain, block: replace(block, header=replace(block.header, mix_hash=ZERO)),
    ),
    "gate": (errors.GateClosed, HASH, closed_gate),
    "number": (errors.WrongNumber, HASH, moved("number", 1)),
    "ommers": (errors.WrongOmmersHash, HASH, header(ommers_hash=ZERO)),
    "extra data": (errors.WrongExtraData, HASH, header(extra_data=bytes(19))),
    "timestamp": (
        errors.TimestampNotAfterParent,
        HASH,
        lambda chain, block: with_header(chain, block, timestamp=chain.head.header.timestamp),
    ),
    "difficulty": (errors.WrongDifficulty, HASH, moved("difficulty", -1)),
    "gas limit step": (errors.GasLimitStep, HASH, moved("gas_limit", 30_000_000 // 1024)),
    "gas used": (errors.GasUsedAboveLimit, HASH, header(gas_used=30_000_001)),
    "base fee": (errors.WrongBaseFee, HASH, moved("base_fee_per_gas", 1)),
    "future": (errors.FutureBlock, NOTHING, header(timestamp=1 << 63, difficulty=256)),
    "parent": (errors.UnknownParent, NOTHING, header(parent_hash=ZERO)),
    "no seal": (errors.MissingSeal, MESSAGE, lambda chain, block: replace(block, seal=None)),
    "suite": (errors.WrongSuite, MESSAGE, seal(suite=1)),
    "another miner": (
        errors.WrongMiner,
        MESSAGE,
        lambda chain, block: replace(block, seal=signed(block.header, block.seal.solutions, signer(2))),  # type: ignore
    ),
    "ECDSA half": (errors.InvalidSignature, MESSAGE, seal_part("ecdsa_signature", 5)),
    "ECDSA v": (errors.InvalidSignature, MESSAGE, seal_part("ecdsa_signature", 64)),
    "XMSS half": (errors.InvalidSignature, MESSAGE, seal_part("xmss_signature")),
    "XMSS leaf": (errors.InvalidSignature, MESSAGE, seal_part("xmss_signature", 2)),
    "XMSS length": (errors.InvalidSignature, MESSAGE, seal(xmss_signature=bytes(4_962))),
    "ECDSA key": (errors.InvalidSignature, MESSAGE, seal(ecdsa_key=bytes(33))),
    "too few": (errors.WrongSolutionCount, MESSAGE, solutions(lambda s: s[:-1])),
    "too many": (errors.WrongSolutionCount, MESSAGE, solutions(lambda s: [*s, bytes([255] * 6)])),
    "length": (errors.MalformedSolutions, MESSAGE, solutions(lambda s: [s[0] + b"\0", *s[1:]])),
    "order": (errors.MalformedSolutions, MESSAGE, solutions(lambda s: s[::-1])),
    "twice": (errors.MalformedSolutions, MESSAGE, solutions(lambda s: [s[0], s[0], s[1]])),
    "flipped": (errors.MalformedSolutions, MESSAGE, solutions(lambda s: [flip(s[0], 0), *s[1:]])),
    "distance": (errors.SolutionsTooClose, MESSAGE, lambda chain, block: too_close(block)),
    "body": (errors.WrongBody, MESSAGE, lambda chain, block: replace(block, transactions=(TRANSACTION,))),
    "transactions": (errors.TransactionsUnsupported, HASH, with_transactions),
    "state root": (errors.WrongStateRoot, HASH, header(state_root=ZERO)),
    "receipts root": (errors.WrongReceiptsRoot, HASH, header(receipts_root=ZERO)),
    "logs bloom": (errors.WrongLogsBloom, HASH, header(logs_bloom=bytes([1] * 256))),
    "used gas": (errors.WrongGasUsed, HASH, header(gas_used=21_000)),
}
CODECS = {errors.MalformedBlock, errors.MalformedHeader, errors.MalformedTransaction, errors.MalformedSeal}
BELOW = {errors.EnergyAboveCap, errors.EnergyAboveBaseline, errors.GasLimitOutOfBounds, errors.KnownInvalid}
ELSEWHERE = CODECS | BELOW | {errors.InvalidParent, errors.BranchTooOld}
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
    fault = {errors.FutureBlock: Fault.EARLY, errors.UnknownParent: Fault.BEHIND}.get(expected, Fault.AT_FAULT)
    assert type(caught.value) is expected
    assert (caught.value.fault, caught.value.spoils) == (fault, spoils)
    assert chain.is_invalid(bad.header.hash) == (spoils is HASH)
    assert chain.head == head
    assert not chain.tree.has(bad.header.hash)
    assert chain.accept(good, NOW).status is Status.CONNECTED  # whatever came before, the good block is not poisoned


def test_known_invalid_and_its_child(made: ChainGenerator) -> None:
    chain = made.chain
    bad = with_header(chain, next_block(made), state_root=ZERO)
    with pytest.raises(errors.WrongStateRoot):
        chain.accept(bad, NOW)
    with pytest.raises(errors.KnownInvalid) as again:
        chain.accept(bad, NOW)
    assert (again.value.fault, again.value.spoils) == (Fault.AT_FAULT, HASH)
    child = with_header(chain, bad, parent_hash=bad.header.hash, number=bad.header.number + 1)
    with pytest.raises(errors.InvalidParent) as caught:
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
        with pytest.raises(errors.WrongSuite):  # lawful limit: the check after it speaks
            made.chain.accept(with_seal(bad, suite=1), NOW)
        return
    with pytest.raises(errors.GasLimitOutOfBounds) as caught:
        made.chain.accept(bad, NOW)
    assert (caught.value.fault, caught.value.spoils) == (Fault.AT_FAULT, HASH)


# With a margin of about -40,000 the cap (-36,000) is at E = 8 and B (-52,500, sd 2,100) at E = -24.
STEEP = ((0, -40_100), (40 << 16, -40_000))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(-10_000, -60, None), (-4, 7, errors.EnergyAboveBaseline), (9, 400, errors.EnergyAboveCap)],
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
    assert leaves(ConsensusError) == {entry[0] for entry in MUTANTS.values()} | ELSEWHERE


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
    with pytest.raises(errors.WrongDifficulty) as caught:
        chain.accept(bad, NOW)
    expected = bad.header.difficulty - 7
    assert caught.value.values["expected"] == expected
    assert str(expected) in str(caught.value)
