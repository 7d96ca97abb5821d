"""The state transition: transactions in order, then the payments, then the header's claims about the outcome.

    body -> senders -> environment -> the parent's state executes -> outcome == the header's claims

The state comes in as a handle (`StateReader`), which runs the block natively, and leaves as a `StateUpdate`; nothing is
written here. What this file does not do: it knows no opcode (crates/evm does).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quip._native import evm
from quip._native.store import StateMissing
from quip.consensus.errors.body import (
    InvalidTransaction,
    NotExecutable,
    WrongBody,
    WrongGasUsed,
    WrongLogsBloom,
    WrongOmmers,
    WrongReceiptsRoot,
    WrongStateRoot,
)
from quip.consensus.errors.header import StateNotKept
from quip.consensus.execution.gas import MIN_TRANSACTION_GAS
from quip.consensus.execution.rewards import Payment
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.account_state import BuildLimits, StateReader, StateUpdate
from quip.consensus.types.block import readable, transactions_root
from quip.consensus.types.header import EMPTY_TRIE_ROOT, Header
from quip.consensus.types.ommer import Ommer, ommers_hash
from quip.consensus.types.transaction import SignedTransaction
from quip.ising.puzzle import Puzzle
from quip.primitives.hashes import keccak256

RANDAO_PREFIX = b"quip/randao/v1"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a block's transactions are run in, beside its parent's state."""

    spec: ChainSpec
    puzzle: Puzzle
    header: Header
    """Of the block. Its claims about the outcome are not read."""
    parent_mix_hash: bytes
    """32 bytes; PREVRANDAO follows from it."""
    payments: Sequence[Payment]

    def native(self, transactions: int) -> evm.Block:
        """As execution takes it. The graph, which takes most of a second to make, is there for transactions only.

        Raises NotExecutable.
        """
        graph = self.puzzle.graph if transactions else None
        ternary = bool(transactions) and self.puzzle.rules.fields == "ternary"
        header = self.header
        fields = (
            header.number,
            header.parent_hash,
            header.beneficiary,
            header.timestamp,
            header.gas_limit,
            header.base_fee_per_gas,
            randomness(self.parent_mix_hash),
        )
        try:
            environment = evm.Environment(fields)
        except ValueError as error:
            raise NotExecutable(reason=str(error)) from error
        rules = evm.Rules(self.spec.evm_fork, self.spec.chain_id, graph, ternary)
        return evm.Block(rules, environment, [(one.address, one.amount) for one in self.payments])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What executing a block gives."""

    state: StateUpdate
    receipts_root: bytes
    logs_bloom: bytes
    gas_used: int
    receipts: bytes
    """RLP list: a legacy receipt as its list, another as the string of its EIP-2718 bytes."""


@dataclass(frozen=True, slots=True)
class Built:
    """A body that was chosen, and its outcome."""

    outcome: Outcome
    transactions: tuple[bytes, ...]
    transactions_root: bytes
    refused: tuple[tuple[bytes, str], ...]
    """(hash, reason) of candidates that are not lawful here."""


def randomness(parent_mix_hash: bytes) -> bytes:
    """PREVRANDAO: of the parent's seed, since the block's own depends on the state root that depends on it."""
    return keccak256(RANDAO_PREFIX + parent_mix_hash)


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


def execute(setting: Setting, state: StateReader, transactions: Sequence[bytes]) -> Outcome:
    """Run a block on its parent's state. Raises InvalidTransaction, NotExecutable, StateNotKept."""
    block = setting.native(len(transactions))
    try:
        return _outcome(state.execute(block, recovered(transactions)))
    except StateMissing as error:
        raise StateNotKept(parent=f"0x{setting.header.parent_hash.hex()}") from error
    except evm.InvalidTransaction as error:
        raise InvalidTransaction(index=error.index, reason=str(error)) from error
    except ValueError as error:
        raise NotExecutable(reason=str(error)) from error


def build(setting: Setting, state: StateReader, candidates: Sequence[SignedTransaction], limits: BuildLimits) -> Built:
    """Choose a body for a block on its parent's state. Raises NotExecutable, evm.Cancelled."""
    block = setting.native(len(candidates))
    try:
        executed, places, root, refused = state.build(block, candidates, limits)
    except ValueError as error:
        raise NotExecutable(reason=str(error)) from error
    return Built(
        outcome=_outcome(executed),
        transactions=tuple(candidates[place].encoded for place in places),
        transactions_root=root,
        refused=tuple((candidates[place].hash, reason) for place, reason in refused),
    )


def recovered(transactions: Sequence[bytes]) -> list[SignedTransaction]:
    """Decoded, each with its sender, on all cores. Raises InvalidTransaction for the first that is none."""
    lawful: list[SignedTransaction] = []
    for index, found in enumerate(evm.recover(transactions) if transactions else ()):
        if isinstance(found, str):
            raise InvalidTransaction(index=index, reason=found)
        lawful.append(found)
    return lawful


def _outcome(executed: evm.Executed) -> Outcome:
    return Outcome(executed.state, executed.receipts_root, executed.logs_bloom, executed.gas_used, executed.receipts)


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
