"""Services run together: an orderly end, and no silent one."""

import asyncio

import pytest

from quip.node.service import ServiceEnded, run_services


class Recorded:
    """A service that says what it does, and can be told to end or to fail."""

    def __init__(self, name: str, told: list[str], *, ends: bool = False, fails: Exception | None = None) -> None:
        self._name = name
        self._told = told
        self._ends = ends
        self._fails = fails

    async def run(self) -> None:
        self._told.append(f"{self._name} began")
        try:
            if self._fails is not None:
                raise self._fails
            if not self._ends:
                await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self._told.append(f"{self._name} ended")


async def test_they_stop_the_other_way_round_one_by_one() -> None:
    told: list[str] = []
    stop = asyncio.Event()
    running = asyncio.create_task(run_services([Recorded(name, told) for name in "abc"], stop))
    async with asyncio.timeout(10):
        while len(told) < 3:
            await asyncio.sleep(0)
        stop.set()
        await running
    assert told == ["a began", "b began", "c began", "c ended", "b ended", "a ended"]


async def test_what_one_raises_ends_all_and_comes_out() -> None:
    told: list[str] = []
    listed = [Recorded("a", told), Recorded("b", told, fails=ValueError("a mistake of ours")), Recorded("c", told)]
    with pytest.raises(ValueError, match="a mistake of ours"):
        await asyncio.wait_for(run_services(listed, asyncio.Event()), 10)
    assert told[-2:] == ["c ended", "a ended"]


async def test_one_that_ends_by_itself_is_a_failure() -> None:
    """A node without its network or its RPC must not go on as if it had them."""
    told: list[str] = []
    with pytest.raises(ServiceEnded, match="Recorded ended by itself"):
        await asyncio.wait_for(run_services([Recorded("a", told), Recorded("b", told, ends=True)], asyncio.Event()), 10)
    assert told[-1] == "a ended"


async def test_the_first_failure_is_the_one_that_is_told() -> None:
    class Clumsy:
        async def run(self) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                raise OSError("cannot even stop")

    with pytest.raises(ValueError, match="first"):
        await asyncio.wait_for(
            run_services([Clumsy(), Recorded("b", [], fails=ValueError("first"))], asyncio.Event()), 10
        )
