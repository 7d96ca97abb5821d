"""The pool: who is let in with what, what is executable, who leaves, and what a block is built of."""

from collections.abc import Sequence
from threading import Event, Thread

import pytest

from quip.chain.mempool.intake import SignatureMemory
from quip.chain.mempool.pool import Removal
from quip.chain.mempool.pooled import PooledTransaction
from quip.chain.mempool.ports import AccountCode, HeadChange
from quip.consensus.types.transaction import DecodedTransaction, SignedTransaction, recover
from quip.primitives.hashes import keccak256
from support.pool_wallets import ETHER, GWEI, TRANSFER_GAS, Accounts, new_pool, wallet
from support.pools import best, one_weight, pending, put, queued, refusal

ANNE, BERT, CARL = wallet("anne"), wallet("bert"), wallet("carl")
TENTH = GWEI // 10


def test_a_replacement_raises_both_fees_by_a_tenth() -> None:
    pool = new_pool()
    old = ANNE.sign(0, fee=10 * GWEI, tip=GWEI)
    put(pool, old)
    for fee, tip in ((109 * TENTH, 109 * GWEI // 100), (11 * GWEI, GWEI), (10 * GWEI, 11 * TENTH)):
        assert refusal(pool, ANNE.sign(0, fee=fee, tip=tip)) == "replacement transaction underpriced"
    (new,) = put(pool, ANNE.sign(0, fee=11 * GWEI, tip=11 * TENTH))
    assert pool.get(keccak256(old)) is None
    assert pool.get(new.hash) is new
    assert pool.drain().removed[0][1] is Removal.REPLACED
    assert pool.counts == (1, 0)


def test_of_a_few_wei_a_tenth_is_one_more() -> None:
    pool = new_pool()
    put(pool, ANNE.sign(0, fee=5, tip=1))
    for fee, tip in ((5, 2), (6, 1), (5, 1)):
        assert refusal(pool, ANNE.sign(0, fee=fee, tip=tip, value=1)) == "replacement transaction underpriced"
    put(pool, ANNE.sign(0, fee=6, tip=2))


def test_what_comes_in_the_wrong_order_waits_for_its_predecessors() -> None:
    pool = new_pool()
    put(pool, ANNE.sign(2))
    put(pool, ANNE.sign(1))
    assert (pool.counts, pool.next_nonce(ANNE.address), pool.next_nonce(BERT.address)) == ((0, 2), 0, None)
    assert pool.drain().ready == []
    put(pool, ANNE.sign(0))
    assert (pool.counts, pool.next_nonce(ANNE.address)) == ((3, 0), 3)
    assert [one.nonce for one in pool.drain().ready] == [0, 1, 2]
    assert best(pool) == [(ANNE.address, 0), (ANNE.address, 1), (ANNE.address, 2)]


def test_a_transaction_twice_and_one_whose_nonce_is_mined() -> None:
    state = Accounts()
    state.set(BERT, nonce=3)
    pool = new_pool(state)
    put(pool, ANNE.sign(0))
    assert refusal(pool, ANNE.sign(0)) == "already known"
    first, second = pool.add([ANNE.sign(1), ANNE.sign(1)])
    assert isinstance(first, PooledTransaction)
    assert str(second) == "already known"
    assert refusal(pool, BERT.sign(2)) == "nonce too low: next nonce 3, tx nonce 2"
    put(pool, BERT.sign(3))


def test_all_of_a_sender_are_paid_for() -> None:
    state, price = Accounts(), 10 * GWEI * TRANSFER_GAS
    state.set(ANNE, balance=3 * price)
    pool = new_pool(state)
    put(pool, ANNE.sign(0, value=price))
    short = refusal(pool, ANNE.sign(1, value=1))
    assert short.startswith("insufficient funds for gas * price + value: balance ")
    assert short.endswith(f"queued cost {2 * price}, tx cost {price + 1}, overshot 1")
    put(pool, ANNE.sign(1))
    assert "insufficient funds" in refusal(pool, ANNE.sign(1, fee=12 * GWEI, tip=2 * GWEI))
    assert "insufficient funds" in refusal(pool, ANNE.sign(2))


def test_a_contract_sends_nothing() -> None:
    state = Accounts()
    state.set(ANNE, code=AccountCode.CONTRACT)
    assert refusal(new_pool(state), ANNE.sign(0)) == f"sender not an eoa: address 0x{ANNE.address.hex()}"


def test_a_block_gets_the_best_first_and_nonces_in_order() -> None:
    pool = new_pool()
    put(pool, ANNE.sign(0, tip=GWEI), ANNE.sign(1, tip=9 * GWEI), BERT.sign(0, tip=2 * GWEI), BERT.sign(1, tip=GWEI))
    put(pool, CARL.sign(0, tip=GWEI), CARL.sign(1, fee=2 * GWEI, tip=2 * GWEI))
    expected = [(BERT, 0), (ANNE, 0), (ANNE, 1), (BERT, 1), (CARL, 0), (CARL, 1)]
    assert best(pool) == [(who.address, nonce) for who, nonce in expected]
    # At 9.5 gwei all of them give half a gwei, but for Carl's second, which the base fee is too high for.
    expected = [(ANNE, 0), (ANNE, 1), (BERT, 0), (BERT, 1), (CARL, 0)]
    assert best(pool, 95 * TENTH) == [(who.address, nonce) for who, nonce in expected]
    assert best(pool, 10 * GWEI + 1) == []


def test_what_is_read_for_a_block_stays_as_it_was() -> None:
    pool = new_pool()
    put(pool, ANNE.sign(0), ANNE.sign(1), BERT.sign(0, tip=2 * GWEI))
    reading = pool.best()
    assert next(reading).sender == BERT.address
    put(pool, ANNE.sign(0, fee=20 * GWEI, tip=5 * GWEI), CARL.sign(0, tip=9 * GWEI))
    rest = list(reading)
    assert [(one.sender, one.nonce, one.max_tip) for one in rest] == [(ANNE.address, n, GWEI) for n in (0, 1)]


def test_gas_that_no_block_has_ends_a_queue() -> None:
    state = Accounts()
    pool = new_pool(state)
    put(pool, ANNE.sign(0), ANNE.sign(1, gas=1_000_000), ANNE.sign(2))
    state.gas_limit = 999_999
    assert best(pool) == [(ANNE.address, 0)]
    assert refusal(pool, BERT.sign(0, gas=1_000_000)) == "exceeds block gas limit: gas 1000000, limit 999999"


def test_a_full_pool_gives_up_the_lowest_with_its_senders_later_ones() -> None:
    pool = new_pool(pool_bytes=4 * one_weight() + 100)
    put(
        pool, ANNE.sign(0, tip=GWEI), ANNE.sign(1, tip=9 * GWEI), BERT.sign(0, tip=2 * GWEI), BERT.sign(1, tip=3 * GWEI)
    )
    assert refusal(pool, CARL.sign(0, tip=GWEI)) == "transaction underpriced"
    assert len(pool) == 4
    put(pool, CARL.sign(0, tip=4 * GWEI))
    assert best(pool) == [(CARL.address, 0), (BERT.address, 0), (BERT.address, 1)]
    removed = pool.drain().removed
    assert [(one.nonce, why) for one, why in removed] == [(0, Removal.EVICTED), (1, Removal.EVICTED)]


def test_what_waits_behind_a_gap_displaces_nothing_and_leaves_first() -> None:
    pool = new_pool(pool_bytes=3 * one_weight() + 100)
    put(pool, ANNE.sign(0), ANNE.sign(1), ANNE.sign(5, tip=9 * GWEI))
    assert refusal(pool, BERT.sign(7, tip=9 * GWEI)) == "transaction underpriced"
    put(pool, BERT.sign(0, tip=1))
    assert (queued(pool, ANNE), pending(pool, ANNE), pending(pool, BERT)) == ([], [0, 1], [0])
    assert refusal(pool, CARL.sign(1, tip=9 * GWEI)) == "future transaction tries to replace pending"
    assert refusal(pool, BERT.sign(1, tip=2)) == "txpool is full"
    assert pool.counts == (3, 0)


def test_nobody_is_refused_by_a_try_that_failed() -> None:
    """Those that would have had to leave are still the first to do so."""
    pool = new_pool(pool_bytes=3 * one_weight() + 100)
    put(pool, ANNE.sign(0, tip=2), BERT.sign(0, tip=3), BERT.sign(1, tip=3))
    large = CARL.sign(0, tip=4, data=bytes(2_000), gas=200_000)
    put(pool, large)
    assert best(pool) == [(CARL.address, 0)]
    pool = new_pool(pool_bytes=3 * one_weight() + 100)
    put(pool, ANNE.sign(0, tip=2), BERT.sign(0, tip=5), BERT.sign(1, tip=5))
    assert refusal(pool, large) == "transaction underpriced"
    assert len(pool) == 3
    put(pool, CARL.sign(0, tip=3))
    assert sorted(best(pool)) == sorted([(BERT.address, 0), (BERT.address, 1), (CARL.address, 0)])


def test_a_sender_has_a_share() -> None:
    pool = new_pool(sender_transactions=4, sender_queued=2)
    put(pool, ANNE.sign(0), ANNE.sign(5), ANNE.sign(6))
    assert refusal(pool, ANNE.sign(7)) == "account limit exceeded: pooled 3 txs"
    put(pool, ANNE.sign(6, fee=20 * GWEI, tip=2 * GWEI))
    put(pool, ANNE.sign(1))
    assert refusal(pool, ANNE.sign(2)) == "account limit exceeded: pooled 4 txs"
    put(pool, BERT.sign(0))
    small = new_pool(sender_bytes=2 * one_weight() + 100)
    put(small, ANNE.sign(0), ANNE.sign(1))
    assert refusal(small, ANNE.sign(2)) == "account limit exceeded: pooled 2 txs"


def test_what_is_known_to_be_refused_is_not_fetched_until_the_head_moves() -> None:
    state = Accounts()
    state.set(ANNE, balance=1)
    pool = new_pool(state)
    encoded = ANNE.sign(0)
    name = keccak256(encoded)
    assert pool.wants(2, len(encoded), name)
    assert not pool.wants(3, len(encoded), name)
    assert not pool.wants(2, 1 << 20, name)
    refusal(pool, encoded)
    assert not pool.wants(2, len(encoded), name)
    state.set(ANNE)
    pool.head_changed(HeadChange(state, connected=[]))
    assert pool.wants(2, len(encoded), name)
    put(pool, encoded)
    assert not pool.wants(2, len(encoded), name)


def test_a_signature_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def counted(decoded: Sequence[DecodedTransaction]) -> list[SignedTransaction | str]:
        looked.append(len(decoded))
        return recover(decoded)

    monkeypatch.setattr("quip.chain.mempool.intake.recover", counted)
    state = Accounts()
    state.set(ANNE, balance=1)
    pool = new_pool(state)
    encoded = ANNE.sign(0)
    refusal(pool, encoded)
    state.set(ANNE)
    (held,) = put(pool, encoded)
    assert refusal(pool, encoded) == "already known"
    assert sum(looked) == 1
    assert isinstance(pool.signed(held.hash), SignedTransaction)
    assert pool.signed(bytes(32)) is None


def test_the_memory_of_signatures_forgets_its_oldest() -> None:
    held = put(new_pool(), *(ANNE.sign(nonce) for nonce in range(5)))
    memory = SignatureMemory(3 * one_weight() + 100)
    for one in [*held, held[-1]]:
        memory.keep(one)
    assert [memory.get(one.hash) is one.signed for one in held] == [False, False, True, True, True]


def test_the_cheap_is_looked_at_before_the_account_and_the_signature() -> None:
    state = Accounts()
    pool = new_pool(state)
    assert refusal(pool, ANNE.sign(0, tip=0)).startswith("transaction gas price below minimum: gas tip cap 0")
    assert state.asked == 0


def test_weight_and_inventory_follow_what_is_held() -> None:
    pool = new_pool()
    held = put(pool, ANNE.sign(0), ANNE.sign(2), BERT.sign(0, value=ETHER))
    assert pool.weight == sum(one.weight for one in held)
    assert {one.hash for one in pool.inventory()} == {held[0].hash, held[2].hash}
    assert (pending(pool, ANNE), queued(pool, ANNE)) == ([0], [2])


def test_others_may_read_while_it_changes() -> None:
    """Whatever they see, it is transactions of the pool, and nothing is raised."""
    pool, state = new_pool(sender_transactions=8), Accounts()
    wallets = [wallet(number) for number in range(40)]
    failures: list[RuntimeError | KeyError] = []
    over = Event()

    def read() -> None:
        try:
            while not over.is_set():
                pending, waiting = pool.counts
                assert min(pending, waiting) >= 0
                for ready, others in pool.content().values():
                    assert [one.nonce for one in ready] == sorted(one.nonce for one in ready)
                    assert len(ready) + len(others) <= 8
                for one in pool.inventory():
                    pool.get(one.hash)
                    pool.wants(one.kind, one.size, one.hash)
                    pool.next_nonce(one.sender)
        except (RuntimeError, KeyError) as error:
            failures.append(error)

    reader = Thread(target=read)
    reader.start()
    for nonce in range(8):
        pool.add([who.sign((nonce + 3) % 8) for who in wallets])
    for nonce in range(8):
        for who in wallets:
            state.set(who, nonce=nonce + 1)
        pool.head_changed(HeadChange(state, connected=[], touched=[who.address for who in wallets]))
    over.set()
    reader.join()
    assert failures == []
    assert (len(pool), pool.counts, pool.weight) == (0, (0, 0), 0)


def test_what_is_dropped_leaves_and_those_behind_it_wait() -> None:
    pool = new_pool()
    (first,), (second,), (other,) = put(pool, ANNE.sign(0)), put(pool, ANNE.sign(1)), put(pool, BERT.sign(0))
    pool.drain()
    assert pool.drop(first.hash)
    assert not pool.drop(first.hash)
    assert [(one, why) for one, why in pool.drain().removed] == [(first, Removal.DROPPED)]
    assert (pool.counts, best(pool)) == ((1, 1), [(BERT.address, 0)])
    assert pool.drop(second.hash) and pool.drop(other.hash)
    assert pool.counts == (0, 0)
    put(pool, ANNE.sign(0))
    assert pool.counts == (1, 0)
