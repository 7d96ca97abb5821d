"""Which seals of a block's ommers have to be verified before its import: those that this node has not verified yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from quip.chain.ports import Part
from quip.consensus.block_validation import OmmerClaim, OmmerSeal, SealVerdict, claims_of
from quip.consensus.types.ommer import Ommer
from quip.net.ports import ChainView


def unverified(view: ChainView, shown: Sequence[Ommer]) -> tuple[OmmerClaim, ...]:
    """Left out: what is stored under the same seal, and what the import refuses without looking at its seal."""
    return tuple(claim for claim in claims_of(view.spec, shown) if not _is_stored(view, claim.ommer))


def found_of(verdicts: Iterable[SealVerdict]) -> tuple[OmmerSeal, ...]:
    """What is known now; where our own check failed, the import checks again."""
    return tuple(verdict for verdict in verdicts if isinstance(verdict, OmmerSeal))


def _is_stored(view: ChainView, ommer: Ommer) -> bool:
    return ommer.seal is not None and view.encoded(Part.SEAL, ommer.header.hash) == ommer.seal.encode()
