"""What the chain needs from the outside: a store and a signer. The shell above provides both."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from quip.consensus.execution.rewards import Rewards
from quip.consensus.types.account_state import StateReader, StateUpdate
from quip.consensus.types.ancestry import IncludedOmmer
from quip.consensus.types.block import Block
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.consensus.types.ommer import Ommer
from quip.consensus.types.seal import Seal
from quip.primitives import rlp
from quip.primitives.hybrid import HybridKeys

NO_RECEIPTS = rlp.encode([])
"""Of a block without transactions."""


@dataclass(frozen=True, slots=True)
class StoredOmmer:
    """A lawful ommer of a stored block."""

    included: IncludedOmmer
    seal: Seal
    """The witness this node holds."""


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A fully verified block with everything that its children need."""

    header: Header
    transactions: tuple[bytes, ...]
    """EIP-2718 transactions; a legacy one is its RLP list."""
    seal: Seal | None
    """The witness this node holds; None for genesis only."""
    context: BlockContext
    ommers: tuple[StoredOmmer, ...] = ()
    rewards: Rewards | None = None
    """What it paid; None where the spec has no ommers: that follows from header and context then."""

    @property
    def block(self) -> Block:
        """As it travels."""
        ommers = tuple(Ommer(ommer.included.header, ommer.seal) for ommer in self.ommers)
        return Block(self.header, self.transactions, self.seal, ommers)


@dataclass(frozen=True, slots=True)
class TransactionPlace:
    """Where a transaction is on the canonical chain."""

    block_hash: bytes
    index: int
    """0 for the block's first."""


class Part(Enum):
    """What of a block can be had without the rest of it, as RLP."""

    HEADER = "header"
    BODY = "body"
    """[transactions, ommers]: each transaction a byte string, legacy ones too, each ommer a pair [header, seal]."""
    SEAL = "seal"
    """None for genesis. Of an ommer too."""
    RECEIPTS = "receipts"
    """A list: a legacy receipt as its list, another as the string of its EIP-2718 bytes."""


@dataclass(frozen=True, slots=True)
class MinerTotals:
    """What one miner id did on the canonical chain."""

    miner_id: bytes
    """20 bytes."""
    blocks: int
    """Canonical blocks sealed."""
    earned: int
    """What canonical blocks paid for its blocks and ommers, in wei (to whatever beneficiary)."""

    @property
    def is_empty(self) -> bool:
        """Nothing is left of it: no entry in the store."""
        return not self.blocks and not self.earned


@dataclass(frozen=True, slots=True)
class ImportChange:
    """Everything one accepted block changes on disk: written wholly or not at all."""

    block: StoredBlock
    state: StateUpdate
    """What it makes of its parent's state."""
    head: bytes | None
    """Hash of the new canonical head; None where the head stays."""
    canonical: tuple[tuple[int, bytes | None], ...]
    """Changes of the index number -> canonical hash; None removes the number."""
    miner_totals: tuple[MinerTotals, ...]
    """New totals of the miners whose totals change; an empty one removes the entry."""
    receipts: bytes = NO_RECEIPTS
    """RLP list of the block's receipts, one each of its transactions."""
    transactions: tuple[tuple[bytes, TransactionPlace | None], ...] = ()
    """Changes, in order, of the index transaction hash -> its place on the canonical chain; None removes the hash."""


class StateScratch(Protocol):
    """States on top of a store's, before they are written."""

    def state(self, root: bytes) -> StateReader:
        """The state at a root that is stored or was kept."""

    def keep(self, header: Header, update: StateUpdate) -> None:
        """Remember a block's header, and the state that it makes of its parent's."""


class OmmerReads(Protocol):
    """Ommers, by the block that includes them or by themselves."""

    def of(self, block_hash: bytes) -> tuple[IncludedOmmer, ...]:
        """Those that a block includes."""

    def get(self, block_hash: bytes) -> Ommer | None:
        """A block, or a block's ommer, as another block may show it."""


class BlockReads(Protocol):
    """Blocks by hash, and the index of the canonical ones."""

    def block(self, block_hash: bytes) -> StoredBlock | None:
        """The whole block, side branches included."""

    def header(self, block_hash: bytes) -> Header | None:
        """Only its header."""

    def context(self, block_hash: bytes) -> BlockContext | None:
        """Only its context."""

    def encoded(self, part: Part, block_hash: bytes) -> bytes | None:
        """The RLP of a part of a block."""

    @property
    def ommers(self) -> OmmerReads:
        """The ommers of stored blocks."""

    def rewards(self, block_hash: bytes) -> Rewards | None:
        """What a stored block paid; None where the spec has no ommers."""

    def canonical(self, number: int) -> bytes | None:
        """Hash of the canonical block of that number."""

    def state(self, root: bytes) -> StateReader:
        """The state at a root that some stored block has: the head's, or another that is kept."""

    def transaction(self, transaction_hash: bytes) -> TransactionPlace | None:
        """Where a transaction is on the canonical chain; None: nowhere."""

    def miner(self, miner_id: bytes) -> MinerTotals | None:
        """The totals of one miner id."""


class ChainStore(BlockReads, Protocol):
    """The durable block tree. Every answer is what the last `commit` left, also after a crash."""

    def head(self) -> bytes | None:
        """Hash of the canonical head; None for a store without a genesis block."""

    def scratch(self) -> StateScratch:
        """A place for states that are not written yet."""

    def commit(self, *changes: ImportChange) -> None:
        """Write all changes, in order, in one atomic, durable transaction."""

    @property
    def miners(self) -> list[MinerTotals]:
        """The totals of every miner id with a canonical block."""

    @property
    def tips(self) -> list[bytes]:
        """Hashes of the stored blocks without a stored child."""


class BlockSigner(Protocol):
    """A mining identity that signs blocks. The same hash twice gives the same bytes."""

    @property
    def keys(self) -> HybridKeys:
        """The identity's public keys, suite 0x02."""

    def sign_block(self, block_hash: bytes) -> tuple[bytes, bytes]:
        """(ECDSA signature r || s || v, XMSS signature) over the block digest of `block_hash`."""
