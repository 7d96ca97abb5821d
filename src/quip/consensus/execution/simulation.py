"""Questions about a state: what a call would do, how much gas it needs, which access list it should have.

Nobody signs such a call and nothing is written, so that the law's checks are relaxed as in go-ethereum's eth_call: no
nonce is compared, the sender may be a contract, the gas limit may be above the block's; where no fee is offered, the
base fee is 0. The sender must have the value, and the fee that it offers. Errors are in go-ethereum's words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from quip._native import simulate
from quip._native.ising import CancelFlag
from quip._native.simulate import Refused, Stopped
from quip.consensus.execution.transition import Setting
from quip.consensus.types.account_state import StateReader

__all__ = [
    "AccountOverride",
    "Authorization",
    "BlockOverride",
    "Call",
    "CallLimits",
    "Called",
    "Failure",
    "Listed",
    "Overrides",
    "Question",
    "Refused",
    "Stopped",
]

GAS_CAP = 50_000_000
"""As in go-ethereum."""
TIME_LIMIT = 5_000
"""Milliseconds, as in go-ethereum."""
NO_ADDRESS = bytes(20)


@dataclass(frozen=True, slots=True)
class Authorization:
    """Lets an account's transactions be run with another's code (EIP-7702)."""

    chain_id: int
    """0: any."""
    address: bytes
    """Whose code, 20 bytes."""
    nonce: int
    parity: int
    r: int
    s: int


@dataclass(frozen=True, slots=True)
class Call:
    """A transaction as its sender would wish it. Its nonce is the account's."""

    sender: bytes = NO_ADDRESS
    to: bytes | None = None
    """None: it creates a contract."""
    gas: int | None = None
    """None: as much as is allowed."""
    max_fee: int = 0
    """Wei per gas at most; 0 asks for no fee at all. A gas price is `max_fee` and `tip` both."""
    tip: int = 0
    """Wei per gas for the beneficiary."""
    value: int = 0
    """Wei."""
    data: bytes = b""
    access_list: Sequence[tuple[bytes, Sequence[bytes]]] = ()
    """(address, slots), EIP-2930."""
    authorizations: Sequence[Authorization] | None = None
    """None: no transaction of that type."""

    def native(self) -> simulate.Call:
        """As native code takes it. Raises ValueError for fees of 2^128 wei a gas or more."""
        fields = (self.gas, self.max_fee, self.tip, self.value, self.data)
        signed = self.authorizations
        authorizations = (
            None
            if signed is None
            else [(one.chain_id, one.address, one.nonce, one.parity, one.r, one.s) for one in signed]
        )
        return simulate.Call(self.sender, self.to, fields, self.access_list, authorizations)


@dataclass(frozen=True, slots=True)
class AccountOverride:
    """How an account differs from what it is; None: as it is. A precompiled contract is none any more."""

    balance: int | None = None
    """Wei."""
    nonce: int | None = None
    code: bytes | None = None
    state: Mapping[bytes, bytes] | None = None
    """All of its storage, slot -> value, 32 bytes each."""
    state_diff: Mapping[bytes, bytes] = field(default_factory=dict, hash=False)
    """The slots that differ, where `state` is None."""


@dataclass(frozen=True, slots=True)
class BlockOverride:
    """How the block differs from what it is; None: as it is."""

    number: int | None = None
    timestamp: int | None = None
    gas_limit: int | None = None
    beneficiary: bytes | None = None
    randomness: bytes | None = None
    """PREVRANDAO, 32 bytes."""
    base_fee: int | None = None
    """Wei per gas."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """Everything that is otherwise than on the chain."""

    accounts: Mapping[bytes, AccountOverride] = field(default_factory=dict, hash=False)
    block: BlockOverride = BlockOverride()

    def native(self) -> simulate.Overrides:
        """As native code takes them."""
        accounts = []
        for address, one in self.accounts.items():
            slots = one.state_diff if one.state is None else one.state
            whole = one.state is not None
            accounts.append((address, one.balance, one.nonce, one.code, whole, list(slots.items())))
        block = self.block
        fields = (block.number, block.timestamp, block.gas_limit, block.beneficiary, block.randomness, block.base_fee)
        return simulate.Overrides(accounts, fields)


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How much a question may cost."""

    gas: int = GAS_CAP
    """No call gets more."""
    milliseconds: int = TIME_LIMIT
    cancel: CancelFlag = field(default_factory=CancelFlag)
    """Raised by whoever no longer wants any answer."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call that was run did not succeed."""

    text: str
    data: bytes | None
    """What it reverted with; None where it did not."""


@dataclass(frozen=True, slots=True)
class Called:
    """What a call came to."""

    output: bytes
    gas_used: int
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Listed:
    """An access list, and what the call does with it."""

    access_list: Sequence[tuple[bytes, Sequence[bytes]]]
    gas_used: int
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Question:
    """A block and its state, as calls want them.

    Every method raises Refused (the call cannot begin), Stopped, StateMissing (the state is not kept), and ValueError
    or NotExecutable for values that no block has.
    """

    setting: Setting
    """The block that the calls are in. Its payments are not made."""
    state: StateReader
    """What they see."""
    overrides: Overrides = Overrides()
    limits: CallLimits = field(default_factory=CallLimits)

    def call(self, call: Call) -> Called:
        """What it does."""
        output, gas_used, failure = self._native().call(call.native(), self.limits.cancel)
        return Called(output, gas_used, _failure(failure))

    def estimate(self, call: Call) -> int:
        """A gas limit with which it succeeds, at most 1.5 % above the least. Refused, too, where there is none."""
        return self._native().estimate(call.native(), self.limits.cancel)

    def access_list(self, call: Call) -> Listed:
        """What it touches beside what is warm anyway, sorted."""
        items, gas_used, failure = self._native().access_list(call.native(), self.limits.cancel)
        return Listed(items, gas_used, _failure(failure))

    def trace(self, call: Call, options: str) -> str:
        """What it does, in JSON, as go-ethereum's tracing options (JSON too) want it told. Refused, too, for options
        that cannot be had."""
        return self._native().trace(call.native(), options, self.limits.cancel)

    def _native(self) -> simulate.Simulation:
        block = self.setting.native(1)  # with the chain's own contracts, which want the graph
        limits = self.limits
        return simulate.Simulation(self.state.native, block, self.overrides.native(), limits.gas, limits.milliseconds)


def _failure(found: tuple[str, bytes | None] | None) -> Failure | None:
    return None if found is None else Failure(*found)
