"""What the controller, the streak rule and the fork choice do to speeds that change, forks, hoppers and cost curves."""

from __future__ import annotations

import math
import random
import statistics
from dataclasses import replace

from benchmarks import report
from benchmarks.economics.candidate import flat_spec
from benchmarks.economics.chain_play import OWN, Cost, World
from benchmarks.economics.lawful_chain import incomes
from benchmarks.economics.played_policies import honest, play
from benchmarks.economics.reward_rules import OCTAVE
from quip.consensus.proof_of_work.fork_choice import is_heavier
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.work.units import work

WITHIN = math.log2(1.2)
"""Octaves."""
LEAD_GIVEN_UP = 12
"""Blocks (of work) behind at which a private fork is given up."""
MOST_BLOCKS = 300
"""On both sides, after which it is given up."""


def recovery(spec: ChainSpec, factor: float, seed: int) -> tuple[int, float, float]:
    """Blocks and hours until c is within 20 % of a speed that is `factor` times the old one, and the overshoot after
    that in octaves."""
    world = World(spec, 0.0, 0.0, random.Random(seed))
    world.play(honest, 100)
    world.speed = factor
    began, goal = world.now, spec.difficulty.start / OCTAVE + math.log2(factor)
    first, reached_s, worst = 0, 0.0, 0.0
    for block in range(1, 800):
        world.play(honest, 100 + block)
        away = world.base.context.next_controller / OCTAVE - goal
        if not first and abs(away) <= WITHIN:
            first, reached_s = block, world.now - began
        if first:
            worst = max(worst, away * math.copysign(1, math.log2(factor)))
    return first, reached_s / 3_600, worst


def shocks(long: bool) -> str:
    """The table of changes of speed."""
    rows = []
    for limit in (8.0, 1.5):
        law = replace(flat_spec().difficulty, overdue_limit=round(limit * OCTAVE))
        spec = replace(flat_spec(), difficulty=law)
        for factor in (10.0, 0.1, 0.01):
            runs = [recovery(spec, factor, seed) for seed in range(40 if long else 6)]
            blocks, hours, over = (statistics.mean(run[place] for run in runs) for place in range(3))
            rows.append([f"{limit:g}", f"x{factor:g}", f"{blocks:.0f}", f"{hours:.2f}", f"{over:.2f}"])
    head = ["most that overdue eases, octaves", "speed", "blocks", "hours", "overshoot, octaves"]
    return f"""## Changes of speed

Until c is within 20 % of the new speed (means; public spec, T = 30 s), and how far it goes beyond afterwards.

{report.table(head, rows)}
"""


def overtakes(spec: ChainSpec, share: float, streak: int, longest: bool, seed: int) -> bool:
    """Whether a private fork overtakes a public branch that is three blocks ahead."""
    world = World(spec, 0.0, 0.0, random.Random(seed))
    world.play(honest, 12)
    world.public = []
    world.longest_streak = 1_000
    miner = OWN + bytes(19)
    for _ in range(streak):
        world.settle([world.block(world.base, miner, spec.difficulty.target_block_time)])
    world.now = float(world.base.header.timestamp)
    while len(world.public) < 3:
        world.find()
    world.share = share
    block_work = work(spec.difficulty.start)
    for _ in range(MOST_BLOCKS):
        world.find()
        own = world.own[-1] if world.own else world.base
        public = world.public[-1]
        totals = own.context.total_difficulty, public.context.total_difficulty
        if (len(world.own) > len(world.public)) if longest else is_heavier(*totals):
            return True
        lead = len(world.public) - len(world.own) if longest else (totals[1] - totals[0]) / block_work
        if lead > LEAD_GIVEN_UP:
            return False
    return False


