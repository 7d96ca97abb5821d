"""Transactions and blocks run on the store's states: Ethereum's rules of the fork that is named (crates/evm)."""

from collections.abc import Sequence

from quip._native.ising import CancelFlag, Graph
from quip._native.state import StagedStates, States, StateUpdate

class InvalidTransaction(Exception):
    """A transaction of a block breaks a rule, which the message names."""

    index: int
    """Its place in the block."""

class Cancelled(Exception):
    """The flag that was passed was raised."""

class Rules:
    """What is the same for every block of a chain."""

    def __init__(self, fork: str, chain_id: int, graph: Graph | None = None, ternary: bool = False) -> None:
        """`fork`: shanghai, cancun, prague or osaka. With a graph there are the chain's own precompiled contracts, and
        isingEnergy draws its instances on it. ValueError: no such fork."""

class Environment:
    """What a block tells its transactions."""

    def __init__(self, fields: tuple[int, bytes, bytes, int, int, int, bytes]) -> None:
        """(number, parent's hash, beneficiary, timestamp, gas limit, base fee in wei, PREVRANDAO)."""

class Transaction:
    """A signed transaction of type 0, 1, 2 or 4."""

    hash: bytes
    """keccak256 of the encoding, 32 bytes."""
    sender: bytes
    """Who signed it, 20 bytes."""
    encoded: bytes
    """EIP-2718, as in a block."""
    kind: int
    """Its type."""
    authorities: list[bytes]
    """Who signed its authorizations (EIP-7702), 20 bytes each, without those that nobody signed."""

    def intrinsic_gas(self, rules: Rules) -> int:
        """Gas that it takes before it does anything, or for its bytes (EIP-7623). ValueError: its limit is less."""

class Decoded:
    """A well-formed transaction of type 0, 1, 2 or 4; nobody has looked at its signature yet."""

    hash: bytes
    """keccak256 of the encoding, 32 bytes."""
    kind: int
    """Its type."""
    size: int
    """Bytes of the encoding."""
    chain_id: int | None
    """None: a legacy one that says no chain (EIP-155)."""
    nonce: int
    gas_limit: int
    max_fee_per_gas: int
    """Wei, base fee included; of older types the gas price."""
    max_priority_fee_per_gas: int
    """Wei to the beneficiary; of older types the gas price."""
    value: int
    """Wei."""
    data_size: int
    """Bytes of data or init code."""
    creates: bool
    """Makes a contract."""
    authorizations: int
    """How many (EIP-7702)."""

    def initial_gas(self, rules: Rules) -> tuple[int, int]:
        """(gas that it takes before it does anything, the least that its bytes cost by EIP-7623)."""

class Block:
    """What a block's outcome follows from, beside its parent's state and its transactions."""

    def __init__(self, rules: Rules, environment: Environment, payments: Sequence[tuple[bytes, int]]) -> None:
        """`payments`: wei to addresses, in order, after the transactions; one of nothing touches no account."""

class Parent:
    """The state that a block is run on, and the headers below it: those in the store, and the staged ones."""

    def __init__(self, states: States, root: bytes, staged: StagedStates | None = None) -> None: ...

class Executed:
    """What a block does. Nothing is written."""

    root: bytes
    """Of the state after it, 32 bytes."""
    state: StateUpdate
    """What the block makes of its parent's state."""
    receipts_root: bytes
    """32 bytes."""
    logs_bloom: bytes
    """256 bytes."""
    gas_used: int
    fees: int
    """Wei of priority fees that the beneficiary got."""
    receipts: bytes
    """RLP list: a legacy receipt as its list, another as the string of its EIP-2718 bytes."""

def recover(encoded: Sequence[bytes]) -> list[Transaction | str]:
    """Decodes transactions and recovers their senders, on all cores, each by itself: it, or why it is none."""

def decode(encoded: Sequence[bytes]) -> list[Decoded | str]:
    """Reads transactions, each by itself: it, or why the bytes are none."""

def recover_decoded(decoded: Sequence[Decoded]) -> list[Transaction | str]:
    """Recovers the senders of transactions that are read already, on all cores, each by itself."""

def verify(
    parent: Parent, block: Block, transactions: Sequence[Transaction], cancel: CancelFlag | None = None
) -> Executed:
    """Runs a block that somebody built. InvalidTransaction: the block is bad; Cancelled; StoreCorrupt; ValueError: no
    lawful header has such values."""

def build(
    parent: Parent,
    block: Block,
    candidates: Sequence[Transaction],
    max_bytes: int,
    limit_ms: int,
    cancel: CancelFlag | None = None,
) -> tuple[Executed, list[int], bytes, list[tuple[int, str]]]:
    """Builds a block of the candidates that are lawful, in order, until it is full or the time is over.

    (outcome, places of those in it, transactions root, (place, reason) of those refused). A refused one bars its
    sender's later ones. Cancelled, StoreCorrupt."""
