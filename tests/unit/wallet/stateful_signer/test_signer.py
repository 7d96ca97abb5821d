import dataclasses
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from quip.primitives import ecdsa
from quip.primitives.hybrid import SUITE_ACCOUNT, SUITE_MINING, HybridKeys
from quip.wallet.errors import (
    DamagedTree,
    JournalDamaged,
    JournalMissing,
    JournalStale,
    KeyExhausted,
    LeavesPending,
    OtherKey,
    SignerStateError,
    WalletExists,
    WriteFailed,
)
from quip.wallet.stateful_signer.journal import Journal, Part
from quip.wallet.stateful_signer.signer import RESERVED_LEAVES, HybridSecret, StatefulSigner

SECRET = b"\1" * 32
KEYS = HybridKeys(SUITE_MINING, ecdsa.public_key(SECRET), b"\0\0\0\1" + bytes(64))
BLOCKS = 2**20 - 256
LEAVES = 1024


class Echo:
    """A leaf key whose signatures show what was signed."""

    damaged = -1

    def sign(self, leaf: int, message: bytes) -> bytes:
        """As LeafKey."""
        if leaf == self.damaged:
            raise RuntimeError("a stored tree is damaged")
        return leaf.to_bytes(4, "big") + message


def digest_of(leaf: int) -> bytes:
    return sha256(leaf.to_bytes(8, "big")).digest()


class Home:
    """A journal and its record."""

    def __init__(self, directory: Path, suite: int = SUITE_MINING) -> None:
        self.journal, self.record = directory / "journal", directory / "record"
        self.secret = HybridSecret(dataclasses.replace(KEYS, suite=suite), SECRET, Echo())

    def create(self) -> StatefulSigner:
        return StatefulSigner.create(self.secret, 1, self.journal, self.record)

    def open(self) -> StatefulSigner:
        return StatefulSigner.open(self.secret, 1, self.journal, self.record)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def account(tmp_path: Path) -> Home:
    """A signer of suite 0x01."""
    return Home(tmp_path, SUITE_ACCOUNT)


@pytest.fixture
def signer(home: Home) -> Iterator[StatefulSigner]:
    with_two = home.create()
    for number in range(2):
        with_two.sign(message(number), digest_of)
    yield with_two
    with_two.close()


def message(number: int) -> bytes:
    return sha256(b"%d" % number).digest()


def test_each_message_takes_a_leaf_and_keeps_it(signer: StatefulSigner) -> None:
    third = signer.sign(message(2), digest_of)
    assert third.leaf == 2
    assert third.xmss == bytes([0, 0, 0, 2]) + digest_of(2)
    assert ecdsa.recover(third.ecdsa, digest_of(2)) == KEYS.ecdsa
    assert signer.sign(message(1), digest_of).leaf == 1
    assert signer.sign(message(2), digest_of) == third
    assert signer.remaining == BLOCKS - 3


def test_a_restart_goes_on_after_the_reserved_range(signer: StatefulSigner, home: Home) -> None:
    before = signer.sign(message(1), digest_of)
    signer.close()
    again = home.open()
    assert again.next_leaf == RESERVED_LEAVES
    assert again.sign(message(1), digest_of) == before
    assert again.sign(message(5), digest_of).leaf == RESERVED_LEAVES
    again.close()


def test_a_message_may_not_change_its_digest(signer: StatefulSigner) -> None:
    with pytest.raises(ValueError, match="another digest"):
        signer.sign(message(1), lambda leaf: b"\0" * 32)
    with pytest.raises(ValueError, match="31 bytes"):
        signer.sign(message(9), lambda leaf: b"\0" * 31)


def test_a_damaged_tree_costs_a_leaf(signer: StatefulSigner, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Echo, "damaged", 2)
        with pytest.raises(DamagedTree, match="damaged"):
            signer.sign(message(2), digest_of)
    assert signer.sign(message(3), digest_of).leaf == 3
    assert signer.sign(message(2), digest_of).leaf == 2


