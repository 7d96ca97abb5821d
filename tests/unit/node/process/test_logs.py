"""Logs: people on the terminal, JSON in files."""

import errno
import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from quip.node.errors import ConfigError
from quip.node.process import logs


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raises = list(root.handlers), root.level, logging.raiseExceptions
    yield
    for handler in list(root.handlers):
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    for handler in handlers:
        if handler not in root.handlers:
            root.addHandler(handler)
    root.setLevel(level)
    logging.raiseExceptions = raises
    for handler in logging.getLogger("quip.http").handlers:
        handler.close()
    logging.getLogger("quip.http").handlers = []
    structlog.reset_defaults()


def test_terminal_gets_words_and_the_file_json(tmp_path: Path) -> None:
    stream = io.StringIO()
    logs.configure("INFO", tmp_path / "logs" / "node.log", None, stream)
    structlog.get_logger("quip.node").info("block", number=7, hash=b"\x01\x02")
    structlog.get_logger("quip.node").debug("hidden")
    assert "block" in stream.getvalue()
    assert "number=7" in stream.getvalue()
    (line,) = (tmp_path / "logs" / "node.log").read_text().splitlines()
    record = json.loads(line)
    assert record["event"] == "block"
    assert (record["number"], record["hash"], record["level"], record["logger"]) == (7, "0x0102", "info", "quip.node")


def test_the_access_log_goes_to_its_own_file(tmp_path: Path) -> None:
    stream = io.StringIO()
    logs.configure("INFO", None, tmp_path / "http.log", stream)
    structlog.get_logger("quip.http").info("rpc", status=200)
    assert stream.getvalue() == ""
    assert json.loads((tmp_path / "http.log").read_text())["status"] == 200


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_obey_no_color(no_color: str, coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    stream = Terminal()
    logs.configure("INFO", stream=stream)
    structlog.get_logger("x").info("event")
    assert ("\x1b[" in stream.getvalue()) is coloured


def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write the log"):
        logs.configure("INFO", tmp_path / "file" / "node.log", stream=io.StringIO())


@pytest.fixture(params=["node", "access"])
def broken_log(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A log file whose directory has become a file: it cannot even be looked at (ENOTDIR, whoever we are)."""
    file = tmp_path / "logs" / "x.log"
    name = "quip.node" if request.param == "node" else "quip.http"
    node_log, access_log = (file, None) if request.param == "node" else (None, file)
    logs.configure("INFO", node_log, access_log, io.StringIO())
    structlog.get_logger(name).info("first")
    (tmp_path / "logs").rename(tmp_path / "moved")
    (tmp_path / "logs").touch()
    return file, name


def test_a_log_that_cannot_be_opened_costs_lines_and_nothing_else(
    broken_log: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    file, name = broken_log
    log = structlog.get_logger(name)
    for _ in range(3):
        log.info("lost")
    (warning,) = capsys.readouterr().err.splitlines()
    assert "Not a directory" in warning
    file.parent.unlink()
    file.parent.mkdir()
    log.info("kept")
    assert [json.loads(line)["event"] for line in file.read_text().splitlines()] == ["kept"]
    assert "is written again" in capsys.readouterr().err
    assert [json.loads(line)["event"] for line in (file.parent.parent / "moved/x.log").read_text().splitlines()] == [
        "first"
    ]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE, errno.EIO, errno.EROFS, errno.ENOSPC])
def test_whatever_the_system_says_stays_in_the_log(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "node.log"
    logs.configure("INFO", file, None, io.StringIO())
    log = structlog.get_logger("quip.node")
    log.info("first")
    file.rename(tmp_path / "node.log.1")
    with monkeypatch.context() as broken:

        def refused(self: logs.LogFile) -> None:
            raise OSError(number, os.strerror(number))

        broken.setattr(logs.LogFile, "_open", refused)
        log.info("lost")
        log.info("lost")
    log.info("kept")
    assert [json.loads(line)["event"] for line in file.read_text().splitlines()] == ["kept"]
    assert os.strerror(number) in capsys.readouterr().err


def test_a_full_disk_loses_the_line_alone(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO", Path("/dev/full"), None, io.StringIO())
    for _ in range(3):
        structlog.get_logger("quip.node").info("lost")
    (warning,) = capsys.readouterr().err.splitlines()
    assert "No space left on device" in warning


def test_files_are_opened_anew_when_told(tmp_path: Path) -> None:
    file = tmp_path / "node.log"
    logs.configure("INFO", file, None, io.StringIO())
    structlog.get_logger("quip.node").info("first")
    file.rename(tmp_path / "node.log.1")
    logs.reopen()
    assert [json.loads(line)["event"] for line in file.read_text().splitlines()] == ["log files opened anew"]
