"""Fewer cores than workers."""

import threading

from quip.mining.core_turns import CoreTurns


def test_no_more_than_the_cores_are_inside_and_nobody_starves() -> None:
    turns = CoreTurns(1)
    inside = threading.Semaphore(1)
    served = [0, 0, 0]
    order: list[int] = []
    together = threading.Barrier(3)

    def work(number: int) -> None:
        together.wait(30)
        for _ in range(200):
            with turns:
                assert inside.acquire(blocking=False), "two at once"
                served[number] += 1
                order.append(number)
                inside.release()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert served == [200, 200, 200]


def test_who_comes_back_at_once_waits_behind_the_others() -> None:
    turns = CoreTurns(1)
    order: list[str] = []
    waiting = threading.Event()

    def other() -> None:
        waiting.set()
        with turns:
            order.append("other")

    with turns:
        thread = threading.Thread(target=other)
        thread.start()
        waiting.wait(30)
        while not turns._waiting:
            threading.Event().wait(0.001)
    with turns:
        order.append("again")
    thread.join(30)
    assert order == ["other", "again"]


def test_a_failure_gives_the_turn_back() -> None:
    turns = CoreTurns(1)
    for _ in range(3):
        try:
            with turns:
                raise ValueError
        except ValueError:
            continue
    with turns:
        assert turns._free == 0
    assert turns._free == 1
