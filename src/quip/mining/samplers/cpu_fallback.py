"""A CPU sampler that stands in for a device that is not there: same name and place, honest about what it runs on."""

from quip._native import ising
from quip.mining.samplers.cpu import CpuSampler
from quip.mining.samplers.sampler import Drawn


class CpuFallback:
    """Draws on the CPU; `device` says so, and why."""

    def __init__(self, kind: str, reason: str) -> None:
        self._cpu = CpuSampler()
        self.kind = kind
        self.device = f"CPU ({reason})"

    def sample(self, model: ising.Model, reads: int, sweeps: int, seed: int, cancel: ising.CancelFlag) -> Drawn | None:
        """As `CpuSampler.sample`."""
        return self._cpu.sample(model, reads, sweeps, seed, cancel)