def sign_settled(signer: StatefulSigner, number: int, part: Part = Part.BODY) -> int:
    """Sign, and be told at once that it is buried."""
    leaf = signer.sign(message(number), digest_of, part).leaf
    signer.settle(leaf + 1)
    return leaf


def test_all_leaves_and_no_more(account: Home) -> None:
    signer = account.create()
    for number in range(LEAVES - 16):
        assert sign_settled(signer, number) == number
    assert (signer.remaining, signer.left(Part.TAIL)) == (0, 16)
    with pytest.raises(KeyExhausted):
        signer.sign(message(LEAVES), digest_of)
    for number in range(LEAVES - 16, LEAVES):
        assert sign_settled(signer, number, Part.TAIL) == number
    with pytest.raises(KeyExhausted):
        signer.sign(message(LEAVES), digest_of, Part.TAIL)
    assert signer.sign(message(1000), digest_of).leaf == 1000
    signer.close()
    again = account.open()
    assert (again.remaining, again.left(Part.TAIL)) == (0, 0)
    again.close()


def test_a_restart_costs_an_account_no_leaf(account: Home) -> None:
    for number in range(5):
        signer = account.open() if number else account.create()
        assert signer.sign(message(number), digest_of).leaf == number
        signer.close()


def test_an_account_keeps_within_what_the_chain_remembers(account: Home) -> None:
    signer = account.create()
    for number in range(256):
        assert signer.sign(message(number), digest_of).leaf == number
    for part in Part:
        with pytest.raises(LeavesPending, match="64 blocks deep"):
            signer.sign(message(256), digest_of, part)
    assert signer.sign(message(255), digest_of).leaf == 255, "what is signed is handed out again"
    signer.settle(1)
    assert signer.sign(message(256), digest_of).leaf == 256
    with pytest.raises(LeavesPending):
        signer.sign(message(257), digest_of)
    with pytest.raises(ValueError, match="impossible"):
        signer.settle(258)
    signer.close()
    again = account.open()
    assert again.settled == 1
    with pytest.raises(LeavesPending):
        again.sign(message(257), digest_of)
    again.settle(257)
    assert again.sign(message(257), digest_of).leaf == 257
    again.close()


def test_sweeps_take_the_last_leaves_and_blocks_never_do(home: Home) -> None:
    signer = home.create()
    for number in range(300):
        assert signer.sign(message(number), digest_of).leaf == number, "the rule of 255 is not about blocks"
    sweeps = [signer.sign(message(number), digest_of, Part.TAIL).leaf for number in range(1000, 1003)]
    assert sweeps == [BLOCKS, BLOCKS + 1, BLOCKS + 2]
    assert signer.remaining == BLOCKS - 300
    signer.close()
    again = home.open()
    assert again.sign(message(1003), digest_of, Part.TAIL).leaf == BLOCKS + 3
    assert again.sign(message(1001), digest_of, Part.TAIL).leaf == BLOCKS + 1
    assert again.sign(message(301), digest_of).leaf == 320
    assert again.left(Part.TAIL) == 252
    again.close()


def test_a_journal_without_its_last_sweep_is_refused(home: Home) -> None:
    """A leaf reserved for a sweep is on record; a journal that has less came back from a backup."""
    signer = home.create()
    signer.sign(message(1), digest_of)
    shutil.copyfile(home.journal, home.journal.with_suffix(".backup"))
    signer.sign(message(2), digest_of, Part.TAIL)
    signer.close()
    shutil.copyfile(home.journal.with_suffix(".backup"), home.journal)
    with pytest.raises(JournalStale, match="came back from a backup"):
        home.open()


def test_a_record_that_could_not_be_written_is_brought_up_by_either_part(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = home.create()
    reserve = Journal.reserve

    def only_the_journal(journal: Journal, end: int) -> None:
        if journal.path == home.record:
            raise WriteFailed(journal.path, OSError(28, "No space left on device"))
        reserve(journal, end)

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "reserve", only_the_journal)
        for part in Part:
            with pytest.raises(WriteFailed):
                signer.sign(message(part), digest_of, part)
    assert signer.sign(message(7), digest_of).leaf == 0
    signer.close()
    again = home.open()
    assert (again.next_leaf, again.left(Part.TAIL)) == (RESERVED_LEAVES, 255)
    again.close()


