"""Headers: what is wrong with one, and what it builds on. The tree of all errors is in `root`."""

from __future__ import annotations

from quip.consensus.errors.root import ConsensusError, MalformedMessage, Spoils
from quip.primitives.errors import Fault


class MalformedHeader(MalformedMessage):
    """Not 16 fields of the right sizes."""

    text = "malformed header: {reason}"


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


class WrongExtraData(HeaderError):
    """extraData is not a miner id, a number of ommers and at most 11 bytes."""

    text = "extraData has {size} bytes, not 21 to 32"


class TooManyOmmers(HeaderError):
    """extraData names more ommers than the spec allows."""

    text = "extraData says {count} ommers, more than {limit}"


class WrongOmmersHash(HeaderError):
    """ommersHash is that of the empty list though there are ommers, or is not though there are none."""

    text = "ommersHash {ommers_hash} with {count} ommers"


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


class StateNotKept(Unconnected):
    """The block is on a state that this node does not keep any more: to follow takes an archive, or a fresh start."""

    text = "the state of block {parent}, which it is on, is not kept any more; an archive has it (--archive)"


class BranchTooOld(Unconnected):
    """The branch leaves the canonical chain too far back: it has to be probed first."""

    text = "the branch leaves the canonical chain at {fork_number}, more than {limit} below {head_number}"
