"""A real pool behind the network's port, in line: what the node does with a thread and a queue."""

from collections.abc import Callable, Iterable

from quip.chain.mempool.errors import PoolError, Unlawful
from quip.chain.mempool.pool import Pool
from quip.chain.mempool.pooled import PooledTransaction
from quip.net.events import Event, TransactionInvalid, TransactionsReady
from quip.net.wire.messages import TransactionClaim
from quip.primitives.hashes import keccak256
from support.overlays import Net, Node


class PoolNode:
    """`quip.net.ports.TransactionPool` over a pool. `happened` takes the overlay's events."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.happened: Callable[[Event], None] = lambda event: None
        self.fetched: list[tuple[int, bytes]] = []

    def wants(self, kind: int, size: int, transaction_hash: bytes) -> bool:
        return self.pool.wants(kind, size, transaction_hash)

    def get(self, transaction_hash: bytes) -> bytes | None:
        found = self.pool.get(transaction_hash)
        return None if found is None else found.signed.encoded

    def inventory(self) -> Iterable[TransactionClaim]:
        return [claim_of(one) for one in self.pool.inventory()]

    def offered(self, peer: int, transactions: tuple[bytes, ...]) -> None:
        self.fetched += [(peer, one) for one in transactions]
        for encoded, found in zip(transactions, self.pool.add(transactions), strict=True):
            if isinstance(found, Unlawful):
                self.happened(TransactionInvalid(peer, keccak256(encoded), str(found)))
        self.tell()

    def send(self, *encoded: bytes) -> None:
        """From the node's own user."""
        errors = [one for one in self.pool.add(encoded) if isinstance(one, PoolError)]
        assert errors == []
        self.tell()

    def tell(self) -> None:
        """Peers hear of what has become executable."""
        if ready := self.pool.drain().ready:
            self.happened(TransactionsReady(tuple(claim_of(one) for one in ready)))

    @property
    def hashes(self) -> set[bytes]:
        return {one.hash for one in self.pool.inventory()}


def claim_of(transaction: PooledTransaction) -> TransactionClaim:
    return transaction.kind, transaction.size, transaction.hash


def with_pool(net: Net, pool: Pool, *peers: Node) -> tuple[Node, PoolNode]:
    """A node with a pool, which dials others."""
    held = PoolNode(pool)
    node = net.add(*(peer.address for peer in peers), target_outbound=0, pool=held)
    held.happened = lambda event: net.give(node, event)
    return node, held
