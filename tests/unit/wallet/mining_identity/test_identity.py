"""The mining identity's life: first run, restart, copy, backup, damage, exhaustion. Real keys and real files."""

import dataclasses
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from quip.primitives import hybrid
from quip.primitives.hybrid_transaction import HybridPayload
from quip.wallet.errors import (
    BadMnemonic,
    DirectoryInUse,
    ExposedSecret,
    JournalMissing,
    KeyExhausted,
    WalletMissing,
    WrongProcess,
)
from quip.wallet.mining_identity.identity import MiningIdentity, show_identity
from quip.wallet.stateful_signer.signer import RESERVED_LEAVES

CHAIN_ID = 20050
BLOCK = b"\xbb" * 32
PAYOUT = bytes(range(20))
BLOCKS = 2**20 - 256
"""That one tree can sign; the other leaves are for sweeps."""


class Home:
    """A key directory and the records beside it."""

    def __init__(self, parent: Path) -> None:
        self.keys, self.records = parent / "keys", parent / "records"

    def open(self, chain_id: int = CHAIN_ID, first_unseen: Callable[[bytes], int] | None = None) -> MiningIdentity:
        return MiningIdentity.open(self.keys, chain_id, self.records, first_unseen=first_unseen)

    def only(self, pattern: str) -> Path:
        (path,) = self.keys.glob(pattern)
        return path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def used(home: Home) -> Iterator[tuple[Home, MiningIdentity]]:
    """An identity that signed one block and was closed."""
    with home.open() as identity:
        identity.sign_block(BLOCK)
    yield home, identity
    identity.close()


def test_the_first_run_makes_an_identity(home: Home) -> None:
    seen: list[tuple[int, int]] = []
    identity = MiningIdentity.open(home.keys, CHAIN_ID, home.records, lambda done, total: seen.append((done, total)))
    with identity:
        assert identity.fresh_because == "first run"
        assert identity.index == 0
        assert seen[-1] == (1024, 1024)
        assert identity.miner_id == hybrid.miner_id(identity.keys)
        assert identity.remaining == BLOCKS
        ecdsa, xmss = identity.sign_block(BLOCK)
        hybrid.verify_block(CHAIN_ID, identity.keys, BLOCK, ecdsa, xmss)
        assert identity.remaining == BLOCKS - 1
        summary = identity.summary()
        assert (summary.miner_id, summary.index, summary.remaining) == (identity.miner_id, 0, BLOCKS - 1)
    modes = {path.name: path.stat().st_mode & 0o777 for path in home.keys.iterdir()}
    assert set(modes.values()) == {0o600}
    assert set(modes) >= {"mnemonic", "identity.json", "journal-0", "lock"}
    assert home.keys.stat().st_mode & 0o777 == home.records.stat().st_mode & 0o777 == 0o700


def test_a_restart_goes_on_with_the_same_tree(used: tuple[Home, MiningIdentity]) -> None:
    home, before = used
    with home.open() as identity:
        assert (identity.keys, identity.index, identity.fresh_because) == (before.keys, 0, "")
        assert identity.remaining == BLOCKS - RESERVED_LEAVES
        first = identity.sign_block(BLOCK)
        assert hybrid.leaf_of(2, first[1]) == 0
        assert hybrid.leaf_of(2, identity.sign_block(b"\1" * 32)[1]) == RESERVED_LEAVES


def copied(home: Home) -> None:
    """A copy under the old name. (The original stays, or the copy could be given its inode again.)"""
    home.keys.rename(home.keys.with_name("original"))
    shutil.copytree(home.keys.with_name("original"), home.keys)


def unpacked(home: Home) -> None:
    """Everything comes back from an archive, the records too, and all of it agrees: only the files are other ones."""
    for path in [*home.keys.iterdir(), *home.records.iterdir()]:
        if path.name != "lock":
            shutil.copy2(path, path.with_name("unpacked"))
            path.with_name("unpacked").replace(path)


def journal_lost(home: Home) -> None:
    home.only("journal-*").unlink()


def journal_damaged(home: Home) -> None:
    path = home.only("journal-*")
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)


def journal_cut(home: Home) -> None:
    """A whole reservation is missing, though its record is there: no crash does that."""
    os.truncate(home.only("journal-*"), 96 + 50)


def records_lost(home: Home) -> None:
    shutil.rmtree(home.records)


def state_lost(home: Home) -> None:
    (home.keys / "identity.json").unlink()


def state_garbled(home: Home) -> None:
    (home.keys / "identity.json").write_text("{")


def other_words(home: Home) -> None:
    (home.keys / "mnemonic").write_text("abandon " * 11 + "about\n")


def words_lost(home: Home) -> None:
    (home.keys / "mnemonic").unlink()


