"""What played chains show and pay is the law's doing."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.economics import lawful_chain
from benchmarks.economics.candidate import candidate_spec, mended_spec
from benchmarks.economics.chain_play import OWN, Policy, World
from benchmarks.economics.lawful_chain import Block, child, first_ancestry, incomes, is_too_light, showing
from benchmarks.economics.played_policies import honest
from quip.consensus import ommers as law
from quip.consensus import rules
from quip.consensus.errors.ommer import OmmerError, OmmerTooLight
from quip.consensus.execution.rewards import Rewards, paid_by
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.ancestry import Ancestry
from quip.consensus.types.ommer import ommers_hash
from support.withholding import race_of_one

CANDIDATE, MENDED = candidate_spec(), mended_spec()


def played(spec: ChainSpec, policy: Policy, blocks: int) -> World:
    world = World(spec, 0.5, 1.0, random.Random(5))
    world.longest_streak = len(spec.rewards.streak_multiplier)
    world.backdates_s = 600.0
    world.play(policy, blocks)
    return world


@pytest.mark.parametrize("spec", [CANDIDATE, MENDED])
@pytest.mark.parametrize("policy", [honest, race_of_one])
def test_the_law_accepts_every_block_and_all_it_shows(spec: ChainSpec, policy: Policy) -> None:
    """As a chain would: gate, header rules, the list's hash, the ommers."""
    chain = played(spec, policy, 120).history
    ancestry = first_ancestry(spec, chain[0])
    for parent, block in itertools.pairwise(chain):
        assert block.header.parent_hash == parent.hash
        rules.check_gate(spec, block.header)
        required = rules.check_header(spec, parent.header, parent.context, block.header)
        assert required == block.required
        headers = [ommer.header for ommer in block.ommers]
        assert ommers_hash(headers) == block.header.ommers_hash
        lawful = law.check_ommers(spec, ancestry, block.header, required.controller, headers)
        assert tuple(one.included for one in lawful) == block.ommers
        ancestry = block.above(spec, ancestry)
    assert any(block.ommers for block in chain) == (policy is race_of_one)


def test_no_ommer_is_shown_that_the_law_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here has a word of its own on what is lawful: where the law says no to all, none is shown."""

    def refuse(*_: object) -> None:
        raise OmmerTooLight(ommer="0x", difficulty=0, part=1, least=1)

    monkeypatch.setattr("quip.consensus.ommers.check_difficulty", refuse)
    assert not any(block.ommers for block in played(CANDIDATE, race_of_one, 60).history)


def test_what_is_paid_is_what_the_law_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = played(CANDIDATE, race_of_one, 60).history
    before = incomes(CANDIDATE, chain)

    def thrice(*words: Any) -> Rewards:
        rewards = paid_by(*words)
        return replace(rewards, payments=rewards.payments * 3)

    monkeypatch.setattr(lawful_chain, "paid_by", thrice)
    assert incomes(CANDIDATE, chain) == pytest.approx({miner: 3 * amount for miner, amount in before.items()})


def above(spec: ChainSpec, chain: Sequence[Block]) -> Ancestry:
    ancestry = first_ancestry(spec, chain[0])
    for block in chain[1:]:
        ancestry = block.above(spec, ancestry)
    return ancestry


def lawful_alone(spec: ChainSpec, ancestry: Ancestry, bare: Block, orphan: Block) -> bool:
    draft = replace(bare.header, extra_data=bare.miner_id + b"\x01", ommers_hash=ommers_hash([orphan.header]))
    try:
        law.check_ommers(spec, ancestry, draft, bare.context.controller, [orphan.header])
    except OmmerError:
        return False
    return True


def test_a_block_shows_an_orphan_iff_the_law_has_it() -> None:
    """Orphans of every age, parent and stamp."""
    rng = random.Random(3)
    spec = replace(CANDIDATE, ommers=replace(CANDIDATE.ommers, window=12))
    chain = World(spec, 0.0, 0.0, rng)
    chain.play(honest, 40)
    history = chain.history
    ancestry = above(spec, history)
    verdicts = set()
    for turn in range(150):
        parent = history[rng.randrange(20, 40)]
        stamp = parent.header.timestamp + rng.choice([1, 30, 300, 500, 600, 3_000])
        orphan = child(spec, parent, stamp, turn.to_bytes(20, "big"))
        if rng.random() < 0.2:
            orphan = child(spec, orphan, stamp + 30, turn.to_bytes(20, "big"))
        bare = child(spec, history[-1], history[-1].header.timestamp + 400, bytes(20))
        shown = showing(spec, ancestry, bare, [orphan]).ommers
        verdicts.add(bool(shown))
        assert bool(shown) == lawful_alone(spec, ancestry, bare, orphan)
    assert verdicts == {True, False}


def test_a_light_block_on_an_old_tip_hides_what_is_built_on_it() -> None:
    """Unless no block may be eased by more than an ommer may be."""
    for spec, hidden in ((CANDIDATE, True), (MENDED, False)):
        chain = World(spec, 0.0, 0.0, random.Random(7))
        chain.play(honest, 20)
        root = chain.base
        light = chain.block(root, OWN + bytes(19), 30 * 30)
        built_on_it = chain.block(light, b"\x00" * 19 + b"\x09", 30)
        assert is_too_light(spec, light, root) == hidden
        assert not is_too_light(spec, built_on_it, root)
        for _ in range(2):
            chain.settle([chain.block(chain.base, OWN + bytes(19), 1)])
        bare = child(spec, chain.base, built_on_it.header.timestamp + 1, bytes(20))
        shown = showing(spec, chain.ancestry, bare, [light, built_on_it])
        assert [one.hash for one in shown.ommers] == ([] if hidden else [light.hash, built_on_it.hash])


def test_the_last_heights_are_paid_when_they_are_settled() -> None:
    spec = replace(CANDIDATE, ommers=replace(CANDIDATE.ommers, window=6))
    world = World(spec, 1.0, 0.0, random.Random(2))
    world.longest_streak = 7
    world.play(honest, 14)
    late = incomes(spec, world.history)
    last = world.finish()
    whole = incomes(spec, world.history, last)
    assert set(whole) == {block.miner_id for block in world.history[1 : last + 1]}
    assert sum(whole.values()) > sum(late.values())
    assert 20 < sum(whole.values()) < 14 + 2 * 6.22  # two whole counted streaks, less what streaks ease
