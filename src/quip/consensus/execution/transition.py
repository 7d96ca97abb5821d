"""The state transition: transactions in order, then the reward, then the header's claims about the outcome.

The state comes in as a handle (`StateReader`) and leaves as a `StateUpdate`; nothing is written here. This version
has no EVM yet: a block with transactions is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quip.consensus.errors.body import (
    TransactionsUnsupported,
    WrongBody,
    WrongGasUsed,
    WrongLogsBloom,
    WrongOmmers,
    WrongReceiptsRoot,
    WrongStateRoot,
)
from quip.consensus.execution.gas import MIN_TRANSACTION_GAS
from quip.consensus.execution.rewards import Payment
from quip.consensus.types.account_state import StateReader, StateUpdate
from quip.consensus.types.block import readable, transactions_root
from quip.consensus.types.header import EMPTY_BLOOM, EMPTY_TRIE_ROOT, Header
from quip.consensus.types.ommer import Ommer, ommers_hash


@dataclass(frozen=True, slots=True)
class Outcome:
    """What executing a block gives."""

    state: StateUpdate
    receipts_root: bytes
    logs_bloom: bytes
    gas_used: int


def check_ommers_hash(header: Header, ommers: Sequence[Ommer]) -> None:
    """The ommers are the header's. Raises WrongOmmers, which spoils only the message."""
    found = ommers_hash(ommer.header for ommer in ommers)
    if found != header.ommers_hash:
        raise WrongOmmers(hash=f"0x{found.hex()}", expected=f"0x{header.ommers_hash.hex()}")


def check_body(header: Header, transactions: Sequence[bytes]) -> None:
    """The transactions are the header's, whose rules hold. Raises WrongBody, which spoils only the message."""
    count = len(transactions)
    # No trie is built for what cannot be the header's: one of a million items takes seconds.
    if count and header.transactions_root == EMPTY_TRIE_ROOT:
        raise WrongBody(root=f"that of {count} transactions", expected=f"0x{EMPTY_TRIE_ROOT.hex()}")
    if count * MIN_TRANSACTION_GAS > header.gas_limit:
        raise WrongBody(root=f"that of {count} transactions", expected=f"one of {header.gas_limit} gas at most")
    if not readable(transactions):
        raise WrongBody(root="that of transactions that no block can hold", expected="one of shallower lists, or fewer")
    root = transactions_root(transactions)
    if root != header.transactions_root:
        raise WrongBody(root=f"0x{root.hex()}", expected=f"0x{header.transactions_root.hex()}")


def execute(state: StateReader, payments: Sequence[Payment], transactions: Sequence[bytes]) -> Outcome:
    """Run a block on its parent's state. The header's own claims about the outcome are not read.

    Raises TransactionsUnsupported.
    """
    if transactions:
        raise TransactionsUnsupported(count=len(transactions))
    update = state.credit([(payment.address, payment.amount) for payment in payments])
    return Outcome(state=update, receipts_root=EMPTY_TRIE_ROOT, logs_bloom=EMPTY_BLOOM, gas_used=0)


def check_outcome(header: Header, outcome: Outcome) -> None:
    """The header claims exactly this outcome. Raises an ExecutionError."""
    if header.gas_used != outcome.gas_used:
        raise WrongGasUsed(claimed=header.gas_used, computed=outcome.gas_used)
    if header.receipts_root != outcome.receipts_root:
        raise WrongReceiptsRoot(claimed=f"0x{header.receipts_root.hex()}", computed=f"0x{outcome.receipts_root.hex()}")
    if header.logs_bloom != outcome.logs_bloom:
        raise WrongLogsBloom()
    if header.state_root != outcome.state.root:
        raise WrongStateRoot(claimed=f"0x{header.state_root.hex()}", computed=f"0x{outcome.state.root.hex()}")
