"""Ommers on disk: blocks come back whole, are served as they travel, and every row of theirs is looked at."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from quip._native import store as native_store
from quip.chain.batch import STORED_BEFORE
from quip.chain.chain import Chain
from quip.chain.view import ChainReader
from quip.consensus.types.block import Block
from quip.net.chain_server import ChainServer
from quip.net.wire.codec import decode
from quip.net.wire.messages import BlockRequest, BlockResponse, Bodies, BodiesRequest, Seals, SealsRequest
from quip.primitives import rlp
from quip.storage import records
from quip.storage.chain_store import RedbChainStore, for_network
from quip.storage.check import db_check
from quip.storage.reindex import reindex
from quip.storage.rewind import rewind
from support.chains import ommer_spec, puzzle_of
from support.ommers import WINDOW, random_tree
from support.stores import settled_contents

SPEC = ommer_spec(WINDOW)
NOW = 1 << 40


@cache
def tree() -> tuple[Block, ...]:
    return tuple(random_tree(5, 30)[1])


def opened(store: RedbChainStore) -> Chain:
    return Chain.open(SPEC, store, puzzle_of(SPEC))


def acceptor(store: RedbChainStore) -> Callable[[Block], object]:
    chain = opened(store)
    return lambda block: chain.accept(block, NOW, STORED_BEFORE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of all blocks."""
    file = tmp_path / "store.redb"
    store = native_store.Store.open(file)
    accept = acceptor(for_network(store, SPEC.chain_id))
    for block in tree():
        accept(block)
    store.close()
    return file


def showing() -> Block:
    return next(block for block in tree() if block.ommers)


def test_blocks_come_back_whole_and_are_served_as_they_travel(path: Path) -> None:
    store = for_network(native_store.Store.open(path), SPEC.chain_id)
    server = ChainServer(ChainReader(opened(store)))
    for block in tree():
        stored = store.block(block.header.hash)
        assert stored is not None and stored.block == block
    hashes = tuple(block.header.hash for block in tree())
    bodies = server.answer(BodiesRequest(hashes[:64]))
    assert decode(bodies.code, bodies.payload) == Bodies(tuple(block.body for block in tree()[:64]))
    whole = server.answer(BlockRequest(showing().header.hash))
    assert decode(whole.code, whole.payload) == BlockResponse(showing())
    ommer = showing().ommers[0]
    seals = server.answer(SealsRequest((ommer.header.hash,)))
    assert decode(seals.code, seals.payload) == Seals((ommer.seal,))
    store.close()


def test_a_sound_store_and_its_rebuilt_one(path: Path) -> None:
    assert db_check(path, spec=SPEC).problems == ()
    store = native_store.Store.open(path)
    before = settled_contents(store)
    store.close()
    assert reindex(path, SPEC.chain_id, acceptor).lost == ()
    store = native_store.Store.open(path)
    assert settled_contents(store) == before
    store.close()


def test_a_chain_that_goes_back_forgets_what_was_shown_above(path: Path) -> None:
    store = for_network(native_store.Store.open(path), SPEC.chain_id)
    twin = opened(for_network(native_store.Store.in_memory(), SPEC.chain_id))
    number = 9
    line = [store.block(store.canonical(height) or b"") for height in range(1, number + 1)]
    store.close()
    for stored in line:
        assert stored is not None
        twin.accept(stored.block, NOW)
    rewind(path, SPEC, number)
    assert db_check(path, spec=SPEC).problems == ()
    store = for_network(native_store.Store.open(path), SPEC.chain_id)
    chain = opened(store)
    assert (chain.head.hash, chain.miners()) == (twin.head.hash, twin.miners())
    store.close()


OMMER = next(block.ommers[0].header for block in tree() if block.ommers)


@pytest.mark.parametrize(
    ("table", "key", "row", "words"),
    [
        (records.OMMERS, OMMER.hash, None, "missing"),
        (records.OMMERS, OMMER.hash, b"\xc0", "malformed header"),
        (records.BODIES, showing().header.hash, rlp.encode([[], []]), "do not match ommersHash"),
        (records.BODIES, showing().header.hash, rlp.encode([[], [b"x"]]), "a hash and a level"),
        (records.REWARDS, showing().header.hash, None, "what it paid is missing"),
        (records.REWARDS, showing().header.hash, rlp.encode([b"", [[b"m", b"a"]]]), "three items"),
        (records.REWARDS, showing().header.hash, rlp.encode([b"", []]), "totals are not those"),
    ],
)
def test_each_fault_is_named(path: Path, table: str, key: bytes, row: bytes | None, words: str) -> None:
    store = native_store.Store.open(path)
    store.commit([] if row is None else [(table, key, row)], [(table, key)] if row is None else [])
    store.close()
    problems = db_check(path, spec=SPEC).problems
    assert any(words in problem for problem in problems), problems
