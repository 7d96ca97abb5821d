"""What a QPU is worth to a miner, by emulation: its reads are drawn by long annealing runs on the CPU.

No QPU was measured. Published of D-Wave's Advantage systems: 100 reads take 51 ms, and one read is about as good as
one of an annealing run of 8,200 sweeps. In a staged plan it can do one thing, the run that finds the first elites;
baselines are the CPU's by law, rounds need the native kernel. What better first elites bring is measured on the same
instances with and without, at every stage; the calibration's chain, moved by that, says what a proof costs then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.economics.calibrated import Calibrated
from quip._native import ising
from quip.mining.attempt import Workbench
from quip.mining.calibration.measure import instance_seed
from quip.mining.calibration.stages import StagePrices
from quip.mining.calibration.trajectories import NEVER, uncut
from quip.mining.plan import Found, plan_of
from quip.mining.samplers.cpu import CpuSampler
from quip.mining.samplers.sampler import Drawn, PackedSamples

READS, SECONDS, SWEEPS = 100, 0.051, 8_200
SEED = 51


class EmulatedQpu:
    """Draws like the CPU, but for the founding run, which is a QPU's call."""

    kind = "qpu"
    device = "emulated"

    def __init__(self, founding_sweeps: int) -> None:
        self._founding_sweeps = founding_sweeps
        self._cpu = CpuSampler()

    def sample(self, model: ising.Model, reads: int, sweeps: int, seed: int, cancel: ising.CancelFlag) -> Drawn | None:
        """A QPU's reads where the plan founds, whatever it asks for there."""
        if sweeps != self._founding_sweeps:
            return self._cpu.sample(model, reads, sweeps, seed, cancel)
        drawn = self._cpu.sample(model, READS, SWEEPS, seed, cancel)
        if drawn is None:
            return None
        assert isinstance(drawn.samples, ising.Samples), "the native kernel's"
        energies = drawn.samples.energies
        order = sorted(range(READS), key=energies.__getitem__)
        packed = tuple(drawn.samples.replica(read) for read in order)
        return Drawn(PackedSamples(packed, [energies[read] for read in order], model.n), drawn.spin_updates)


def head_start(network: Calibrated, instances: int) -> list[float]:
    """By how much a QPU's first elites raise the mean margin at every stage from the founding on, in 1/512 energy."""
    plan = uncut(plan_of(network.staged.plan))
    (sweeps,) = (stage.sweeps for stage in plan.stages if isinstance(stage, Found))
    margins = []
    for sampler in (CpuSampler(), EmulatedQpu(sweeps)):
        bench = Workbench(network.puzzle(), sampler, ising.CancelFlag())
        efforts = [bench.attempt(instance_seed(SEED, one, b"qpu"), NEVER, plan) for one in range(instances)]
        margins.append(np.array([[mark.value for mark in effort.marks] for effort in efforts]))
    first = founding(network)
    gains = (margins[1] - margins[0])[:, first:]
    return [float(gain) for gain in gains[np.isfinite(gains).all(axis=1)].mean(axis=0)]


def founding(network: Calibrated) -> int:
    """Which of the stages that measure founds the elites."""
    stages = plan_of(network.staged.plan).stages
    return [isinstance(stages[fit.stages - 1], Found) for fit in network.staged.fits].index(True)


@dataclass(frozen=True, slots=True)
class Qpu:
    """One QPU beside CPU cores, at one level."""

    saves: float
    """Of what a proof costs the cores."""
    serves: float
    """Cores that it keeps up with."""

    @property
    def worth(self) -> float:
        """Cores, if it serves as many as it can."""
        return self.serves * self.saves / (1 - self.saves)

    def cost(self, cores: float) -> float:
        """Of a proof by so many cores and one QPU, over that by the cores alone."""
        served = min(self.serves, cores)
        return cores / (served / (1 - self.saves) + cores - served)


def qpu_at(network: Calibrated, level: int, gains: Sequence[float]) -> Qpu:
    """By the best cuts at a level, with and without; `gains` by `head_start`.

    For the cuts a call is as dear as the CPU's own run: were it free, they would send it everything, and the cores
    would wait for it.
    """
    margin = network.margin(level)
    first = founding(network) - 1  # the chain's first value comes before its first step
    steps = list(network.chain.steps)
    below = 0.0
    for index, gain in enumerate(gains, first):
        step = steps[index]
        steps[index] = replace(step, constant=step.constant + gain - step.slope * below)
        below = gain
    prices = StagePrices(replace(network.chain, steps=tuple(steps)))
    price = prices.at(margin)
    cost = prices.under(margin, price.cuts)
    calls = cost.plays[first] / sum(cost.proofs)
    left = price.updates - calls * steps[first].updates
    serves = left / network.summary.kernel_updates_per_second / (calls * SECONDS)
    return Qpu(1 - left / network.prices.at(margin).updates, serves)
