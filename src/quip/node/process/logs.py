"""Logs: human lines on the terminal, one JSON object a line in files.

logs.configure(level, file)      log = structlog.get_logger("quip.node")      log.info("block", number=7)
"""

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


def json_file(file: Path) -> logging.Handler:
    """A handler that appends JSON lines to `file` and follows log rotation."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.WatchedFileHandler(file, encoding="utf-8")
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
