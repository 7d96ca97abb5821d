"""What every benchmark prints around its figures: the machine, versions, commit; medians and spreads; tables."""

import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from quip._native import ising

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 5


def machine() -> str:
    """One line: CPU, cores, kernel paths."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(encoding="utf-8").splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        model = f"{names[0]} x {len(names)}" if names else model
    return f"{model}, {platform.system()} {platform.machine()}, kernel paths {', '.join(ising.paths())}"


def commit() -> str:
    """The checkout's commit, with a mark if it has changes (but of the file that figures are written to)."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = "+" if git("status", "--porcelain", "--untracked-files=no", ":!docs/benchmarks.md") else ""
    return (git("rev-parse", "--short", "HEAD") or "no git") + changed


def versions() -> str:
    """Python and the libraries that are measured."""
    names = ("quip", "dwave-samplers", "dwave-graphs", "numpy")
    return f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in names)


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def medians(works: Sequence[Callable[[], object]], repeats: int = REPEATS) -> list[float]:
    """Median seconds of each, interleaved: every round runs all of them once."""
    rounds = [[timed(work) for work in works] for _ in range(repeats)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def verdict(good: bool) -> str:
    """met or MISSED."""
    return "met" if good else "MISSED"
