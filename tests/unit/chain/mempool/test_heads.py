"""What a new head does to the pool: what left comes back, what joined leaves, accounts are looked at anew."""

from quip.chain.mempool.limits import MAX_TRANSACTION_BYTES
from quip.chain.mempool.pool import Pool, Removal
from quip.chain.mempool.ports import HeadChange
from support.pool_wallets import GWEI, TRANSFER_GAS, Accounts, new_pool, wallet
from support.pools import best, one_weight, pending, put, queued

ANNE, BERT, CARL = wallet("anne"), wallet("bert"), wallet("carl")
PRICE = 10 * GWEI * TRANSFER_GAS


def removals(pool: Pool) -> list[tuple[bytes, int, Removal]]:
    return [(one.sender, one.nonce, why) for one, why in pool.drain().removed]


def test_what_is_mined_leaves_and_so_does_what_it_makes_stale() -> None:
    state = Accounts()
    pool = new_pool(state)
    mine = [ANNE.sign(0), ANNE.sign(1)]
    put(pool, mine[0], ANNE.sign(1, tip=2 * GWEI), ANNE.sign(2), BERT.sign(0))
    state.set(ANNE, nonce=2)
    pool.head_changed(HeadChange(state, connected=[[mine[0]], [mine[1]]]))
    assert removals(pool) == [(ANNE.address, 0, Removal.MINED), (ANNE.address, 1, Removal.STALE)]
    assert best(pool) == [(ANNE.address, 2), (BERT.address, 0)]
    assert pool.next_nonce(ANNE.address) == 3


def test_a_reorganisation_brings_back_what_the_new_branch_has_not() -> None:
    state = Accounts()
    pool = new_pool(state)
    block = [ANNE.sign(0), ANNE.sign(1), BERT.sign(0)]
    put(pool, *block, ANNE.sign(2))
    state.set(ANNE, nonce=2)
    state.set(BERT, nonce=1)
    pool.head_changed(HeadChange(state, connected=[block]))
    assert best(pool) == [(ANNE.address, 2)]
    state.set(ANNE, nonce=1)
    state.set(BERT, nonce=0)
    pool.drain()
    pool.head_changed(HeadChange(state, disconnected=[block], connected=[[block[0]]]))
    assert pending(pool, ANNE) == [1, 2]
    assert pending(pool, BERT) == [0]
    changes = pool.drain()
    assert {(one.sender, one.nonce) for one in changes.ready} >= {(ANNE.address, 1), (BERT.address, 0)}
    assert [(one.sender, one.nonce) for one in changes.added] == [(ANNE.address, 1), (BERT.address, 0)]


def test_without_its_first_what_comes_back_waits() -> None:
    """Nonces 0 to 2 were mined, and the first is in no block and no pool any more."""
    state = Accounts()
    pool = new_pool(state)
    first, rest = ANNE.sign(0), [ANNE.sign(1), ANNE.sign(2)]
    state.set(ANNE, nonce=3)
    pool.head_changed(HeadChange(state, connected=[[first], rest]))
    state.set(ANNE, nonce=0)
    pool.head_changed(HeadChange(state, disconnected=[rest], connected=[]))
    assert (pending(pool, ANNE), queued(pool, ANNE), pool.next_nonce(ANNE.address)) == ([], [1, 2], 0)
    assert best(pool) == []
    put(pool, first)
    assert (pending(pool, ANNE), pool.next_nonce(ANNE.address)) == ([0, 1, 2], 3)


def test_what_comes_back_displaces_nothing() -> None:
    state = Accounts()
    pool = new_pool(state)
    (held,) = put(pool, ANNE.sign(0, tip=2))
    pool.head_changed(HeadChange(state, disconnected=[[ANNE.sign(0)]], connected=[]))
    assert [one.hash for one in pool.best()] == [held.hash]


