"""The order in which a rebuild accepts blocks: the head ends where it was. Damage: functional/test_store_damage.py."""

import random
from pathlib import Path

import pytest

from quip._native import store as native_store
from quip.chain.batch import STORED_BEFORE, Admission
from quip.chain.chain import Accepted, Chain
from quip.chain.events import Head
from quip.chain.limits import MAX_BRANCH_DEPTH
from quip.consensus.errors.header import StateNotKept
from quip.consensus.types.block import Block
from quip.storage.chain_store import for_network
from quip.storage.check import db_check
from quip.storage.reindex import reindex
from quip.storage.state import StateLimits
from support.chains import generator, grown, network_spec, new_chain, puzzle_of
from support.stores import acceptor, open_chain, settled_contents

CHAIN_ID = network_spec().chain_id


def canonical_blocks(chain: Chain) -> list[Block]:
    """Without genesis."""
    stored = [chain.block_by_number(number) for number in range(1, chain.head.header.number + 1)]
    return [one.block for one in stored if one is not None]


def head_at(chain: Chain, number: int) -> Head:
    block_hash = chain.tree.canonical_hash(number)
    assert block_hash is not None
    return Head(block_hash, *chain.tree.known(block_hash))


@pytest.mark.parametrize("first", [0, 1])
def test_a_tie_ends_as_it_did(tmp_path: Path, first: int) -> None:
    made = generator(new_chain())
    root = made.chain.head
    twins = [made.block(root), made.block(root)]
    twins = [twins[first], twins[1 - first]]
    assert twins[0].header.difficulty == twins[1].header.difficulty
    path = tmp_path / "store.redb"
    store = native_store.Store.open(path)
    accept = acceptor(for_network(store, CHAIN_ID))
    for twin in twins:
        accept(twin)
    before = settled_contents(store)
    store.close()
    assert reindex(path, CHAIN_ID, acceptor).lost == ()
    store = native_store.Store.open(path)
    assert settled_contents(store) == before
    assert for_network(store, CHAIN_ID).head() == twins[0].header.hash
    store.close()


def test_a_branch_that_once_had_to_be_admitted(tmp_path: Path) -> None:
    """Two long chains from genesis; the second came later and won, and went on."""
    loser = canonical_blocks(grown(MAX_BRANCH_DEPTH + 36, seed=1).chain)
    winner = canonical_blocks(grown(MAX_BRANCH_DEPTH + 76, seed=2).chain)
    path = tmp_path / "store.redb"
    store = native_store.Store.open(path)
    chain = open_chain(for_network(store, CHAIN_ID))
    for block in loser:
        chain.accept(block, block.header.timestamp)
    heavier = Admission(outweighs_from=winner[0].header.parent_hash)
    depths = [chain.accept(block, block.header.timestamp, heavier).reorg_depth for block in winner]
    assert max(depths) > MAX_BRANCH_DEPTH
    before = settled_contents(store)
    store.close()
    report = reindex(path, CHAIN_ID, acceptor)
    assert (report.lost, report.backup) == ((), None)
    assert report.accepted == len(loser) + len(winner)
    store = native_store.Store.open(path)
    assert settled_contents(store) == before
    store.close()
    assert db_check(path, spec=network_spec()).problems == ()


@pytest.mark.parametrize("seed", range(3))
def test_a_sound_store_is_rebuilt_as_it_was(tmp_path: Path, seed: int) -> None:
    """Random trees whose branches leave anywhere, also far below the head."""
    rng = random.Random(seed)
    made = generator(new_chain(), seed, miners=3)
    path = tmp_path / "store.redb"
    store = native_store.Store.open(path)
    chain = open_chain(for_network(store, CHAIN_ID))
    grown_so_far = [made.chain.head]
    for _ in range(MAX_BRANCH_DEPTH + 60):
        parent = grown_so_far[-1] if rng.random() < 0.85 else rng.choice(grown_so_far)
        block = made.block(parent)
        for one in (chain, made.chain):
            one.accept(block, block.header.timestamp, STORED_BEFORE)
        grown_so_far.append(Head(block.header.hash, *made.chain.tree.known(block.header.hash)))
    head, before = chain.head.hash, settled_contents(store)
    del chain
    store.close()
    assert reindex(path, CHAIN_ID, acceptor).lost == ()
    store = native_store.Store.open(path)
    assert for_network(store, CHAIN_ID).head() == head
    assert settled_contents(store) == before
    store.close()


def test_without_a_readable_head_the_most_work_wins(tmp_path: Path) -> None:
    blocks = canonical_blocks(grown(8).chain)
    path = tmp_path / "store.redb"
    store = native_store.Store.open(path)
    accept = acceptor(for_network(store, CHAIN_ID))
    for block in blocks:
        accept(block)
    before = settled_contents(store)
    store.commit([], [("meta", b"head"), ("canonical", (3).to_bytes(8, "big"))])
    store.close()
    assert reindex(path, CHAIN_ID, acceptor).lost == ()
    store = native_store.Store.open(path)
    assert settled_contents(store) == before
    store.close()


def test_old_side_branches_are_executed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Canonical blocks come first, so that a side branch stands far below the head by the time that it comes."""
    monkeypatch.setattr("quip.storage.reindex.ARCHIVE", StateLimits(archive=True, flush_blocks=5, retained=16))
    path = tmp_path / "store.redb"
    made = grown(4)
    side = made.block(head_at(made.chain, 2))
    for _ in made.extend(40):
        pass
    store = for_network(native_store.Store.open(path), network_spec().chain_id)
    accept = acceptor(store)
    for number in range(1, made.chain.head.header.number + 1):
        stored = made.chain.block_by_number(number)
        assert stored is not None
        accept(stored.block)
        if number == 4:
            accept(side)
    store.close()
    report = reindex(path, network_spec().chain_id, acceptor)
    assert (report.accepted, report.lost) == (made.chain.head.header.number + 1, ())


def test_an_archive_follows_a_branch_of_any_depth(tmp_path: Path) -> None:
    """Others say that the state is not kept, and blame nobody; the good blocks beside it are taken."""
    made = grown(40)
    old = [made.chain.block_by_number(number) for number in range(1, 41)]
    main = [one.block for one in old if one is not None]
    branch = []
    parent = head_at(made.chain, 2)
    for _ in range(60):
        block = made.block(parent)
        made.chain.accept(block, block.header.timestamp, STORED_BEFORE)
        branch.append(block)
        parent = Head(block.header.hash, *made.chain.tree.known(block.header.hash))
    assert made.chain.head.hash == branch[-1].header.hash
    now = branch[-1].header.timestamp + 100
    for archive in (True, False):
        limits = StateLimits(flush_blocks=5, retained=16, archive=archive)
        store = for_network(native_store.Store.in_memory(), network_spec().chain_id, limits)
        chain = Chain.open(network_spec(), store, puzzle_of(network_spec()))
        for block in main[:-1]:
            chain.accept(block, now)
        first, *others = chain.accept_many([main[-1], *branch], now, STORED_BEFORE)
        assert isinstance(first, Accepted)
        if archive:
            assert chain.head.hash == branch[-1].header.hash
        else:
            assert isinstance(others[0], StateNotKept)
            assert chain.head.hash == main[-1].header.hash
