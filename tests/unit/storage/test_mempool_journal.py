"""The pool's journal: what was written is read again, up to the first entry that is not whole; and it stays small."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from faults.killed_journal import changes
from quip.chain.mempool.limits import MAX_TRANSACTION_BYTES
from quip.storage.mempool_journal import MempoolJournal
from support.places import TESTS

PROGRAM = TESTS / "faults" / "killed_journal.py"
KILLED = -9
SOME = [bytes([number]) * (number + 1) for number in range(5)]


def refused(*arguments: object) -> None:
    raise OSError(errno.EIO, "no")


def journal_of(path: Path, transactions: list[bytes], rewrite_from: int = 1 << 20) -> MempoolJournal:
    journal = MempoolJournal(path, rewrite_from)
    journal.rewrite([])
    journal.follow(transactions, [], lambda: transactions)
    return journal


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "pool"
    assert list(MempoolJournal(path).replay()) == []
    journal = journal_of(path, SOME[:2])
    journal.follow(SOME[2:], SOME[:1], lambda: SOME[1:])
    assert list(MempoolJournal(path).replay()) == SOME
    journal.rewrite(SOME[1:])
    assert list(MempoolJournal(path).replay()) == SOME[1:]
    journal.close()


def test_a_journal_that_was_not_opened_begins_with_what_is_held(tmp_path: Path) -> None:
    journal = MempoolJournal(tmp_path / "pool")
    journal.follow(SOME[:1], [], lambda: SOME)
    journal.close()
    assert list(journal.replay()) == SOME


def test_a_torn_tail_is_passed_over_wherever_it_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "pool"
    journal_of(path, SOME).close()
    whole = path.read_bytes()
    ends = [8]
    for transaction in SOME:
        ends.append(ends[-1] + 12 + len(transaction))
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        expected = max(sum(end <= length for end in ends) - 1, 0)
        assert list(MempoolJournal(path).replay()) == SOME[:expected]


def test_a_flipped_bit_ends_the_reading_there(tmp_path: Path) -> None:
    path = tmp_path / "pool"
    journal_of(path, SOME).close()
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :])
        found = list(MempoolJournal(path).replay())
        assert found == SOME[: len(found)]
        assert len(found) < len(SOME)


def test_lengths_that_no_transaction_has_are_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "pool"
    most = bytes(MAX_TRANSACTION_BYTES)
    journal_of(path, [most]).close()
    assert list(MempoolJournal(path).replay()) == [most]
    journal_of(path, [SOME[0], most + b"\0", SOME[1]]).close()
    assert list(MempoolJournal(path).replay()) == SOME[:1]
    path.write_bytes(b"quippool" + b"\0" * 100)
    assert list(MempoolJournal(path).replay()) == []
    path.write_bytes(b"something else")
    assert list(MempoolJournal(path).replay()) == []


def test_it_is_rewritten_when_half_of_it_is_stale(tmp_path: Path) -> None:
    path = tmp_path / "pool"
    many = [bytes([number]) * 100 for number in range(10)]
    journal = journal_of(path, many, rewrite_from=1_000)
    asked: list[bool] = []

    def held() -> list[bytes]:
        asked.append(True)
        return many[6:]

    journal.follow([], many[:5], held)
    assert (asked, len(list(journal.replay()))) == ([], 10)
    journal.follow([], many[5:6], held)
    assert (asked, list(journal.replay())) == ([True], many[6:])
    journal.follow(SOME, [], held)
    assert list(journal.replay()) == [*many[6:], *SOME]
    journal.close()


def test_a_disk_that_takes_half_an_entry_is_only_a_delay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pool"
    journal = journal_of(path, SOME[:2])
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        real(descriptor, bytes(data)[: len(data) // 2])
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="no room"):
            journal.follow(SOME[2:3], [], lambda: SOME[:3])
    assert list(journal.replay()) == SOME[:2]
    journal.follow(SOME[3:], [], lambda: SOME)
    assert list(journal.replay()) == [*SOME[:2], *SOME[3:]]
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        patch.setattr(os, "ftruncate", refused)
        with pytest.raises(OSError, match="no room"):
            journal.follow(SOME[2:3], [], lambda: SOME)
    journal.follow([], [], lambda: SOME)
    assert list(journal.replay()) == SOME
    journal.close()


def test_a_rewrite_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = journal_of(tmp_path / "pool", SOME)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refused)
        with pytest.raises(OSError, match="no"):
            journal.rewrite([])
    assert list(journal.replay()) == SOME
    journal.follow([], [], lambda: SOME[1:])
    assert list(journal.replay()) == SOME[1:]
    journal.close()


def test_killed_at_any_step_it_has_what_the_pool_had(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, PROGRAM, tmp_path, "2000"], capture_output=True, text=True, check=True, timeout=120
    )
    whole, *killed = [json.loads(line) for line in ran.stdout.splitlines()]
    history = list(changes())
    assert (whole["ended"], whole["done"]) == (0, len(history))
    assert len(killed) == 3 * whole["steps"]
    assert len(killed) > 72
    for child in killed:
        assert child["ended"] == KILLED
        found = list(MempoolJournal(Path(child["path"])).replay())
        done = child["done"]
        before = history[done - 1][2] if done else []
        removed = history[done][1] if done < len(history) else []
        written = [one for added, _, _ in history[: done + 1] for one in added]
        assert [one for one in before if one not in removed and one not in found] == [], child
        assert [one for one in found if one not in written] == [], child
        assert len(set(found)) == len(found), child
