"""The solver's policies on chains by the law: does what it promises come true?"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from benchmarks import report
from benchmarks.economics import policy_solver, reward_rules
from benchmarks.economics.candidate import candidate_spec
from benchmarks.economics.chain_play import Policy, Situation, World
from benchmarks.economics.ommers import OmmerRules, incomes
from benchmarks.economics.reward_rules import OCTAVE, STEPS, Ommers
from benchmarks.economics.thresholds import MENDED_OCTAVES, OLDEST_TIP, gain, old_tip_tables
from benchmarks.economics.withholding import ADOPT, OVERRIDE_ALL, WAIT, Game, Miner, Tables
from quip.consensus.spec.chain_spec import ChainSpec

MENDED = OmmerRules(fork_factor=8)
"""No block is eased by more than an ommer may be: see MENDED_OCTAVES."""


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


def play(world: World, policy: Policy, blocks: int) -> Played:
    """A world until so many blocks are canonical."""
    world.play(policy, blocks)
    earned = incomes(world.ommers, world.spec.rewards, world.history)
    span_s = world.history[-1].header.timestamp - world.history[0].header.timestamp
    elapsed = span_s / world.spec.difficulty.target_block_time
    own = sum(amount for miner, amount in earned.items() if miner[0])
    ommers = sum(len(block.ommers) for block in world.history)
    return Played(own / elapsed, sum(earned.values()) / elapsed, elapsed / blocks, ommers / blocks)


@dataclass(frozen=True, slots=True)
class Case:
    """A policy to be played."""

    name: str
    miner: Miner
    tables: Tables
    ommers: OmmerRules | None = None
    phases: int = 1
    backdates_t: int = 0
    most_octaves: float | None = None
    """That the overdue rule eases, if not the spec's."""


def cases(spec: ChainSpec, limit: int) -> list[Case]:
    """What the section plays."""
    law = spec.difficulty
    counted = reward_rules.counted(limit, law, Ommers(limit))
    # that its own orphans are shown is left out of the solver's model: fewer states, longer branches
    old = replace(old_tip_tables(spec, limit), shown_time=0.0, shown_reward=0.0)
    flat = reward_rules.flat(20)
    return [
        Case("flat", Miner(0.4, 0.0), flat),
        Case("flat", Miner(0.3, 0.5), flat),
        Case("flat, stamped early", Miner(0.4, 0.0), flat, backdates_t=20),
        Case("ommers, counted streaks", Miner(0.4, 0.5), counted, OmmerRules()),
        Case("ommers, counted streaks", Miner(0.46, 1.0), counted, OmmerRules()),
        Case("the same, old tips", Miner(0.4, 0.5), old, OmmerRules(), OLDEST_TIP + 1, OLDEST_TIP),
        Case("the same, old tips", Miner(0.44, 1.0), old, OmmerRules(), OLDEST_TIP + 1, OLDEST_TIP),
        Case("the same, old tips", Miner(0.46, 0.0), old, OmmerRules(), OLDEST_TIP + 1, OLDEST_TIP),
        Case("the same, old tips", Miner(0.46, 0.5), old, OmmerRules(), OLDEST_TIP + 1, OLDEST_TIP),
        Case("mended, old tips", Miner(0.46, 0.5), old, MENDED, OLDEST_TIP + 1, OLDEST_TIP, MENDED_OCTAVES),
    ]


def run(spec: ChainSpec, case: Case, blocks: int, seed: int) -> tuple[float, float, Played]:
    """Income of honest mining and of the best policy by the solver, and what a played chain gave."""
    solved = gain(case.tables, case.miner)
    game = Game(case.tables, case.miner)
    policy = policy_solver.solve(game.process(), solved.honest).policy
    law = spec.difficulty
    if case.most_octaves is not None:
        law = replace(law, overdue_limit=round(case.most_octaves * OCTAVE))
        spec = replace(spec, difficulty=law)
    world = World(spec, case.miner.share, case.miner.gamma, random.Random(seed), case.ommers)
    world.backdates_s = float(case.backdates_t * law.target_block_time)
    if case.ommers:
        world.longest_streak = len(STEPS)
        world.streaks_when_hidden = case.phases > 1
    played = play(world, SolvedPolicy(game, policy, law.target_block_time, case.phases), blocks)
    return solved.honest, solved.best, played


def section(long: bool) -> str:
    """The table."""
    public = candidate_spec()
    spec = replace(public, rewards=replace(public.rewards, streak_multiplier=(100,)))
    blocks = 200_000 if long else 20_000
    rows = []
    for case in cases(spec, 14 if long else 11):
        honest_income, best, played = run(spec, case, blocks, seed=1)
        expected = f"{best:.4f}" if case.most_octaves is None else ""
        cells = [f"{honest_income:.4f}", expected, f"{played.own:.4f}", f"{played.own / honest_income - 1:+.1%}"]
        miner = case.miner
        rows.append(
            [case.name, f"{miner.share:g}", f"{miner.gamma:g}", *cells, f"{played.block_t:.2f}", f"{played.ommers:.2f}"]
        )
    head = ["rules", "share", "gamma", "honest", "best by the solver", "played", "gain", "T a block", "ommers a block"]
    return f"""## Policies played on chains

Incomes per T in rewards, over {blocks:,} blocks of the public spec's law. Honest miners include every lawful ommer;
what is lawful, contested and paid follows the candidate of [decision 28](../decisions/0028-ommers-and-old-tips.md).

{report.table(head, rows)}
"""
