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
    │   ├── WrongOmmersHash
    │   ├── WrongExtraData
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
    ├── WrongBody                     at fault, message     the body is not the header's
    ├── ExecutionError                at fault, hash        the header's claims about the state are false
    │   ├── TransactionsUnsupported
    │   ├── WrongStateRoot
    │   ├── WrongReceiptsRoot
    │   ├── WrongLogsBloom
    │   └── WrongGasUsed
    ├── FutureBlock                   early, nothing        ignore and retry
    └── Unconnected                   behind, nothing       we lack what it builds on
        ├── UnknownParent
        └── BranchTooOld

    InvalidSpec                       not about blocks: a chain spec that cannot be used

What this file does not do: it decides no ban and remembers no hash; the callers act on `fault` and `spoils`.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

from quip.primitives.errors import Fault, RuleError


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


class MalformedBlock(MalformedMessage):
    """Not [header, transactions, seal] in canonical RLP."""

    text = "malformed block: {reason}"


class MalformedHeader(MalformedMessage):
    """Not 16 fields of the right sizes."""

    text = "malformed header: {reason}"


class MalformedTransaction(MalformedMessage):
    """Not an EIP-2718 transaction."""

    text = "malformed transaction: {reason}"


class MalformedSeal(MalformedMessage):
    """Not [suite, keys, solutions, ECDSA signature, XMSS signature]."""

    text = "malformed seal: {reason}"


class BlockTooLarge(MalformedMessage):
    """More bytes than EIP-7934 and the seal's own limit allow."""

    text = "{part} has {size} bytes, more than {limit}"


class HeaderError(ConsensusError):
    """A header that no seal can save."""

    spoils = Spoils.HASH


class GateError(HeaderError):
    """The header does not show its gate work."""


class SeedMismatch(GateError):
    """mixHash is not the seed of (sealing hash, nonce)."""

    text = "mixHash {mix_hash} is not the seed {seed}"


class GateClosed(GateError):
    """The seed does not begin with gate_bits zero bits."""

    text = "seed {seed} does not begin with {gate_bits} zero bits"


class WrongNumber(HeaderError):
    """number is not the parent's plus one."""

    text = "number {number}, not {expected}"


class WrongOmmersHash(HeaderError):
    """ommersHash is not that of the empty list."""

    text = "ommersHash {ommers_hash} is not that of the empty list"


class WrongExtraData(HeaderError):
    """extraData is not a miner id and at most 12 bytes."""

    text = "extraData has {size} bytes, not 20 to 32"


class TimestampNotAfterParent(HeaderError):
    """timestamp <= the parent's."""

    text = "timestamp {timestamp} is not after the parent's {parent}"


class WrongDifficulty(HeaderError):
    """difficulty is not work(level)."""

    text = "difficulty {difficulty}, not {expected} (level {level})"


class GasLimitOutOfBounds(HeaderError):
    """gasLimit is outside the spec's bounds."""

    text = "gasLimit {gas_limit} is outside {minimum}..{maximum}"


class GasLimitStep(HeaderError):
    """gasLimit moved by parent / 1024 or more."""

    text = "gasLimit {gas_limit} is {step_limit} or more away from the parent's {parent}"


class GasUsedAboveLimit(HeaderError):
    """gasUsed > gasLimit."""

    text = "gasUsed {gas_used} is above gasLimit {gas_limit}"


class WrongBaseFee(HeaderError):
    """baseFeePerGas is not EIP-1559's."""

    text = "baseFeePerGas {base_fee}, not {expected}"


class KnownInvalid(HeaderError):
    """The hash was judged before."""

    text = "block {block_hash} is known to be invalid"


class InvalidParent(HeaderError):
    """The parent's hash was judged before."""

    text = "the parent {parent_hash} is known to be invalid"


class SealError(ConsensusError):
    """A seal that does not prove the header's work or miner. Another seal may."""


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


class WrongBody(ConsensusError):
    """The transactions do not hash to transactionsRoot."""

    text = "the body's root is {root}, the header's {expected}"


class ExecutionError(ConsensusError):
    """Executing the block does not give what its header says."""

    spoils = Spoils.HASH


class TransactionsUnsupported(ExecutionError):
    """The block has transactions, and this version executes none."""

    text = "the block has {count} transactions; protocol version 1 without the EVM has none"


class WrongStateRoot(ExecutionError):
    """stateRoot is not the root after execution."""

    text = "stateRoot {claimed}, not {computed}"


class WrongReceiptsRoot(ExecutionError):
    """receiptsRoot is not that of the receipts."""

    text = "receiptsRoot {claimed}, not {computed}"


class WrongLogsBloom(ExecutionError):
    """logsBloom is not that of the logs."""

    text = "logsBloom does not match the receipts"


class WrongGasUsed(ExecutionError):
    """gasUsed is not what execution used."""

    text = "gasUsed {claimed}, not {computed}"


class FutureBlock(ConsensusError):
    """timestamp > now + future_limit."""

    fault = Fault.EARLY
    spoils = Spoils.NOTHING
    text = "timestamp {timestamp} is more than {future_limit} s after {now}"


class Unconnected(ConsensusError):
    """The block builds on something that we cannot judge yet."""

    fault = Fault.BEHIND
    spoils = Spoils.NOTHING


class UnknownParent(Unconnected):
    """The parent is not in the block tree."""

    text = "unknown parent {parent_hash} of block {number}"


class BranchTooOld(Unconnected):
    """The branch leaves the canonical chain too far back: it has to be probed first."""

    text = "the branch leaves the canonical chain at {fork_number}, more than {limit} below {head_number}"


class InvalidSpec(Exception):
    """A chain spec that cannot be used: which field, and why."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"chain spec: {field}: {reason}" if field else f"chain spec: {reason}")
