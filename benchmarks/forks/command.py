"""`python -m benchmarks forks [--minutes 60] [--seed 1] [--write]`: mines with forced forks and checks the chain.

Exit status 1 if anything is not as it should be. `--write` replaces docs/forks.md, which says what a run showed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.forks.run import Asked, Run, figures, run
from benchmarks.forks.summary import text_of

PAGE = report.ROOT / "docs" / "forks.md"
FIGURES = "figures.json"


def main(words: Sequence[str]) -> None:
    """Run, print, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks forks")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--genesis", default="dev", help="dev, test, or a chain spec's path; with ommers")
    parser.add_argument("--directory", type=Path, help="where the nodes' data stay; must be empty")
    parser.add_argument("--write", action="store_true", help="replace docs/forks.md")
    given = parser.parse_args(words)
    if given.directory is None:
        with tempfile.TemporaryDirectory() as name:
            found = _told(Asked(given.genesis, given.minutes * 60, given.seed, Path(name)), given.write)
    else:
        given.directory.mkdir(parents=True, exist_ok=True)
        if any(given.directory.iterdir()):
            parser.error(f"{given.directory} is not empty")
        found = _told(Asked(given.genesis, given.minutes * 60, given.seed, given.directory.absolute()), given.write)
    sys.exit(bool(found.problems))


def _told(asked: Asked, write: bool) -> Run:
    found = run(asked)
    (asked.directory / FIGURES).write_text(json.dumps(figures(found), indent=1) + "\n", encoding="utf-8")
    text = text_of(found)
    print(text)
    if write:
        PAGE.write_text(text, encoding="utf-8")
    return found
