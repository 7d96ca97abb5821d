"""The public network's rules, before and after they were mended; every gate stands open, since nothing is sealed here.

What of these numbers decides on ommers, streaks and rewards is read by the law itself, from the spec.
"""

from __future__ import annotations

from dataclasses import replace

from quip.consensus.spec.chain_spec import ChainSpec
from quip.networks.shipped import load_spec

CANDIDATE_OVERDUE_OCTAVES = 8
CANDIDATE_FORK_FACTOR = 4


def mended_spec() -> ChainSpec:
    """The public network as it is shipped: no block is eased by more than an ommer may be."""
    public = load_spec("public")
    return replace(public, puzzle=replace(public.puzzle, gate_bits=0))


def candidate_spec() -> ChainSpec:
    """As attacked first: a late block is eased by up to eight octaves, an ommer may weigh a quarter of its fork's."""
    mended = mended_spec()
    return replace(
        mended,
        difficulty=replace(mended.difficulty, overdue_limit=CANDIDATE_OVERDUE_OCTAVES << 16),
        ommers=replace(mended.ommers, fork_factor=CANDIDATE_FORK_FACTOR),
    )


def flat_spec(lag: int | None = None) -> ChainSpec:
    """The candidate without ommers and streaks that pay, with another lag if one is named."""
    spec = candidate_spec()
    return replace(
        spec,
        difficulty=spec.difficulty if lag is None else replace(spec.difficulty, lag=lag),
        rewards=replace(spec.rewards, streak_multiplier=(100,)),
        ommers=replace(spec.ommers, limit=0),
    )
