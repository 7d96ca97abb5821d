"""Natural orphans, griefing, identities: what happens to miners who keep the rules, or break them at a loss."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace

from benchmarks import report
from benchmarks.economics.candidate import candidate_spec
from benchmarks.economics.chain_play import OWN, World
from benchmarks.economics.law_plays import flat_spec
from benchmarks.economics.ommers import OmmerRules, Played, incomes
from benchmarks.economics.played_policies import MENDED, honest, play
from benchmarks.economics.reward_rules import OCTAVE
from benchmarks.economics.thresholds import MENDED_OCTAVES
from quip.consensus.proof_of_work.fork_choice import is_heavier
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.work.units import work

PARENT_AGE = 40
"""Blocks below the tip on which a griefer mines: late enough for its stamps."""
SETTLED = 12
"""Blocks below the tip at which no natural fork is alive."""


@dataclass(slots=True)
class Delayed:
    """A network in which every block reaches everybody but its finder `delay_s` later.

    One miner finds `share` of the work and knows its own blocks at once; all others are small.
    """

    world: World
    delay_s: float
    found: list[tuple[float, Played]] = field(default_factory=list)
    """Youngest last, since the base."""

    def tip(self, by_miner: bool) -> Played:
        """The heaviest block that the finder knows; the first seen of equal ones."""
        best = self.world.base
        for block in self.known(by_miner):
            if is_heavier(block.context.total_difficulty, best.context.total_difficulty):
                best = block
        return best

    def known(self, by_miner: bool) -> list[Played]:
        """The found blocks that the miner, or anybody else, knows now."""
        now, delay_s = self.world.now, self.delay_s
        return [
            block
            for at, block in self.found
            if at + delay_s <= now or (by_miner and block.header.miner_id[0] == OWN[0])
        ]

    def branch(self, tip: Played) -> list[Played]:
        """From the base, exclusive, to `tip`."""
        blocks: list[Played] = []
        while tip is not self.world.base:
            blocks.insert(0, tip)
            assert tip.parent
            tip = tip.parent
        return blocks

    def step(self) -> None:
        """The next block."""
        world = self.world
        world.now += world.rng.expovariate(1.0) * world.seconds_for(self.tip(False))
        by_miner = world.rng.random() < world.share
        tip = self.tip(by_miner)
        branch = self.branch(tip)
        on_branch = {block.number for block in branch}
        world.orphans = [block for block in self.known(by_miner) if block.number not in on_branch]
        block = world.honest_block(tip, branch, OWN + bytes(19) if by_miner else None)
        self.found.append((world.now, block))
        if len(branch) > 2 * SETTLED:
            world.history += branch[:SETTLED]
            settled = {one.number for one in branch[:SETTLED]}
            oldest = world.base.header.number - SETTLED
            self.found = [p for p in self.found if p[1].number not in settled and p[1].header.number > oldest]


def delayed(spec: ChainSpec, share: float, delay_s: float, blocks: int) -> tuple[float, float, float]:
    """Orphans per block, the miner's income per T, and how much of it is bonus."""
    rules = OmmerRules()
    network = Delayed(World(spec, share, 0.0, random.Random(21), rules), delay_s)
    while len(network.world.history) < blocks:
        network.step()
    history = network.world.history
    orphans = sum(len(block.ommers) for block in history) / len(history)
    with_bonus = incomes(rules, spec.rewards, history)
    without = incomes(replace(rules, steps=(100,) * len(rules.steps)), spec.rewards, history)
    miner = OWN + bytes(19)
    elapsed = (history[-1].header.timestamp - history[0].header.timestamp) / spec.difficulty.target_block_time
    return orphans, with_bonus[miner] / elapsed, (with_bonus[miner] - without[miner]) / elapsed


def delays(long: bool) -> str:
    """The table of propagation delays."""
    blocks = 100_000 if long else 8_000
    rows = []
    none = 0.0
    for delay_s in (0.0, 0.5, 1.0, 2.0, 5.0):
        orphans, income, bonus = delayed(flat_spec(), 0.4, delay_s, blocks)
        none = none or bonus
        rows.append([f"{delay_s:g}", f"{orphans:.2%}", f"{income:.4f}", f"{bonus:.4f}", f"{bonus / none - 1:+.0%}"])
    head = ["delay, s", "shown orphans a block", "income of 40 %", "of it bonus", "bonus lost"]
    return f"""## Natural orphans

Every block reaches the others after a delay (T = 30 s, {blocks:,} blocks, ommers and counted streaks); one miner has
40 % and knows its own blocks at once. Incomes per T, in rewards.

{report.table(head, rows)}
"""


