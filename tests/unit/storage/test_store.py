"""The native store as Python sees it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from quip._native import store as native_store
from quip.storage.errors import StoreCorrupt, StoreError, StoreLocked

ROWS = [bytes([number]) for number in range(10)]


@pytest.fixture
def store() -> native_store.Store:
    made = native_store.Store.in_memory()
    made.commit([("rows", key, b"v" + key) for key in ROWS], [])
    return made


@pytest.mark.parametrize(
    ("start", "end", "limit", "reverse", "expected"),
    [
        (b"", None, 100, False, ROWS),
        (b"", None, 3, False, ROWS[:3]),
        (b"", None, 3, True, ROWS[:6:-1]),
        (ROWS[2], ROWS[5], 100, False, ROWS[2:5]),
        (ROWS[2], ROWS[5], 2, True, [ROWS[4], ROWS[3]]),
        (ROWS[5], ROWS[5], 100, False, []),
        (ROWS[5], ROWS[2], 100, False, []),
        (b"\xff", None, 100, False, []),
        (b"", None, 0, False, []),
    ],
)
def test_scan(
    store: native_store.Store, start: bytes, end: bytes | None, limit: int, reverse: bool, expected: list[bytes]
) -> None:
    assert store.scan("rows", start, end, limit, reverse) == [(key, b"v" + key) for key in expected]


def test_keys_and_tables(store: native_store.Store) -> None:
    assert store.keys("rows", ROWS[4], 3) == ROWS[4:7]
    assert store.keys("no such table", b"", 3) == []
    assert store.tables() == ["meta", "rows"]


def test_what_is_absent_is_none(store: native_store.Store) -> None:
    assert store.get("rows", b"\x0b") is None
    assert store.get("no such table", b"") is None
    assert store.scan("no such table", b"", None, 10) == []


def test_a_commit_is_whole(store: native_store.Store) -> None:
    store.commit([("rows", ROWS[0], b"new"), ("other", b"", b"")], [("rows", ROWS[1]), ("rows", b"absent")])
    assert (store.get("rows", ROWS[0]), store.get("rows", ROWS[1])) == (b"new", None)
    assert store.get("other", b"") == b""
    with pytest.raises(TypeError):
        store.commit([("rows", ROWS[2], b"x"), ("rows", ROWS[3], "not bytes")], [])  # type: ignore[list-item]
    assert store.get("rows", ROWS[2]) == b"v" + ROWS[2]


def test_a_file_keeps_what_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "store.redb"
    store = native_store.Store.open(path)
    store.commit([("rows", b"k", bytes(1_000_000))], [])
    store.close()
    reader = native_store.Store.open(path, read_only=True)
    assert reader.get("rows", b"k") == bytes(1_000_000)
    with pytest.raises(StoreError, match="read-only"):
        reader.commit([("rows", b"k", b"")], [])
    assert reader.check() == (2, [])
    reader.close()


def test_a_closed_store_says_so(store: native_store.Store) -> None:
    store.close()
    store.close()
    for call in (lambda: store.get("rows", b""), lambda: store.commit([], []), store.tables):
        with pytest.raises(StoreError, match="closed"):
            call()


def test_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "store.redb"
    store = native_store.Store.open(path)
    with pytest.raises(StoreLocked):
        native_store.Store.open(path)
    with pytest.raises(StoreLocked):
        native_store.Store.open(path, read_only=True)
    store.close()
    native_store.Store.open(path).close()


@pytest.mark.parametrize("leftover", [b"", b"half a store", bytes(5_000)])
def test_a_creation_that_died_is_begun_anew(tmp_path: Path, leftover: bytes) -> None:
    (tmp_path / "store.new").write_bytes(leftover)
    store = native_store.Store.open(tmp_path / "store.redb")
    assert store.tables() == ["meta"]
    store.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["store.redb"]


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        native_store.Store.open(tmp_path / "no" / "such" / "place")


def test_readers_see_whole_commits_beside_the_writer(tmp_path: Path) -> None:
    store = native_store.Store.open(tmp_path / "store.redb")

    def write(number: int) -> None:
        store.commit([("rows", key, number.to_bytes(4, "big")) for key in ROWS], [])

    def write_all() -> None:
        for number in range(1, 40):
            write(number)

    def read() -> set[bytes]:
        return {value for _, value in store.scan("rows", b"", None, 100)}

    write(0)
    with ThreadPoolExecutor(3) as pool:
        writer = pool.submit(write_all)
        seen = [pool.submit(read).result() for _ in range(200)]
        writer.result()
    assert all(len(values) == 1 for values in seen)
    assert read() == {(39).to_bytes(4, "big")}
    store.close()


def test_damage_names_table_and_key(tmp_path: Path) -> None:
    path = tmp_path / "store.redb"
    store = native_store.Store.open(path)
    store.commit([("rows", bytes([number]) * 32, bytes([number]) * 5_000) for number in range(50)], [])
    store.close()
    data = bytearray(path.read_bytes())
    data[data.index(bytes([7]) * 1_000) + 500] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreCorrupt, match=r"rows.*0x0707.*quip db reindex") as caught:
        native_store.Store.open(path).get("rows", bytes([7]) * 32)
    assert (caught.value.table, caught.value.key) == ("rows", bytes([7]) * 32)
    salvaged = native_store.Store.salvage(path)
    assert salvaged.get("rows", bytes([8]) * 32) == bytes([8]) * 5_000
    rows, problems = salvaged.check()
    assert (rows, len(problems)) == (51, 1)


def test_check_reports_progress_and_passes_exceptions_on(tmp_path: Path) -> None:
    store = native_store.Store.in_memory()
    store.commit([("rows", number.to_bytes(4, "big"), b"") for number in range(25_000)], [])
    seen: list[int] = []
    assert store.check(seen.append) == (25_001, [])
    assert seen == [10_000, 20_000]

    def fail(_rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.check(fail)
