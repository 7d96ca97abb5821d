"""What the methods read: the chain as it is stored, and a few questions that the node answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from quip.chain.ports import ChainStore, StoredBlock
from quip.chain.template import Template
from quip.consensus.execution.simulation import CallLimits
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.header import Header
from quip.ising.puzzle import Puzzle
from quip.rpc.errors import CallFailed
from quip.rpc.params import BlockRef


@dataclass(frozen=True, slots=True)
class NetworkView:
    """The network as the methods see it; by default that of a node that does not run."""

    listening: Callable[[], bool] = lambda: False
    """Can peers reach it?"""
    peers: Callable[[], list[dict[str, Any]]] = list
    """The joined peers."""
    syncing: Callable[[], dict[str, Any] | None] = lambda: None
    """How far a sync is; None while there is none."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """The node's side: what is not in the store."""

    version: str
    """As web3_clientVersion says it."""
    now: Callable[[], int]
    """Unix seconds."""
    buried: Callable[[str], bytes]
    """Hash of the `safe` or `finalized` block."""
    pending: Callable[[], Template]
    """The block that would be mined now, without its seed and nonce."""
    status: Callable[[], dict[str, Any]]
    """What `quip status` shows beside the chain."""
    miners: Callable[[], list[dict[str, Any]]]
    """This node's own miners."""
    network: NetworkView = field(default_factory=NetworkView)


@dataclass(frozen=True, slots=True)
class RpcView:
    """Everything that the methods read."""

    spec: ChainSpec
    spec_json: bytes
    puzzle: Puzzle
    store: ChainStore
    node: NodeView
    call_limits: CallLimits = field(default_factory=CallLimits)
    """What a call that nobody signed may cost; its flag is raised when the node stops."""

    def head(self) -> StoredBlock:
        """The canonical head."""
        head = self.store.head()
        block = None if head is None else self.store.block(head)
        if block is None:
            raise CallFailed("header not found")
        return block

    def head_header(self) -> Header:
        """The canonical head's header, without reading the rest of the block."""
        head = self.store.head()
        header = None if head is None else self.store.header(head)
        if header is None:
            raise CallFailed("header not found")
        return header

    def find(self, reference: BlockRef) -> StoredBlock | None:
        """The block of a reference; None where there is none. `pending` is the head here."""
        if reference.number is not None:
            found = self.store.canonical(reference.number)
        elif reference.hash is not None:
            return self._by_hash(reference)
        elif reference.tag == "earliest":
            found = self.store.canonical(0)
        elif reference.tag in ("safe", "finalized"):
            return self.store.block(self.node.buried(reference.tag))
        else:
            return self.head()
        return None if found is None else self.store.block(found)

    def need(self, reference: BlockRef) -> StoredBlock:
        """As `find`, but a block that is not there is an error, in go-ethereum's words."""
        block = self.find(reference)
        if block is None:
            raise CallFailed("header for hash not found" if reference.hash else "header not found")
        return block

    def _by_hash(self, reference: BlockRef) -> StoredBlock | None:
        block = self.store.block(reference.hash or b"")
        if block is None or not reference.require_canonical:
            return block
        if self.store.canonical(block.header.number) != reference.hash:
            raise CallFailed("hash is not currently canonical")
        return block
