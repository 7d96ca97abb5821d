"""Watches the clock: says when somebody moves it, and has the miners begin anew."""

import asyncio
from collections.abc import Callable

import structlog

from quip.node.process.clock import CLOCK_HINT, ClockWatch

log = structlog.get_logger("quip.node")

LOOK_S = 1.0


class ClockService:
    """Looks once a second."""

    def __init__(self, clock: ClockWatch, jumped: Callable[[], None]) -> None:
        """`jumped` is called after each jump."""
        self._clock = clock
        self._jumped = jumped

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            jump = self._clock.look()
            if jump is not None:
                log.warning(str(jump), hint=CLOCK_HINT)
                self._jumped()
