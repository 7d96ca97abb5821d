"""kill -9 at every step of reservation, journal and signing, in real processes: tests/faults/killed_sessions.py."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from support.places import TESTS

PROGRAM = TESTS / "faults" / "killed_sessions.py"
KILLS = int(os.environ.get("TEST_SIGNER_KILLS", "100"))
KILLED = -9


def told(sessions: list[dict[str, Any]], what: str) -> list[list[Any]]:
    return [line[what] for session in sessions for line in session["told"] if what in line]


def check_the_kills_happened(sessions: list[dict[str, Any]]) -> None:
    aimed = [session for session in sessions if session["fatal"]]
    assert len(aimed) == KILLS
    assert all(session["ended"] in (0, KILLED) for session in sessions)
    assert all((session["ended"] == KILLED) == bool(session["fatal"]) for session in sessions)


def check_no_leaf_signed_two_digests(sessions: list[dict[str, Any]]) -> None:
    digests = defaultdict(set)
    for name, leaf, digest in told(sessions, "signing"):
        digests[name, leaf].add(digest)
    assert len(digests) > KILLS / 12
    assert {key: values for key, values in digests.items() if len(values) > 1} == {}


def check_the_same_message_gave_the_same_bytes(sessions: list[dict[str, Any]]) -> None:
    bytes_of = defaultdict(set)
    for name, label, signature in told(sessions, "released"):
        bytes_of[name, label].add(signature)
    assert {key: values for key, values in bytes_of.items() if len(values) > 1} == {}


def check_blocks_and_sweeps_share_no_leaf(sessions: list[dict[str, Any]]) -> None:
    """Both were signed, and the sweeps' leaves are the last 256."""
    leaves = {leaf for session in sessions if session["home"] == "identity-old" for line in session["told"]
              for _, leaf, _ in [line.get("signing", (None, None, None))] if leaf is not None}  # fmt: skip
    assert {leaf >= 2**20 - 256 for leaf in leaves} == {True, False}


def check_no_crash_cost_a_tree(sessions: list[dict[str, Any]], kind: str) -> None:
    """Leaves are skipped; the tree stays, and its first message is signed again and again."""
    old = [session for session in sessions if session["home"] == f"{kind}-old"]
    assert len({name for name, _, _ in told(old, "open")}) == 1
    reasons = [reason for _, _, reason in told(old, "open")]
    assert reasons[0] == "first run"
    assert set(reasons[1:]) == {""}
    assert sum(label == "b" for _, label, _ in told(old, "released")) > KILLS / 24


@pytest.mark.timeout(120 + 3 * KILLS)
def test_kill_9_at_every_step(tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    print("seed", seed)
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path), str(KILLS), str(seed)],
        capture_output=True,
        text=True,
        timeout=60 + 2 * KILLS,
        check=False,
    )
    assert done.returncode == 0, f"seed {seed}: {done.stderr}"
    sessions = [json.loads(line) for line in done.stdout.splitlines()]
    check_the_kills_happened(sessions)
    check_no_leaf_signed_two_digests(sessions)
    check_the_same_message_gave_the_same_bytes(sessions)
    check_blocks_and_sweeps_share_no_leaf(sessions)
    check_no_crash_cost_a_tree(sessions, "identity")
    check_no_crash_cost_a_tree(sessions, "account")
