from pathlib import Path

import pytest

from quip.wallet.errors import DirectoryInUse, JournalDamaged, JournalMissing, OtherKey, WalletExists, WriteFailed
from quip.wallet.stateful_signer.journal import RECORD_BYTES, Journal, JournalHead, Part, Signed, read_only

HEAD = JournalHead(index=5, leaves=1 << 20, key=b"k" * 32)
MESSAGE = b"m" * 32
SIGNED = Signed(3, b"d" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with a head, two reservations and one signature."""
    path = tmp_path / "journal"
    journal = Journal.create(path, HEAD)
    journal.reserve(32)
    journal.record(MESSAGE, SIGNED)
    journal.reserve(64)
    journal.close()
    return path


def test_what_was_written_is_read(path: Path) -> None:
    journal = Journal.open(path, HEAD)
    assert journal.ends() == (64, 32)
    assert journal.signed(MESSAGE) == SIGNED
    assert journal.signed(b"x" * 32) is None
    journal.close()
    assert read_only(path) == (HEAD, 64)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_journal_is_claimed_once(path: Path) -> None:
    with pytest.raises(WalletExists):
        Journal.create(path, HEAD)


def test_one_at_a_time(path: Path) -> None:
    first = Journal.open(path, HEAD)
    with pytest.raises(DirectoryInUse):
        Journal.open(path, HEAD)
    assert read_only(path) == (HEAD, 64)
    first.close()
    Journal.open(path, HEAD).close()


@pytest.mark.parametrize(
    "head", [JournalHead(6, 1 << 20, b"k" * 32), JournalHead(5, 1 << 20, b"l" * 32), JournalHead(5, 1024, b"k" * 32)]
)
def test_a_journal_of_another_tree(path: Path, head: JournalHead) -> None:
    with pytest.raises(OtherKey):
        Journal.open(path, head)


def test_a_missing_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalMissing):
        Journal.open(tmp_path / "journal", HEAD)


@pytest.mark.parametrize("lost", range(1, RECORD_BYTES))
def test_a_torn_last_record_is_cut_off(path: Path, lost: int) -> None:
    path.write_bytes(path.read_bytes()[:-lost])
    journal = Journal.open(path, HEAD)
    assert journal.ends() == (32, 0)
    assert path.stat().st_size == 3 * RECORD_BYTES
    journal.reserve(96)
    journal.close()
    assert read_only(path) == (HEAD, 96)


def test_a_last_record_of_zeros_is_cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-RECORD_BYTES] + bytes(RECORD_BYTES))
    assert read_only(path) == (HEAD, 32)


@pytest.mark.parametrize(
    "at", [0, 4, 40, 90, RECORD_BYTES, RECORD_BYTES + 15, 2 * RECORD_BYTES + 20, 3 * RECORD_BYTES - 1]
)
def test_damage_before_the_last_record(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(JournalDamaged):
        Journal.open(path, HEAD)


@pytest.mark.parametrize("order", [(0, 2, 1, 3), (0, 3, 2), (0, 1, 1, 2, 3), (1, 2, 3), ()])
def test_records_out_of_order(path: Path, order: tuple[int, ...]) -> None:
    content = path.read_bytes()
    path.write_bytes(b"".join(content[i * RECORD_BYTES : (i + 1) * RECORD_BYTES] for i in order))
    with pytest.raises(JournalDamaged):
        Journal.open(path, HEAD)


@pytest.mark.parametrize(("end", "leaf"), [(32, 5), (0, 5), (96, 2), (96, 3), (96, 96), ((1 << 20) + 1, 5)])
def test_impossible_records_are_our_bug(path: Path, end: int, leaf: int) -> None:
    journal = Journal.open(path, HEAD)
    with pytest.raises(ValueError, match="impossible"):
        journal.reserve(end)
        journal.record(b"n" * 32, Signed(leaf, b"e" * 32))
    journal.close()
    Journal.open(path, HEAD).close()


def test_a_full_disk_leaves_the_journal_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(path, HEAD)

    def full(descriptor: int, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("quip.files.durable_files.write_all", full)
        with pytest.raises(WriteFailed, match="No space left"):
            journal.reserve(96)
    assert journal.ends() == (64, 32)
    journal.reserve(96)
    journal.close()
    assert read_only(path) == (HEAD, 96)


def test_after_a_failed_flush_nothing_is_believed_until_the_file_is_read_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.open(path, HEAD)

    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", broken)
        with pytest.raises(WriteFailed):
            journal.reserve(96)
    with pytest.raises(WriteFailed):
        journal.reserve(96)
    journal.close()
    again = Journal.open(path, HEAD)
    again.reserve(again.ends()[0] + 32)
    again.close()


def test_old_messages_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quip.wallet.stateful_signer.journal.RECENT_SIGNATURES", 2)
    journal = Journal.create(tmp_path / "journal", HEAD)
    journal.reserve(32)
    for leaf in range(3):
        journal.record(bytes([leaf]) * 32, Signed(leaf, b"d" * 32))
    assert [journal.signed(bytes([leaf]) * 32) is None for leaf in range(3)] == [True, False, False]
    journal.close()


TWO_PARTS = JournalHead(index=5, leaves=1024, key=b"k" * 32, tail=256)


def test_body_and_tail_are_counted_apart(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal.create(path, TWO_PARTS)
    assert (journal.ends(), journal.ends(Part.TAIL)) == ((0, 0), (768, 768))
    journal.reserve(32)
    journal.reserve(769)
    journal.record(b"a" * 32, Signed(768, b"d" * 32))
    journal.record(b"b" * 32, Signed(0, b"e" * 32))
    journal.reserve(768)
    journal.reserve(770)
    journal.close()
    again = Journal.open(path, TWO_PARTS)
    assert (again.ends(), again.ends(Part.TAIL)) == ((768, 32), (770, 769))
    assert again.signed(b"a" * 32) == Signed(768, b"d" * 32)
    again.close()
    assert read_only(path, tail=256) == (TWO_PARTS, 768)


@pytest.mark.parametrize("end", [768, 767, 1025])
def test_a_part_ends_where_the_other_begins(tmp_path: Path, end: int) -> None:
    journal = Journal.create(tmp_path / "journal", TWO_PARTS)
    journal.reserve(768)
    journal.reserve(800)
    with pytest.raises(ValueError, match="impossible"):
        journal.reserve(end)
    for leaf in (800, 1023):
        with pytest.raises(ValueError, match="impossible"):
            journal.record(MESSAGE, Signed(leaf, b"d" * 32))
    journal.close()


def test_what_is_forgotten_is_told_by_the_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quip.wallet.stateful_signer.journal.RECENT_SIGNATURES", 2)
    journal = Journal.create(tmp_path / "journal", TWO_PARTS)
    journal.reserve(32)
    journal.reserve(800)
    for leaf in (0, 768, 3):
        journal.record(bytes([leaf % 256]) * 32, Signed(leaf, b"d" * 32))
    assert journal.remembered_from == 3
    journal.close()


def test_what_is_settled_only_rises_and_stays_below_what_is_used(path: Path) -> None:
    journal = Journal.open(path, HEAD)
    assert journal.settled == 0
    journal.settle(3)
    journal.settle(3)
    for below in (2, 65):
        with pytest.raises(ValueError, match="impossible"):
            journal.settle(below)
    journal.settle(64)
    journal.close()
    again = Journal.open(path, HEAD)
    assert again.settled == 64
    again.close()
