"""The log of what becomes executable: bounded, and read from any place."""

from quip.rpc.arrivals import Arrivals
from support.transactions import recovered, signed

SENT = recovered(*[signed(0, nonce) for nonce in range(6)])
SIZE = len(SENT[0].encoded)


def test_each_reader_has_its_own_place() -> None:
    log = Arrivals()
    told: list[int] = []
    stop = log.news.listen(lambda: told.append(log.end))
    log.add(SENT[:2])
    assert log.since(0) == (SENT[:2], 2)
    log.add(SENT[2:3])
    assert log.since(2) == (SENT[2:3], 3)
    assert log.since(0) == (SENT[:3], 3)
    assert log.since(3) == ([], 3)
    stop()
    log.add(SENT[3:])
    assert told == [2, 3]


def test_it_remembers_so_many() -> None:
    log = Arrivals(2)
    log.add(SENT)
    assert log.since(0) == (SENT[4:], 6)
    assert log.since(5) == (SENT[5:], 6)


def test_it_remembers_so_many_bytes() -> None:
    log = Arrivals(remembered_bytes=3 * SIZE)
    log.add(SENT)
    assert log.since(0) == (SENT[3:], 6)
    log = Arrivals(remembered_bytes=SIZE - 1)
    log.add(SENT)
    assert log.since(0) == ([], 6)


def test_much_is_read_in_parts() -> None:
    log = Arrivals()
    log.add(SENT)
    found, place = log.since(0, 2 * SIZE)
    assert (found, place) == (SENT[:2], 2)
    assert log.since(place, 1) == (SENT[2:3], 3)  # one at least
