"""The solver's policies on chains of the law earn what it says."""

import random
from dataclasses import replace

import pytest

from benchmarks.economics import policy_solver, reward_rules
from benchmarks.economics.candidate import candidate_spec
from benchmarks.economics.chain_play import OWN, Policy, Situation, World
from benchmarks.economics.ommers import OmmerRules, Played, incomes, lawful
from benchmarks.economics.played_policies import MENDED, Case, SolvedPolicy, honest, play, run
from benchmarks.economics.withholding import ADOPT, LAST_OWN, LAST_PUBLIC, MATCH, OVERRIDE, WAIT, Game, Miner
from quip.consensus.execution.rewards import paid_by
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.ancestry import Ancestor, Ancestry, IncludedOmmer
from quip.consensus.types.ommer import Ommer

PUBLIC = candidate_spec()
FLAT = replace(PUBLIC, rewards=replace(PUBLIC.rewards, streak_multiplier=(100,)))


def world(share: float, gamma: float = 0.0, ommers: OmmerRules | None = None, spec: ChainSpec = FLAT) -> World:
    return World(spec, share, gamma, random.Random(7), ommers)


def test_honest_mining_earns_its_share() -> None:
    played = play(world(0.3), honest, 4_000)
    assert played.own == pytest.approx(0.3, abs=0.02)
    assert played.everybody == pytest.approx(1, abs=0.02)
    assert played.block_t == pytest.approx(1, abs=0.02)


def test_a_selfish_policy_earns_what_the_solver_says() -> None:
    _, best, played = run(FLAT, Case("flat", Miner(0.4, 0.0), reward_rules.flat(16)), 6_000, seed=3)
    assert played.own == pytest.approx(best, rel=0.05)
    assert played.own > 0.44


def test_with_ommers_the_same_policy_loses() -> None:
    game = Game(reward_rules.flat(16), Miner(0.4, 0.0))
    policy = policy_solver.solve(game.process(), 0.4).policy
    played = play(world(0.4, ommers=OmmerRules()), SolvedPolicy(game, policy, 30), 3_000)
    assert played.own < 0.38
    assert played.ommers > 0.1


def race_of_one(situation: Situation) -> int:
    """Withholds one block and shows it against a public one."""
    if situation.own > situation.public > 0 or situation.own > 1:
        return OVERRIDE
    if situation.public > situation.own:
        return ADOPT
    return MATCH if situation.race == LAST_PUBLIC else WAIT


def test_every_orphan_is_shown_and_contests_its_height() -> None:
    chain = world(0.5, gamma=1.0, ommers=OmmerRules())
    chain.play(race_of_one, 60)
    shown = {ommer.number for block in chain.history for ommer in block.ommers}
    assert shown
    assert not shown & {block.number for block in chain.history}
    earned = incomes(OmmerRules(), FLAT.rewards, chain.history)
    assert sum(earned.values()) < len(chain.history) + 6.22 * len(chain.history) / 7


def by_the_law(spec: ChainSpec, chain: list[Played]) -> float:
    """What the law pays the miner, in rewards."""

    def name(block: Played) -> bytes:
        return block.number.to_bytes(32, "big")

    def ancestor(block: Played) -> Ancestor:
        shown = (IncludedOmmer(name(one), one.header, one.context, one.context.controller) for one in block.ommers)
        return Ancestor(name(block), block.header, block.context, tuple(shown))

    ancestry = Ancestry(spec.ommers.window, [ancestor(chain[0])], 0)
    paid = 0
    for block in chain[1:]:
        ommers = [Ommer(one.header, None) for one in block.ommers]
        rewards = paid_by(spec, ancestry, block.header, block.context, ommers)
        paid += sum(payment.amount for payment in rewards.payments if payment.miner_id[:1] == OWN)
        ancestry = ancestry.extended(ancestor(block), rewards.counted_streak)
    return paid / spec.rewards.base_reward


@pytest.mark.parametrize("policy", [honest, race_of_one])
def test_incomes_are_what_the_law_pays(policy: Policy) -> None:
    """Once everything of the miner's is settled."""
    rules = OmmerRules(window=12)
    numbers = replace(PUBLIC.ommers, window=12, limit=rules.limit, holdback=rules.holdback)
    spec = replace(FLAT, ommers=numbers, rewards=replace(FLAT.rewards, streak_multiplier=rules.steps))
    chain = world(0.5, gamma=1.0, ommers=rules)
    chain.longest_streak = len(rules.steps)
    chain.play(policy, 400)
    chain.share, chain.own, chain.public, chain.race = 0.0, [], [], LAST_OWN
    chain.play(honest, 420)
    own = sum(amount for miner, amount in incomes(rules, spec.rewards, chain.history).items() if miner[:1] == OWN)
    assert own == pytest.approx(by_the_law(spec, chain.history), rel=1e-9)
    assert own > 100


def test_a_light_block_on_an_old_tip_hides_what_is_built_on_it() -> None:
    """Unless no block may be eased by more than an ommer may be."""
    gentle = replace(FLAT, difficulty=replace(FLAT.difficulty, overdue_limit=98_304))
    for spec, rules, hidden in ((FLAT, OmmerRules(), True), (gentle, MENDED, False)):
        chain = world(0.0, ommers=rules, spec=spec)
        chain.play(honest, 20)
        light = chain.block(chain.base, OWN + bytes(19), 30 * 30)
        built_on_it = chain.block(light, b"\x00" * 19 + b"\x09", 30)
        assert 4 * light.header.difficulty < built_on_it.header.difficulty or not hidden
        for _ in range(2):
            chain.history.append(chain.block(chain.base, OWN + bytes(19), 1))
        stamp = built_on_it.header.timestamp + 1
        shown = lawful(rules, [light, built_on_it], chain.history, [], stamp)
        assert shown == (() if hidden else (light, built_on_it))


def test_an_orphan_that_is_too_light_is_not_shown() -> None:
    chain = world(0.4, ommers=OmmerRules(fork_factor=1))
    chain.play(honest, 20)
    eased = chain.history[-1]
    assert eased.parent is not None
    assert chain._can_be_shown(chain._block(chain.base, chain.base.header.timestamp + 30, bytes(20), ()))
    late = chain.base.header.timestamp + 40 * 30
    assert not chain._can_be_shown(chain._block(chain.base, late, bytes(20), ()))
