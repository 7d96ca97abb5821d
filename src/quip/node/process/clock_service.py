"""Watches the clock: says when somebody moves it, has the miners begin anew, and remembers the time."""

import asyncio
import time
from collections.abc import Callable

import structlog

from quip.node.process.clock import CLOCK_HINT, ClockWatch
from quip.node.process.clock_memory import ClockMemory

log = structlog.get_logger("quip.node")

LOOK_S = 1.0
REMEMBER_S = 600.0  # a write of the disk now and then; weeks are what it is for


class ClockService:
    """Looks once a second."""

    def __init__(self, clock: ClockWatch, memory: ClockMemory, jumped: Callable[[], None]) -> None:
        """`jumped` is called after each jump."""
        self._clock = clock
        self._memory = memory
        self._jumped = jumped

    async def run(self) -> None:
        """Until cancelled; the time is remembered then, too."""
        due_s = time.monotonic() + REMEMBER_S
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                jump = self._clock.look()
                if jump is not None:
                    log.warning(str(jump), hint=CLOCK_HINT)
                    self._jumped()
                if time.monotonic() >= due_s:
                    due_s = time.monotonic() + REMEMBER_S
                    await asyncio.to_thread(self._memory.remember, self._clock.now())
        finally:
            self._memory.remember(self._clock.now())
