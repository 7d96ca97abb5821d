"""What signals mean to the programs.

SIGTERM, SIGINT     stop
SIGHUP              open the log files anew; stop, where the program was started from a terminal that is going away
SIGUSR1, SIGUSR2    nothing, but a line in the log

A node begins with `until_ready`, so that a signal finds a handler from the first moment, and goes on with `handle`
once its event loop runs; commands begin with `for_commands`. Handlers stay until the process
ends: a second signal does not interrupt the closing.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # this file is the first that a program imports: what it needs has to be little
    import asyncio
    from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGINT)
UNUSED = (signal.SIGUSR1, signal.SIGUSR2)

_told_to_stop = threading.Event()


def hangup_stops() -> bool:
    """Will a hangup tell that our terminal is gone? Not under nohup, and not where there never was one."""
    return signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and os.isatty(0)


def handle(loop: asyncio.AbstractEventLoop, stop: Callable[[], None], reopen: Callable[[], None]) -> None:
    """From now on signals come to the event loop; one that came before stops it too. Call it in the main thread."""
    hangup = stop if hangup_stops() else reopen
    for number in STOPPING:
        _route(loop, number, stop)
    _route(loop, signal.SIGHUP, hangup)
    for number in UNUSED:
        _route(loop, number, partial(_say_unused, number))
    if _told_to_stop.is_set():
        stop()


def _route(loop: asyncio.AbstractEventLoop, number: signal.Signals, action: Callable[[], None]) -> None:
    def received(_number: int, _frame: FrameType | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(action)

    signal.signal(number, received)


def _say_unused(number: signal.Signals) -> None:
    import structlog

    structlog.get_logger("quip.node").info("signal ignored", signal=number.name, hint="SIGTERM stops the node")


def until_ready() -> None:
    """For a node's start: told to stop before it runs, it unwinds what is open and ends with status 0."""
    hangup = _stopped if hangup_stops() else _wait
    for number in STOPPING:
        signal.signal(number, _stopped)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, hangup)
    _ignore_unused()


def for_commands() -> None:
    """For commands that end by themselves: told to stop, they unwind what is open and end as a shell names it."""
    signal.signal(signal.SIGTERM, _ended)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _ended)
    _ignore_unused()


def _ignore_unused() -> None:
    for number in UNUSED:
        signal.signal(number, signal.SIG_IGN)


def _stopped(_number: int, _frame: FrameType | None) -> None:
    _told_to_stop.set()  # whatever native code or finaliser runs at the moment may swallow the exception
    sys.exit(0)


def _ended(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _wait(_number: int, _frame: FrameType | None) -> None:
    """Log files are opened anew once there are any."""
