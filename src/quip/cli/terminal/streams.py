"""Standard streams that can be used: a parent may have closed them, or set a character set that is not UTF-8."""

import io
import os
import sys

STANDARD = (0, 1, 2)


def prepare_streams() -> None:
    """Open what is closed on /dev/null: else the next file, such as the store, becomes standard error.

    What a stream's character set has no letter for is written as "?": a name in a table must not end a command.
    """
    for descriptor in STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one
            os.set_inheritable(descriptor, True)
    if sys.stdin is None:
        sys.stdin = _opened(0, "r")
    if sys.stdout is None:
        sys.stdout = _opened(1, "w")
    if sys.stderr is None:
        sys.stderr = _opened(2, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def _opened(descriptor: int, mode: str) -> io.TextIOWrapper:
    stream = open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
    assert isinstance(stream, io.TextIOWrapper)
    return stream
