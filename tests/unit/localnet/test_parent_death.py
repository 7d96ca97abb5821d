"""A command that is tied to its parent ends with it, by the kernel's help and without it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from quip.localnet import parent_death
from support.node_process import wait_until

PARENT = """
import os, subprocess, sys
reading, writing = os.pipe()
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid()), "/bin/sleep", "300"], stdin=reading)
print(child.pid, flush=True)
child.wait()
"""
RUN = """
import runpy, sys
sys.platform = {platform!r}
runpy.run_path({path!r}, run_name="__main__")
"""


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()  # empty for a zombie
    except OSError:
        return b""


@pytest.mark.parametrize("platform", [sys.platform, "another"])
def test_it_ends_when_its_parent_is_killed(platform: str) -> None:
    runner = RUN.format(platform=platform, path=str(parent_death.__file__))
    with subprocess.Popen([sys.executable, "-c", PARENT, runner], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        wait_until(lambda: command_line(pid).startswith(b"/bin/sleep"), "the command")
        parent.kill()
    wait_until(lambda: not command_line(pid), "the end of the command")


@pytest.mark.parametrize("platform", [sys.platform, "another"])
def test_it_may_end_before_its_parent(platform: str) -> None:
    runner = RUN.format(platform=platform, path=str(parent_death.__file__))
    with subprocess.Popen(
        [sys.executable, "-c", runner, str(os.getpid()), "/bin/sleep", "300"], stdin=subprocess.PIPE
    ) as child:
        wait_until(lambda: command_line(child.pid).startswith(b"/bin/sleep"), "the command")
        child.terminate()
        assert child.wait(10) == -signal.SIGTERM


def test_a_parent_that_is_gone_already_means_no_start() -> None:
    done = subprocess.run(
        [sys.executable, str(parent_death.__file__), "1", "/bin/echo", "x"], capture_output=True, check=True
    )
    assert done.stdout == b""