def forks(long: bool) -> str:
    """The table of private forks."""
    trials = 3_000 if long else 250
    rows = []
    for lag in (0, 8):
        spec = flat_spec(lag)
        for streak in (0, 3, 7):
            cells = [f"{lag}", f"{streak}"]
            for share in (0.3, 0.4):
                for longest in (False, True):
                    won = sum(overtakes(spec, share, streak, longest, seed) for seed in range(trials))
                    cells.append(f"{won / trials:.1%}")
            rows.append(cells)
    head = ["lag", "streak", "30 %, heaviest", "30 %, longest", "40 %, heaviest", "40 %, longest"]
    return f"""## Private forks

How often a private fork under one identity overtakes a public branch that is three blocks ahead, by the streak that
the miner has at the fork ({trials:,} forks each; given up {LEAD_GIVEN_UP} blocks behind). The law counts the heaviest
branch; the longest is shown for contrast. With equal blocks: (3/7)^4 = 3.4 % and (2/3)^4 = 19.8 %.

{report.table(head, rows)}
"""


def hopping(spec: ChainSpec, times: float, below: float, blocks: int) -> tuple[float, float]:
    """Income per effort of a hopper `times` as fast as all others, and how much of the time it mines.

    It mines while c is `below` octaves under its mean.
    """
    world = World(spec, 0.0, 0.0, random.Random(11))
    start = spec.difficulty.start
    effort = elapsed = 0.0
    while len(world.history) <= blocks:
        on = world.base.context.next_controller < start - below * OCTAVE
        world.speed = 1 + times if on else 1.0
        world.share = times / (1 + times) if on else 0.0
        before = world.now
        world.play(honest, len(world.history))
        elapsed += world.now - before
        effort += (world.now - before) * times if on else 0.0
    earned = sum(amount for miner, amount in incomes(spec, world.history).items() if miner[0])
    target = spec.difficulty.target_block_time
    return earned / (effort / target) if effort else 0.0, effort / times / elapsed


def hoppers(long: bool) -> str:
    """The table of hoppers."""
    blocks = 100_000 if long else 8_000
    rows = []
    for times in (1.0, 9.0):
        for below in (0.1, 0.2):
            cells = [f"{times:g}", f"{below:g}"]
            for lag in (0, 8):
                per_effort, on = hopping(flat_spec(lag), times, below, blocks)
                cells.append(f"{per_effort:.2f} ({on:.1%})")
            rows.append(cells)
    head = ["hopper, times all others", "octaves below the mean", "lag 0", "lag 8"]
    return f"""## Hoppers

A coin-hopper mines only while c is low. Income per effort, where steady mining without a hopper gives 1, and its time
on ({blocks:,} blocks).

{report.table(head, rows)}
"""


def power_of(spec: ChainSpec, power: float) -> Cost:
    """A cost that grows with a power of the work; at the start level it is everybody's."""
    start = work(spec.difficulty.start)
    return lambda needed: (needed / start) ** power * start


def cost_curves(long: bool) -> str:
    """The table of unequal cost curves."""
    blocks = 100_000 if long else 6_000
    rows = []
    for share in (0.5, 0.7, 0.94):
        for power in (1.0, 0.5, 0.2):
            cells = [f"{share:g}", f"{power:g}"]
            for rate in (0, None):
                spec = flat_spec()
                law = spec.difficulty if rate is None else replace(spec.difficulty, streak_rate=rate)
                world = World(replace(spec, difficulty=law), share, 0.0, random.Random(5))
                world.own_cost, world.longest_streak = power_of(spec, power), 1_000
                play(world, honest, blocks)
                own = sum(block.miner_id[0] for block in world.history)
                cells.append(f"{own / blocks:.3f}")
            rows.append(cells)
    head = ["share at the start level", "cost ~ work^", "share of blocks, no offsets", "with the streak rule"]
    return f"""## Cost curves

One miner under one identity whose cost of a block grows with a power of the work, against many small ones whose cost
is the work ({blocks:,} blocks). The streak rule moves the shares of blocks by no more than the last columns differ.

{report.table(head, rows)}
"""
