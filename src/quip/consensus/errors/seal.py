"""Seals: what is wrong with one; another may be good. The tree of all errors is in `root`."""

from __future__ import annotations

from quip.consensus.errors.root import ConsensusError, MalformedMessage, Spoils
from quip.primitives.errors import Fault


class MalformedSeal(MalformedMessage):
    """Not [suite, keys, solutions, ECDSA signature, XMSS signature]."""

    text = "malformed seal: {reason}"


class SealError(ConsensusError):
    """A seal that does not prove the header's work or miner. Another seal may."""


class SealUnchecked(ConsensusError):
    """Our own check of it ended by an exception: nothing is known of it, and nobody is to blame."""

    fault = Fault.BEHIND
    spoils = Spoils.NOTHING
    text = "the seal could not be checked: {reason}"


class MissingSeal(SealError):
    """A block other than genesis without a seal."""

    text = "block {number} has no seal"


class WrongSuite(SealError):
    """Not the suite of mining identities."""

    text = "suite {suite}, not {expected}"


class WrongMiner(SealError):
    """The keys do not hash to extraData's miner id."""

    text = "the keys make miner {miner_id}, the header names {claimed}"


class InvalidSignature(SealError):
    """A half of the hybrid signature does not verify."""

    text = "signature: {reason}"


class ProofError(SealError):
    """The solutions are not a proof of the header's work."""


class WrongSolutionCount(ProofError):
    """Not exactly min_solutions solutions."""

    text = "{count} solutions, not {expected}"


class MalformedSolutions(ProofError):
    """A solution of the wrong length, with padding set, with s_0 = -1, or out of order."""

    text = "solutions: {reason}"


class SolutionsTooClose(ProofError):
    """Two solutions closer than min_distance."""

    text = "two solutions are {distance} spins apart, less than {min_distance}"


class EnergyAboveCap(ProofError):
    """512 E + margin > B_cap: cannot pass whatever the baseline."""

    text = "energy {energy}: 512 E + {margin} is above the cap {cap}"


class EnergyAboveBaseline(ProofError):
    """512 E + margin > B."""

    text = "energy {energy}: 512 E + {margin} is above the baseline {baseline}"
