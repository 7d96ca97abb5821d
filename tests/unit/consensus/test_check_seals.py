"""Many seals in one native call: the verdicts of `check_seal`, one by one."""

from dataclasses import replace

import pytest

from quip.consensus import rules
from quip.consensus.errors.root import ConsensusError
from quip.consensus.errors.seal import EnergyAboveBaseline, MissingSeal, SealError
from quip.consensus.proof_of_work.difficulty import requirements
from quip.consensus.types.block import Block
from quip.consensus.types.header import Header
from quip.consensus.types.seal import Seal
from quip.ising.puzzle import BASELINES_REMEMBERED, Puzzle
from sim.liars.lies import flip, with_seal
from support.broken_rules import MUTANTS
from support.chains import generator, grown, network_spec, puzzle_of
from support.mutants import next_block, proof

SPEC = network_spec()
MADE = grown(6)
Checked = tuple[Header, Seal | None, int]


def as_child(block: Block) -> Checked:
    head = MADE.chain.head
    return block.header, block.seal, requirements(SPEC, head.header, head.context, block.header.timestamp).margin


def clear(checked: Checked) -> ConsensusError | None:
    try:
        rules.check_seal(SPEC, puzzle_of(SPEC), *checked)
    except ConsensusError as error:
        return error
    return None


def native(checked: Checked) -> bool:
    header, seal, margin = checked
    assert seal is not None
    return puzzle_of(SPEC).verifier.good(SPEC.chain_id, [rules._flat(header, seal, margin)])[0]


def test_good_seals() -> None:
    blocks = [next_block(MADE) for _ in range(5)]
    assert rules.check_seals(SPEC, puzzle_of(SPEC), [as_child(block) for block in blocks]) == [None] * 5
    assert all(native(as_child(block)) for block in blocks)
    assert rules.check_seals(SPEC, puzzle_of(SPEC), []) == []


@pytest.mark.parametrize("name", list(MUTANTS))
def test_every_mutant(name: str) -> None:
    block = next_block(MADE)
    _, _, mutate = MUTANTS[name]
    checked = as_child(mutate(MADE.chain, block))
    expected = clear(checked)
    if checked[1] is not None:
        assert native(checked) == (expected is None)
    found = rules.check_seals(SPEC, puzzle_of(SPEC), [as_child(block), checked, as_child(block)])
    assert [type(error) for error in found] == [type(None), type(expected), type(None)]
    assert str(found[1]) == str(expected)


def test_every_flipped_bit_of_a_byte() -> None:
    """One byte in sixty of every part: the native code sees what the clear code sees."""
    block = next_block(MADE)
    assert block.seal is not None
    parts = ("ecdsa_key", "xmss_key", "ecdsa_signature", "xmss_signature")
    changed = [
        with_seal(block, **{part: flip(getattr(block.seal, part), place)})
        for part in parts
        for place in range(0, len(getattr(block.seal, part)), 60)
    ]
    checks = [as_child(one) for one in changed]
    found = rules.check_seals(SPEC, puzzle_of(SPEC), checks)
    assert all(isinstance(error, SealError) for error in found)
    assert [type(error) for error in found] == [type(clear(checked)) for checked in checks]


def test_energies_at_the_edge() -> None:
    """Margins around the proof's own worst energy: good up to the very last unit."""
    block = next_block(MADE)
    header, seal, _ = as_child(block)
    assert seal is not None
    puzzle = puzzle_of(SPEC)
    worst = max(puzzle.energies(header.mix_hash, seal.solutions))
    edge = min(puzzle.baseline(header.mix_hash), puzzle.rules.baseline_cap) - 512 * worst
    for margin, good in ((edge, True), (edge + 1, False), (edge - 1, True)):
        checked = header, seal, margin
        assert native(checked) == good == (clear(checked) is None)


