"""Errors end a program with two lines and a status."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quip.cli.terminal.exits import guarded
from quip.net.local_errors import KeyFileError
from quip.node.errors import ConfigError, DiskFull
from quip.primitives.errors import OperatorError
from quip.wallet.errors import WalletMissing
from support.places import ROOT


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("bad", "mend it"), 2),
        (DiskFull(Path("/x")), 1),
        (WalletMissing(Path("/x")), 1),
        (KeyFileError("a", "b"), 2),
    ],
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


def test_an_error_is_json_where_json_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def program() -> None:
        raise ConfigError("bad", "mend it")

    monkeypatch.setattr(sys, "argv", ["quip", "status", "--json"])
    with pytest.raises(SystemExit):
        guarded(program)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert json.loads(shown.err) == {
        "error": {"code": "configuration", "message": "bad", "hint": "mend it", "exitStatus": 2}
    }


@pytest.mark.parametrize("as_json", [True, False])
def test_a_wrong_command_line_ends_with_2(as_json: bool) -> None:
    words = ["blocks", "--no-such-option", *(["--json"] if as_json else [])]
    script = f"from quip.cli.quip import main; import sys; sys.argv = {['quip', *words]}; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert (json.loads(done.stderr)["error"]["code"] == "usage") if as_json else ("Usage:" in done.stderr)
    assert "--no-such-option" in done.stderr


def _kinds(root: type[OperatorError]) -> Iterator[type[OperatorError]]:
    yield root
    for kind in root.__subclasses__():
        yield from _kinds(kind)


def test_every_kind_of_error_has_a_code_of_its_own_that_the_docs_list() -> None:
    kinds = [kind for kind in _kinds(OperatorError) if kind.__module__.startswith("quip.")]
    own = [kind.__dict__["code"] for kind in kinds if not kind.__name__.startswith("_")]
    assert len(set(own)) == len(own) > 30
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert [code for code in own if f"`{code}`" not in page] == []


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
