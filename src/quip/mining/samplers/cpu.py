"""Samplers that run on the CPU: the native kernel, and D-Wave's simulated annealing as a reference."""

import platform

from quip._native import ising
from quip.ising.puzzle import REPLICAS
from quip.mining.samplers.dimod import DimodBacked, binary_model
from quip.mining.samplers.sampler import Drawn
from quip.mining.samplers.schedule import MINING, MINING_GREEDY, Betas, native_schedule


class CpuSampler:
    """The native multi-spin kernel: 512 replicas a run, in one thread, GIL released."""

    kind = "cpu"

    def __init__(self, path: str | None = None, betas: Betas = MINING, greedy: int = MINING_GREEDY) -> None:
        """`path`: avx512, avx2, neon or portable (default: the best here). Raises ValueError on one not runnable."""
        available = ising.paths()
        if path is not None and path not in available:
            raise ValueError(f"this CPU cannot run {path}: it has {', '.join(available)}")
        self._path = path
        self._betas = betas
        self._greedy = greedy
        self.device = f"{platform.machine()} {path or available[0]}"

    def sample(self, model: ising.Model, reads: int, sweeps: int, seed: int, cancel: ising.CancelFlag) -> Drawn | None:
        """One run of 512 reads (`reads` beyond that take another call); greedy sweeps count as sweeps. None: cancelled.

        Raises ValueError on no sweep.
        """
        del reads
        greedy = min(self._greedy, sweeps - 1)
        schedule = native_schedule(sweeps - greedy, self._betas, greedy)
        samples = model.anneal(schedule, seed, cancel, self._path)
        if samples is None:
            return None
        return Drawn(samples, REPLICAS * model.n * schedule.sweeps)


class CpuReferenceSampler:
    """dwave-samplers' SimulatedAnnealingSampler: what the numbers are measured against."""

    kind = "cpu-reference"
    device = "dwave-samplers"

    def sample(self, model: ising.Model, reads: int, sweeps: int, seed: int, cancel: ising.CancelFlag) -> Drawn | None:
        """`reads` reads. It is asked once per read whether to stop."""
        from dwave.samplers import SimulatedAnnealingSampler

        inner = SimulatedAnnealingSampler()  # type: ignore[no-untyped-call]
        backed = DimodBacked(inner, self.kind, self.device)
        found = backed.samples(
            binary_model(model),
            model.n,
            num_reads=reads,
            num_sweeps=sweeps,
            seed=seed % (1 << 31),
            interrupt_function=cancel.is_set,
        )
        return None if cancel.is_set() else Drawn(found, reads * sweeps * model.n)
