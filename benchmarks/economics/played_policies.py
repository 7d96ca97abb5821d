"""The solver's policies on chains by the law: does what it promises come true?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks import report
from benchmarks.economics import policy_solver, reward_rules
from benchmarks.economics.candidate import candidate_spec, flat_spec, mended_spec
from benchmarks.economics.chain_play import Policy, Situation, World
from benchmarks.economics.lawful_chain import incomes, incomes_by_raw_streak
from benchmarks.economics.thresholds import OLDEST_TIP, gain, old_tip_tables
from benchmarks.economics.withholding import ADOPT, OVERRIDE_ALL, WAIT, Game, Miner, Tables
from quip.consensus.spec.chain_spec import ChainSpec


def honest(situation: Situation) -> int:
    """Keeps the rules."""
    if situation.public:
        return ADOPT
    return OVERRIDE_ALL if situation.own else WAIT


class SolvedPolicy:
    """A policy of the solver, told about a played chain. `phases`: of the tables, from the age of the base's stamp."""

    def __init__(self, game: Game, policy: policy_solver.Indices, target_s: int, phases: int = 1) -> None:
        self._game = game
        self._policy = policy
        self._target_s = target_s
        self._phases = phases
        self._context = 0

    def __call__(self, situation: Situation) -> int:
        """The action."""
        tables = self._game.tables
        limit = tables.limit
        if situation.won == (0, 0):
            self._context = 0
        elif situation.won:
            own, public = (min(count, limit) for count in situation.won)
            self._context = int(tables.context[self._context, own, public])
        found = situation.own + situation.public
        age = int(situation.lag_s / self._target_s) - found
        self._context += max(0, min(self._phases - 1, age)) - self._context % self._phases
        own, public = min(situation.own, limit), min(situation.public, limit)
        return int(self._policy[self._game.state(self._context, own, public, situation.race, situation.seen)])


@dataclass(frozen=True, slots=True)
class Played:
    """Per T of a played chain, in rewards."""

    own: float
    everybody: float
    block_t: float
    """Mean time between blocks, in T."""
    ommers: float
    """Per block."""


def play(world: World, policy: Policy, blocks: int, percent: Sequence[int] | None = None) -> Played:
    """A world until so many blocks are canonical, and settled. `percent`: paid at once, by the streak's length."""
    world.play(policy, blocks)
    last = world.base.header.number
    span_s = world.base.header.timestamp - world.history[0].header.timestamp
    ommers = sum(len(block.ommers) for block in world.history)
    if percent:
        earned = incomes_by_raw_streak(world.spec, percent, world.history)
    else:
        world.finish()
        earned = incomes(world.spec, world.history, last)
    elapsed = span_s / world.spec.difficulty.target_block_time
    own = sum(amount for miner, amount in earned.items() if miner[0])
    return Played(own / elapsed, sum(earned.values()) / elapsed, elapsed / last, ommers / last)


@dataclass(frozen=True, slots=True)
class Case:
    """A policy to be played."""

    name: str
    spec: ChainSpec
    """The rules of the chain on which it is played."""
    miner: Miner
    tables: Tables
    """The rules that the policy is best for."""
    phases: int = 1
    backdates_t: int = 0
    foreign: bool = False
    """The policy is best for other rules than those it is played under."""


def cases(limit: int) -> list[Case]:
    """What the section plays."""
    candidate, mended, bare = candidate_spec(), mended_spec(), flat_spec()
    counted = reward_rules.counted(limit, candidate, limit)
    # that its own orphans are shown is left out of the solver's model: fewer states, longer branches
    old = replace(old_tip_tables(candidate, limit), shown_time=0.0, shown_reward=0.0)
    flat = reward_rules.flat(20)
    phases = OLDEST_TIP + 1
    return [
        Case("flat", bare, Miner(0.4, 0.0), flat),
        Case("flat", bare, Miner(0.3, 0.5), flat),
        Case("flat, stamped early", bare, Miner(0.4, 0.0), flat, backdates_t=20),
        Case("ommers, counted streaks", candidate, Miner(0.4, 0.5), counted),
        Case("ommers, counted streaks", candidate, Miner(0.46, 1.0), counted),
        Case("the same, old tips", candidate, Miner(0.4, 0.5), old, phases, OLDEST_TIP),
        Case("the same, old tips", candidate, Miner(0.44, 1.0), old, phases, OLDEST_TIP),
        Case("the same, old tips", candidate, Miner(0.46, 0.0), old, phases, OLDEST_TIP),
        Case("the same, old tips", candidate, Miner(0.46, 0.5), old, phases, OLDEST_TIP),
        Case("mended, old tips", mended, Miner(0.46, 0.5), old, phases, OLDEST_TIP, foreign=True),
    ]


def run(case: Case, blocks: int, seed: int) -> tuple[float, float, Played]:
    """Income of honest mining and of the best policy by the solver, and what a played chain gave."""
    solved = gain(case.tables, case.miner)
    game = Game(case.tables, case.miner)
    policy = policy_solver.solve(game.process(), solved.honest).policy
    target_s = case.spec.difficulty.target_block_time
    world = World(case.spec, case.miner.share, case.miner.gamma, random.Random(seed))
    world.backdates_s = float(case.backdates_t * target_s)
    if case.spec.ommers.limit:
        world.longest_streak = len(case.spec.rewards.streak_multiplier)
        world.streaks_when_hidden = case.phases > 1
    return solved.honest, solved.best, play(world, SolvedPolicy(game, policy, target_s, case.phases), blocks)


def section(long: bool) -> str:
    """The table."""
    blocks = 200_000 if long else 20_000
    rows = []
    for case in cases(14 if long else 11):
        honest_income, best, played = run(case, blocks, seed=1)
        expected = "" if case.foreign else f"{best:.4f}"
        cells = [f"{honest_income:.4f}", expected, f"{played.own:.4f}", f"{played.own / honest_income - 1:+.1%}"]
        miner = case.miner
        rows.append(
            [case.name, f"{miner.share:g}", f"{miner.gamma:g}", *cells, f"{played.block_t:.2f}", f"{played.ommers:.2f}"]
        )
    head = ["rules", "share", "gamma", "honest", "best by the solver", "played", "gain", "T a block", "ommers a block"]
    return f"""## Policies played on chains

Incomes per T in rewards, over {blocks:,} blocks and until all of them are settled. The honest miners' blocks show
every lawful ommer; what is lawful, contested and paid, the law's own functions say, under the candidate's rules and the
mended ones of [decision 28](../decisions/0028-ommers-and-old-tips.md).

{report.table(head, rows)}
"""
