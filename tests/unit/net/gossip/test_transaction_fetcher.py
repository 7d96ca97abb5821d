"""Announced transactions: fetched once, of one peer at a time, within bounds; and what becomes of who lies of them."""

from itertools import count

from quip.net.commands import Ask, Disconnect, Order, ReportPeer
from quip.net.errors import NoAnswer
from quip.net.gossip.transaction_fetcher import TransactionFetcher
from quip.net.limits import (
    ALL_TRANSACTIONS_PER_S,
    BROKEN_TRANSACTION_PROMISES,
    HEARD_TRANSACTIONS_PER_PEER,
    MAX_TRANSACTIONS,
    MAX_TRANSACTIONS_BYTES,
    TRANSACTIONS_AT_ONCE,
    TRANSACTIONS_PER_S,
)
from quip.net.link import Instant
from quip.net.ports import EmptyPool
from quip.net.wire.messages import TransactionClaim, TransactionGossip, Transactions, TransactionsRequest
from quip.primitives.hashes import keccak256

NOW = Instant(1.0, 2_000_000_000)


class Wanting:
    """A pool that wants everything of type 2 that it was not offered."""

    def __init__(self) -> None:
        self.got: list[tuple[int, tuple[bytes, ...]]] = []
        self.unwanted: set[bytes] = set()
        self.kinds = {2}

    def wants(self, kind: int, size: int, transaction_hash: bytes) -> bool:
        return kind in self.kinds and transaction_hash not in self.unwanted

    def get(self, transaction_hash: bytes) -> bytes | None:
        return None

    def inventory(self) -> tuple[TransactionClaim, ...]:
        return ()

    def offered(self, peer: int, transactions: tuple[bytes, ...]) -> None:
        self.got.append((peer, transactions))


def transaction(number: int, size: int = 40) -> bytes:
    return b"\x02" + number.to_bytes(size - 1, "big")


def claim(number: int, size: int = 40) -> TransactionClaim:
    return 2, size, keccak256(transaction(number, size))


def gossip(*numbers: int) -> TransactionGossip:
    return TransactionGossip(tuple(claim(number) for number in numbers))


def made(pool: Wanting | None = None) -> tuple[TransactionFetcher, Wanting]:
    pool = pool or Wanting()
    return TransactionFetcher(pool, count(1)), pool


def asks(orders: list[Order]) -> list[tuple[int, tuple[bytes, ...]]]:
    found = [order for order in orders if isinstance(order, Ask)]
    return [(ask.peer, ask.request.hashes) for ask in found if isinstance(ask.request, TransactionsRequest)]


def ask_of(fetcher: TransactionFetcher) -> Ask:
    (ask,) = fetcher.drain()
    assert isinstance(ask, Ask)
    return ask


def hashes(*numbers: int) -> tuple[bytes, ...]:
    return tuple(claim(number)[2] for number in numbers)


def later(seconds: float) -> Instant:
    return Instant(NOW.monotonic_s + seconds, NOW.unix_s)


def test_a_pool_that_wants_nothing_is_fetched_nothing() -> None:
    fetcher = TransactionFetcher(EmptyPool(), count(1))
    fetcher.announced(1, gossip(1), NOW)
    assert fetcher.drain() == []
    EmptyPool().offered(1, (b"\x02",))
    assert (EmptyPool().get(bytes(32)), list(EmptyPool().inventory())) == (None, [])


def test_what_is_wanted_is_asked_of_one_peer_and_handed_to_the_pool() -> None:
    fetcher, pool = made()
    pool.unwanted = {claim(2)[2]}
    fetcher.announced(1, gossip(1, 2, 3), NOW)
    fetcher.announced(2, gossip(1, 3), NOW)
    ask = ask_of(fetcher)
    assert (ask.peer, ask.request) == (1, TransactionsRequest(hashes(1, 3)))
    fetcher.replied(1, ask.ticket, ask.request, Transactions((transaction(1),)), NOW)
    assert pool.got == [(1, (transaction(1),))]
    # The one that did not come is asked of who else has it; the one that came is not, although nobody judged it yet.
    fetcher.tick(NOW)
    assert asks(fetcher.drain()) == [(2, hashes(3))]


def test_an_answer_counts_once_and_only_of_who_was_asked() -> None:
    fetcher, pool = made()
    fetcher.announced(1, gossip(1), NOW)
    ask = ask_of(fetcher)
    reply = Transactions((transaction(1),))
    fetcher.replied(2, ask.ticket, ask.request, reply, NOW)
    fetcher.replied(1, ask.ticket + 1, ask.request, reply, NOW)
    fetcher.failed(2, ask.ticket, ask.request, NoAnswer("late", name="x"), NOW)
    assert pool.got == []
    fetcher.replied(1, ask.ticket, ask.request, reply, NOW)
    fetcher.replied(1, ask.ticket, ask.request, reply, NOW)
    assert len(pool.got) == 1


def test_one_request_a_peer_of_so_many_transactions_and_bytes() -> None:
    fetcher, _ = made()
    fetcher.announced(1, gossip(*range(1_000)), NOW)
    ask = ask_of(fetcher)
    assert isinstance(ask.request, TransactionsRequest)
    assert len(ask.request.hashes) == MAX_TRANSACTIONS
    fetcher.announced(1, gossip(2_000), NOW)
    fetcher.tick(NOW)
    assert fetcher.drain() == []
    first = tuple(transaction(number) for number in range(MAX_TRANSACTIONS))
    fetcher.replied(1, ask.ticket, ask.request, Transactions(first), NOW)
    assert asks(fetcher.drain()) == [(1, hashes(*range(MAX_TRANSACTIONS, 2 * MAX_TRANSACTIONS)))]

    size = 100_000
    large = TransactionGossip(tuple(claim(number, size) for number in range(20)))
    fetcher.announced(2, large, NOW)
    ((_, asked),) = asks(fetcher.drain())
    assert len(asked) == MAX_TRANSACTIONS_BYTES // (size + 4)


