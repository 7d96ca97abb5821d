"""Ommers: why a block may not show one. The tree of all errors is in `root`."""

from __future__ import annotations

from quip.consensus.errors.root import ConsensusError, Spoils


class OmmerError(ConsensusError):
    """The block includes what is no lawful ommer of it."""

    spoils = Spoils.HASH


class WrongOmmerCount(OmmerError):
    """The list is ommersHash's, and of another length than extraData says."""

    text = "{count} ommers, extraData says {expected}"


class OmmerOutsideWindow(OmmerError):
    """Its number is not among those that the block may show."""

    text = "ommer {ommer} of number {number} in block {block}, not {lowest} to {highest}"


class OmmerOnChain(OmmerError):
    """It is an ancestor of the block."""

    text = "ommer {ommer} is an ancestor of the block"


class OmmerRepeated(OmmerError):
    """An ancestor includes it already, or the block does so twice."""

    text = "ommer {ommer} is included already"


class OmmerWithoutParent(OmmerError):
    """Its parent is neither on the block's chain, nor an ommer of it, nor earlier in the list."""

    text = "ommer {ommer} builds on {parent}, which the chain does not know"


class OmmerBreaksRule(OmmerError):
    """Gate or header rules do not hold for it, or it is younger than the block."""

    text = "ommer {ommer}: {reason}"


class OmmerTooLight(OmmerError):
    """Its difficulty is below the spec's part of the fork's, or of the block's."""

    text = "ommer {ommer} has difficulty {difficulty}, less than 1 / {part} of {least}"


class BadOmmerSeal(ConsensusError):
    """The seal that came with an ommer does not prove its work or miner. Another may."""

    text = "seal of ommer {ommer}: {reason}"
