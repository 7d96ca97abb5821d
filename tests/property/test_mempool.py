"""The pool beside a plain model of it, on random histories; and floods, which must not push out what others sent.

A failing case's id is its seed.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from quip.chain.mempool.errors import PoolError
from quip.chain.mempool.limits import PoolLimits
from quip.chain.mempool.pool import Pool
from quip.chain.mempool.pooled import PooledTransaction
from quip.chain.mempool.ports import HeadChange, SenderState
from reference.mempool import Bounds, Plain, PlainPool
from support.chains import network_spec
from support.pool_wallets import GWEI, TRANSFER_GAS, Accounts, Wallet, new_pool, wallet
from support.pools import one_weight, put

SEEDS = 40
STEPS = 120
SENDERS = [wallet(number) for number in range(6)]
PRICES = [10 * GWEI, 11 * GWEI, 12 * GWEI, 15 * GWEI, 20 * GWEI]
TIPS = [GWEI, 2 * GWEI, 11 * GWEI // 10, 12 * GWEI // 10, 5 * GWEI]
COST = 20 * GWEI * TRANSFER_GAS


class History:
    """The pool and the model, told the same."""

    def __init__(self, seed: int) -> None:
        self.draw = Random(seed)
        weight = one_weight()
        room = self.draw.choice([8, 14, 1_000])
        limits = PoolLimits(room * weight, 6 * weight, sender_transactions=7, sender_queued=3)
        self.state = Accounts(base_fee=self.draw.choice([GWEI, 10 * GWEI]))
        for who in SENDERS:
            self.state.states[who.address] = SenderState(0, self.draw.randint(1, 8) * COST)
        self.pool = Pool(network_spec(), self.state, limits)
        bounds = Bounds(limits.pool_bytes, limits.sender_bytes, limits.sender_transactions, limits.sender_queued)
        self.model = PlainPool(bounds, {}, 0)
        self.orders = 0
        self.blocks: list[list[bytes]] = []
        self.known: dict[bytes, tuple[bytes, Plain]] = {}
        self.told()

    def told(self) -> None:
        """What the model knows of the chain."""
        self.model.accounts = {who: (state.nonce, state.balance) for who, state in self.state.states.items()}
        self.model.base_fee = self.state.base_fee

    def next_order(self) -> int:
        self.orders += 1
        return self.orders

    def drawn(self) -> bytes:
        """A transaction, near what its sender has."""
        who = self.draw.choice(SENDERS)
        nonce = max(0, self.state.states[who.address].nonce + self.draw.choice([-1, 0, 0, 0, 1, 1, 2, 3, 5]))
        fee, tip = self.draw.choice(PRICES), self.draw.choice(TIPS)
        size = self.draw.choice([0, 0, 0, 600, 2_500])
        value = self.draw.choice([0, 0, 0, COST])
        gas = TRANSFER_GAS + 10 * size
        return who.sign(nonce, fee=fee, tip=tip, value=value, data=bytes(size), gas=gas)

    def add(self) -> None:
        again = self.known and self.draw.random() < 0.1
        encoded = self.draw.choice([*self.known.values()])[0] if again else self.drawn()
        (found,) = self.pool.add([encoded])
        plain = self.plain(encoded)
        plain = replace(plain, order=self.next_order())
        expected = self.model.add(plain)
        assert (type(found).__name__ if isinstance(found, PoolError) else "") == expected
        self.known[plain.name] = (encoded, plain)

    def plain(self, encoded: bytes) -> Plain:
        one = read(encoded)
        return Plain(one.hash, one.sender, one.nonce, one.max_fee, one.max_tip, one.cost, one.weight)

    def head(self) -> None:
        """Some of the best are mined, or the last block leaves and another one joins."""
        left: list[list[bytes]] = []
        states = self.state.states
        if self.blocks and self.draw.random() < 0.4:
            left = [self.blocks.pop()]
            for encoded in left[0]:
                _, plain = self.known[read(encoded).hash]
                state = states[plain.sender]
                states[plain.sender] = replace(state, nonce=min(state.nonce, plain.nonce))
        best = [one.signed.encoded for one in self.pool.best()]
        again = [encoded for encoded in left[0] if self.draw.random() < 0.5] if left else []
        joined: list[bytes] = []
        others = self.draw.sample([encoded for encoded, _ in self.known.values()], min(3, len(self.known)))
        for encoded in [*again, *best[: self.draw.randint(0, 4)], *others]:
            plain = self.known[read(encoded).hash][1]
            if states[plain.sender].nonce == plain.nonce:
                states[plain.sender] = replace(states[plain.sender], nonce=plain.nonce + 1)
                joined.append(encoded)
        touched = [who for who in states if self.draw.random() < 0.3]
        for who in touched:
            states[who] = replace(states[who], balance=self.draw.randint(0, 8) * COST)
        self.state.base_fee = self.draw.choice([GWEI, 9 * GWEI, 10 * GWEI, 11 * GWEI])
        self.blocks.append(joined)
        self.pool.head_changed(HeadChange(self.state, [joined], left, touched))
        self.told()
        back = [replace(self.known[read(one).hash][1], order=self.next_order()) for block in left for one in block]
        self.model.head(back, {read(one).hash for one in joined})

    def compare(self) -> None:
        model, pool = self.model, self.pool
        assert [one.hash for one in pool.best()] == [one.name for one in model.best()]
        for who in SENDERS:
            pending, queued = pool.content().get(who.address, ((), ()))
            expected = [one.name for one in model.pending(who.address)]
            assert [one.hash for one in pending] == expected
            assert [one.hash for one in queued] == [o.name for o in model.of(who.address)][len(expected) :]
            following = model.accounts[who.address][0] + len(expected)
            assert pool.next_nonce(who.address) == (following if model.of(who.address) else None)
        assert (len(pool), pool.weight) == (len(model.held), model.weight())
        assert pool.counts[0] == sum(len(model.pending(who.address)) for who in SENDERS)
        assert pool.weight <= model.bounds.pool_bytes
        assert {one.hash for one in pool.inventory()} == {one.hash for one in pool.best(0)}


READ: dict[bytes, PooledTransaction] = {}


def read(encoded: bytes) -> PooledTransaction:
    """What a transaction says."""
    if encoded not in READ:
        READ[encoded] = put(new_pool(), encoded)[0]
    return READ[encoded]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_histories_go_as_in_the_plain_pool(seed: int) -> None:
    history = History(seed)
    ready: set[bytes] = set()
    for _ in range(STEPS):
        if history.draw.random() < 0.15:
            history.head()
        else:
            history.add()
        history.compare()
        ready |= {one.hash for one in history.pool.drain().ready}
        assert {one.hash for one in history.pool.inventory()} <= ready  # nobody is executable without being told


def flood(pool: Pool, senders: Sequence[Wallet], each: int, tip: int) -> int:
    """How many of a flood are let in."""
    batch = [who.sign(nonce, fee=100 * GWEI, tip=tip) for who in senders for nonce in range(each)]
    return sum(isinstance(one, PooledTransaction) for one in pool.add(batch))


def honest(pool: Pool, count: int, tip: int) -> list[PooledTransaction]:
    return put(pool, *(wallet(f"honest {number}").sign(0, tip=tip) for number in range(count)))


def test_one_sender_pushes_out_no_more_than_its_share() -> None:
    weight = one_weight()
    pool = new_pool(pool_bytes=200 * weight + 100, sender_bytes=20 * weight)
    held = honest(pool, 200, GWEI)
    assert flood(pool, [wallet("rich")], 500, 50 * GWEI) <= 20
    kept = sum(pool.get(one.hash) is one for one in held)
    assert kept >= 180
    assert pool.weight <= 200 * weight + 100


def test_many_senders_that_pay_less_push_out_nobody() -> None:
    pool = new_pool(pool_bytes=100 * one_weight() + 100)
    held = honest(pool, 100, 2 * GWEI)
    assert flood(pool, [wallet(f"poor {number}") for number in range(150)], 2, GWEI) == 0
    assert all(pool.get(one.hash) is one for one in held)


def test_nonces_behind_a_gap_push_out_nobody() -> None:
    pool = new_pool(pool_bytes=100 * one_weight() + 100)
    held = honest(pool, 60, 1)
    gapped = [wallet(f"gap {number}").sign(9, fee=100 * GWEI, tip=50 * GWEI) for number in range(200)]
    pool.add(gapped)
    assert all(pool.get(one.hash) is one for one in held)
    more = put(pool, *(wallet(f"late {number}").sign(0, tip=1) for number in range(40)))
    assert all(pool.get(one.hash) is one for one in [*held, *more])


def test_a_flood_that_is_refused_costs_no_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0

    def counted(decoded: Sequence[object]) -> list[str]:
        nonlocal looked
        looked += len(decoded)
        return ["not looked at"] * len(decoded)

    pool = new_pool(pool_bytes=50 * one_weight() + 100)
    honest(pool, 50, 2 * GWEI)
    monkeypatch.setattr("quip.chain.mempool.intake.recover", counted)
    assert flood(pool, [wallet(f"poor {number}") for number in range(100)], 1, GWEI) == 0
    assert looked == 0