def test_what_comes_back_keeps_to_the_bounds() -> None:
    state = Accounts()
    pool = new_pool(state, pool_bytes=4 * one_weight() + 100, sender_transactions=3)
    put(pool, CARL.sign(0, tip=3 * GWEI))
    left = [[ANNE.sign(nonce, tip=2 * GWEI) for nonce in range(5)], [BERT.sign(0, tip=GWEI)]]
    pool.head_changed(HeadChange(state, disconnected=left, connected=[]))
    assert best(pool) == [(CARL.address, 0), *((ANNE.address, nonce) for nonce in range(3))]
    assert pool.weight <= 4 * one_weight() + 100


def test_what_is_not_paid_for_any_more_leaves_or_waits() -> None:
    state = Accounts()
    pool = new_pool(state)
    put(pool, ANNE.sign(0), ANNE.sign(1), ANNE.sign(2, value=PRICE), BERT.sign(0))
    pool.drain()
    state.set(ANNE, balance=2 * PRICE - 1)
    pool.head_changed(HeadChange(state, connected=[], touched=[ANNE.address]))
    assert pending(pool, ANNE) == [0]
    assert queued(pool, ANNE) == [1]
    assert removals(pool) == [(ANNE.address, 2, Removal.UNPAYABLE)]
    # A payment to the sender, of which nobody tells the pool: who is short is looked at anyway.
    state.set(ANNE, balance=2 * PRICE)
    pool.head_changed(HeadChange(state, connected=[]))
    assert pending(pool, ANNE) == [0, 1]
    assert [one.nonce for one in pool.drain().ready] == [1]


def test_another_base_fee_is_another_order() -> None:
    state = Accounts(base_fee=GWEI)
    pool = new_pool(state, pool_bytes=2 * one_weight() + 100)
    put(pool, ANNE.sign(0, fee=20 * GWEI, tip=2 * GWEI), BERT.sign(0, fee=10 * GWEI, tip=4 * GWEI))
    assert best(pool) == [(BERT.address, 0), (ANNE.address, 0)]
    state.base_fee = 9 * GWEI
    pool.head_changed(HeadChange(state, connected=[]))
    assert best(pool) == [(ANNE.address, 0), (BERT.address, 0)]
    put(pool, CARL.sign(0, fee=20 * GWEI, tip=3 * GWEI))
    assert best(pool) == [(CARL.address, 0), (ANNE.address, 0)]


def test_an_authorization_that_is_mined_uses_its_signers_nonce() -> None:
    state = Accounts()
    pool = new_pool(state)
    put(pool, CARL.sign(0), CARL.sign(1))
    sponsored = BERT.sign(0, kind=4, gas=100_000, authorizations=[CARL.authorize(b"\x07" * 20, 0)])
    state.set(CARL, nonce=1)
    state.set(BERT, nonce=1)
    pool.head_changed(HeadChange(state, connected=[[sponsored]]))
    assert pending(pool, CARL) == [1]


def test_a_block_may_hold_what_no_pool_does() -> None:
    """What is larger than this node pools counts for its sender; what is of another type is passed over."""
    state = Accounts()
    pool = new_pool(state)
    put(pool, ANNE.sign(0), ANNE.sign(1), BERT.sign(0))
    large = ANNE.sign(0, data=bytes(MAX_TRANSACTION_BYTES + 1), gas=1 << 24)
    state.set(ANNE, nonce=1)
    pool.head_changed(HeadChange(state, connected=[[b"\x51\xc0", large]]))
    assert pending(pool, ANNE) == [1]
    state.set(ANNE, nonce=0)
    pool.head_changed(HeadChange(state, disconnected=[[b"\x51\xc0", large]], connected=[]))
    assert (pending(pool, ANNE), queued(pool, ANNE)) == ([], [1])


def test_a_head_that_nobody_told_of_is_noticed_with_the_next_transaction() -> None:
    state = Accounts()
    pool = new_pool(state)
    put(pool, ANNE.sign(0), ANNE.sign(1))
    state.set(ANNE, nonce=1)
    put(pool, ANNE.sign(2))
    assert pending(pool, ANNE) == [1, 2]