def test_what_no_answer_can_hold_is_not_waited_for() -> None:
    fetcher, _ = made()
    fetcher.announced(1, TransactionGossip(((2, MAX_TRANSACTIONS_BYTES, b"\x01" * 32), claim(1))), NOW)
    assert asks(fetcher.drain()) == [(1, hashes(1))]


def test_a_peer_that_says_no_or_leaves_is_replaced_by_the_next() -> None:
    fetcher, _ = made()
    fetcher.announced(1, gossip(1), NOW)
    fetcher.announced(2, gossip(1), NOW)
    fetcher.announced(3, gossip(1), NOW)
    ask = ask_of(fetcher)
    fetcher.failed(1, ask.ticket, ask.request, NoAnswer("late", name="x"), NOW)
    assert asks(fetcher.drain()) == [(2, hashes(1))]
    fetcher.gone(2, NOW)
    assert asks(fetcher.drain()) == [(3, hashes(1))]
    fetcher.gone(3, NOW)
    fetcher.gone(4, NOW)
    assert fetcher.drain() == []
    fetcher.announced(1, gossip(1), NOW)
    assert asks(fetcher.drain()) == [(1, hashes(1))]


def test_a_peer_is_asked_for_so_many_a_second() -> None:
    fetcher, _ = made()
    asked = 0
    for step in range(12):
        first = step * MAX_TRANSACTIONS
        fetcher.announced(1, gossip(*range(first, first + MAX_TRANSACTIONS)), NOW)
        for ask in fetcher.drain():
            assert isinstance(ask, Ask)
            assert isinstance(ask.request, TransactionsRequest)
            asked += len(ask.request.hashes)
            numbers = range(asked - len(ask.request.hashes), asked)
            fetcher.replied(1, ask.ticket, ask.request, Transactions(tuple(map(transaction, numbers))), NOW)
    assert asked == TRANSACTIONS_AT_ONCE
    fetcher.tick(later(0.5))
    ((_, more),) = asks(fetcher.drain())
    assert len(more) == TRANSACTIONS_PER_S / 2


def test_a_peer_that_announces_without_end_is_remembered_so_far() -> None:
    fetcher, _ = made()
    for step in range(10):
        fetcher.announced(1, gossip(*range(step * 1_000, step * 1_000 + 1_000)), NOW)
    assert len(fetcher._peers[1].heard) == HEARD_TRANSACTIONS_PER_PEER


def test_another_type_or_size_than_announced_is_a_lie() -> None:
    for kind, size in ((2, 41), (1, 40)):
        fetcher, pool = made()
        pool.kinds = {1, 2}
        fetcher.announced(1, TransactionGossip(((kind, size, claim(1)[2]),)), NOW)
        ask = ask_of(fetcher)
        fetcher.replied(1, ask.ticket, ask.request, Transactions((transaction(1),)), NOW)
        (order,) = fetcher.drain()
        assert isinstance(order, ReportPeer)
        assert "type or size" in str(order.error)
        assert pool.got == []


def test_who_never_gives_what_it_announces_is_disconnected() -> None:
    fetcher, _ = made()
    for number in range(BROKEN_TRANSACTION_PROMISES):
        fetcher.announced(1, gossip(number), NOW)
        ask = ask_of(fetcher)
        if number % 2:
            fetcher.failed(1, ask.ticket, ask.request, NoAnswer("late", name="x"), NOW)
        else:
            fetcher.replied(1, ask.ticket, ask.request, Transactions(()), NOW)
        orders = fetcher.drain()
        assert bool(orders) == (number == BROKEN_TRANSACTION_PROMISES - 1)
    assert isinstance(orders[0], Disconnect)


def test_one_that_gives_now_and_then_stays() -> None:
    fetcher, _ = made()
    for number in range(3 * BROKEN_TRANSACTION_PROMISES):
        fetcher.announced(1, gossip(number), NOW)
        ask = ask_of(fetcher)
        reply = (transaction(number),) if number % 4 == 0 else ()
        fetcher.replied(1, ask.ticket, ask.request, Transactions(reply), NOW)
        assert fetcher.drain() == []


def test_many_that_flood_leave_the_others_their_share() -> None:
    """Twelve peers announce without end, and answer at once; another one announces a transaction each second."""
    fetcher, _ = made()
    names = count()
    honest: list[bytes] = []
    for second in range(12):
        for peer in range(12):
            claims = [(2, 40, next(names).to_bytes(32, "big")) for _ in range(300)]
            fetcher.announced(peer, TransactionGossip(tuple(claims)), later(second))
        fetcher.announced(99, gossip(second), later(second))
        asked = 0
        while orders := [order for order in fetcher.drain() if isinstance(order, Ask)]:
            for ask in orders:
                assert isinstance(ask.request, TransactionsRequest)
                asked += len(ask.request.hashes)
                honest += ask.request.hashes if ask.peer == 99 else ()
                fetcher.replied(ask.peer, ask.ticket, ask.request, Transactions(()), later(second))
                fetcher._peers[ask.peer].broken = 0
        fetcher.tick(later(second))
        if second > 5:  # by then what could be asked for at once has been
            assert asked <= ALL_TRANSACTIONS_PER_S + 1
    assert set(hashes(*range(10))) <= set(honest)
