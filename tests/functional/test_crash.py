"""kill -9 at any moment of an import, or of the recovery after one: the store is the twin's, before or after the block.

`TEST_CRASH_ROUNDS=1000 pytest tests/functional/test_crash.py` for the long run; a failure prints its seed.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from quip._native import store as native_store
from quip.primitives import rlp
from support.doomed import JOURNAL_SIZE, read_entry
from support.places import TESTS, WITH_SIMULATION
from support.stores import TIGHT_LIMITS, History, filled_store, history

ROUNDS = int(os.environ.get("TEST_CRASH_ROUNDS", "100"))
MAX_OPEN_S = 10.0
PLAN = ["import"] * 13 + ["recovery"] * 4 + ["clock"] * 3
"""Of every 20 kills 13 strike an operation of an import, 4 the opening after a kill, 3 come by the clock."""
MIN_BETWEEN = 0.6
"""Share of the kills between a commit's first write and its return."""
MIN_RECOVERY = 0.15
BETWEEN = "between the first write and the commit's return"
IMPORT_OPERATIONS = 50
"""Kills strike at most at this operation of an import; a smaller import survives, and the next one is struck."""
MAX_DELAY_S = 0.08


@dataclass
class Doomed:
    """The process that has children killed, and the files of the store that they work on."""

    process: subprocess.Popen[str]
    directory: Path

    @property
    def store(self) -> Path:
        return self.directory / "store.redb"

    def run(self, order: dict[str, Any]) -> int:
        """One child; its exit status, negative for the signal that ended it."""
        files = {name: str(self.directory / name) for name in ("journal", "operations")}
        (self.directory / "journal").write_bytes(bytes(JOURNAL_SIZE))
        (self.directory / "operations").write_bytes(bytes(8))
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"store": str(self.store), **files, **order}) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def moment(self) -> tuple[str, int]:
        """Where the last child was when it died, and at which block."""
        phase, place = read_entry((self.directory / "journal").read_bytes())
        operations = int.from_bytes((self.directory / "operations").read_bytes(), "little")
        match phase:
            case b"a":
                return (BETWEEN if operations else "before the write"), place
            case b"d":
                return "after the commit", place
            case _:
                return "in recovery", place


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[Doomed]:
    blocks = tmp_path / "blocks"
    blocks.write_bytes(rlp.encode([block.encode() for block in history(TIGHT_LIMITS).blocks]))
    command = [sys.executable, "-m", "support.doomed", str(blocks)]
    with subprocess.Popen(
        command, cwd=TESTS, env=WITH_SIMULATION, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Doomed(process, tmp_path)
        assert process.stdin is not None
        process.stdin.close()
    assert process.returncode == 0


def reopened(store: Path, twin: History) -> int:
    """How many blocks a copy of the file holds once recovered; it equals the twin, or this fails."""
    copy = store.with_name("copy.redb")
    shutil.copyfile(store, copy)
    start = time.monotonic()
    opened = native_store.Store.open(copy)
    assert time.monotonic() - start <= MAX_OPEN_S
    place = twin.place(opened)
    opened.close()
    return place


def order(kind: str, rng: random.Random, batch: int = 1) -> dict[str, Any]:
    """When the next child, which imports so many blocks at once, is to die."""
    kill_at = rng.randint(1, 2) if kind == "recovery" else rng.randint(2, IMPORT_OPERATIONS)
    return {
        "batch": batch,
        "in_open": kind == "recovery",
        "kill_at": None if kind == "clock" else kill_at,
        "spared": rng.randrange(3),
        "delay_s": rng.uniform(0, MAX_DELAY_S) if kind == "clock" else None,
    }


def struck(doomed: Doomed, twin: History, order: dict[str, Any], before: int) -> tuple[int, str | None]:
    """One round on a store of so many blocks: how many it holds then, and the moment of death; None for a survivor."""
    status = doomed.run(order)
    assert status in (0, -signal.SIGKILL), f"the child failed by itself: {status}"
    left = reopened(doomed.store, twin)
    moment, place = doomed.moment()
    done = {"in recovery": before, "after the commit": place + 1}.get(moment, place)
    whole = min(done + order["batch"], len(twin.blocks))
    assert left == done or (left == whole and moment == BETWEEN), f"{left} blocks, not {done} or {whole}: {moment}"
    if status:
        return left, moment
    assert left == len(twin.blocks), f"a survivor stopped at {left}"
    doomed.store.unlink()
    return 0, None


@pytest.mark.parametrize("batch", [1, 7])
def test_a_killed_import_leaves_the_batch_before_or_after(doomed: Doomed, batch: int) -> None:
    """Single blocks as they are mined, and batches as they come from sync: a crash loses all of one or nothing."""
    twin = history(TIGHT_LIMITS)
    seed = int(os.environ.get("TEST_CRASH_SEED", random.randrange(1 << 32)))
    print(f"TEST_CRASH_SEED={seed}")
    rng = random.Random(seed)
    moments: Counter[str] = Counter()
    left = 0
    for kind in rng.sample(PLAN * -(-ROUNDS // len(PLAN)), ROUNDS):
        moment = None
        while moment is None:
            if not doomed.store.exists():
                left = rng.randrange(3)
                filled_store(doomed.store, left, TIGHT_LIMITS)
            left, moment = struck(doomed, twin, order(kind, rng, batch), left)
        moments[moment] += 1
    summary = f"{dict(moments)} of {ROUNDS}"
    print(summary)
    assert moments[BETWEEN] >= MIN_BETWEEN * ROUNDS, summary
    assert moments["in recovery"] >= MIN_RECOVERY * ROUNDS, summary
    if doomed.store.exists():
        assert doomed.run({"batch": batch, "in_open": False, "kill_at": None, "spared": 0, "delay_s": None}) == 0
        assert reopened(doomed.store, twin) == len(twin.blocks), summary
