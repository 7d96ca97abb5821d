"""Adapters both ways: any dimod sampler can mine, and the native kernel is a dimod sampler.

Energies that a foreign sampler reports are never used: configurations are scored again in integers.
"""

import itertools
from collections.abc import Iterator
from typing import Any, cast

import dimod
import numpy as np

from quip._native import ising
from quip.ising.puzzle import REPLICAS
from quip.mining.samplers.sampler import Drawn, PackedSamples, SamplerFailure
from quip.mining.samplers.schedule import MINING, MINING_GREEDY, Betas, native_schedule

ELITES = 16
RECRUIT_SHARE = 16
"""Elites begin at least n / 16 apart."""
NOISE = 32
"""Of 256: a copy's chance for each spin to be flipped."""
REHEAT, COOLEST = 0.3, 0.45
"""A round's first beta rises from one to the other."""


def binary_model(model: ising.Model) -> dimod.BinaryQuadraticModel:
    """The instance as a dimod model over the variables 0..n-1."""
    couplers = np.frombuffer(model.packed_couplers(), np.uint32).reshape(-1, 2)
    quadratic = (couplers[:, 0], couplers[:, 1], np.array(model.couplings, dtype=float))
    linear = np.array(model.fields, dtype=float) if model.fields else np.zeros(model.n)
    return dimod.BinaryQuadraticModel.from_numpy_vectors(linear, quadratic, 0.0, dimod.SPIN)


class DimodBacked:
    """Mines with a dimod sampler."""

    def __init__(self, inner: Any, kind: str, device: str) -> None:
        self._inner = inner
        self.kind = kind
        self.device = device

    def sample(self, model: ising.Model, reads: int, sweeps: int, seed: int, cancel: ising.CancelFlag) -> Drawn | None:
        """`reads` reads; parameters that the sampler does not know are left out. None: cancelled."""
        wanted: dict[str, Any] = {"num_reads": reads, "num_sweeps": sweeps, "seed": seed % (1 << 31)}
        known = {name: value for name, value in wanted.items() if name in self._inner.parameters}
        found = self.samples(binary_model(model), model.n, **known)
        exact = PackedSamples(found.packed, model.energies(list(found.packed)), model.n)
        return None if cancel.is_set() else Drawn(_sorted(exact), 0)

    def samples(self, bqm: dimod.BinaryQuadraticModel, n: int, **parameters: Any) -> PackedSamples:
        """The sampler's answer, best first, energies rounded as it reports them."""
        answer = self._inner.sample(bqm, **parameters)
        columns = [list(answer.variables).index(v) for v in range(n)]
        spins = np.asarray(answer.record.sample)[:, columns]
        if not np.isin(spins, (-1, 1)).all():
            raise SamplerFailure(f"{self.kind} returned spins other than -1 and +1")
        rows = np.packbits(spins > 0, axis=1, bitorder="little")
        energies = [round(float(energy)) for energy in answer.record.energy]
        return _sorted(PackedSamples(tuple(row.tobytes() for row in rows), energies, n))


def _sorted(samples: PackedSamples) -> PackedSamples:
    order = sorted(range(len(samples.packed)), key=lambda k: samples.energies[k])
    packed = tuple(samples.packed[k] for k in order)
    return PackedSamples(packed, [samples.energies[k] for k in order], samples.n)


class NativeDimodSampler(dimod.core.sampler.Sampler):
    """The native kernel for Ocean's tools: +-1 couplings, fields in {-1, 0, +1}, degree at most 24.

    Without rounds it samples; with them it optimises (families without a distance rule, docs/mining.md).
    """

    @property
    def parameters(self) -> dict[str, Any]:
        return {"num_reads": [], "num_sweeps": [], "num_rounds": [], "seed": []}

    @property
    def properties(self) -> dict[str, Any]:
        return {"paths": ising.paths()}

    def sample(self, bqm: dimod.BinaryQuadraticModel, **parameters: Any) -> dimod.SampleSet:
        """num_reads (up to 512), num_sweeps (1,024), num_rounds (0), seed (0).

        Every round is as long as the first run; after one the best of what was found come first, the rest are replicas.
        Raises ValueError on a model the kernel cannot hold.
        """
        spin = bqm.spin
        labels = list(spin.variables)
        index = {label: i for i, label in enumerate(labels)}
        edges = sorted((min(index[u], index[v]), max(index[u], index[v]), j) for (u, v), j in spin.quadratic.items())
        if any(abs(j) != 1 for _, _, j in edges) or any(h not in {-1, 0, 1} for h in spin.linear.values()):
            raise ValueError("the kernel takes couplings of -1 or +1 and fields of -1, 0 or +1")
        flat = np.array([(u, v) for u, v, _ in edges], dtype=np.uint32).reshape(-1, 2)
        order = np.arange(len(labels), dtype=np.uint32)
        graph = ising.Graph(len(labels), flat.tobytes(), order.tobytes())
        fields = [int(spin.linear[label]) for label in labels]
        model = ising.Model.from_couplings(graph, [int(j) for _, _, j in edges], fields)
        sweeps, seed = int(parameters.get("num_sweeps", 1024)), int(parameters.get("seed", 0))
        samples = model.anneal(native_schedule(sweeps), seed)
        if samples is None:
            raise SamplerFailure("a run without a cancel flag was cancelled")
        reads = min(int(parameters.get("num_reads", REPLICAS)), REPLICAS)
        rounds = int(parameters.get("num_rounds", 0))
        found = _refined(model, samples, sweeps, rounds, seed) if rounds else map(samples.replica, range(REPLICAS))
        packed = [np.frombuffer(one, np.uint8) for one in itertools.islice(found, reads)]
        bits = np.unpackbits(np.stack(packed), axis=1, count=len(labels), bitorder="little")
        spins = bits.astype(np.int8) * 2 - 1
        return cast(dimod.SampleSet, dimod.SampleSet.from_samples_bqm((spins, labels), bqm))  # type: ignore[no-untyped-call]


def _refined(model: ising.Model, samples: ising.Samples, sweeps: int, rounds: int, seed: int) -> Iterator[bytes]:
    """Elites after so many rounds, the best first; then the last round's replicas."""
    families = ising.Families(model, 0, False, seed)
    families.load(samples)
    families.recruit(0, ELITES, max(1, model.n // RECRUIT_SHARE))
    for number in range(rounds):
        first = REHEAT + (COOLEST - REHEAT) * number / rounds
        families.spread(NOISE)
        families.anneal(native_schedule(max(1, sweeps - MINING_GREEDY), Betas(first, MINING.last), MINING_GREEDY))
        families.cross(0)
    yield from (packed for _, packed in sorted(families.elites()))
    yield from families.replicas()
