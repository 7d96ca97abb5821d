"""Errors end a program with two lines and a status."""

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
