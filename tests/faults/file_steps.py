"""Dying at a chosen step of a program's file work: every call that changes a file or makes one durable is a step."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

CALLS = ("open", "write", "pwrite", "fsync", "ftruncate", "link", "replace", "unlink", "mkdir")


class Moment(Enum):
    """When in a step to die."""

    BEFORE = "before"
    TORN = "torn"
    """Half of the bytes are written (a write); like AFTER for other calls."""
    AFTER = "after"


class Steps:
    """Counts steps; at number `fatal` it calls `die`."""

    def __init__(self, fatal: int, moment: Moment, die: Callable[[], object]) -> None:
        self.count = 0
        self._fatal = fatal
        self._moment = moment
        self._die = die

    def wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call with the chance to die in it."""

        def step(*arguments: Any, **named: Any) -> Any:
            self.count += 1
            if self.count != self._fatal:
                return call(*arguments, **named)
            if self._moment is Moment.BEFORE:
                self._die()
            if self._moment is Moment.TORN and name == "write":
                descriptor, data = arguments
                call(descriptor, bytes(data)[: len(data) // 2])
                self._die()
            try:
                return call(*arguments, **named)
            finally:
                self._die()

        return step


@contextmanager
def counted(fatal: int, moment: Moment, die: Callable[[], object]) -> Iterator[Steps]:
    """Count the steps inside, and die at step `fatal` (0: never)."""
    steps = Steps(fatal, moment, die)
    real = {name: getattr(os, name) for name in CALLS}
    for name, call in real.items():
        setattr(os, name, steps.wrap(name, call))
    try:
        yield steps
    finally:
        for name, call in real.items():
            setattr(os, name, call)
