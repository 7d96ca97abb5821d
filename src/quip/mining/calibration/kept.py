"""What an unfinished calibration has measured, in a file: the same call made again goes on from there.

Kept are the survey and how far each count of proofs has come. All else follows from them: attempts have numbered seeds,
and ladders are functions of summaries.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from quip.files import durable_files
from quip.mining.calibration.summary import Summary, parse_summary

SAVE_S = 30.0
"""A count is written so often: what an interrupted call loses."""


@dataclass(frozen=True, slots=True)
class Count:
    """Attempts at one margin, by one stream of seeds."""

    proofs: int = 0
    attempts: int = 0
    updates: float = 0.0
    """Spin updates with crossing, without gates."""


class Kept:
    """The file; `path` None: nothing is kept, or found. `call` is what was asked for; what another left is ignored."""

    def __init__(self, path: Path | None = None, call: Mapping[str, Any] | None = None) -> None:
        self._path = path
        self._document: dict[str, Any] = {"call": call, "summary": None, "counts": {}}
        self._saved_s = time.monotonic()
        if path is not None and (found := _read(path)).get("call") == call:
            self._document = found

    @property
    def summary(self) -> Summary | None:
        """The survey's, once it is done."""
        document = self._document["summary"]
        return None if document is None else parse_summary(document)

    def keep_summary(self, summary: Summary) -> None:
        """Raises OSError."""
        self._document["summary"] = asdict(summary)
        self._save()

    def count(self, seed: int, margin: int) -> Count:
        """How far a count has come."""
        return Count(*self._document["counts"].get(_key(seed, margin), ()))

    def keep_count(self, seed: int, margin: int, count: Count, done: bool) -> None:
        """Writes it when it is done, and now and then before. Raises OSError."""
        self._document["counts"][_key(seed, margin)] = [count.proofs, count.attempts, count.updates]
        if done or time.monotonic() - self._saved_s > SAVE_S:
            self._save()

    def remove(self) -> None:
        """The calibration is finished. Raises OSError."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _save(self) -> None:
        self._saved_s = time.monotonic()
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            durable_files.replace(self._path, json.dumps(self._document).encode())


def _key(seed: int, margin: int) -> str:
    return f"{seed}/{margin}"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
