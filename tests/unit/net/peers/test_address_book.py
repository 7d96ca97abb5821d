"""The address book: what a flood of addresses cannot do, and what a working address can."""

from random import Random

from quip.net.address import Address, Reach, netgroup
from quip.net.limits import (
    ADDRESS_DEAD_ATTEMPTS,
    ADDRESS_STALE_S,
    BUCKET_SLOTS,
    NEW_BUCKETS,
    NEW_BUCKETS_PER_SOURCE,
    TRIED_BUCKETS,
    TRIED_BUCKETS_PER_GROUP,
    TRIED_CONTESTS,
)
from quip.net.peers.address_book import AddressBook

NOW = 1_800_000_000
SOURCE = "8.8.8.8"


def book(seed: int = 1) -> AddressBook:
    return AddressBook(Random(seed))


def public(number: int) -> Address:
    """Addresses of ever new netgroups, 11.0.x.x, 11.1.x.x, ..."""
    return Address(f"11.{number % 256}.{number // 256 % 256}.{number // 65_536 + 1}", 20_049)


def test_learned_selected_and_forgotten() -> None:
    known = book()
    assert known.learn(public(1), SOURCE, NOW - 100, NOW)
    assert not known.learn(public(1), SOURCE, NOW, NOW)
    assert known.rows()[0].last_seen_unix_s == NOW
    assert known.select(NOW, set()) == public(1)
    assert known.select(NOW, {public(1)}) is None
    known.drop(public(1))
    assert public(1) not in known
    assert known.select(NOW, set()) is None


def test_one_teller_fills_an_eighth_of_the_table() -> None:
    known = book()
    for number in range(20_000):
        known.learn(public(number), SOURCE, NOW, NOW)
    assert len(known) <= NEW_BUCKETS_PER_SOURCE * BUCKET_SLOTS


def test_many_tellers_stay_within_the_table_and_move_nothing_that_is_there() -> None:
    known = book()
    first = Address("9.9.9.9", 1)
    known.learn(first, SOURCE, NOW, NOW)
    for number in range(30_000):
        known.learn(public(number), public(number % 512).host, NOW, NOW)
    assert len(known) <= NEW_BUCKETS * BUCKET_SLOTS
    assert first in known


def test_one_netgroup_fills_an_eighth_of_tried() -> None:
    known = book()
    for number in range(3_000):
        known.succeeded(Address(f"11.1.{number % 256}.{number // 256}", 1), NOW)
    tried = [row for row in known.rows() if row.tried]
    assert 0 < len(tried) <= TRIED_BUCKETS_PER_GROUP * BUCKET_SLOTS
    assert len(known) <= (NEW_BUCKETS + TRIED_BUCKETS) * BUCKET_SLOTS


def contested_pair() -> tuple[AddressBook, Address, Address]:
    """A book in which a working address waits for the tried slot of another."""
    known = book()
    number = 0
    while known.contested() is None:
        known.learn(public(number), SOURCE, NOW, NOW)
        known.succeeded(public(number), NOW)
        number += 1
    holder = known.contested()
    assert holder is not None
    return known, holder, public(number - 1)


def test_a_full_slot_is_given_up_only_by_a_dead_address() -> None:
    known, holder, heir = contested_pair()
    known.attempted(holder, NOW)
    known.failed(holder, NOW)
    assert known.contested() == holder
    for _ in range(ADDRESS_DEAD_ATTEMPTS):
        known.attempted(holder, NOW)
        known.failed(holder, NOW)
    assert known.contested() is None
    tried = {row.address for row in known.rows() if row.tried}
    assert heir in tried
    assert holder not in tried


def test_a_holder_that_answers_keeps_its_slot() -> None:
    known, holder, heir = contested_pair()
    known.succeeded(holder, NOW)
    assert known.contested() is None
    rows = {row.address: row.tried for row in known.rows()}
    assert rows[holder]
    assert not rows.get(heir, False)


def test_contests_are_bounded() -> None:
    known = book()
    for number in range(5_000):
        known.succeeded(public(number), NOW)
    waiting = set()
    while (holder := known.contested()) is not None:
        waiting.add(holder)
        known.succeeded(holder, NOW)
    assert 0 < len(waiting) <= TRIED_CONTESTS


def test_failures_wait_ever_longer() -> None:
    known = book()
    known.learn(public(1), SOURCE, NOW, NOW)
    now = NOW
    for wait_s in (60, 120, 240):
        known.attempted(public(1), now)
        assert known.select(now + wait_s - 1, set()) is None
        assert known.select(now + wait_s, set()) == public(1)
        now += wait_s
    known.succeeded(public(1), now)
    assert known.select(now, set()) == public(1)


def test_a_stale_address_gives_way() -> None:
    known = book()
    for number in range(2_000):
        known.learn(public(number), SOURCE, NOW - ADDRESS_STALE_S - 1, NOW - ADDRESS_STALE_S)
    before = len(known)
    for number in range(2_000, 4_000):
        known.learn(public(number), SOURCE, NOW, NOW)
    fresh = [row for row in known.rows() if row.last_seen_unix_s == NOW]
    assert len(fresh) > before // 2


def test_what_is_told_fits_the_listener() -> None:
    known = book()
    for host in ("127.0.0.1", "10.0.0.1", "8.1.1.1"):
        known.learn(Address(host, 1), "127.0.0.1", NOW, NOW)

    def told(to: Reach) -> set[str]:
        return {address.host for address, _ in known.sample(250, to, NOW)}

    assert told(Reach.LOOPBACK) == {"127.0.0.1", "10.0.0.1", "8.1.1.1"}
    assert told(Reach.PRIVATE) == {"10.0.0.1", "8.1.1.1"}
    assert told(Reach.PUBLIC) == {"8.1.1.1"}


def test_a_large_book_is_not_read_in_one_go() -> None:
    known = book()
    for number in range(5_000):
        known.learn(public(number), public(number % 64).host, NOW, NOW)
    assert len(known.sample(10_000, Reach.PUBLIC, NOW)) == len(known) // 4
    assert len(known.sample(250, Reach.PUBLIC, NOW)) == 250


def test_kept_across_a_restart() -> None:
    known = book()
    for number in range(50):
        known.learn(public(number), SOURCE, NOW, NOW)
        if number % 2:
            known.succeeded(public(number), NOW)
    again = AddressBook(Random(2), known.rows())
    assert len(again) > 40
    assert {row.address for row in again.rows() if row.tried} <= {row.address for row in known.rows() if row.tried}


def test_poison_from_few_places_leaves_honest_tried_addresses_in_the_majority() -> None:
    """An attacker with eight /16s tells and answers at will; sixty honest nodes of many networks were tried before."""
    known = book()
    honest = {public(number) for number in range(60)}
    for address in honest:
        known.learn(address, SOURCE, NOW, NOW)
        known.succeeded(address, NOW)
    for number in range(20_000):
        evil = Address(f"66.{number % 8}.{number // 8 % 250}.{number // 2_000 + 1}", 20_049)
        known.learn(evil, evil.host, NOW, NOW)
        known.succeeded(evil, NOW)
    rng = Random(3)
    drawn: list[Address] = []
    groups: dict[str, int] = {}
    refused: set[Address] = set()
    while len(drawn) < 8:
        selected = known.select(NOW, refused)
        assert selected is not None
        refused.add(selected)
        if groups.get(netgroup(selected.host), 0) < 1 + rng.randrange(2):
            groups[netgroup(selected.host)] = groups.get(netgroup(selected.host), 0) + 1
            drawn.append(selected)
    assert any(address in honest for address in drawn)
    assert honest <= {row.address for row in known.rows()}
