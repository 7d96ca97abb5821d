"""From which share of the work on breaking the rules pays, rule by rule: what the optimal-policy solver says."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import report
from benchmarks.economics import policy_solver, reward_rules
from benchmarks.economics.candidate import candidate_spec, mended_spec
from benchmarks.economics.lagless_rules import counted_without_lag, five_steps, flat_pay, without_lag
from benchmarks.economics.run_phases import Easing, with_old_tips, with_window
from benchmarks.economics.withholding import Game, Miner, Tables
from quip.consensus.spec.chain_spec import ChainSpec

NOTHING = 1e-6
"""A relative gain below this is rounding."""
NOTABLE = 0.01
HIGHEST_SHARE = 0.48
"""No larger share is tried."""
STEP = 0.002
GAMMAS = (0.0, 0.5, 1.0)
OLDEST_TIP = 21
"""T; a public block that comes later is counted as one of outage_cap = 20 T, which costs the miner."""


@dataclass(frozen=True, slots=True)
class Gain:
    """The best policy beside the honest one."""

    honest: float
    """Income per T of honest mining under one identity, in rewards."""
    best: float
    """The same of the best policy."""

    @property
    def relative(self) -> float:
        """How much more the best policy earns."""
        return self.best / self.honest - 1


def gain(tables: Tables, miner: Miner) -> Gain:
    """What breaking the rules is worth to a miner."""
    game = Game(tables, miner)
    process = game.process()
    reward, time, _ = policy_solver.evaluate(process, game.honest())
    honest = reward / time
    return Gain(honest, policy_solver.solve(process, honest).ratio)


def threshold(tables: Tables, miner: Miner, least: float = NOTHING) -> float:
    """The smallest share from `miner.share` on whose gain is above `least`; HIGHEST_SHARE if none is."""
    low, high = miner.share, HIGHEST_SHARE
    values = np.zeros(Game(tables, miner).states)

    def pays(share: float) -> bool:
        nonlocal values
        game = Game(tables, replace(miner, share=share))
        process = game.process()
        reward, time, _ = policy_solver.evaluate(process, game.honest())
        more, values = policy_solver.earns_more(process, reward / time * (1 + least), values)
        return more

    if not pays(high):
        return high
    while high - low > STEP / 2:
        middle = (low + high) / 2
        if pays(middle):
            high = middle
        else:
            low = middle
    return high


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table."""

    name: str
    tables: Callable[[int], Tables]
    """For branches up to so many blocks."""
    limits: tuple[int, int]
    """Branches up to so many blocks; in a long run."""
    ties_by_lot: bool = False


def rules() -> list[Rule]:
    """What is compared."""
    candidate, mended = candidate_spec(), mended_spec()
    law = candidate.difficulty

    def streaks(shown: int | None) -> Callable[[int], Tables]:
        return lambda limit: reward_rules.counted(limit, candidate, limit if shown is None else shown)

    return [
        Rule("Bitcoin (first seen); flat with lag", reward_rules.flat, (24, 80)),
        Rule("Bitcoin, ties by lot", reward_rules.flat, (24, 80), ties_by_lot=True),
        Rule("flat, no lag", lambda limit: without_lag(limit, law, flat_pay), (12, 20)),
        Rule("x1..5, no lag", lambda limit: without_lag(limit, law, five_steps), (12, 20)),
        Rule("ommers, counted streaks, no lag", lambda limit: counted_without_lag(limit, candidate), (8, 12)),
        Rule("streaks, lag, only the first orphan of a fork shown", streaks(1), (8, 14)),
        Rule("streaks, lag, no orphan shown", streaks(0), (10, 20)),
        Rule("streaks, lag, ommers, every orphan shown", streaks(None), (8, 14)),
        Rule("the same, old tips hide orphans", lambda limit: old_tip_tables(candidate, limit), (6, 8)),
        Rule(MENDED, lambda limit: old_tip_tables(mended, limit), (6, 12)),
    ]


MENDED = "the same, no block eased by more than an ommer may be"


def old_tip_tables(spec: ChainSpec, limit: int) -> Tables:
    """Ommers and counted streaks where a public block on an old tip may be too light to be shown."""
    shown = reward_rules.counted(limit, spec, limit)
    unshown = reward_rules.counted(limit, spec, 0)
    return with_old_tips(shown, unshown, old_tip_easing(spec), OLDEST_TIP)


def old_tip_easing(spec: ChainSpec) -> Easing:
    """A spec's overdue rule, beside the least difficulty of its ommers."""
    law = spec.difficulty
    return Easing(
        after=law.overdue_after,
        octaves_per_t=law.overdue_rate / reward_rules.OCTAVE,
        most_octaves=law.overdue_limit / reward_rules.OCTAVE,
        lawful_octaves=math.log2(spec.ommers.fork_factor),
    )


def window_gain(spec: ChainSpec, limit: int, window: int, miner: Miner) -> float:
    """At most this much more a miner earns by keeping the chain for itself until orphans are too old to be shown."""
    shown = reward_rules.counted(limit, spec, limit)
    unshown = reward_rules.counted(limit, spec, 0)
    steps = spec.rewards.streak_multiplier
    bonus = sum(steps[block % len(steps)] / 100 - 1 for block in range(window))
    refund = np.array([bonus + window / spec.ommers.holdback, float(window)])
    # its own orphans that were seen are forgiven too: fewer states
    shown, unshown = (replace(one, shown_time=0.0, shown_reward=0.0) for one in (shown, unshown))
    tables = with_window(shown, unshown, window, refund)
    return gain(tables, miner).relative


def section(long: bool) -> str:
    """The table of thresholds."""
    rows = []
    for rule in rules():
        tables = rule.tables(rule.limits[long])
        cells = [rule.name]
        for gamma in GAMMAS:
            some = threshold(tables, Miner(0.0, gamma, rule.ties_by_lot))
            notable = threshold(tables, Miner(max(0.0, some - STEP), gamma, rule.ties_by_lot), NOTABLE)
            shares = [some, max(some, notable)]
            cells.append(
                " / ".join(f">= {share:.2f}" if share >= HIGHEST_SHARE else f"{share:.3f}" for share in shares)
            )
        for share in (0.3, 0.4):
            cells.append(f"{gain(tables, Miner(share, 0.0)).honest / share - 1:+.1%}")
        rows.append(cells)
    head = ["rules", *(f"gamma {gamma:g}" for gamma in GAMMAS), "merged 30 %", "merged 40 %"]
    return f"{TEXT}\n{report.table(head, rows)}\n\n{WINDOW_TEXT}\n{_windows(candidate_spec(), 14 if long else 7)}\n"


TEXT = """## Thresholds

The least share of the work from which on some policy earns more per T than honest mining, and from which on it earns
1 % more. The last columns: what one identity with that share earns beyond its share by mining honestly.
"""
WINDOW_TEXT = """Keeping the chain for oneself until the window of 256 blocks is over gains at most (an upper bound:
nothing of the run counts against the miner any more then):
"""


def _windows(spec: ChainSpec, limit: int) -> str:
    shares, window = (0.33, 0.4, 0.45), spec.ommers.window
    rows = [
        [
            f"{gamma:g}",
            *(f"{window_gain(spec, limit, window, Miner(share, gamma)):.4%}" for share in shares),
        ]
        for gamma in GAMMAS
    ]
    return report.table(["gamma", *(f"share {share:g}" for share in shares)], rows)
