"""The solver's policies on chains of the law earn what it says."""

import random
from dataclasses import replace

import pytest

from benchmarks.economics import policy_solver, reward_rules
from benchmarks.economics.candidate import candidate_spec, flat_spec
from benchmarks.economics.chain_play import World
from benchmarks.economics.played_policies import Case, SolvedPolicy, honest, play, run
from benchmarks.economics.withholding import Game, Miner
from quip.consensus.spec.chain_spec import ChainSpec
from support.withholding import race_of_one

CANDIDATE = candidate_spec()
FLAT = flat_spec()


def world(share: float, gamma: float = 0.0, spec: ChainSpec = FLAT) -> World:
    return World(spec, share, gamma, random.Random(7))


def test_honest_mining_earns_its_share() -> None:
    played = play(world(0.3), honest, 4_000)
    assert played.own == pytest.approx(0.3, abs=0.02)
    assert played.everybody == pytest.approx(1, abs=0.02)
    assert played.block_t == pytest.approx(1, abs=0.02)


def test_a_selfish_policy_earns_what_the_solver_says() -> None:
    _, best, played = run(Case("flat", FLAT, Miner(0.4, 0.0), reward_rules.flat(16)), 6_000, seed=3)
    assert played.own == pytest.approx(best, rel=0.05)
    assert played.own > 0.44


def test_with_ommers_the_same_policy_loses() -> None:
    game = Game(reward_rules.flat(16), Miner(0.4, 0.0))
    policy = policy_solver.solve(game.process(), 0.4).policy
    played = play(world(0.4, spec=CANDIDATE), SolvedPolicy(game, policy, 30), 3_000)
    assert played.own < 0.38
    assert played.ommers > 0.1


def test_every_orphan_is_shown_and_everything_is_settled() -> None:
    chain = world(0.5, gamma=1.0, spec=CANDIDATE)
    chain.longest_streak = 7
    played = play(chain, race_of_one, 60)
    shown = [ommer.hash for block in chain.history for ommer in block.ommers]
    assert shown
    assert len(set(shown)) == len(shown)
    assert not set(shown) & {block.hash for block in chain.history}
    assert not chain.orphans
    assert chain.ancestry.settled_number >= 61
    assert 0 < played.everybody * played.block_t < 1 + 6.22 / 7


def test_what_is_never_settled_pays_less() -> None:
    short = replace(CANDIDATE, ommers=replace(CANDIDATE.ommers, window=8))
    first, second = (world(0.5, gamma=1.0, spec=spec) for spec in (CANDIDATE, short))
    assert play(first, honest, 300).own == pytest.approx(play(second, honest, 300).own)  # the window only delays


def test_payees_of_the_old_rule_follow_the_raw_streak() -> None:
    chain = world(1.0)
    chain.longest_streak = 1_000
    flat = play(chain, honest, 100)
    five = play(chain, honest, 100, (100, 500))
    assert five.own == pytest.approx(5 * flat.own, rel=0.06)
