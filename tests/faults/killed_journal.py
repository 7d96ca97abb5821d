"""Runs the transaction pool's journal in child processes that kill -9 themselves at every step of its file work.

Arguments: a directory, and the least size from which the file is rewritten. Prints one JSON line a child: what died
where, and which changes the journal had returned from. The parent only forks.
"""

import json
import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quip.storage.mempool_journal import MempoolJournal

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.file_steps import Moment, counted

Change = tuple[list[bytes], list[bytes], list[bytes]]
"""(added, removed, held afterwards)"""


def changes() -> Iterator[Change]:
    """A pool's life, the same every time: it grows, and three times most of it is mined."""
    draw = random.Random(1)
    held: list[bytes] = []
    for step in range(24):
        added = [draw.randbytes(draw.randint(90, 400)) for _ in range(draw.randint(1, 4))]
        removed = held[: len(held) - 1] if step % 8 == 7 else held[: draw.randint(0, 1)]
        held = [one for one in held if one not in removed] + added
        yield added, removed, held


def session(path: Path, rewrite_from: int, pipe: int) -> None:
    """What a node does: read what is there, write it anew, follow the pool."""
    journal = MempoolJournal(path, rewrite_from)
    journal.rewrite(list(journal.replay()))
    for step, (added, removed, held) in enumerate(changes()):
        journal.follow(added, removed, lambda held=held: held)  # type: ignore[misc]
        REAL_WRITE(pipe, json.dumps({"done": step}).encode() + b"\n")
    journal.close()


REAL_WRITE = os.write


def run(path: Path, rewrite_from: int, fatal: int, moment: Moment) -> dict[str, Any]:
    """One child; how far it got."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with counted(fatal, moment, lambda: os.kill(os.getpid(), signal.SIGKILL)) as steps:
            session(path, rewrite_from, writing)
        REAL_WRITE(writing, json.dumps({"steps": steps.count}).encode() + b"\n")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = [json.loads(line) for line in pipe]
    _, status = os.waitpid(child, 0)
    done = sum("done" in line for line in told)
    return {
        "path": str(path),
        "fatal": fatal,
        "moment": moment.value,
        "ended": os.waitstatus_to_exitcode(status),
        "done": done,
        "steps": told[-1].get("steps", 0) if told else 0,
    }


def main() -> None:
    """An undisturbed child first, then one killed at each step and moment, each with a file of its own."""
    home, rewrite_from = Path(sys.argv[1]), int(sys.argv[2])
    whole = run(home / "whole", rewrite_from, 0, Moment.AFTER)
    print(json.dumps(whole))
    for fatal in range(1, whole["steps"] + 1):
        for moment in Moment:
            print(json.dumps(run(home / f"{fatal}-{moment.value}", rewrite_from, fatal, moment)))


if __name__ == "__main__":
    main()
