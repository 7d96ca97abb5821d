"""Lost writes, a full disk, flipped bits and cut files, and the way back: right, or named with a hint; never wrong."""

import os
import random
import shutil
from pathlib import Path

import pytest

from quip._native import store as native_store
from quip.storage.chain_store import RedbChainStore, for_network, open_chain_store
from quip.storage.check import db_check
from quip.storage.errors import StoreCorrupt, StoreError, StoreFull, StoreVersion
from quip.storage.reindex import reindex
from support.chains import network_spec
from support.stores import acceptor, contents, damage_row, filled_store, history, open_chain, settled_contents

CHAIN_ID = network_spec().chain_id
ROUNDS = int(os.environ.get("TEST_DAMAGE_ROUNDS", "120"))
HINT = "quip db reindex"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound store with the whole history."""
    path = tmp_path_factory.mktemp("whole") / "store.redb"
    filled_store(path, len(history().blocks))
    return path


def everything(path: Path) -> bytes:
    """What a node with the whole history would answer, as a digest. Raises StoreError."""
    return everything_of(path, len(history().blocks))


def everything_of(path: Path, blocks: int) -> bytes:
    """Opens the chain, reads so many blocks; a digest of all rows. Raises StoreError."""
    store = native_store.Store.open(path)
    try:
        chain = open_chain(for_network(store, CHAIN_ID))
        for block in history().blocks[:blocks]:
            assert chain.block_by_hash(block.header.hash) is not None
        return contents(store)
    finally:
        store.close()


def seeds(count: int) -> list[int]:
    first = random.randrange(1 << 32)
    return [first + index for index in range(count)]


@pytest.mark.parametrize("keep", [False, True], ids=["all unsynced writes lost", "a random part of them lost"])
def test_lost_writes(tmp_path: Path, keep: bool) -> None:
    twin = history()
    for seed in seeds(5):
        rng = random.Random(seed)
        path = tmp_path / f"{seed}.redb"
        disk = native_store.FaultyDisk(path)
        accept = acceptor(for_network(native_store.Store.open_on(disk), CHAIN_ID))
        cut_after = rng.randrange(1, 12)
        for block in twin.blocks[:cut_after]:
            accept(block)
        disk.set_full(True)  # the import that is cut stops in its middle, with writes that were never synced
        reached = cut_after
        with pytest.raises(StoreFull):
            for block in twin.blocks[cut_after:]:
                accept(block)
                reached += 1
        disk.cut_power(seed if keep else None)
        del accept
        reopened = native_store.Store.open(path)
        assert twin.place(reopened) == reached, f"seed {seed}"
        rest = acceptor(for_network(reopened, CHAIN_ID))
        for block in twin.blocks[reached:]:
            rest(block)
        assert contents(reopened) == twin.after[-1], f"seed {seed}"
        reopened.close()


def test_a_full_disk_stops_imports_only(tmp_path: Path) -> None:
    twin = history()
    disk = native_store.FaultyDisk(tmp_path / "store.redb")
    store = native_store.Store.open_on(disk)
    chain = open_chain(for_network(store, CHAIN_ID))
    disk.set_full(True)
    place = 0
    with pytest.raises(StoreFull, match="disk is full"):
        for block in twin.blocks:
            chain.accept(block, block.header.timestamp)
            place += 1
    refused = twin.blocks[place]
    for _ in range(3):
        assert chain.head.hash == twin.heads[place]
        assert twin.place(store) == place
        with pytest.raises(StoreFull):
            chain.accept(refused, refused.header.timestamp)
    disk.set_full(False)
    for block in twin.blocks[place:]:
        chain.accept(block, block.header.timestamp)
    assert contents(store) == twin.after[-1]
    store.close()
    assert db_check(tmp_path / "store.redb", spec=network_spec()).problems == ()


def test_flipped_bits(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    copy = tmp_path / "store.redb"
    named = 0
    for seed in seeds(ROUNDS):
        rng = random.Random(seed)
        damaged = bytearray(data)
        damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        copy.write_bytes(damaged)
        problems = db_check(copy).problems
        try:
            assert everything(copy) == history().after[-1], f"seed {seed}: a wrong answer"
        except (StoreCorrupt, StoreVersion) as error:
            assert HINT in str(error), f"seed {seed}"
            assert problems, f"seed {seed}: a node sees damage that the check does not"
            named += 1
    assert named > ROUNDS // 10, f"only {named} of {ROUNDS} flips were noticed"


def test_cut_files(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    copy = tmp_path / "store.redb"
    for seed in seeds(ROUNDS // 3):
        length = random.Random(seed).randrange(len(data))
        copy.write_bytes(data[:length])
        with pytest.raises(StoreCorrupt, match=HINT):
            everything(copy)
        problems = db_check(copy).problems
        assert problems and all(HINT in problem for problem in problems[:1]), f"length {length}"


@pytest.mark.parametrize("content", [b"", b"not a store", bytes(100_000), os.urandom(8192)])
def test_what_is_no_store_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.redb"
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt, match=HINT):
        open_chain_store(path, CHAIN_ID)
    assert path.read_bytes() == content
    assert db_check(path).problems
    report = reindex(path, CHAIN_ID, acceptor)
    assert report.accepted == 0 and report.lost and report.backup is not None
    assert report.backup.read_bytes() == content
    fresh = native_store.Store.in_memory()
    open_chain(for_network(fresh, CHAIN_ID))
    rebuilt = native_store.Store.open(path)
    assert settled_contents(rebuilt) == settled_contents(fresh)
    rebuilt.close()


def test_reindex_of_a_sound_store_is_identical(whole: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(whole, tmp_path))
    report = reindex(path, CHAIN_ID, acceptor)
    assert (report.accepted, report.lost, report.backup) == (len(history().blocks), (), None)
    assert everything(path) == history().settled
    assert [entry.name for entry in tmp_path.iterdir()] == ["store.redb"]


def test_reindex_keeps_what_is_whole_and_the_rest_can_come_again(whole: Path, tmp_path: Path) -> None:
    twin = history()
    path = Path(shutil.copy(whole, tmp_path))
    victim = twin.blocks[len(twin.blocks) // 2]
    damage_row(path, victim.header.encode()[:200])
    before = path.read_bytes()
    problems = db_check(path).problems
    assert any(f"headers, key 0x{victim.header.hash.hex()}" in problem for problem in problems), problems
    assert path.read_bytes() == before, "a check must not write"
    report = reindex(path, CHAIN_ID, acceptor)
    assert report.lost and any(victim.header.hash.hex() in loss for loss in report.lost)
    assert report.backup is not None and report.backup.read_bytes() == before
    assert report.accepted + len(report.lost) == len(twin.blocks)
    assert db_check(path).problems == ()
    store = native_store.Store.open(path)
    accept = acceptor(for_network(store, CHAIN_ID))
    for block in twin.blocks:  # as peers would send them
        accept(block)
    assert settled_contents(store) == twin.settled
    store.close()


def test_reindex_of_a_wrecked_store_rescues_what_it_can(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    path = tmp_path / "store.redb"
    rescued = 0
    for seed in seeds(ROUNDS // 10):
        rng = random.Random(seed)
        wreck = bytearray(data)
        for _ in range(rng.randint(1, 6)):  # lost sectors, up to 4 KiB
            at = rng.randrange(len(data))
            length = min(len(data) - at, rng.randint(1, 8) * 512)
            wreck[at : at + length] = rng.choice([bytes(length), rng.randbytes(length)])
        path.write_bytes(wreck)
        report = reindex(path, CHAIN_ID, acceptor)
        rescued += report.accepted
        assert db_check(path, spec=network_spec()).problems == (), f"seed {seed}"
        if report.accepted < len(history().blocks):
            assert report.lost and report.backup is not None, f"seed {seed}"
            assert report.backup.read_bytes() == wreck, f"seed {seed}"
            report.backup.unlink()
    assert rescued > len(history().blocks), f"only {rescued} blocks in all"


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9])
def test_reindex_of_a_cut_store_keeps_it_and_says_so(whole: Path, tmp_path: Path, share: float) -> None:
    data = whole.read_bytes()[: int(share * whole.stat().st_size)]
    path = tmp_path / "store.redb"
    path.write_bytes(data)
    report = reindex(path, CHAIN_ID, acceptor)
    assert report.accepted < len(history().blocks)
    assert report.lost and report.backup is not None
    assert report.backup.read_bytes() == data
    assert db_check(path, spec=network_spec()).problems == ()


@pytest.mark.parametrize("table", ["contexts", "canonical", "tips", "flat", "trie", "state_diffs", "miners"])
def test_reindex_makes_again_what_is_derived(whole: Path, tmp_path: Path, table: str) -> None:
    path = Path(shutil.copy(whole, tmp_path))
    store = native_store.Store.open(path)
    RedbChainStore(store).states.flush()
    rows = store.scan(table, b"", None, 10_000)
    key, value = rows[len(rows) // 2]
    changed = bytes([*value[:-1], value[-1] ^ 1])  # whole by its checksum, and wrong
    store.commit([(table, key, changed)], []) if table != "tips" else store.commit([], [(table, key)])
    store.close()
    assert db_check(path, spec=network_spec()).problems, table
    reindex(path, CHAIN_ID, acceptor)
    assert everything(path) == history().settled


def test_a_reindex_that_dies_leaves_the_old_store(whole: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(whole, tmp_path))
    before = path.read_bytes()

    class PowerCut(Exception):
        pass

    def dying(store: RedbChainStore) -> object:
        accept = acceptor(store)
        left = iter(range(5))

        def accept_few(block: object) -> object:
            if next(left, None) is None:
                raise PowerCut
            return accept(block)  # type: ignore[arg-type]

        return accept_few

    with pytest.raises(PowerCut):
        reindex(path, CHAIN_ID, dying)  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["store.redb"]
    assert reindex(path, CHAIN_ID, acceptor).lost == ()
    assert everything(path) == history().settled


def test_other_versions_and_networks_are_named(whole: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(whole, tmp_path))
    with pytest.raises(StoreError, match=f"holds chain {CHAIN_ID}, not 7"):
        open_chain_store(path, 7)
    with pytest.raises(StoreError, match=f"holds chain {CHAIN_ID}, not 7"):
        reindex(path, 7, acceptor)
    for version, advice in ((0, HINT), (1, HINT), (2, HINT), (4, "use the newer program")):
        store = native_store.Store.open(path)
        store.commit([("meta", b"store_version", version.to_bytes(4, "big"))], [])
        store.close()
        with pytest.raises(StoreVersion, match=advice):
            open_chain_store(path, CHAIN_ID)
        reindex(path, CHAIN_ID, acceptor)
        assert everything(path) == history().settled
