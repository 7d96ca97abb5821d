"""Nothing ends in silence: threads, jobs in pools, callbacks on the loop."""

import asyncio
import threading

import pytest
import structlog

from quip.node.process.failures import KEPT, Failures, WatchedPool


def broken() -> None:
    raise RuntimeError("a mistake of ours\nwith a second line")


def test_a_thread_that_ends_by_an_exception_is_reported() -> None:
    counted: list[str] = []
    failures = Failures(counted.append)
    before = threading.excepthook
    with failures.watching_threads(), structlog.testing.capture_logs() as lines:
        for _ in range(3):
            thread = threading.Thread(target=broken, name="names")
            thread.start()
            thread.join()
    assert threading.excepthook is before
    (found,) = failures.objects()
    assert (found["thread"], found["reason"], found["count"]) == ("names", "RuntimeError: a mistake of ours", 3)
    assert counted == ["names"] * 3
    assert [line["event"] for line in lines] == ["a thread failed"], "once a minute is enough"
    assert lines[0]["exc_info"] is not None


def test_a_job_that_fails_is_noted_and_its_pool_works_on() -> None:
    failures = Failures()
    pool = WatchedPool(1, "reading", failures, foreseen=(OSError,))
    with pytest.raises(RuntimeError):
        pool.submit(broken).result()
    with pytest.raises(FileNotFoundError):
        pool.submit(open, "/nonexistent").result()
    assert pool.submit(pow, 2, 3).result() == 8
    pool.shutdown()
    assert [(one["thread"], one["count"]) for one in failures.objects()] == [("reading", 1)]


async def test_a_callback_of_the_loop_that_fails_is_reported() -> None:
    failures = Failures()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(failures.on_loop)
    loop.call_soon(broken)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [one["thread"] for one in failures.objects()] == ["loop"]


def test_what_is_kept_is_bounded() -> None:
    failures = Failures()
    for number in range(KEPT + 10):
        failures.note(f"thread {number}", RuntimeError())
    assert len(failures.objects()) == KEPT
