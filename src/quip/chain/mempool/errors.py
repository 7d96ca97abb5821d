"""Why a transaction is not let into the pool. Texts begin as geth's do: programs match on them.

PoolError
├── Unlawful                  at fault   no block of this chain can ever hold it
│   ├── MalformedTransaction             not the one encoding of a transaction
│   ├── UnsupportedType
│   ├── Unprotected                      a legacy transaction of every chain (EIP-155)
│   ├── WrongChainId
│   ├── GasAboveCap                      EIP-7825
│   ├── InitCodeTooLarge                 EIP-3860
│   ├── IntrinsicGasTooLow
│   ├── FloorGasTooLow                   EIP-7623
│   ├── TipAboveFeeCap
│   ├── NonceMax                         EIP-2681
│   ├── NoAuthorization                  EIP-7702
│   └── InvalidSender                    nobody signed it
└── Refused                   early      not by this node, not on this head, or not beside what is pooled
    ├── Oversized, TipTooLow             this node's own limits
    ├── GasAboveBlock
    ├── AlreadyKnown
    ├── NonceTooLow, InsufficientFunds, SenderNotEoa
    ├── ReplacementUnderpriced
    ├── AccountLimitExceeded
    ├── Underpriced, FutureReplacesPending, PoolFull      no room for it
    └── InFlightLimitReached, GappedDelegated, AuthorityReserved   EIP-7702
"""

from __future__ import annotations

from quip.primitives.errors import Fault, RuleError


class PoolError(RuleError):
    """A transaction that is not let in."""


class Unlawful(PoolError):
    """An honest node neither has nor passes on such a transaction."""


class MalformedTransaction(Unlawful):
    """Not the one encoding of a transaction."""

    text = "malformed transaction: {reason}"


class UnsupportedType(Unlawful):
    """No transaction of that type can be in a block."""

    text = "transaction type not supported: tx type {kind} not supported by this pool"


class Unprotected(Unlawful):
    """It says no chain id, so anybody could send it again on another chain."""

    text = "only replay-protected (EIP-155) transactions allowed"


class WrongChainId(Unlawful):
    """It is another chain's."""

    text = "invalid chain id for signer: have {have} want {want}"


class GasAboveCap(Unlawful):
    """EIP-7825."""

    text = "transaction gas limit too high (cap: {cap}, tx: {gas})"


class InitCodeTooLarge(Unlawful):
    """EIP-3860."""

    text = "max initcode size exceeded: code size {size}, limit {limit}"


class IntrinsicGasTooLow(Unlawful):
    """It cannot even begin."""

    text = "intrinsic gas too low: gas {gas}, minimum needed {needed}"


class FloorGasTooLow(Unlawful):
    """EIP-7623."""

    text = "insufficient gas for floor data gas cost: gas {gas}, minimum needed {needed}"


class TipAboveFeeCap(Unlawful):
    """It offers the beneficiary more than it offers in all."""

    text = "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: {tip}, maxFeePerGas: {fee}"


class NonceMax(Unlawful):
    """EIP-2681."""

    text = "nonce has max value: {nonce}"


class NoAuthorization(Unlawful):
    """EIP-7702."""

    text = "set code tx must have at least one authorization tuple"


class InvalidSender(Unlawful):
    """No key made the signature, or s is high (EIP-2)."""

    text = "invalid sender: {reason}"


class Refused(PoolError):
    """Lawful, but not wanted here and now."""

    fault = Fault.EARLY


class Oversized(Refused):
    """More bytes than this node pools."""

    text = "oversized data: transaction size {size}, limit {limit}"


class TipTooLow(Refused):
    """Less than this node asks for."""

    text = "transaction gas price below minimum: gas tip cap {tip}, minimum needed {needed}"


class GasAboveBlock(Refused):
    """The next block cannot hold it."""

    text = "exceeds block gas limit: gas {gas}, limit {limit}"


class AlreadyKnown(Refused):
    """It is in the pool."""

    text = "already known"


class NonceTooLow(Refused):
    """A block has a transaction of that sender with that nonce."""

    text = "nonce too low: next nonce {next}, tx nonce {nonce}"


class InsufficientFunds(Refused):
    """The sender has less than this one, and its others in the pool, may cost."""

    text = (
        "insufficient funds for gas * price + value: "
        "balance {balance}, queued cost {queued}, tx cost {cost}, overshot {overshot}"
    )


class SenderNotEoa(Refused):
    """The sender is a contract (EIP-3607)."""

    text = "sender not an eoa: address 0x{address}"


class ReplacementUnderpriced(Refused):
    """Another one has that nonce, and this one does not raise both fees enough."""

    text = "replacement transaction underpriced"


class AccountLimitExceeded(Refused):
    """One sender may hold only so much of the pool."""

    text = "account limit exceeded: pooled {count} txs"


class Underpriced(Refused):
    """The pool is full of better ones."""

    text = "transaction underpriced"


class FutureReplacesPending(Refused):
    """The pool is full of executable ones, and this one is not."""

    text = "future transaction tries to replace pending"


class PoolFull(Refused):
    """What would have to leave is what this one needs before it."""

    text = "txpool is full"


class InFlightLimitReached(Refused):
    """The account's code can empty it at any time: one transaction at a time (EIP-7702)."""

    text = "in-flight transaction limit reached for delegated accounts"


class GappedDelegated(Refused):
    """The one transaction of a delegated account has its next nonce."""

    text = "gapped-nonce tx from delegated accounts"


class AuthorityReserved(Refused):
    """It would delegate an account that has several transactions in the pool."""

    text = "authority already reserved"