@pytest.mark.parametrize(
    "harm",
    [
        copied,
        unpacked,
        journal_lost,
        journal_damaged,
        journal_cut,
        records_lost,
        state_lost,
        state_garbled,
        other_words,
        words_lost,
    ],
)
def test_doubt_means_a_fresh_tree(used: tuple[Home, MiningIdentity], harm: Callable[[Home], None]) -> None:
    home, before = used
    harm(home)
    with home.open() as identity:
        assert identity.fresh_because
        assert identity.keys.xmss != before.keys.xmss
        assert identity.index != 0
        assert identity.remaining == BLOCKS
        ecdsa, xmss = identity.sign_block(BLOCK)
        hybrid.verify_block(CHAIN_ID, identity.keys, BLOCK, ecdsa, xmss)
    with home.open() as again:
        assert (again.keys, again.fresh_because) == (identity.keys, "")


def test_a_backup_restored_in_place_is_found_out_by_the_record(home: Home) -> None:
    backup = home.keys.with_name("backup")
    with home.open() as identity:
        identity.sign_block(b"\0" * 32)
        shutil.copytree(home.keys, backup)
        for number in range(1, RESERVED_LEAVES + 2):
            identity.sign_block(bytes([number]) * 32)
    for path in backup.iterdir():
        shutil.copyfile(path, home.keys / path.name)
    with home.open() as restored:
        assert "backup" in restored.fresh_because
        assert restored.keys.xmss != identity.keys.xmss


def test_two_clones_never_share_a_tree(used: tuple[Home, MiningIdentity], tmp_path: Path) -> None:
    home, _ = used
    clone = tmp_path / "clone"
    shutil.copytree(home.keys, clone)
    with home.open() as first, MiningIdentity.open(clone, CHAIN_ID, home.records) as second:
        assert first.keys.xmss != second.keys.xmss
        assert first.keys.ecdsa != second.keys.ecdsa
        assert "copied" in second.fresh_because


def test_the_chain_knows_better(used: tuple[Home, MiningIdentity]) -> None:
    home, before = used
    asked: list[bytes] = []

    def first_unseen(miner: bytes) -> int:
        asked.append(miner)
        return RESERVED_LEAVES + 1

    with home.open(first_unseen=lambda miner: RESERVED_LEAVES) as identity:
        assert identity.fresh_because == ""
    with home.open(first_unseen=first_unseen) as identity:
        assert "chain has seen leaf 32" in identity.fresh_because
        assert asked == [before.miner_id]


def test_another_chain_means_another_tree(used: tuple[Home, MiningIdentity]) -> None:
    home, before = used
    with home.open(chain_id=CHAIN_ID + 1) as identity:
        assert identity.keys.xmss != before.keys.xmss
        assert "chain 20050" in identity.fresh_because


def test_a_used_up_tree_is_followed_by_a_fresh_one(home: Home) -> None:
    with home.open() as identity:
        signer = identity._tree.signer
        signer._journal.reserve(BLOCKS - 1)
        signer._record.reserve(BLOCKS - 1)
        signer._next[0] = BLOCKS - 2
        last = identity.sign_block(BLOCK)
        assert hybrid.leaf_of(2, last[1]) == BLOCKS - 2
        identity.sign_block(b"\1" * 32)
        assert identity.remaining == 0
        with pytest.raises(KeyExhausted):
            identity.sign_block(b"\2" * 32)
        assert identity.sign_block(BLOCK) == last
        assert identity.sign_sweep(sweep(identity)).payload.leaf == BLOCKS
    with home.open() as fresh:
        assert "used" in fresh.fresh_because
        assert fresh.remaining == BLOCKS


def sweep(identity: MiningIdentity, nonce: int = 0) -> HybridPayload:
    """All that the miner id has, to the payout."""
    return HybridPayload(
        CHAIN_ID, nonce, 10**9, 10**10, 60_000, PAYOUT, 10**18, b"", (), identity.miner_id, identity.keys, leaf=0
    )


def test_a_sweep_between_blocks(home: Home) -> None:
    with home.open() as identity:
        identity.sign_block(b"\1" * 32)
        signed = identity.sign_sweep(sweep(identity))
        assert signed.verify(), "the sender is a name of the keys"
        assert signed.payload.leaf == BLOCKS
        assert identity.sign_sweep(sweep(identity)) == signed
        assert identity.sign_sweep(sweep(identity, nonce=1)).payload.leaf == BLOCKS + 1
        ecdsa, xmss = identity.sign_block(b"\2" * 32)
        hybrid.verify_block(CHAIN_ID, identity.keys, b"\2" * 32, ecdsa, xmss)
        assert hybrid.leaf_of(2, xmss) == 1
        assert identity._tree.cache._read(0, identity.keys.xmss)[0] == 0  # type: ignore[index]
    with home.open() as again:
        assert again.fresh_because == ""
        assert again.sign_sweep(sweep(again)) == signed
        assert again.sign_sweep(sweep(again, nonce=2)).payload.leaf == BLOCKS + 2


