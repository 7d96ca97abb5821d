"""Logs: human lines on the terminal, one JSON object a line in files.

logs.configure(level, file)      log = structlog.get_logger("quip.node")      log.info("block", number=7)
"""

import contextlib
import logging
import logging.handlers
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

from quip.node.errors import ConfigError

EVENT_WIDTH = 16
LIBRARIES = ("uvicorn", "uvicorn.error", "asyncio")


def configure(
    level: str, file: Path | None = None, access_file: Path | None = None, stream: TextIO | None = None
) -> None:
    """Send every log line to the terminal (stderr) and, as JSON, to `file`; what the RPC server was asked goes to
    `access_file` alone. Raises ConfigError where a file cannot be written."""
    terminal = stream or sys.stderr
    handlers: list[logging.Handler] = [logging.StreamHandler(terminal)]
    console = structlog.dev.ConsoleRenderer(
        colors=wants_colour(terminal),
        pad_event_to=EVENT_WIDTH,
        pad_level=False,
        sort_keys=False,
        exception_formatter=structlog.dev.plain_traceback,
    )
    handlers[0].setFormatter(_formatter(_for_people, console))
    if file is not None:
        handlers.append(json_file(file))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    access = logging.getLogger("quip.http")
    access.propagate = False
    access.setLevel(logging.INFO if access_file else logging.CRITICAL)  # nobody makes lines that nobody reads
    access.handlers = [json_file(access_file)] if access_file else [logging.NullHandler()]
    logging.raiseExceptions = False  # a full disk must not take the node down by its log
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def reopen() -> None:
    """Open the log files anew: somebody has moved them, and says so."""
    names = []
    for handler in (*logging.getLogger().handlers, *logging.getLogger("quip.http").handlers):
        if isinstance(handler, LogFile):
            handler.reopen()
            names.append(handler.baseFilename)
    structlog.get_logger("quip.node").info("log files opened anew", files=names or "none")


class LogFile(logging.handlers.WatchedFileHandler):
    """A file that is followed when it is moved. What goes wrong costs log lines, and never reaches who logs.

    The first line that is lost is told on stderr; every further one tries again.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(file, encoding="utf-8")
        self._failed = False
        self._told = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, or lose it."""
        self._failed = False
        try:
            super().emit(record)
        except (OSError, ValueError) as error:  # opening anew happens outside the library's own net
            self._lost(error)
        if self._told and not self._failed:
            self._told = False
            _say(f"the log {self.baseFilename} is written again")

    def handleError(self, record: logging.LogRecord) -> None:
        """What writing raised (the library calls this)."""
        del record
        error = sys.exc_info()[1]
        if isinstance(error, OSError | ValueError):
            self._lost(error)

    def close(self) -> None:
        """The library's close, which no disk can refuse."""
        self._let_go()
        super().close()

    def reopen(self) -> None:
        """Close the file, so that the next line opens it."""
        with self.lock or contextlib.nullcontext():
            self._let_go()

    def _lost(self, error: OSError | ValueError) -> None:
        self._failed = True
        if isinstance(error, ValueError) or self.stream is None or self.stream.closed:
            self._let_go()
        if not self._told:
            self._told = True
            reason = error.strerror if isinstance(error, OSError) else error
            _say(f"the log {self.baseFilename} cannot be written ({reason}): its lines are lost until it can")

    def _let_go(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.close()


def _say(text: str) -> None:
    """To the terminal or the service's journal, past the log: it is the log that fails."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"warning: {text}\n")
        sys.stderr.flush()


def json_file(file: Path) -> logging.Handler:
    """A handler that appends JSON lines to `file` and follows log rotation."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = LogFile(file)
    except OSError as error:
        raise ConfigError(
            f"cannot write the log {file}: {error.strerror}", "choose a path that can be written"
        ) from None
    handler.setFormatter(_formatter(structlog.processors.JSONRenderer(default=str)))
    return handler


def wants_colour(stream: TextIO) -> bool:
    """Colour on a terminal only, and never where NO_COLOR is set (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def key_progress(done: int, total: int) -> None:
    """Progress of a key's generation: a line that rewrites itself on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return
    sys.stderr.write(f"\rmaking the mining identity: {100 * done // max(total, 1)} %" + ("\n" if done >= total else ""))
    sys.stderr.flush()


def _shared() -> list[Processor]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hex,
        structlog.processors.format_exc_info,
    ]


def _hex(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, bytes):
            event[key] = "0x" + value.hex()
    return event


def _for_people(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Seconds are exact enough, and which module speaks is of no interest."""
    event["timestamp"] = str(event.get("timestamp", ""))[:19].replace("T", " ")
    event.pop("logger", None)
    return event


def _formatter(*processors: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *processors],
    )
