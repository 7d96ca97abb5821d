"""Logs: people on the terminal, JSON in files."""

import io
import json
import logging
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
