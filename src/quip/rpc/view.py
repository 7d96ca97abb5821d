"""What the methods read: the chain as it is stored, and a few questions that the node answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from quip.chain.ports import StoredBlock
from quip.chain.template import Template
from quip.consensus.execution.simulation import CallLimits
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.header import Header
from quip.consensus.types.transaction import SignedTransaction
from quip.ising.puzzle import Puzzle
from quip.rpc.arrivals import Arrivals
from quip.rpc.developer_view import DeveloperView
from quip.rpc.errors import CallFailed
from quip.rpc.filter_table import FilterTable
from quip.rpc.news import News
from quip.rpc.params import LATEST, BlockRef
from quip.storage.chain_store import RedbChainStore
from quip.storage.state import StoredState


@dataclass(frozen=True, slots=True)
class NetworkView:
    """The network as the methods see it; by default that of a node that does not run."""

    listening: Callable[[], bool] = lambda: False
    """Can peers reach it?"""
    peers: Callable[[], list[dict[str, Any]]] = list
    """The joined peers."""
    syncing: Callable[[], dict[str, Any] | None] = lambda: None
    """How far a sync is; None while there is none."""


Queues: TypeAlias = Mapping[bytes, tuple[Sequence[SignedTransaction], Sequence[SignedTransaction]]]
"""By sender: (executable, waiting for a nonce or for funds), each by nonce."""


def _no_pool(_encoded: bytes) -> bytes:
    raise CallFailed("this node takes no transactions: it has no pool")


@dataclass(frozen=True, slots=True)
class PoolView:
    """Transactions that are in no block, as the methods see them; by default those of a node without a pool.

    Any thread may call these.
    """

    submit: Callable[[bytes], bytes] = _no_pool
    """Takes a transaction's encoding; its hash. Raises a RuleError, whose text the caller is told."""
    get: Callable[[bytes], SignedTransaction | None] = lambda _hash: None
    """One by its hash."""
    next_nonce: Callable[[bytes], int | None] = lambda _address: None
    """Of an account's next transaction, after those that are executable; None: nobody knows better than the state."""
    counts: Callable[[], tuple[int, int]] = lambda: (0, 0)
    """(executable, waiting)."""
    content: Callable[[], Queues] = dict
    """All of them."""
    arrivals: Arrivals = field(default_factory=Arrivals)
    """Where the pool writes what has become executable."""


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
    pool: PoolView = field(default_factory=PoolView)
    news: News = field(default_factory=News)
    """Told of every new head."""
    developer: DeveloperView | None = None
    """Where blocks are made on demand."""


@dataclass(frozen=True, slots=True)
class RpcView:
    """Everything that the methods read."""

    spec: ChainSpec
    spec_json: bytes
    puzzle: Puzzle
    store: RedbChainStore
    node: NodeView
    filters: FilterTable = field(default_factory=FilterTable)
    """What callers have asked to be told the changes of."""
    call_limits: CallLimits = field(default_factory=CallLimits)
    """What a call that nobody signed may cost; its flag is raised when the node stops."""

    def head(self) -> StoredBlock:
        """The canonical head."""
        return self.need(LATEST)

    def head_header(self) -> Header:
        """The canonical head's header, without reading the rest of the block."""
        return self.need_header(LATEST)

    def find(self, reference: BlockRef) -> StoredBlock | None:
        """The block of a reference; None where there is none. `pending` is the head here."""
        found = self._hash_of(reference)
        return None if found is None else self.store.block(found)

    def need(self, reference: BlockRef) -> StoredBlock:
        """As `find`, but a block that is not there is an error, in go-ethereum's words."""
        block = self.find(reference)
        if block is None:
            raise _not_found(reference)
        return block

    def find_header(self, reference: BlockRef) -> Header | None:
        """As `find`, without reading the rest of the block."""
        found = self._hash_of(reference)
        return None if found is None else self.store.header(found)

    def need_header(self, reference: BlockRef) -> Header:
        """As `need`, without reading the rest of the block."""
        header = self.find_header(reference)
        if header is None:
            raise _not_found(reference)
        return header

    def state(self, reference: BlockRef) -> StoredState:
        """The state after a block; its methods raise StateMissing where that is not kept any more."""
        return self.store.state(self.need_header(reference).state_root)

    def _hash_of(self, reference: BlockRef) -> bytes | None:
        if reference.number is not None:
            return self.store.canonical(reference.number)
        if reference.hash is not None:
            if reference.require_canonical:
                self._check_canonical(reference.hash)
            return reference.hash
        if reference.tag == "earliest":
            return self.store.canonical(0)
        if reference.tag in ("safe", "finalized"):
            return self.node.buried(reference.tag)
        return self.store.head()

    def _check_canonical(self, block_hash: bytes) -> None:
        header = self.store.header(block_hash)
        if header is not None and self.store.canonical(header.number) != block_hash:
            raise CallFailed("hash is not currently canonical")


def _not_found(reference: BlockRef) -> CallFailed:
    return CallFailed("header for hash not found" if reference.hash else "header not found")
