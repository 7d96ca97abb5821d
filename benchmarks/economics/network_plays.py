"""Natural orphans, griefing, identities: what happens to miners who keep the rules, or break them at a loss."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace

from benchmarks import report
from benchmarks.economics.candidate import candidate_spec, flat_spec, mended_spec
from benchmarks.economics.chain_play import OWN, World
from benchmarks.economics.lawful_chain import Block, incomes
from benchmarks.economics.played_policies import honest, play
from benchmarks.economics.reward_rules import OCTAVE
from quip.consensus.proof_of_work.fork_choice import is_heavier
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.work.units import work

PARENT_AGE = 40
"""Blocks below the tip on which a griefer mines: late enough for its stamps."""
FIVE = (100, 200, 300, 400, 500)
"""Percent, by the length of a streak."""
SETTLED = 12
"""Blocks below the tip at which no natural fork is alive."""


@dataclass(slots=True)
class Delayed:
    """A network in which every block reaches everybody but its finder `delay_s` later.

    One miner finds `share` of the work and knows its own blocks at once; all others are small.
    """

    world: World
    delay_s: float
    found: list[tuple[float, Block]] = field(default_factory=list)
    """Youngest last, since the base."""

    def tip(self, by_miner: bool) -> Block:
        """The heaviest block that the finder knows; the first seen of equal ones."""
        best = self.world.base
        for block in self.known(by_miner):
            if is_heavier(block.context.total_difficulty, best.context.total_difficulty):
                best = block
        return best

    def known(self, by_miner: bool) -> list[Block]:
        """The found blocks that the miner, or anybody else, knows now."""
        now, delay_s = self.world.now, self.delay_s
        return [block for at, block in self.found if at + delay_s <= now or (by_miner and block.miner_id[0] == OWN[0])]

    def branch(self, tip: Block) -> list[Block]:
        """From the base, exclusive, to `tip`."""
        blocks: list[Block] = []
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
        world.orphans = [block for block in self.known(by_miner) if block not in branch]
        block = world.honest_block(tip, branch, OWN + bytes(19) if by_miner else None)
        self.found.append((world.now, block))
        if len(branch) > 2 * SETTLED:
            world.settle(branch[:SETTLED])
            oldest = world.base.header.number - SETTLED
            self.found = [
                (at, one) for at, one in self.found if one not in branch[:SETTLED] and one.header.number > oldest
            ]


def delayed(spec: ChainSpec, share: float, delay_s: float, blocks: int) -> tuple[float, float, float]:
    """Orphans per block, the miner's income per T, and how much of it is bonus."""
    network = Delayed(World(spec, share, 0.0, random.Random(21)), delay_s)
    while len(network.world.history) <= blocks + spec.ommers.window + 1:
        network.step()
    history = network.world.history
    counted = history[: blocks + 1]
    flat = replace(spec, rewards=replace(spec.rewards, streak_multiplier=(100,) * len(spec.rewards.streak_multiplier)))
    miner = OWN + bytes(19)
    with_bonus, without = (incomes(one, history, blocks)[miner] for one in (spec, flat))
    orphans = sum(len(block.ommers) for block in counted) / blocks
    elapsed = (counted[-1].header.timestamp - counted[0].header.timestamp) / spec.difficulty.target_block_time
    return orphans, with_bonus / elapsed, (with_bonus - without) / elapsed


def delays(long: bool) -> str:
    """The table of propagation delays."""
    blocks = 100_000 if long else 8_000
    rows = []
    none = 0.0
    for delay_s in (0.0, 0.5, 1.0, 2.0, 5.0):
        orphans, income, bonus = delayed(mended_spec(), 0.4, delay_s, blocks)
        none = none or bonus
        rows.append([f"{delay_s:g}", f"{orphans:.2%}", f"{income:.4f}", f"{bonus:.4f}", f"{bonus / none - 1:+.0%}"])
    head = ["delay, s", "shown orphans a block", "income of 40 %", "of it bonus", "bonus lost"]
    return f"""## Natural orphans

Every block reaches the others after a delay (T = 30 s, {blocks:,} blocks of the public network's rules); one miner has
40 % and knows its own blocks at once. Incomes per T, in rewards.

{report.table(head, rows)}
"""


def cheapest_stamp_s(spec: ChainSpec) -> int:
    """How long after its parent the lightest lawful ommer is stamped."""
    law = spec.difficulty
    octaves = min(math.log2(spec.ommers.fork_factor), law.overdue_limit / OCTAVE)
    stamp_s = (law.overdue_after + octaves * OCTAVE / law.overdue_rate) * law.target_block_time
    return math.ceil(stamp_s) - 1  # a whole octave more, rounded down, would be too light


def griefed(spec: ChainSpec, share: float, blocks: int) -> tuple[float, float, float]:
    """Time of a block in T, ommers a block, and income per T of the griefer, who makes the cheapest lawful ommers."""
    law = spec.difficulty
    world = World(spec, 0.0, 0.0, random.Random(31))
    world.speed = 1 - share
    stamp_s = cheapest_stamp_s(spec)
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
    elapsed = (world.now - spec.genesis.timestamp) / law.target_block_time
    ommers = sum(len(block.ommers) for block in world.history) / blocks
    earned = incomes(spec, world.history, world.finish())
    return elapsed / blocks, ommers, earned.get(griefer, 0.0) / elapsed


def griefers(long: bool) -> str:
    """The table of griefers."""
    blocks = 20_000 if long else 2_000
    rows = []
    for name, spec in (("candidate", candidate_spec()), ("mended", mended_spec())):
        for share in (0.0, 0.05, 0.1, 0.2):
            block_t, ommers, income = griefed(spec, share, blocks)
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
    rows = []
    for share in (0.3, 0.4, 1.0):
        cells = [f"{share:g}" if share < 1 else "all, by one public key"]
        for spec, percent in ((flat_spec(), None), (flat_spec(), FIVE), (mended_spec(), None)):
            for longest in (1, 1_000):
                world = World(spec, share, 0.0, random.Random(41))
                restart = len(spec.rewards.streak_multiplier) if spec.ommers.limit else longest
                world.longest_streak = min(longest, restart)
                cells.append(f"{play(world, honest, blocks, percent).own / share - 1:+.1%}")
        rows.append(cells)
    head = ["share", *(f"{rule}, {ids}" for rule in ("flat", "x1..5", "counted") for ids in ("many ids", "one id"))]
    return f"""## Identities

What honest mining earns beyond the share under a fresh identity for every block (Sybils) and under one ({blocks:,}
blocks, with lag; counted streaks: a fresh one after seven). The last row: everybody mines under one key that is public.
With counted streaks that bonus goes to the account of the key, which everybody can empty, and not to the payee.

{report.table(head, rows)}
"""
