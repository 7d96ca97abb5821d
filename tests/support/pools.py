"""What tests ask of a pool."""

from quip.chain.mempool.errors import PoolError
from quip.chain.mempool.pool import Pool
from quip.chain.mempool.pooled import PooledTransaction
from support.pool_wallets import Wallet, new_pool, wallet


def put(pool: Pool, *encoded: bytes) -> list[PooledTransaction]:
    """All of them are let in."""
    found = pool.add(encoded)
    errors = [str(one) for one in found if isinstance(one, PoolError)]
    assert errors == []
    return [one for one in found if isinstance(one, PooledTransaction)]


def refusal(pool: Pool, encoded: bytes) -> str:
    """Why it is not let in."""
    (found,) = pool.add([encoded])
    assert isinstance(found, PoolError)
    return str(found)


def best(pool: Pool, base_fee: int | None = None) -> list[tuple[bytes, int]]:
    return [(one.sender, one.nonce) for one in pool.best(base_fee)]


def pending(pool: Pool, who: Wallet) -> list[int]:
    executable, _ = pool.content().get(who.address, ((), ()))
    return [one.nonce for one in executable]


def queued(pool: Pool, who: Wallet) -> list[int]:
    _, waiting = pool.content().get(who.address, ((), ()))
    return [one.nonce for one in waiting]


def one_weight() -> int:
    pool = new_pool()
    put(pool, wallet(0).sign(0))
    return pool.weight
