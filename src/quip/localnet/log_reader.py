"""What the nodes' logs say: which block became whose head, and when; forks; complaints. Read while they are written."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

MAX_COMPLAINTS = 100  # of a node that complains all the time, the first ones tell the story
BLOCK = "block"
FALLBACK = "mining on the CPU instead"


@dataclass(slots=True)
class Sightings:
    """Everything read so far."""

    heads: dict[str, dict[str, float]] = field(default_factory=dict)
    """block hash -> node -> Unix time at which the block became that node's head, the first time."""
    reorganisations: list[int] = field(default_factory=list)
    """Depth of each, at any node."""
    complaints: list[str] = field(default_factory=list)
    """Errors and unhandled exceptions."""
    fallbacks: dict[str, str] = field(default_factory=dict)
    """Node that mines with another device than it was asked to -> why."""

    def take(self, node: str, line: dict[str, Any]) -> None:
        """One log line of a node."""
        event = line.get("event")
        if event == BLOCK and "hash" in line:
            seen = datetime.fromisoformat(line["timestamp"]).timestamp()
            self.heads.setdefault(line["hash"], {}).setdefault(node, seen)
            if line.get("depth"):
                self.reorganisations.append(int(line["depth"]))
        elif event == FALLBACK:
            self.fallbacks[node] = str(line.get("reason", ""))
        complaint = line.get("level") in ("error", "critical") or "exception" in line
        if complaint and len(self.complaints) < MAX_COMPLAINTS:
            self.complaints.append(f"{node}: {event}" + (f": {line['reason']}" if "reason" in line else ""))


class LogReader:
    """Reads what was appended to a file of JSON lines since the last time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0

    def read(self) -> Iterable[dict[str, Any]]:
        """The new whole lines; what a kill cut off is passed over."""
        try:
            with self._file.open("rb") as log:
                log.seek(self._offset)
                data = log.read()
        except OSError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for text in whole.splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict):
                yield line
