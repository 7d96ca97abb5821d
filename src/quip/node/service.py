"""What a node does while it runs is a list of services, each one task on the one loop.

run_services(services, stop)    until `stop` is set or a service ends; then all are cancelled, the last one first, so
                                that a service may count on those before it as long as it lives
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

log = structlog.get_logger("quip.node")


class Service(Protocol):
    """Something that runs as long as the node does."""

    async def run(self) -> None:
        """Until cancelled; then it ends what it began. What it raises ends the node."""


class ServiceEnded(RuntimeError):
    """A service returned, though nobody had stopped it: the node is not what it says it is any more."""


async def run_services(services: Sequence[Service], stop: asyncio.Event) -> None:
    """Run them all; raises what the first one raised that ended by itself, or else what was raised on stopping."""
    tasks = [asyncio.create_task(service.run(), name=type(service).__name__) for service in services]
    asked = asyncio.create_task(stop.wait())
    early: set[asyncio.Task[None]] = set()
    try:
        await asyncio.wait([*tasks, asked], return_when=asyncio.FIRST_COMPLETED)
        early = {task for task in tasks if task.done()}
    finally:
        log.info("stopping")
        asked.cancel()
        for task in reversed(tasks):
            task.cancel()
            await asyncio.wait([task])
    failures = [failure for task in sorted(tasks, key=lambda task: task not in early) if (failure := _failure(task))]
    for later in failures[1:]:
        log.error("also failed while stopping", exc_info=later)
    if failures:
        raise failures[0]
    for task in early:
        raise ServiceEnded(f"{task.get_name()} ended by itself")


def _failure(task: "asyncio.Task[None]") -> BaseException | None:
    return None if task.cancelled() else task.exception()
