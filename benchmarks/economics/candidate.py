"""The public network under the rules that were attacked first, whatever is shipped today."""

from dataclasses import replace

from quip.consensus.spec.chain_spec import ChainSpec
from quip.networks.shipped import load_spec


def candidate_spec() -> ChainSpec:
    """Flat rewards; a late block is eased by up to eight octaves, an ommer may weigh a quarter of its fork's work."""
    public = load_spec("public")
    return replace(
        public,
        difficulty=replace(public.difficulty, overdue_limit=8 << 16),
        rewards=replace(public.rewards, streak_multiplier=(100,)),
        ommers=replace(public.ommers, limit=0, fork_factor=4),
    )
