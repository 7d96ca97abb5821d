"""The chain's port over the store."""

from pathlib import Path

import pytest

from quip._native import store as native_store
from quip.chain.ports import ChainStore, ImportChange, MinerTotals, StoredBlock
from quip.consensus.types.block_context import BlockContext, RecentBlock
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.storage import records
from quip.storage.chain_store import for_network, open_chain_store, read_chain_store
from quip.storage.errors import StoreCorrupt, WrongNetwork
from support.chains import network_spec
from support.stores import contents, filled_store, history, open_chain

CHAIN_ID = network_spec().chain_id
UNCHANGED = for_network(native_store.Store.in_memory(), CHAIN_ID).state(EMPTY_TRIE_ROOT).update({})
"""The state of the `test` network's genesis block, in which nobody has anything."""


def test_a_chain_survives_reopening(tmp_path: Path) -> None:
    path = tmp_path / "store.redb"
    filled_store(path, 20)
    store: ChainStore = open_chain_store(path, CHAIN_ID)
    chain = open_chain(store)  # type: ignore[arg-type]
    assert chain.head.hash == history().heads[20] == store.head()
    for block in history().blocks[:20]:
        found = store.block(block.header.hash)
        assert found is not None
        assert (found.header, found.transactions, found.seal) == (block.header, block.transactions, block.seal)
        assert store.header(block.header.hash) == block.header
        assert store.context(block.header.hash) == found.context
    assert store.block(history().blocks[20].header.hash) is None


def test_index_tips_and_totals_follow_reorganisations() -> None:
    store = for_network(native_store.Store.in_memory(), CHAIN_ID)
    chain = open_chain(store)
    depths = set()
    for block in history().blocks:
        depths.add(chain.accept(block, block.header.timestamp).reorg_depth)
        number = chain.head.header.number
        assert store.canonical(number) == chain.head.hash
        assert store.canonical(number + 1) is None
        assert sum(totals.blocks for totals in store.miners) == number
    assert max(depths) >= 2, "no reorganisation happened"
    parents = {block.header.parent_hash for block in history().blocks}
    assert store.tips == sorted({block.header.hash for block in history().blocks} - parents)
    assert store.canonical(0) == history().heads[0]
    assert all(store.miner(totals.miner_id) == totals for totals in store.miners)
    assert store.miner(bytes(20)) is None


def test_a_total_of_no_blocks_is_removed_and_a_number_too() -> None:
    store = for_network(native_store.Store.in_memory(), CHAIN_ID)
    open_chain(store)
    genesis = store.block(store.canonical(0) or b"")
    assert genesis is not None
    totals = MinerTotals(b"m" * 20, 2, 10**30)
    store.commit(ImportChange(genesis, UNCHANGED, None, ((7, b"h" * 32),), (totals,)))
    assert (store.miner(b"m" * 20), store.canonical(7)) == (totals, b"h" * 32)
    store.commit(ImportChange(genesis, UNCHANGED, None, ((7, None),), (MinerTotals(b"m" * 20, 0, 0),)))
    assert (store.miner(b"m" * 20), store.canonical(7)) == (None, None)


def test_transactions_of_every_kind_survive() -> None:
    store = for_network(native_store.Store.in_memory(), CHAIN_ID)
    open_chain(store)
    genesis = store.block(store.canonical(0) or b"")
    assert genesis is not None
    kinds = (b"\x02\xc0", b"\xc1\x80", b"\x04" + bytes(100_000))
    context = BlockContext(1 << 200, 1, 2, (RecentBlock(1 << 60, 4, 0, 7), RecentBlock(0, 0, 1 << 30, 0)))
    store.commit(ImportChange(StoredBlock(genesis.header, kinds, None, context), UNCHANGED, None, (), ()))
    found = store.block(genesis.header.hash)
    assert found is not None and (found.transactions, found.context) == (kinds, context)


def test_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.redb"
    open_chain_store(path, 5).close()
    with pytest.raises(WrongNetwork, match="holds chain 5, not 6"):
        open_chain_store(path, 6)
    open_chain_store(path, 5).close()


def test_read_only_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.redb"
    filled_store(path, 3)
    before = path.read_bytes()
    store = read_chain_store(path)
    assert store.head() == history().heads[3]
    store.close()
    assert path.read_bytes() == before


BROKEN = [
    (records.HEADERS, b"\xc0"),
    (records.HEADERS, b""),
    (records.BODIES, b"\x80"),
    (records.BODIES, b"\xc1\xc0"),
    (records.SEALS, b"\xc0"),
    (records.CONTEXTS, b"\xc0"),
    (records.CONTEXTS, b"\xc5\x00\x01\x01\x01\x01"),
    (records.CONTEXTS, b"\x01\x02"),
]


@pytest.mark.parametrize(("table", "value"), BROKEN)
def test_a_row_that_makes_no_sense_is_named(table: str, value: bytes) -> None:
    native = native_store.Store.in_memory()
    store = for_network(native, CHAIN_ID)
    chain = open_chain(store)
    block = history().blocks[0]
    chain.accept(block, block.header.timestamp)
    native.commit([(table, block.header.hash, value)], [])
    with pytest.raises(
        StoreCorrupt, match=f"table {table}, key 0x{block.header.hash.hex()}.*quip db reindex"
    ) as caught:
        store.block(block.header.hash)
    assert (caught.value.table, caught.value.key) == (table, block.header.hash)


@pytest.mark.parametrize("table", [records.BODIES, records.SEALS, records.CONTEXTS])
def test_a_block_without_one_of_its_parts_is_named(table: str) -> None:
    native = native_store.Store.in_memory()
    store = for_network(native, CHAIN_ID)
    chain = open_chain(store)
    block = history().blocks[0]
    chain.accept(block, block.header.timestamp)
    native.commit([], [(table, block.header.hash)])
    with pytest.raises(StoreCorrupt, match="missing"):
        store.block(block.header.hash)


def test_equal_imports_make_equal_stores(tmp_path: Path) -> None:
    filled_store(tmp_path / "store.redb", 30)
    store = native_store.Store.open(tmp_path / "store.redb")
    assert contents(store) == history().after[30]
    store.close()
