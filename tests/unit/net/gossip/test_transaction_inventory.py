"""The inventory of transactions: bounded, one request per peer, and a pool that wants nothing."""

from itertools import count

from quip.net.errors import NoAnswer
from quip.net.gossip.transaction_inventory import EmptyPool, TransactionInventory
from quip.net.limits import MAX_TRANSACTIONS
from quip.net.link import Instant
from quip.net.wire.messages import TransactionGossip, Transactions, TransactionsRequest

NOW = Instant(1.0, 2_000_000_000)


class Pool:
    """Wants everything of type 2."""

    def __init__(self) -> None:
        self.held: dict[bytes, bytes] = {}
        self.got: list[tuple[int, tuple[bytes, ...]]] = []

    def wants(self, kind: int, size: int, transaction_hash: bytes) -> bool:
        return kind == 2

    def get(self, transaction_hash: bytes) -> bytes | None:
        return self.held.get(transaction_hash)

    def offered(self, peer: int, transactions: tuple[bytes, ...]) -> None:
        self.got.append((peer, transactions))


def gossip(first: int, number: int, kind: int = 2) -> TransactionGossip:
    return TransactionGossip(tuple((kind, 100, key.to_bytes(32, "big")) for key in range(first, first + number)))


def test_the_empty_pool_asks_for_nothing_and_has_nothing() -> None:
    inventory = TransactionInventory(EmptyPool(), count(1))
    assert inventory.announced(1, gossip(0, 10)) is None
    assert inventory.answer(TransactionsRequest((bytes(32),))) == Transactions(())
    EmptyPool().offered(1, (b"\x02",))


def test_wanted_ones_are_asked_for_one_request_at_a_time() -> None:
    pool = Pool()
    inventory = TransactionInventory(pool, count(1))
    ask = inventory.announced(1, gossip(0, 1_000))
    assert ask is not None
    assert isinstance(ask.request, TransactionsRequest)
    assert len(ask.request.hashes) == MAX_TRANSACTIONS
    assert inventory.announced(1, gossip(2_000, 5)) is None
    other = inventory.announced(2, gossip(2_000, 5))
    assert other is not None
    inventory.replied(1, ask.ticket, ask.request, Transactions((b"\x02\x01",)), NOW)
    inventory.replied(1, ask.ticket, ask.request, Transactions((b"\x02\x01",)), NOW)
    inventory.replied(2, 99, ask.request, Transactions((b"\x02\x02",)), NOW)
    assert pool.got == [(1, (b"\x02\x01",))]
    assert inventory.announced(1, gossip(0, 5, kind=1)) is None


def test_who_was_asked_in_vain_or_left_can_be_asked_again() -> None:
    inventory = TransactionInventory(Pool(), count(1))
    ask = inventory.announced(2, gossip(2_000, 5))
    assert ask is not None
    assert inventory.announced(2, gossip(2_000, 5)) is None
    inventory.failed(2, ask.ticket, ask.request, NoAnswer(reason="late", name="TransactionsRequest"), NOW)
    assert inventory.announced(2, gossip(2_000, 5)) is not None
    inventory.gone(2)
    assert inventory.announced(2, gossip(2_000, 5)) is not None


def test_what_the_pool_has_is_told() -> None:
    pool = Pool()
    pool.held[b"\x01" * 32] = b"\x02\x07"
    inventory = TransactionInventory(pool, count(1))
    answer = inventory.answer(TransactionsRequest((bytes(32), b"\x01" * 32)))
    assert answer == Transactions((b"\x02\x07",))
