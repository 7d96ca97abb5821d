"""Each thing that the check looks for is found, and named; a sound store has nothing to say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from quip._native import store as native_store
from quip.primitives import rlp
from quip.primitives.hashes import keccak256
from quip.storage import records
from quip.storage.check import all_keys, db_check
from support.chains import network_spec
from support.stores import filled_store, history, settled_contents

BLOCKS = 12
VICTIM = history().blocks[3].header.hash
LAST = history().heads[BLOCKS]
LAST_KEY = records.block_key(history().blocks[BLOCKS - 1].header.number, LAST)
PAYEE = keccak256(history().blocks[3].header.beneficiary)

Change = Callable[[native_store.Store], None]


def put(table: str, key: bytes, value: bytes) -> Change:
    return lambda store: store.commit([(table, key, value)], [])


def remove(table: str, key: bytes) -> Change:
    return lambda store: store.commit([], [(table, key)])


def change(table: str, key: bytes, edit: Callable[[bytes], bytes]) -> Change:
    def changed(store: native_store.Store) -> None:
        value = store.get(table, key)
        assert value is not None
        store.commit([(table, key, edit(value))], [])

    return changed


def items(value: bytes) -> list[rlp.Decoded]:
    decoded = rlp.decode(value)
    assert isinstance(decoded, list)
    return decoded


def add_to_first(value: bytes) -> bytes:
    """The RLP list with its first integer one higher."""
    first, *rest = items(value)
    assert isinstance(first, bytes)
    return rlp.encode([rlp.int_to_bytes(int.from_bytes(first, "big") + 1), *rest])


def add_to_second(value: bytes) -> bytes:
    first, second, *rest = items(value)
    assert isinstance(second, bytes)
    return rlp.encode([first, rlp.int_to_bytes(int.from_bytes(second, "big") + 1), *rest])


def some_miner(store: native_store.Store) -> bytes:
    return store.keys(records.MINERS, b"", 1)[0]


CASES: dict[str, tuple[Change, str]] = {
    "header of another block": (
        put(records.HEADERS, VICTIM, history().blocks[4].header.encode()),
        f"0x{VICTIM.hex()}: the header has another hash",
    ),
    "body that is not the header's": (
        put(records.BODIES, VICTIM, rlp.encode([[b"\x02\xc0"], []])),
        f"0x{VICTIM.hex()}: the transactions do not match",
    ),
    "seal missing": (remove(records.SEALS, VICTIM), f"0x{VICTIM.hex()}.*missing"),
    "parent missing": (remove(records.HEADERS, VICTIM), f"its parent 0x{VICTIM.hex()} is missing"),
    "total difficulty": (change(records.CONTEXTS, LAST, add_to_first), f"0x{LAST.hex()}: the total difficulty"),
    "context": (change(records.CONTEXTS, LAST, add_to_second), f"0x{LAST.hex()}: the context does not follow"),
    "index names a stranger": (put(records.CANONICAL, records.number_key(3), bytes(32)), "at number 3"),
    "index has a hole": (remove(records.CANONICAL, records.number_key(3)), "index does not name"),
    "index goes too far": (put(records.CANONICAL, records.number_key(900), bytes(32)), "index does not name"),
    "head is not there": (put(records.META, records.HEAD, bytes(32)), "is missing"),
    "no head": (remove(records.META, records.HEAD), "no head"),
    "genesis is another": (put(records.META, records.GENESIS, bytes(32)), "not with the store's genesis block"),
    "a tip too many": (put(records.TIPS, VICTIM, bytes(8)), f"0x{VICTIM.hex()}: a tip"),
    "a tip too few": (remove(records.TIPS, LAST), f"0x{LAST.hex()}: a tip"),
    "blocks of a miner": (
        lambda store: change(records.MINERS, some_miner(store), add_to_first)(store),
        "totals are not those",
    ),
    "earnings of a miner": (
        lambda store: change(records.MINERS, some_miner(store), add_to_second)(store),
        "totals are not those",
    ),
    "state root missing": (remove("trie", bytes(2)), "missing trie node"),
    "state node of another": (put("trie", bytes(2), b"\xc0"), "missing trie node"),
    "trie node too many": (put("trie", bytes(4), b"\xc0"), "table trie has"),
    "flat state": (change("flat", PAYEE, lambda value: value[:-3] + b"\1\x80\x80"), f"flat.*{PAYEE.hex()}: not what"),
    "flat state too large": (put("flat", bytes(32), b"\xc0"), "table flat has"),
    "state of another block": (put("state_blocks", LAST_KEY, bytes(64)), f"0x{LAST.hex()}: another state"),
    "diff of another block": (change("state_diffs", LAST_KEY, lambda diff: diff[:-1] + b"\1"), "state_diffs"),
    "diff missing": (remove("state_diffs", LAST_KEY), "state_diffs"),
    "state missing": (remove("state_blocks", LAST_KEY), f"the state of block 0x{LAST.hex()} is missing"),
    "flat state of another block": (
        change("state_marks", b"head", lambda mark: mark[:8] + bytes(32) + mark[40:]),
        "is not the head|state_blocks",
    ),
}


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "store.redb"
    filled_store(path, BLOCKS)
    store = native_store.Store.open(path)
    settled_contents(store)
    store.close()
    return path


def test_a_sound_store(sound: Path) -> None:
    seen: list[str] = []
    report = db_check(sound, lambda what, _count: seen.append(what), network_spec())
    assert (report.problems, report.blocks) == ((), BLOCKS + 1)
    assert report.rows > 5 * BLOCKS and report.nodes > 5
    assert report.states == BLOCKS + 1
    assert seen.count("blocks") == BLOCKS + 1


@pytest.mark.parametrize("case", CASES)
def test_each_fault_is_named(sound: Path, case: str) -> None:
    fault, expected = CASES[case]
    store = native_store.Store.open(sound)
    fault(store)
    store.close()
    before = sound.read_bytes()
    problems = db_check(sound, spec=network_spec()).problems
    with pytest.raises(AssertionError, match=expected):
        raise AssertionError("\n".join(problems))
    assert sound.read_bytes() == before


def test_an_empty_store_is_sound(tmp_path: Path) -> None:
    native_store.Store.open(tmp_path / "store.redb").close()
    assert db_check(tmp_path / "store.redb", spec=network_spec()).problems == ()


def test_all_keys_goes_through_every_page() -> None:
    store = native_store.Store.in_memory()
    keys = [number.to_bytes(4, "big") for number in range(2_500)]
    store.commit([("rows", key, b"") for key in keys], [])
    assert list(all_keys(store, "rows", pytest.fail)) == keys
    assert list(all_keys(store, "no such table", pytest.fail)) == []
