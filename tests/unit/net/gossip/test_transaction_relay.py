"""Who is told of a transaction: everybody who lacks it, once, in messages that their rate lets through."""

from quip.net.commands import Tell
from quip.net.gossip.transaction_relay import TransactionRelay
from quip.net.limits import (
    MAX_TRANSACTION_CLAIMS,
    MAX_TRANSACTIONS_BYTES,
    REMIND_EVERY_S,
    UNTOLD_TRANSACTIONS_PER_PEER,
)
from quip.net.link import Instant
from quip.net.wire.codec import encode
from quip.net.wire.messages import TransactionClaim, TransactionGossip, TransactionsRequest

BURST = 3
"""Messages at once: three quarters of what peers let through."""


class Held:
    """A pool that has what it is told."""

    def __init__(self) -> None:
        self.held: dict[bytes, bytes] = {}

    def hold(self, *numbers: int, size: int = 40) -> tuple[TransactionClaim, ...]:
        claims = []
        for number in numbers:
            name = number.to_bytes(32, "big")
            self.held[name] = b"\x02" + bytes(size - 1)
            claims.append((2, size, name))
        return tuple(claims)

    def wants(self, kind: int, size: int, transaction_hash: bytes) -> bool:
        return False

    def get(self, transaction_hash: bytes) -> bytes | None:
        return self.held.get(transaction_hash)

    def inventory(self) -> tuple[TransactionClaim, ...]:
        return tuple((2, len(one), name) for name, one in self.held.items())

    def offered(self, peer: int, transactions: tuple[bytes, ...]) -> None:
        raise AssertionError("nothing is fetched here")


def at(seconds: float) -> Instant:
    return Instant(seconds, 2_000_000_000)


def told(tells: list[Tell]) -> list[tuple[int, list[int]]]:
    found = []
    for tell in tells:
        assert isinstance(tell.message, TransactionGossip)
        found.append((tell.peer, [int.from_bytes(name, "big") for _, _, name in tell.message.items]))
    return found


def test_everybody_who_lacks_it_is_told_once() -> None:
    pool = Held()
    relay = TransactionRelay(pool)
    assert relay.joined(1, at(0)) == relay.joined(2, at(0)) == []
    relay.heard(2, TransactionGossip(pool.hold(7)))
    claims = pool.hold(7, 8)
    assert told(relay.ready(claims, at(0))) == [(1, [7, 8]), (2, [8])]
    assert relay.ready(claims, at(9)) == []
    relay.gone(1)
    relay.gone(3)
    relay.heard(3, TransactionGossip(claims))
    assert told(relay.ready(pool.hold(9), at(9))) == [(2, [9])]


def test_who_joins_is_told_of_what_there_is() -> None:
    pool = Held()
    relay = TransactionRelay(pool)
    pool.hold(*range(UNTOLD_TRANSACTIONS_PER_PEER + 100))
    first = relay.joined(1, at(0))
    assert [len(numbers) for _, numbers in told(first)] == [MAX_TRANSACTION_CLAIMS] * BURST
    rest = [numbers for second in range(20) for _, numbers in told(relay.tick(at(second)))]
    assert sum(map(len, rest)) == UNTOLD_TRANSACTIONS_PER_PEER - BURST * MAX_TRANSACTION_CLAIMS


def test_what_comes_too_fast_is_told_together() -> None:
    pool = Held()
    relay = TransactionRelay(pool)
    relay.joined(1, at(0))
    for number in range(10):
        assert len(relay.ready(pool.hold(number), at(0))) == (number < BURST)
    assert relay.tick(at(1)) == []
    assert told(relay.tick(at(3))) == [(1, list(range(BURST, 10)))]


def test_what_is_gone_from_the_pool_is_not_told() -> None:
    pool = Held()
    relay = TransactionRelay(pool)
    relay.joined(1, at(0))
    for number in range(BURST):
        relay.ready(pool.hold(number), at(0))
    relay.ready(pool.hold(10, 11), at(0))
    del pool.held[(10).to_bytes(32, "big")]
    assert told(relay.tick(at(3))) == [(1, [11])]
    relay.ready(pool.hold(12), at(3))
    pool.held.clear()
    assert relay.tick(at(6)) == []


def test_the_longest_queue_forgets_its_oldest() -> None:
    pool = Held()
    relay = TransactionRelay(pool)
    relay.joined(1, at(0))
    relay.ready(pool.hold(*range(3 * UNTOLD_TRANSACTIONS_PER_PEER)), at(0))
    rest = [numbers for second in range(30) for _, numbers in told(relay.tick(at(second)))]
    assert sum(map(len, rest)) == UNTOLD_TRANSACTIONS_PER_PEER - BURST * MAX_TRANSACTION_CLAIMS
    assert rest[-1][-1] == 3 * UNTOLD_TRANSACTIONS_PER_PEER - 1


def test_who_never_showed_to_have_it_is_reminded() -> None:
    """What was told may not have arrived; who announced it, or got it from here, is not bothered again."""
    pool = Held()
    relay = TransactionRelay(pool)
    for peer in (1, 2, 3):
        relay.joined(peer, at(0))
    assert len(relay.ready(pool.hold(7), at(0))) == 3
    relay.heard(2, TransactionGossip(pool.hold(7)))
    relay.answer(3, TransactionsRequest((pool.hold(7)[0][2],)))
    assert relay.tick(at(REMIND_EVERY_S - 1)) == []
    assert [told(relay.tick(at(REMIND_EVERY_S + second))) for second in range(4)] == [[(1, [7])], [], [], []]
    pool.held.clear()
    assert relay.tick(at(2 * REMIND_EVERY_S)) == []


def test_reminders_of_a_large_pool_take_turns() -> None:
    pool = Held()
    relay = TransactionRelay(pool)
    relay.joined(1, at(0))
    claims = pool.hold(*range(MAX_TRANSACTION_CLAIMS + 10))
    relay.ready(claims, at(0))
    reminded = [told(relay.tick(at(round * REMIND_EVERY_S))) for round in range(1, 4)]
    first, rest = list(range(MAX_TRANSACTION_CLAIMS)), list(range(MAX_TRANSACTION_CLAIMS, MAX_TRANSACTION_CLAIMS + 10))
    assert reminded == [[(1, first)], [(1, rest)], [(1, first)]]


def test_an_answer_has_what_there_is_and_no_more_than_its_size() -> None:
    pool = Held()
    relay = TransactionRelay(pool)
    (_, _, one), (_, _, two) = pool.hold(1, 2)
    assert relay.answer(1, TransactionsRequest((bytes(32), two, one))).transactions == (pool.held[two], pool.held[one])
    names = tuple(name for _, _, name in pool.hold(*range(100, 120), size=100_000))
    answer = relay.answer(1, TransactionsRequest(names))
    assert len(answer.transactions) == MAX_TRANSACTIONS_BYTES // 100_004
    encode(answer)