def test_a_crash_between_journal_and_record(signer: StatefulSigner, home: Home) -> None:
    signer.close()
    crashed = home.open()
    crashed._journal.reserve(2 * RESERVED_LEAVES)
    crashed.close()
    again = home.open()
    assert again.next_leaf == 2 * RESERVED_LEAVES
    again.close()
    home.open().close()


def backup_then_sign(signer: StatefulSigner, path: Path, count: int) -> Path:
    """A copy of one file, after which `count` more messages are signed."""
    copy = path.with_suffix(".backup")
    shutil.copyfile(path, copy)
    for number in range(10, 10 + count):
        signer.sign(message(number), digest_of)
    signer.close()
    return copy


def test_a_restored_journal_is_refused(signer: StatefulSigner, home: Home) -> None:
    shutil.copyfile(backup_then_sign(signer, home.journal, 2 * RESERVED_LEAVES), home.journal)
    with pytest.raises(JournalStale, match="quip wallet recover"):
        home.open()


def test_a_journal_restored_within_its_reservation_loses_nothing(signer: StatefulSigner, home: Home) -> None:
    shutil.copyfile(backup_then_sign(signer, home.journal, 3), home.journal)
    again = home.open()
    assert again.next_leaf == RESERVED_LEAVES
    again.close()


def forget(home: Home, path: Path) -> None:
    path.unlink()


def damage(home: Home, path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)


def take_other(home: Home, path: Path) -> None:
    other = HybridSecret(HybridKeys(KEYS.suite, KEYS.ecdsa, b"\0\0\0\1" + b"\1" * 64), SECRET, Echo())
    directory = path.parent / "other"
    directory.mkdir()
    StatefulSigner.create(other, 1, directory / "journal", directory / "record").close()
    shutil.copyfile(directory / path.name, path)


@pytest.mark.parametrize("name", ["journal", "record"])
@pytest.mark.parametrize(
    ("harm", "error"), [(forget, JournalMissing), (damage, JournalDamaged), (take_other, OtherKey)]
)
def test_what_is_refused(signer: StatefulSigner, home: Home, name: str, harm: object, error: type[Exception]) -> None:
    for number in range(2, 6):
        signer.sign(message(number), digest_of)
    signer.close()
    assert callable(harm)
    harm(home, getattr(home, name))
    with pytest.raises(error) as refused:
        home.open()
    assert isinstance(refused.value, SignerStateError)
    assert "quip wallet recover" in refused.value.hint


def test_an_index_is_claimed_by_its_record(signer: StatefulSigner, home: Home) -> None:
    home.journal.unlink()
    with pytest.raises(WalletExists):
        home.create()


def test_a_full_disk_signs_nothing_and_passes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = home.create()

    def full(descriptor: int, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr("quip.files.durable_files.write_all", full)
            with pytest.raises(WriteFailed):
                signer.sign(message(1), digest_of)
    first = signer.sign(message(1), digest_of)
    assert signer.sign(message(2), digest_of).leaf == first.leaf + 1
    signer.close()
    home.open().close()


def test_it_knows_what_it_signed_also_after_a_restart(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    messages = [bytes([number]) * 32 for number in range(4)]
    signer = home.create()
    leaves = [signer.sign(message, digest_of).leaf for message in messages]
    assert all(map(signer.has_signed, messages, leaves))
    assert not signer.has_signed(b"x" * 32, leaves[0])
    assert not signer.has_signed(messages[0], leaves[1])
    signer.close()
    monkeypatch.setattr("quip.wallet.stateful_signer.journal.RECENT_SIGNATURES", 2)
    again = home.open()
    assert all(map(again.has_signed, messages, leaves)), "what is too old to tell, it signed"
    assert not again.has_signed(b"x" * 32, leaves[2])
    again.close()
