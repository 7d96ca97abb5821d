"""Calls that nobody signed, on any state that is kept: what they do, the gas they need, their access list (crates/evm).

Checks are relaxed as in go-ethereum's eth_call, and errors are in its words.
"""

from collections.abc import Sequence

from quip._native.evm import Block, Parent, Transaction
from quip._native.ising import CancelFlag

class Refused(Exception):
    """The call cannot begin, or no amount of gas lets it succeed."""

    data: bytes | None
    """What it reverted with; None where it did not."""

class Stopped(Exception):
    """A question that took too much."""

    reason: str
    """deadline, cancelled (the flag was raised), or size (of a trace)."""

class Call:
    """A transaction as its sender would wish it. Its nonce is the account's."""

    def __init__(
        self,
        sender: bytes,
        to: bytes | None,
        fields: tuple[int | None, int, int, int, bytes],
        access_list: Sequence[tuple[bytes, Sequence[bytes]]],
        authorizations: Sequence[tuple[int, bytes, int, int, int, int]] | None = None,
    ) -> None:
        """`to`: None creates a contract. `fields`: gas (None: as much as is allowed), wei per gas at most (0: no fee,
        and a base fee of 0), wei per gas for the beneficiary, wei, data. `access_list`: (address, slots).
        `authorizations`: (chain id, address, nonce, parity, r, s), EIP-7702.
        """

class Overrides:
    """What is otherwise than on the chain; None and the empty list: nothing."""

    def __init__(
        self,
        accounts: Sequence[
            tuple[bytes, int | None, int | None, bytes | None, bool | None, Sequence[tuple[bytes, bytes]]]
        ],
        block: tuple[int | None, int | None, int | None, bytes | None, bytes | None, int | None],
    ) -> None:
        """`accounts`: address, balance, nonce, code, whether the slots are all that it has, (slot, value) of 32 bytes
        each. An account that is named is no precompiled contract. `block`: number, timestamp, gas limit, beneficiary,
        PREVRANDAO, base fee.
        """

class Simulation:
    """A block and its state, as questions want them. The GIL is released while one is answered.

    Every question raises Stopped, StateMissing, StoreCorrupt, and ValueError where no block has such values.
    """

    def __init__(self, parent: Parent, block: Block, overrides: Overrides, gas: int, limit_ms: int) -> None:
        """`parent`: the state that is asked. `block`: its environment is the calls'; its payments are not made.
        `gas`: no call gets more. `limit_ms`: no question takes longer.
        """

    def call(self, call: Call, cancel: CancelFlag | None = None) -> tuple[bytes, int, tuple[str, bytes | None] | None]:
        """(output, gas used, why it failed and what it reverted with). Raises Refused where it cannot begin."""

    def estimate(self, call: Call, cancel: CancelFlag | None = None) -> int:
        """A gas limit with which the call succeeds, at most 1.5 % above the least. Raises Refused if there is none."""

    def access_list(
        self, call: Call, cancel: CancelFlag | None = None
    ) -> tuple[list[tuple[bytes, list[bytes]]], int, tuple[str, bytes | None] | None]:
        """(access list, gas used with it, why the call failed all the same), sorted. Raises Refused as `call`."""

    def trace(self, call: Call, options: str, cancel: CancelFlag | None = None) -> str:
        """What the call does, in JSON, as go-ethereum's options (JSON too) want it told. Raises Refused as `call`, and
        for options that cannot be had."""

def trace_block(
    parent: Parent,
    block: Block,
    transactions: Sequence[Transaction],
    wanted: tuple[str, int | None],
    limit_ms: int,
    cancel: CancelFlag | None = None,
) -> list[str]:
    """What the transactions of a block did, in JSON.

    `parent`: the state before the block. `wanted`: go-ethereum's options in JSON, and the only place whose trace is
    wanted. Raises Refused for options that cannot be had, Stopped, StateMissing, StoreCorrupt; ValueError where the
    block cannot be run.
    """
