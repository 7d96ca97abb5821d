"""Miners whose costs of a block grow differently with its work: shares of blocks on played chains.

A cost curve says how much work an ordinary miner does in the time in which this one finds a block. The law takes every
miner's cost to be the work. What it is, the calibration measured by mining proofs at a few levels (CPUs; no GPU is
supported yet, so there is none here); what a QPU changes is emulated.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import report
from benchmarks.economics.calibrated import Calibrated, calibrated
from benchmarks.economics.candidate import flat_spec, mended_spec
from benchmarks.economics.chain_play import Cost, World
from benchmarks.economics.emulated_qpu import READS, SECONDS, SWEEPS, head_start, qpu_at
from benchmarks.economics.played_policies import honest, play
from benchmarks.economics.reward_rules import OCTAVE
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.work.units import work
from quip.mining.calibration.ladder import UNIT
from quip.mining.calibration.pricing import PriceList

NAME = "public"
BESIDE_START = (-6.0, 0.0, 6.0)
"""Octaves: the speed of everybody is changed by so much."""


def measured(network: Calibrated) -> Cost:
    """The checks' curve: log-linear between them, constant outside."""
    levels = [check.level / OCTAVE for check in network.checks]
    ratios = [math.log2(check.ratio) for check in network.checks]
    return lambda needed: needed * 2 ** float(np.interp(math.log2(needed), levels, ratios))


def annealing(network: Calibrated) -> Cost:
    """Annealing from random starts alone, the cheapest way at each level."""
    prices = PriceList(network.summary)
    grid = np.arange(network.start - 12 * OCTAVE, network.start + 12 * OCTAVE, OCTAVE // 2)
    costs = [math.log2(prices.cheapest(network.margin(int(level))).updates / UNIT) for level in grid]
    return lambda needed: float(2 ** np.interp(math.log2(needed), grid / OCTAVE, costs))


def with_qpu(network: Calibrated, cores: float, gains: Sequence[float]) -> Cost:
    """The checks' curve for so many cores with a QPU."""
    cpu = measured(network)
    levels = [network.start + round(octaves * OCTAVE) for octaves in np.arange(-8, 9, 2.0)]
    parts = [qpu_at(network, level, gains).cost(cores) for level in levels]
    grid = np.array(levels) / OCTAVE
    return lambda needed: cpu(needed) * float(np.interp(math.log2(needed), grid, parts))


@dataclass(frozen=True, slots=True)
class Contest:
    """One miner against many small ones."""

    name: str
    machines: float
    """Its share of them."""
    own: Cost
    others: Cost

    def share_at(self, needed: float) -> float:
        """Of the blocks at a work in force, by the curves alone."""
        own, others = self.machines / self.own(needed), (1 - self.machines) / self.others(needed)
        return own / (own + others)


def contests(network: Calibrated, gains: Sequence[float]) -> list[Contest]:
    """What is played."""
    cpu, anneal = measured(network), annealing(network)
    return [
        Contest("the work itself, both", 0.4, lambda needed: needed, lambda needed: needed),
        Contest("measured CPU, both", 0.4, cpu, cpu),
        Contest("measured CPU, against one that costs the work", 0.4, cpu, lambda needed: needed),
        Contest("a QPU to every core, against cores", 0.4, with_qpu(network, 1.0, gains), cpu),
        Contest("a QPU to every 16 cores, against cores", 0.4, with_qpu(network, 16.0, gains), cpu),
        Contest("the shipped plans, against annealing alone", 0.02, cpu, anneal),
    ]


def played_share(world: World, contest: Contest, octaves: float, blocks: int) -> tuple[float, float]:
    """The miner's share of blocks, and the mean work in force, where everybody is 2^octaves times as fast.

    The chain is left alone until its level has followed the speed.
    """
    start = work(world.spec.difficulty.start)
    world.own_cost, world.cost = contest.own, contest.others
    world.longest_streak = len(world.spec.rewards.streak_multiplier)
    world.speed = 2**octaves * contest.others(start) / start
    settling = round(200 + 100 * abs(octaves))
    world.play(honest, settling)
    world.play(honest, settling + blocks)
    counted = world.history[settling + 1 :]
    needed = sum(block.header.difficulty for block in counted) / len(counted)
    return sum(block.miner_id[0] for block in counted) / len(counted), needed


def _checks(network: Calibrated) -> str:
    rows = [
        [
            f"{(check.level - network.start) / OCTAVE:+.1f}",
            f"{check.proofs}",
            f"{check.ratio:.2f} +- {check.ratio / math.sqrt(check.proofs):.2f}",
        ]
        for check in network.checks
    ]
    return report.table(["octaves from the start", "proofs mined", "cost over work"], rows)


def _qpus(network: Calibrated, gains: Sequence[float]) -> str:
    rows = []
    for octaves in BESIDE_START:
        qpu = qpu_at(network, network.start + round(octaves * OCTAVE), gains)
        rows.append([f"{octaves:+g}", f"{qpu.saves:.0%}", f"{qpu.serves:.1f}", f"{qpu.worth:.1f}"])
    return report.table(
        ["octaves from the start", "saved of a proof's cost", "cores it keeps up with", "worth cores"], rows
    )


def _shares(network: Calibrated, gains: Sequence[float], blocks: int) -> str:
    spec = mended_spec()
    rows = []
    for turn, contest in enumerate(contests(network, gains)):
        cells = [contest.name, f"{contest.machines:.0%}"]
        for octaves in BESIDE_START:
            rng = random.Random(10 * turn + round(octaves))
            share, needed = played_share(World(spec, contest.machines, 0.0, rng), contest, octaves, blocks)
            cells.append(f"{contest.share_at(needed):.3f} / {share:.3f}")
        rows.append(cells)
    head = ["the miner, against many small ones", "its machines"]
    return report.table([*head, *(f"speed x2^{octaves:g}" for octaves in BESIDE_START)], rows)


def power_of(spec: ChainSpec, power: float) -> Cost:
    """A cost that grows with a power of the work; at the start level it is everybody's."""
    start = work(spec.difficulty.start)
    return lambda needed: (needed / start) ** power * start


def _powers(blocks: int) -> str:
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
    return report.table(["share at the start level", "cost ~ work^", "no offsets", "with the streak rule"], rows)


def section(long: bool) -> str:
    """The tables."""
    blocks = 100_000 if long else 20_000
    network = calibrated(NAME)
    instances = 300 if long else 40
    gains = head_start(network, instances)
    return f"""## Cost curves

What a proof of the {NAME} network costs one CPU core with the shipped plans, over the work that the law takes it to be:
mined by the calibration. There is no GPU miner yet, so no GPU's curve.

{_checks(network)}

A QPU takes over the run that finds the first elites; all else stays with the cores. It is emulated by published
figures ({READS} reads in {1_000 * SECONDS:.0f} ms, each as good as {SWEEPS:,} sweeps); none was measured. Its elites
raise the mean margin by {gains[0]:,.0f} at first, by {gains[4]:,.0f} after four rounds and by {gains[-1]:,.0f} in the
end ({instances} random instances, with and without; 512 = one energy). What that saves of a proof's cost to the cores,
how many cores one QPU keeps up with, and how many it is worth to them:

{_qpus(network, gains)}

Shares of blocks ({blocks:,} each) of one miner under one identity with that share of the machines: by the curves at the
mean work in force, and played under the public network's rules, at three speeds of all machines together.

{_shares(network, gains, blocks)}

One miner whose cost of a block grows with a power of the work, against many small ones whose cost is the work
({blocks:,} blocks). The streak rule moves the shares of blocks by no more than the last columns differ.

{_powers(blocks)}
"""
