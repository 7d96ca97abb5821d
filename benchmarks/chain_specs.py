"""Writes the chain specs of the project's root: genesis_block_{public,dev,test,local}.json.

    python -m benchmarks.chain_specs            # what is calibrated in the existing files stays
    python -m benchmarks.chain_specs --check    # only says whether the files are what this script makes

Floats live here and nowhere in consensus: the baseline's cutoffs are rounded once, and the integers are the law. The
ladder, the cap and the levels come from the calibration command; where a file does not exist yet, the provisional
ones below are used.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.predeployed import SYSTEM, alloc
from quip.consensus.spec.chain_spec import parse_spec
from quip.consensus.spec.document import Json, render
from quip.ising.topology import Topology, build_topology
from quip.mining.calibration.spec_update import Calibration, calibration_of, recalibrated
from quip.networks.cut import FASTEST_CORE, floor_level
from quip.networks.shipped import NETWORKS, file_name

ROOT = Path(__file__).resolve().parent.parent
BETA_FIRST, BETA_LAST = 0.1, 3.0
CUTOFF_ONE = 65_536
LEVEL = 65_536
WEI = 10**18

PROVISIONAL = {
    "public": Calibration(
        ladder=((0, -50_000), (26 * LEVEL, 0), (30 * LEVEL, 40_000), (36 * LEVEL, 80_000), (48 * LEVEL, 110_000)),
        baseline_cap=-7_500_000,
        start=28 * LEVEL,
        lo=16 * LEVEL,
        hi=48 * LEVEL,
    ),
    "dev": Calibration(
        ladder=((0, -5_000), (20 * LEVEL, 0), (26 * LEVEL, 4_000), (34 * LEVEL, 8_000), (40 * LEVEL, 9_000)),
        baseline_cap=-186_000,
        start=20 * LEVEL,
        lo=10 * LEVEL,
        hi=40 * LEVEL,
    ),
    "test": Calibration(
        ladder=((0, -102_400), (40 * LEVEL, -81_920)),
        baseline_cap=-36_000,
        start=16 * LEVEL,
        lo=8 * LEVEL,
        hi=32 * LEVEL,
    ),
    # every state of the spins is a proof: the margins are below what any two energies of 48 spins differ by
    "local": Calibration(ladder=((0, -1_000_000), (LEVEL, -999_999)), baseline_cap=0, start=0, lo=0, hi=0),
}

NUMBERS = {
    # m, sweeps, gate_bits, min_solutions, min_distance
    "public": (12, 64, 16, 10, 1_200),
    "dev": (2, 16, 8, 5, 16),
    "test": (1, 4, 2, 3, 4),
    "local": (1, 1, 0, 1, 0),
}
WORTHLESS = ("dev", "test", "local")
"""Networks whose coins are worth nothing: the accounts of the words that everybody knows are paid there."""
CHAIN_ID = {"public": 20_049, "dev": 20_050, "test": 20_051, "local": 31_337}
"""31,337 is what tools take for a developer's chain."""
TARGET_S = {"public": 30, "dev": 2, "test": 2, "local": 1}
FUTURE_LIMIT_S = {"public": 15, "dev": 3_600, "test": 4_000_000_000, "local": 4_000_000_000}
"""On a developer's chain every block is a second later than its parent, and blocks come faster than that."""
STREAK_MULTIPLIER = [100, 102, 105, 115, 150, 250, 500]
OVERDUE_LIMIT = {"public": 3 << 15, "dev": 3 << 15, "test": 8 << 16, "local": 0}
OMMERS = {"public": 4, "dev": 4, "test": 4, "local": 0}
"""Of a block. Without peers no block is lost; rewards are flat then."""
FORK_FACTOR = {"public": 8, "dev": 8, "test": 4, "local": 8}
"""No block is eased by more than an ommer may be (docs/decisions/0028). On the test network one may be, so that tests
meet ommers that are too light."""
FLOOR = {"public": floor_level(FASTEST_CORE, TARGET_S["public"]), "dev": 0, "test": 0, "local": 0}
"""`lo` is at least what one core does in a block time, so that no easing makes a reward cheaper. Of public only: the
others' coins are worth nothing. The ladder's points below it stay."""
TIMESTAMP = {"public": 1_767_225_600, "dev": 1_767_225_600, "test": 1_500_000_000, "local": 1_767_225_600}


