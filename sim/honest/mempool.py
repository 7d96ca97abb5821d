"""A node's transaction pool in a simulation, and what its users send.

What this file does not do: blocks have no transactions, so nothing is ever mined, and everybody is rich.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from quip.chain.mempool.errors import Unlawful
from quip.chain.mempool.pool import Pool
from quip.chain.mempool.pooled import PooledTransaction
from quip.chain.mempool.ports import SenderState
from quip.consensus.spec.chain_spec import ChainSpec
from quip.net.events import Event, TransactionInvalid, TransactionsReady
from quip.net.wire.messages import TransactionClaim
from quip.primitives import ecdsa, rlp
from quip.primitives.hashes import keccak256

GWEI = 10**9


def transfer(secret: bytes, chain_id: int, nonce: int, tip: int) -> bytes:
    """A signed transfer of one wei at up to 100 gwei a gas (EIP-1559)."""
    number = rlp.int_to_bytes
    head = [number(chain_id), number(nonce), number(tip), number(100 * GWEI), number(21_000)]
    fields: list[rlp.Item] = [*head, b"\x35" * 20, number(1), b"", []]
    signature = ecdsa.sign(secret, keccak256(b"\x02" + rlp.encode(fields)))
    r, s = signature[:32].lstrip(b"\0"), signature[32:64].lstrip(b"\0")
    return b"\x02" + rlp.encode([*fields, number(signature[64]), r, s])


class Riches:
    """A head at which everybody has the same, and has sent nothing."""

    base_fee = GWEI
    gas_limit = 30_000_000

    def sender(self, address: bytes) -> SenderState:
        """The account of any address."""
        return SenderState(0, 10**30)


class SimPool:
    """`quip.net.ports.TransactionPool`, which judges at once; `happened` takes the overlay's events."""

    def __init__(self, spec: ChainSpec, happened: Callable[[Event], None]) -> None:
        self._pool = Pool(spec, Riches())
        self._happened = happened

    @property
    def executable(self) -> set[bytes]:
        """Hashes of what it would put into a block."""
        return {one.hash for one in self._pool.best()}

    def wants(self, kind: int, size: int, transaction_hash: bytes) -> bool:
        """As the pool says."""
        return self._pool.wants(kind, size, transaction_hash)

    def get(self, transaction_hash: bytes) -> bytes | None:
        """The bytes of one that it holds."""
        found = self._pool.get(transaction_hash)
        return None if found is None else found.signed.encoded

    def inventory(self) -> Iterable[TransactionClaim]:
        """What it would announce."""
        return map(_claim, self._pool.inventory())

    def offered(self, peer: int, transactions: tuple[bytes, ...]) -> None:
        """Fetched from a peer."""
        for encoded, found in zip(transactions, self._pool.add(transactions), strict=True):
            if isinstance(found, Unlawful):
                self._happened(TransactionInvalid(peer, keccak256(encoded), str(found)))
        self._tell()

    def send(self, encoded: bytes) -> None:
        """From the node's own user."""
        self._pool.add([encoded])
        self._tell()

    def _tell(self) -> None:
        if ready := self._pool.drain().ready:
            self._happened(TransactionsReady(tuple(map(_claim, ready))))


def _claim(transaction: PooledTransaction) -> TransactionClaim:
    return transaction.kind, transaction.size, transaction.hash
