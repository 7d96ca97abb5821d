"""Every way in which a block can break the law: one class per rule, whose fault it is, and what it spoils.

    ConsensusError
    ├── MalformedMessage              at fault, message     bytes that are no block
    │   ├── MalformedBlock
    │   ├── MalformedHeader
    │   ├── MalformedTransaction
    │   ├── MalformedSeal
    │   └── BlockTooLarge
    ├── HeaderError                   at fault, hash        the header itself is unlawful
    │   ├── GateError
    │   │   ├── SeedMismatch
    │   │   └── GateClosed
    │   ├── WrongNumber
    │   ├── WrongExtraData
    │   ├── TooManyOmmers
    │   ├── WrongOmmersHash
    │   ├── TimestampNotAfterParent
    │   ├── WrongDifficulty
    │   ├── GasLimitOutOfBounds
    │   ├── GasLimitStep
    │   ├── GasUsedAboveLimit
    │   ├── WrongBaseFee
    │   ├── KnownInvalid
    │   └── InvalidParent
    ├── SealError                     at fault, message     another seal may be good
    │   ├── MissingSeal
    │   ├── WrongSuite
    │   ├── WrongMiner
    │   ├── InvalidSignature
    │   └── ProofError
    │       ├── WrongSolutionCount
    │       ├── MalformedSolutions
    │       ├── SolutionsTooClose
    │       ├── EnergyAboveCap
    │       └── EnergyAboveBaseline
    ├── SealUnchecked                 behind, nothing       our own check of the seal failed
    ├── WrongBody                     at fault, message     the body is not the header's
    ├── WrongOmmers                   at fault, message     the ommers are not the header's
    ├── BadOmmerSeal                  at fault, message     another seal of that ommer may be good
    ├── OmmerError                    at fault, hash        the block shows what is no ommer of it
    │   ├── WrongOmmerCount
    │   ├── OmmerOutsideWindow
    │   ├── OmmerOnChain
    │   ├── OmmerRepeated
    │   ├── OmmerWithoutParent
    │   ├── OmmerBreaksRule
    │   └── OmmerTooLight
    ├── ExecutionError                at fault, hash        the header's claims about the state are false
    │   ├── InvalidTransaction
    │   ├── NotExecutable
    │   ├── WrongStateRoot
    │   ├── WrongReceiptsRoot
    │   ├── WrongLogsBloom
    │   └── WrongGasUsed
    ├── FutureBlock                   early, nothing        ignore and retry
    └── Unconnected                   behind, nothing       we lack what it builds on
        ├── UnknownParent
        ├── StateNotKept
        └── BranchTooOld

    InvalidSpec                       not about blocks: a chain spec that cannot be used

The rooms beside this one hold them: `header`, `seal`, `body`, `ommer` and `spec`.

What this file does not do: it decides no ban and remembers no hash; the callers act on `fault` and `spoils`.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

from quip.primitives.errors import RuleError


class Spoils(Enum):
    """How far the verdict reaches."""

    HASH = "hash"
    """Every block with this hash is invalid, for ever."""
    MESSAGE = "message"
    """Only these bytes: the same header with another body or seal may be valid."""
    NOTHING = "nothing"
    """No verdict yet."""


class ConsensusError(RuleError):
    """A block that is not accepted."""

    spoils: ClassVar[Spoils] = Spoils.MESSAGE


class MalformedMessage(ConsensusError):
    """Bytes that encode no block."""
