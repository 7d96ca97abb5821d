"""Cutting a network: a chain spec becomes a network of its own, whose past nobody can have mined.

Time before a launch is unclaimed: whoever knows a genesis block early mines it at leisure, for it is no law that blocks
are mined at the time that they are stamped with. So a network's genesis is stamped when it is cut, and commits to
something that nobody knew before. And its lowest level is what one core needs a block time for, so that no easing
(late blocks, streaks, the controller) makes rewards cheaper than that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from quip.consensus.errors.spec import InvalidSpec
from quip.consensus.spec.chain_spec import ChainSpec, parse_spec
from quip.consensus.spec.document import Json, parse_document, render
from quip.consensus.work.units import FRACTION_BITS
from quip.primitives.hashes import keccak256

FASTEST_CORE = 66e9
"""Spin updates a second of the fastest core that is known: AVX-512, the native kernel alone."""
UPDATES = 1_000
"""Spin updates in a unit of work."""
MINER_ID = 20
"""Bytes of extraData in front of the one that counts ommers, which is 0 for genesis."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What makes a network of a chain spec."""

    timestamp: int
    """Of its genesis, Unix seconds."""
    commitment: bytes
    """Anything that nobody knew before: a headline of the day, the hash of another chain's block."""
    least_level: int = 0
    """`lo` is raised to this, and `start` with it; 0: they stay."""


def floor_level(updates_per_second: float, block_time_s: int) -> int:
    """The lowest level at which a proof costs so fast a core a block time, 16.16."""
    return math.ceil(math.log2(updates_per_second * block_time_s / UPDATES) * (1 << FRACTION_BITS))


def cut_network(data: bytes, cut: Cut) -> bytes:
    """The chain spec file `data` as a new network, laid out as published. Raises InvalidSpec if it is no spec then."""
    document = parse_document(data)
    spec = parse_spec(data)
    levels = spec.difficulty
    lo = max(levels.lo, cut.least_level)
    if lo > levels.hi:
        raise InvalidSpec("difficulty.lo", f"{lo} would be above hi, {levels.hi}: calibrate for a dearer start first")
    changed = {
        **document,
        "difficulty": {**_section(document, "difficulty"), "lo": lo, "start": max(levels.start, lo)},
        "genesis": {
            **_section(document, "genesis"),
            "timestamp": cut.timestamp,
            "extra_data": f"0x{extra_data(cut.commitment).hex()}",
        },
    }
    text = render(changed).encode()
    parse_spec(text)
    return text


def extra_data(commitment: bytes) -> bytes:
    """extraData of a genesis block: all bytes of keccak256(commitment) but the last, around a zero for "no ommers"."""
    digest = keccak256(commitment)
    return digest[:MINER_ID] + b"\0" + digest[MINER_ID:-1]


def commits_to(spec: ChainSpec, commitment: bytes) -> bool:
    """Whether a network was cut with this commitment."""
    return spec.genesis.extra_data == extra_data(commitment)


def _section(document: Mapping[str, Json], name: str) -> dict[str, Json]:
    section = document[name]
    assert isinstance(section, Mapping), "a spec that was parsed has all its sections"
    return dict(section)