def test_the_cap_counts_before_the_baseline() -> None:
    block = next_block(MADE)
    header, seal, margin = as_child(block)
    assert seal is not None
    puzzle = puzzle_of(SPEC)
    worst = max(puzzle.energies(header.mix_hash, seal.solutions))
    low = replace(puzzle.rules, baseline_cap=512 * worst + margin - 1)
    capped = Puzzle(low)
    error = rules.check_seals(SPEC, capped, [(header, seal, margin)])[0]
    assert type(error).__name__ == "EnergyAboveCap"


def test_a_seal_of_another_chain_or_header() -> None:
    blocks = [next_block(MADE) for _ in range(2)]
    header, seal, margin = as_child(blocks[0])
    assert isinstance(
        rules.check_seals(replace(SPEC, chain_id=7), puzzle_of(SPEC), [(header, seal, margin)])[0], SealError
    )
    assert isinstance(rules.check_seals(SPEC, puzzle_of(SPEC), [(blocks[1].header, seal, margin)])[0], SealError)
    assert isinstance(rules.check_seals(SPEC, puzzle_of(SPEC), [(header, None, margin)])[0], MissingSeal)


def test_ternary_fields() -> None:
    """With fields nothing is folded: s_0 is free, and a configuration and its flip are two."""
    spec = replace(SPEC, puzzle=replace(SPEC.puzzle, fields="ternary"))
    puzzle = Puzzle(replace(puzzle_of(SPEC).rules, fields="ternary"))
    block = generator(MADE.chain, seed=9).block(MADE.chain.head)
    assert block.seal is not None
    solutions = proof(puzzle, block.header.mix_hash, -10_000, -60)
    flipped = tuple(sorted(bytes(byte ^ 0xFF for byte in packed) for packed in solutions))
    for chosen in (solutions, flipped):
        checked = as_child(with_seal(block, solutions=chosen))
        found = rules.check_seals(spec, puzzle, [checked])[0]
        try:
            rules.check_seal(spec, puzzle, *checked)
        except ConsensusError as error:
            assert type(found) is type(error)
        else:
            assert found is None


def test_twins_of_a_bad_seal_anneal_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One header, any number of well signed seals whose solutions miss the baseline: it is annealed for the first."""
    block = next_block(MADE)
    header, seal, margin = as_child(block)
    assert seal is not None
    puzzle = Puzzle(puzzle_of(SPEC).rules)
    worst = max(puzzle.energies(header.mix_hash, seal.solutions))
    harder = puzzle.baseline(header.mix_hash) - 512 * worst + 1
    assert not puzzle.remembers(header.mix_hash)
    assert isinstance(rules.check_seals(SPEC, puzzle, [(header, seal, harder)])[0], EnergyAboveBaseline)
    annealed: list[bytes] = []
    model = puzzle.model

    class NoAnnealing:
        def __init__(self, seed: bytes) -> None:
            self.energies = model(seed).energies

        def baseline(self, schedule: object) -> None:
            annealed.append(header.mix_hash)
            raise AssertionError("annealed again")

    class NobodyAsked:
        def good(self, chain_id: int, seals: list[object]) -> list[bool]:
            assert seals == []
            return []

    monkeypatch.setattr(puzzle, "model", NoAnnealing)
    monkeypatch.setitem(puzzle.__dict__, "verifier", NobodyAsked())
    twins = [(header, seal, harder)] * 3
    assert [type(error) for error in rules.check_seals(SPEC, puzzle, twins)] == [EnergyAboveBaseline] * 3
    assert rules.check_seals(SPEC, puzzle, [(header, seal, margin)]) == [None]  # a good one is as good as ever
    assert annealed == []


def test_only_so_many_baselines_are_remembered() -> None:
    puzzle = Puzzle(puzzle_of(SPEC).rules)
    for number in range(3 * BASELINES_REMEMBERED // 2):
        puzzle.remember(number.to_bytes(32, "big"), number)
        assert len(puzzle._baselines) <= BASELINES_REMEMBERED
    last = (3 * BASELINES_REMEMBERED // 2 - 1).to_bytes(32, "big")
    assert puzzle.remembers(last)
    assert puzzle.baseline(last) == 3 * BASELINES_REMEMBERED // 2 - 1
    assert not puzzle.remembers(bytes(32))
