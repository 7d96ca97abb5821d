"""What the network needs from the outside beside bytes and time: the chain to read, and a place to remember peers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from quip.chain.events import Head
from quip.chain.ports import Part, StoredBlock
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.net.address import Address
from quip.net.wire.messages import TransactionClaim


class ChainView(Protocol):
    """The verified chain, read only; every call may come from any thread."""

    @property
    def spec(self) -> ChainSpec:
        """The network's rules."""
        ...

    @property
    def head(self) -> Head:
        """The canonical chain's last block."""
        ...

    @property
    def genesis_hash(self) -> bytes:
        """Hash of block 0."""
        ...

    def header(self, block_hash: bytes) -> Header | None:
        """Of any verified block."""
        ...

    def context(self, block_hash: bytes) -> BlockContext | None:
        """Of any verified block."""
        ...

    def canonical(self, number: int) -> bytes | None:
        """Hash of the canonical block of that number."""
        ...

    def block(self, block_hash: bytes) -> StoredBlock | None:
        """Any verified block, whole."""
        ...

    def encoded(self, part: Part, block_hash: bytes) -> bytes | None:
        """The RLP of a part of any verified block."""
        ...

    def fork_number(self, block_hash: bytes) -> int | None:
        """Number of the canonical block that a verified block's branch leaves at (its own if canonical)."""
        ...

    def is_invalid(self, block_hash: bytes) -> bool:
        """True if the hash was judged invalid."""
        ...


class TransactionPool(Protocol):
    """Pending transactions, by hash. Called on the loop: nothing here may take long."""

    def wants(self, kind: int, size: int, transaction_hash: bytes) -> bool:
        """True if an announced transaction should be fetched."""
        ...

    def get(self, transaction_hash: bytes) -> bytes | None:
        """EIP-2718 bytes."""
        ...

    def inventory(self) -> Iterable[TransactionClaim]:
        """All that may be announced: the executable ones."""
        ...

    def offered(self, peer: int, transactions: tuple[bytes, ...]) -> None:
        """Fetched from a peer; the pool checks them itself, elsewhere. What becomes of them are events of the overlay:
        TransactionsReady, and TransactionInvalid if the peer is to blame."""
        ...


class EmptyPool:
    """Holds nothing and wants nothing: for a node without a pool."""

    def wants(self, kind: int, size: int, transaction_hash: bytes) -> bool:
        """Never."""
        return False

    def get(self, transaction_hash: bytes) -> bytes | None:
        """Nothing."""
        return None

    def inventory(self) -> Iterable[TransactionClaim]:
        """Nothing."""
        return ()

    def offered(self, peer: int, transactions: tuple[bytes, ...]) -> None:
        """Ignored."""


@dataclass(frozen=True, slots=True)
class Ban:
    """A node or netgroup that is banned until a time."""

    subject: str
    """"node:<64 hex digits>" or "net:<netgroup>"."""
    until_unix_s: int
    reason: str
    offences: int
    """How often this subject was banned; the time grows with it."""


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """One row of the address book."""

    address: Address
    source: str
    """Netgroup of who told us."""
    tried: bool
    """We have been connected to it."""
    last_success_unix_s: int
    last_attempt_unix_s: int
    attempts: int
    """Failed dials since the last success."""
    last_seen_unix_s: int


class PeerStorage(Protocol):
    """Survives a restart. Small and quick; each call is durable when it returns."""

    def pin_of(self, address: Address) -> bytes | None:
        """The node id that this address is bound to (trust on first use)."""
        ...

    def pin(self, address: Address, node_id: bytes) -> None:
        """Bind it."""
        ...

    def bans(self) -> list[Ban]:
        """All bans, expired ones too (their offences count) until a week after."""
        ...

    def save_ban(self, ban: Ban) -> None:
        """Add or replace."""
        ...

    def manual(self) -> list[str]:
        """host:port texts that the operator added by `quip peers add`."""
        ...

    def addresses(self) -> list[KnownAddress]:
        """The address book as last saved."""
        ...

    def save_addresses(self, rows: list[KnownAddress], anchors: list[Address]) -> None:
        """Replace the saved address book and anchors."""
        ...

    def anchors(self) -> list[Address]:
        """Outbound peers of the last run, to be dialled first."""
        ...
