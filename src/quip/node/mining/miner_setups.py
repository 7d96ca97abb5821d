"""The miners that a configuration asks for: their names, samplers and plans."""

import secrets
from collections.abc import Iterator

import structlog

from quip.ising.puzzle import REPLICAS
from quip.mining.core_turns import CoreTurns
from quip.mining.miner import MinerSetup
from quip.mining.plan import annealing_plan, shipped_plans
from quip.mining.samplers.cpu import CpuSampler
from quip.mining.samplers.cpu_fallback import CpuFallback
from quip.mining.samplers.sampler import Sampler
from quip.networks.network import Network
from quip.node.config.node_config import NodeConfig

log = structlog.get_logger("quip.mining")


def miner_setups(config: NodeConfig, rules: Network) -> list[MinerSetup]:
    """One setup for each miner of the configuration. All that run on the CPU share `num_cpus` cores evenly; where there
    are more miners than cores, they take turns.

    A GPU or annealer that cannot be used is stood in for by the CPU, which one log line says.
    """
    wanted = config.miners
    cores = config.cpu.num_cpus
    total = wanted.cpu + len(wanted.gpu) + len(wanted.qpu)
    turns = CoreTurns(cores) if total > cores else None
    workers = shares(cores, total)
    setups = []
    for number in range(1, wanted.cpu + 1):
        setups.append(_setup(f"CPU-{number}", tuple(CpuSampler() for _ in range(next(workers))), config, rules, turns))
    missing = {"gpu": f"no GPU backend {config.gpu.backend!r} in this version", "qpu": "no QPU backend in this version"}
    for kind, devices in (("gpu", wanted.gpu), ("qpu", wanted.qpu)):
        for number, device in enumerate(devices, 1):
            name, reason = f"{kind.upper()}-{number}", missing[kind]
            log.warning("mining on the CPU instead", miner=name, wanted=kind, device=device, reason=reason)
            samplers = tuple(CpuFallback(kind, reason) for _ in range(next(workers)))
            setups.append(_setup(name, samplers, config, rules, turns))
    return setups


def shares(cores: int, miners: int) -> Iterator[int]:
    """Worker threads of each miner: an even share of the cores, the first ones one more, at least one each.

    >>> list(shares(4, 3)), list(shares(1, 3))
    ([2, 1, 1], [1, 1, 1])
    """
    for number in range(miners):
        yield max(1, cores // miners + (number < cores % miners))


def _setup(
    name: str, samplers: tuple[Sampler, ...], config: NodeConfig, rules: Network, turns: CoreTurns | None
) -> MinerSetup:
    """What the operator left at "auto" follows the calibrated plans."""
    return MinerSetup(
        name=name,
        samplers=samplers,
        plans=shipped_plans(rules.spec.name, rules.puzzle.rules.topology.digest),
        plan=None if config.cpu.num_sweeps is None else annealing_plan(sweeps=config.cpu.num_sweeps),
        reads=config.cpu.num_reads or REPLICAS,
        first_nonce=secrets.randbits(48),
        turns=turns,
    )
