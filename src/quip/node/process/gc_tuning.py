"""The cyclic garbage collector of a long-running node.

What is there once a node is wired (modules, classes, tables) stays until the end: it is set apart, so that a full
collection looks at what came later only. A new block makes a few hundred containers and no cycles, so young ones are
looked at in larger lots: by default a sync spends a tenth of its time here. In return everything is looked at once a
minute, whatever was made meanwhile.
"""

import asyncio
import gc
import time

YOUNG = 50_000
"""Containers made since the last look; some 10 MB."""
FULL_EVERY_S = 60.0
"""Between two looks at everything: some 10 ms."""
TICK_S = 1.0


class GcTuning:
    """`settle` once everything is there, then `tick` now and then; `run` does both."""

    def __init__(self, now_s: float | None = None) -> None:
        self._due_s = (time.monotonic() if now_s is None else now_s) + FULL_EVERY_S

    async def run(self) -> None:
        """Until cancelled."""
        self.settle()
        while True:
            await asyncio.sleep(TICK_S)
            self.tick(time.monotonic())

    @staticmethod
    def settle() -> None:
        """Set apart what is there, and look at young ones less often."""
        gc.collect()
        gc.freeze()
        _, middle, old = gc.get_threshold()
        gc.set_threshold(YOUNG, middle, old)

    def tick(self, now_s: float) -> None:
        """Look at everything, if it is time."""
        if now_s >= self._due_s:
            self._due_s = now_s + FULL_EVERY_S
            gc.collect()
