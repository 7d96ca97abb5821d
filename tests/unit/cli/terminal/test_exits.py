"""Errors end a program with two lines and a status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from quip.cli.terminal.exits import guarded
from quip.node.errors import ConfigError, DiskFull
from quip.wallet.errors import WalletMissing


@pytest.mark.parametrize(
    ("error", "status"),
    [(ConfigError("bad", "mend it"), 2), (DiskFull(Path("/x")), 1), (WalletMissing(Path("/x")), 1)],
)
def test_message_hint_and_status(error: Exception, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    def program() -> None:
        raise error

    with pytest.raises(SystemExit) as caught:
        guarded(program)
    assert caught.value.code == status
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("error: ")
    assert second.startswith("hint: ")


def test_bugs_are_not_hidden() -> None:
    def program() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        guarded(program)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_stdout_is_an_error_of_ours(unbuffered: str) -> None:
    script = "from quip.cli.quip import main; import sys; sys.argv = ['quip', '--help']; main()"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", script],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    first, second = done.stderr.splitlines()
    assert (done.returncode, first) == (1, "error: cannot write the output: No space left on device")
    assert second.startswith("hint: ")


def test_other_errors_of_the_system_are_not_hidden() -> None:
    def program() -> None:
        raise OSError("a bug")

    with pytest.raises(OSError, match="a bug"):
        guarded(program)