@pytest.mark.parametrize(
    "change",
    [
        {"to": b""}, {"data": b"\1"}, {"access_list": ((PAYOUT, ()),)}, {"sender": PAYOUT}, {"chain_id": 1},
        {"keys": hybrid.HybridKeys(2, b"\2" * 33, b"\0\0\0\1" + bytes(64))},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_what_is_no_sweep(home: Home, change: dict[str, Any]) -> None:
    with home.open() as identity:
        with pytest.raises(ValueError, match="plain transfers"):
            identity.sign_sweep(dataclasses.replace(sweep(identity), **change))
        assert identity.sign_sweep(sweep(identity)).payload.leaf == BLOCKS
    with pytest.raises(ValueError, match="closed"):
        identity.sign_sweep(sweep(identity))


def test_recover_begins_a_fresh_tree(used: tuple[Home, MiningIdentity], tmp_path: Path) -> None:
    home, before = used
    with MiningIdentity.recover(home.keys, CHAIN_ID, home.records) as identity:
        assert identity.keys.xmss != before.keys.xmss
    with home.open() as again:
        assert (again.keys, again.fresh_because) == (identity.keys, "")
    with pytest.raises(WalletMissing):
        MiningIdentity.recover(tmp_path / "nothing", CHAIN_ID, home.records)


def test_damaged_words_are_named_and_the_hint_helps(used: tuple[Home, MiningIdentity]) -> None:
    home, before = used
    (home.keys / "mnemonic").write_text("abandon " * 12)
    for attempt in (home.open, lambda: MiningIdentity.recover(home.keys, CHAIN_ID, home.records)):
        with pytest.raises(BadMnemonic) as caught:
            attempt()
        assert str(home.keys / "mnemonic") in caught.value.message
    command = caught.value.hint.removeprefix("run: ").partition(" (")[0]
    subprocess.run(shlex.split(command), check=True)
    with home.open() as fresh:
        assert fresh.miner_id != before.miner_id


def test_one_process_at_a_time(home: Home) -> None:
    with home.open():
        with pytest.raises(DirectoryInUse, match=str(os.getpid())):
            home.open()
        assert show_identity(home.keys).chain_id == CHAIN_ID
    home.open().close()


def test_the_lock_of_a_running_node_may_be_deleted(home: Home) -> None:
    """It looks like something that a crash left behind."""
    with home.open() as identity:
        (home.keys / "lock").unlink()
        with pytest.raises(DirectoryInUse):
            home.open()
        identity.sign_block(BLOCK)
    home.open().close()


def test_a_forked_child_may_not_sign(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with home.open() as identity:
        parent = os.getpid()
        with monkeypatch.context() as patched:
            patched.setattr("os.getpid", lambda: parent + 1)
            with pytest.raises(WrongProcess):
                identity.sign_block(BLOCK)
        identity.sign_block(BLOCK)


def test_a_closed_identity_signs_nothing(used: tuple[Home, MiningIdentity]) -> None:
    with pytest.raises(ValueError, match="closed"):
        used[1].sign_block(BLOCK)
    with pytest.raises(ValueError, match="20 bytes"):
        used[1].sign_block(BLOCK[:20])


def test_secrets_that_others_can_read_are_refused(used: tuple[Home, MiningIdentity]) -> None:
    home, _ = used
    (home.keys / "mnemonic").chmod(0o644)
    with pytest.raises(ExposedSecret, match="chmod go-rwx"):
        home.open()
    (home.keys / "mnemonic").chmod(0o600)
    home.keys.chmod(0o777)
    with pytest.raises(ExposedSecret):
        home.open()
    home.keys.chmod(0o700)
    home.open().close()


def test_records_inside_the_key_directory_prove_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="outside"):
        MiningIdentity.open(tmp_path / "keys", CHAIN_ID, tmp_path / "keys" / "records")


def test_show_reads_what_is_there(used: tuple[Home, MiningIdentity], tmp_path: Path) -> None:
    home, identity = used
    summary = show_identity(home.keys)
    assert (summary.miner_id, summary.keys) == (identity.miner_id, identity.keys)
    assert summary.remaining == BLOCKS - RESERVED_LEAVES
    home.only("journal-*").unlink()
    with pytest.raises(JournalMissing):
        show_identity(home.keys)
    with pytest.raises(WalletMissing):
        show_identity(tmp_path / "nothing")


def test_the_next_subtree_is_stored(home: Home) -> None:
    with home.open() as identity:
        identity._tree.signer._journal.reserve(1024)
        identity._tree.signer._record.reserve(1024)
        identity._tree.signer._next[0] = 1023
        identity.sign_block(BLOCK)
        ecdsa, xmss = identity.sign_block(b"\1" * 32)
        assert hybrid.leaf_of(2, xmss) == 1024
        hybrid.verify_block(CHAIN_ID, identity.keys, b"\1" * 32, ecdsa, xmss)
        assert identity._tree.cache._read(0, identity.keys.xmss)[0] == 1  # type: ignore[index]
