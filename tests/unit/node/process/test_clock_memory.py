"""The newest time that a data directory has seen."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from quip.node.process import clock_service
from quip.node.process.clock import ClockWatch
from quip.node.process.clock_memory import ClockMemory
from quip.node.process.clock_service import ClockService


def test_it_outlives_the_process_and_never_goes_back(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    memory = ClockMemory(file)
    assert memory.newest is None
    memory.remember(1_700_000_000)
    memory.remember(1_600_000_000)
    assert ClockMemory(file).newest == memory.newest == 1_700_000_000


@pytest.mark.parametrize("content", [b"", b"soon", b"-5", b"\xff" * 10, b"9" * 5000])
def test_what_is_no_time_is_nothing(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "clock").write_bytes(content)
    found = ClockMemory(tmp_path / "clock").newest
    assert found is None or content.startswith(b"9")


def test_a_disk_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    memory = ClockMemory(tmp_path / "gone" / "clock")
    with structlog.testing.capture_logs() as lines:
        memory.remember(1)
    assert [line["event"] for line in lines] == ["the time is not remembered"]


async def test_the_service_remembers_at_its_end_and_tells_of_jumps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_service, "LOOK_S", 0.0)
    monkeypatch.setattr(clock_service, "REMEMBER_S", 0.0)
    wall = 1_700_000_000.0
    memory = ClockMemory(tmp_path / "clock")
    jumps: list[str] = []
    clock = ClockWatch(lambda: wall, lambda: 0.0)
    running = asyncio.create_task(ClockService(clock, memory, lambda: jumps.append("jumped")).run())
    await until(lambda: memory.newest == 1_700_000_000)
    wall += 3600
    await until(lambda: jumps)
    monkeypatch.setattr(clock_service, "REMEMBER_S", 1e9)
    wall += 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert ClockMemory(tmp_path / "clock").newest == 1_700_003_601


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)
