"""Runs a command that cannot outlive its parent, even a parent killed by kill -9. A program of its own, run by path:

    python parent_death.py PARENT_PID COMMAND...        stdin: a pipe whose other end only the parent holds

On Linux the kernel itself sends SIGKILL (PR_SET_PDEATHSIG survives the exec). Elsewhere a child of the command watches
the pipe, which closes with the parent. Either way the command keeps the process id that the parent knows.
"""

import ctypes
import os
import select
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1  # prctl(2)
LOOK_S = 1.0
STDIN = 0


def main(arguments: Sequence[str]) -> None:
    """Become the command."""
    parent, *command = arguments
    if sys.platform == "linux" and ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) == 0:
        if os.getppid() != int(parent):  # it died before we asked
            return
    elif os.fork() == 0:
        watch(os.getppid())
        return
    os.execv(command[0], command)


def watch(process: int) -> None:
    """Kill `process`, our parent, once stdin closes; return if it ends by itself."""
    while os.getppid() == process:
        readable, _, _ = select.select([STDIN], [], [], LOOK_S)
        if readable and not os.read(STDIN, 1):
            os.kill(process, signal.SIGKILL)
            return


if __name__ == "__main__":
    main(sys.argv[1:])