def cheapest_stamp_s(spec: ChainSpec, rules: OmmerRules) -> int:
    """How long after its parent the lightest lawful ommer is stamped."""
    law = spec.difficulty
    octaves = min(math.log2(rules.fork_factor), law.overdue_limit / OCTAVE)
    stamp_s = (law.overdue_after + octaves * OCTAVE / law.overdue_rate) * law.target_block_time
    return math.ceil(stamp_s) - 1  # a whole octave more, rounded down, would be too light


def griefed(spec: ChainSpec, share: float, rules: OmmerRules, blocks: int) -> tuple[float, float, float]:
    """Time of a block in T, ommers a block, and income per T of the griefer, who makes the cheapest lawful ommers."""
    law = spec.difficulty
    world = World(spec, 0.0, 0.0, random.Random(31), rules)
    world.speed = 1 - share
    stamp_s = cheapest_stamp_s(spec, rules)
    due_s = 0.0
    griefer = OWN + bytes(19)
    while len(world.history) <= blocks:
        before = world.now
        world.play(honest, len(world.history))
        if len(world.history) < 2 * PARENT_AGE:
            continue
        due_s += (world.now - before) * share
        while True:
            ommer = world.block(world.history[-PARENT_AGE], griefer, stamp_s)
            cost_s = ommer.header.difficulty * law.target_block_time / work(law.start)
            if due_s < cost_s:
                break
            due_s -= cost_s
            world.orphans.append(ommer)
    earned = incomes(rules, spec.rewards, world.history)
    elapsed = (world.now - spec.genesis.timestamp) / law.target_block_time
    ommers = sum(len(block.ommers) for block in world.history) / blocks
    return elapsed / blocks, ommers, earned.get(griefer, 0.0) / elapsed


def griefers(long: bool) -> str:
    """The table of griefers."""
    blocks = 20_000 if long else 2_000
    rows = []
    flat = flat_spec()
    gentle = replace(flat, difficulty=replace(flat.difficulty, overdue_limit=round(MENDED_OCTAVES * OCTAVE)))
    for name, spec, rules in (("candidate", flat, OmmerRules()), ("mended", gentle, MENDED)):
        for share in (0.0, 0.05, 0.1, 0.2):
            block_t, ommers, income = griefed(spec, share, rules, blocks)
            left = (1 / block_t - income) / (1 - share) - 1
            rows.append([name, f"{share:g}", f"{block_t:.2f}", f"{ommers:.2f}", f"{income:.4f}", f"{left:+.0%}"])
    head = ["rules", "share", "T a block", "ommers a block", "income of the griefer", "income of the others"]
    return f"""## Cheap ommers

A griefer makes the cheapest lawful ommers on parents of long ago; each counts a full T ({blocks:,} blocks).

{report.table(head, rows)}
"""


def identities(long: bool) -> str:
    """The table of identities."""
    blocks = 100_000 if long else 20_000
    flat = flat_spec()
    five = replace(flat, rewards=replace(candidate_spec().rewards, streak_multiplier=(100, 200, 300, 400, 500)))
    rows = []
    for share in (0.3, 0.4, 1.0):
        cells = [f"{share:g}" if share < 1 else "all, by one public key"]
        for spec, rules in ((flat, None), (five, None), (flat, OmmerRules())):
            for longest in (1, 1_000):
                world = World(spec, share, 0.0, random.Random(41), rules)
                world.longest_streak = longest if rules is None or longest == 1 else len(rules.steps)
                cells.append(f"{play(world, honest, blocks).own / share - 1:+.1%}")
        rows.append(cells)
    head = ["share", *(f"{rule}, {ids}" for rule in ("flat", "x1..5", "counted") for ids in ("many ids", "one id"))]
    return f"""## Identities

What honest mining earns beyond the share under a fresh identity for every block (Sybils) and under one ({blocks:,}
blocks, with lag; counted streaks: a fresh one after seven). The last row: everybody mines under one key that is public.
With counted streaks that bonus goes to the account of the key, which everybody can empty, and not to the payee.

{report.table(head, rows)}
"""