def cutoffs(topology: Topology, sweeps: int) -> list[list[int]]:
    """Rows of round(65536 exp(-2 beta k)), k = 0..largest degree + 1; beta geometric from first to last sweep."""
    rows = []
    for sweep in range(sweeps):
        beta = BETA_FIRST * (BETA_LAST / BETA_FIRST) ** (sweep / max(sweeps - 1, 1))
        rows.append([round(CUTOFF_ONE * math.exp(-2 * beta * k)) for k in range(topology.max_degree + 2)])
    return rows


def puzzle(network: str) -> dict[str, Json]:
    """The spec's `puzzle` object with an empty calibration."""
    m, sweeps, gate_bits, min_solutions, min_distance = NUMBERS[network]
    params: dict[str, Json] = {"family": "zephyr", "m": m, "t": 4, "excluded_nodes": [], "excluded_couplers": []}
    topology = build_topology(params)
    return {
        "topology": {**params, "digest": f"0x{topology.digest.hex()}"},
        "fields": "none",
        "gate_bits": gate_bits,
        "min_solutions": min_solutions,
        "min_distance": min_distance,
        "baseline": {"sweeps": sweeps, "cap": 0, "cutoffs": cutoffs(topology, sweeps)},
        "ladder": [],
    }


def difficulty(network: str) -> dict[str, Json]:
    """The spec's `difficulty` object with an empty calibration."""
    target_s = TARGET_S[network]
    return {
        "start": 0,
        "lo": 0,
        "hi": 0,
        "target_block_time": target_s,
        "half_life": 40 * target_s,
        "outage_cap": 20,
        "lag": 8,
        "overdue": {"after": 10, "rate": 1 << 14, "limit": OVERDUE_LIMIT[network]},
        "streak": {"rate": 9_962, "limit": 5},
        "future_limit": FUTURE_LIMIT_S[network],
    }


def document(network: str) -> dict[str, Json]:
    """The whole spec of a network with an empty calibration."""
    return {
        "name": network,
        "chain_id": CHAIN_ID[network],
        "developer": network == "local",
        "puzzle": puzzle(network),
        "difficulty": difficulty(network),
        "rewards": {"base_reward": str(10 * WEI), "streak_multiplier": STREAK_MULTIPLIER if OMMERS[network] else [100]},
        "ommers": {
            "window": 256,
            "limit": OMMERS[network],
            "holdback": 16,
            "fork_factor": FORK_FACTOR[network],
            "chain_factor": 16,
        },
        "gas_limit": {"minimum": 5_000, "maximum": 300_000_000},
        "evm_fork": "osaka",
        "alloc": alloc(developers=network in WORTHLESS),
        "system": SYSTEM,
        "genesis": {
            "timestamp": TIMESTAMP[network],
            "gas_limit": 30_000_000,
            "base_fee_per_gas": str(10**9),
            "extra_data": "0x" + "00" * 21 + f"{network} 1".encode().hex(),
            "beneficiary": "0x" + "00" * 20,
            "nonce": "0x" + "00" * 8,
        },
    }


def raised(network: str, calibration: Calibration) -> Calibration:
    """The calibration with the network's floor under its levels."""
    floor = FLOOR[network]
    return replace(calibration, lo=max(calibration.lo, floor), start=max(calibration.start, floor))


def main() -> int:
    """Write or check the files; the exit status is the number of files that differ under --check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a file differs")
    arguments = parser.parse_args()
    differing = 0
    for network in NETWORKS:
        path = ROOT / file_name(network)
        old = path.read_bytes() if path.exists() else b""
        calibration = calibration_of(parse_spec(old)) if old else PROVISIONAL[network]
        new = recalibrated(render(document(network)).encode(), raised(network, calibration))
        spec = parse_spec(new)
        print(f"{path.name}: {len(new)} bytes, digest 0x{spec.digest.hex()}{'' if new == old else ' (differs)'}")
        differing += new != old
        if not arguments.check and new != old:
            path.write_bytes(new)
    return differing if arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
