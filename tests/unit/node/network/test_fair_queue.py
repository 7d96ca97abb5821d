"""Turns by connection."""

import pytest

from quip.node.network.fair_queue import FairQueue


def filled() -> FairQueue[str]:
    queue: FairQueue[str] = FairQueue()
    for connection, items in ((1, "abcd"), (2, "x"), (3, "yz")):
        for item in items:
            queue.put(connection, item)
    return queue


def test_connections_take_turns() -> None:
    queue = filled()
    taken = []
    while queue:
        taken.append(queue.take())
    assert "".join(taken) == "axybzcd"
    with pytest.raises(LookupError):
        queue.take()


def test_what_is_not_done_comes_before_the_rest_of_its_connection_but_not_before_others() -> None:
    queue = filled()
    assert queue.take() == "a"
    queue.put_first(1, "a")
    assert [queue.take() for _ in range(4)] == ["x", "y", "a", "z"]
    queue.put_first(3, "z")  # the only one there is of its connection
    assert [queue.take() for _ in range(2)] == ["b", "z"]


def test_a_connection_is_forgotten() -> None:
    queue = filled()
    assert queue.holds(1)
    queue.forget(1)
    queue.forget(9)
    assert not queue.holds(1)
    assert queue.take() == "x"
    queue.clear()
    assert not queue
