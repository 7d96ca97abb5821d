"""Going back to a block: the head is that block, nothing above it is left, and no crash leaves anything between."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.file_steps import Moment, counted
from quip._native import store as native_store
from quip.chain.chain import Chain
from quip.consensus.types.block import Block
from quip.storage.chain_store import for_network
from quip.storage.check import db_check
from quip.storage.errors import StoreCorrupt
from quip.storage.reindex import reindex
from quip.storage.rewind import CannotRewind, RewindReport, rewind
from sim.honest.chain_generator import ForkPlan
from support.chains import generator, network_spec, new_chain
from support.stores import acceptor, open_chain, settled_contents

SPEC = network_spec()
HEIGHT = 12
TABLES = ("meta", "headers", "bodies", "seals", "contexts", "canonical", "tips", "miners")  # all but trie nodes


def blocks_made() -> list[Block]:
    """In the order of their import: a chain with side branches that never won."""
    made = generator(new_chain())
    hashes = [one.hash for one in made.extend(HEIGHT, ForkPlan(every=4, depth=2))]
    stored = [made.chain.block_by_hash(block_hash) for block_hash in hashes]
    return [one.block for one in stored if one is not None]


BLOCKS = blocks_made()


def filled(path: Path, blocks: list[Block]) -> Path:
    store = native_store.Store.open(path)
    accept = acceptor(for_network(store, SPEC.chain_id))
    for block in blocks:
        accept(block)
    store.close()
    return path


def rows(path: Path) -> dict[str, list[tuple[bytes, bytes]]]:
    store = native_store.Store.open(path, read_only=True)
    try:
        return {table: store.scan(table, b"", None, 10_000) for table in TABLES}
    finally:
        store.close()


def digest(path: Path) -> bytes:
    """Of a copy, in which nothing waits for a flush."""
    with tempfile.TemporaryDirectory() as directory:
        store = native_store.Store.open(shutil.copy(path, directory))
        try:
            return settled_contents(store)
        finally:
            store.close()


def opened(path: Path, look: Callable[[Chain], object]) -> object:
    store = native_store.Store.open(path)
    try:
        return look(open_chain(for_network(store, SPEC.chain_id)))
    finally:
        store.close()


def go_back(path: Path, number: int) -> RewindReport:
    return rewind(path, SPEC, number)


@pytest.mark.parametrize("number", [0, 1, 4, 5, HEIGHT - 1])
def test_the_store_is_as_if_nothing_above_had_come(tmp_path: Path, number: int) -> None:
    path = filled(tmp_path / "store.redb", BLOCKS)
    before = digest(path)
    twin = filled(tmp_path / "twin.redb", [block for block in BLOCKS if block.header.number <= number])
    report = go_back(path, number)
    above = [block for block in BLOCKS if block.header.number > number]
    assert (report.removed, report.side_blocks) == (HEIGHT - number, len(above) - (HEIGHT - number))
    assert rows(path) == rows(twin)
    assert db_check(path, spec=SPEC).problems == ()
    assert digest(report.backup) == before
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "store.redb", "store.redb.before-rewind-1", "twin.redb",
    ]  # fmt: skip
    assert opened(path, lambda chain: (chain.head.hash, chain.head.header.number)) == (report.head, number)


def test_the_chain_goes_on_from_there(tmp_path: Path) -> None:
    path = filled(tmp_path / "store.redb", BLOCKS)
    before = digest(path)
    go_back(path, 5)
    accept_again = [block for block in BLOCKS if block.header.number > 5]
    opened(path, lambda chain: [chain.accept(block, block.header.timestamp) for block in accept_again])
    assert digest(path) == before


def test_a_rebuild_leaves_out_the_states_that_nobody_names(tmp_path: Path) -> None:
    path = filled(tmp_path / "store.redb", BLOCKS)
    twin = filled(tmp_path / "twin.redb", [block for block in BLOCKS if block.header.number <= 3])
    go_back(path, 3)
    assert reindex(path, SPEC.chain_id, acceptor).lost == ()
    assert digest(path) == digest(twin)


def test_every_backup_has_a_name_of_its_own(tmp_path: Path) -> None:
    path = filled(tmp_path / "store.redb", BLOCKS)
    assert [go_back(path, number).backup.name for number in (9, 5)] == [
        "store.redb.before-rewind-1", "store.redb.before-rewind-2",
    ]  # fmt: skip


@pytest.mark.parametrize("number", [-1, HEIGHT, HEIGHT + 1, 1 << 64])
def test_a_number_that_is_not_below_the_head(tmp_path: Path, number: int) -> None:
    path = filled(tmp_path / "store.redb", BLOCKS)
    before = path.read_bytes()
    with pytest.raises(CannotRewind, match=f"its head is block {HEIGHT}"):
        go_back(path, number)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_store_without_a_chain(tmp_path: Path) -> None:
    native_store.Store.open(tmp_path / "store.redb").close()
    with pytest.raises(CannotRewind):
        go_back(tmp_path / "store.redb", 0)


def test_damage_stops_it_and_changes_nothing(tmp_path: Path) -> None:
    path = filled(tmp_path / "store.redb", BLOCKS)
    store = native_store.Store.open(path)
    [(miner, _), *_] = store.scan("miners", b"", None, 10)
    store.commit([], [("miners", miner)])
    store.close()
    before = path.read_bytes()
    with pytest.raises(StoreCorrupt, match="has no totals"):
        go_back(path, 2)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path / "store.redb", BLOCKS)
    before = digest(path)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    report = go_back(path, 2)
    assert digest(report.backup) == before
    assert opened(path, lambda chain: chain.head.header.number) == 2


def killed(path: Path, fatal: int, moment: Moment, in_work: bool) -> int:
    """Runs it in a child that kills itself at a step of its file work (or inside the removal); the exit status."""

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        with counted(fatal, moment, die):
            rewind(path, SPEC, 3, lambda *_: die() if in_work else None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize("moment", Moment)
def test_killed_at_any_step_it_has_happened_or_not(tmp_path: Path, moment: Moment) -> None:
    template = filled(tmp_path / "template.redb", BLOCKS)
    before, content = rows(template), template.read_bytes()
    path = tmp_path / "store.redb"
    path.write_bytes(content)
    go_back(path, 3)
    after = rows(path)
    seen = set()
    for fatal in range(100):
        path.write_bytes(content)
        status = killed(path, fatal, moment, in_work=fatal == 0)
        found = rows(path)
        assert found in (before, after), f"killed {moment.value} step {fatal}"
        seen.add((status, found == after))
        if status == 0:
            break
        if found == before:
            go_back(path, 3)  # what the dead one left is in nobody's way
            assert rows(path) == after
            assert not [file.name for file in tmp_path.iterdir() if "rewound" in file.name]
    assert {(-signal.SIGKILL, False), (0, True)} <= seen
