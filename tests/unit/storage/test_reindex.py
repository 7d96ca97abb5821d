"""The order in which a rebuild accepts blocks: the head ends where it was. Damage: functional/test_store_damage.py."""

import random
from pathlib import Path

import pytest

from quip._native import store as native_store
from quip.chain.batch import STORED_BEFORE, Admission
from quip.chain.chain import Chain
from quip.chain.events import Head
from quip.chain.limits import MAX_BRANCH_DEPTH
from quip.consensus.types.block import Block
from quip.storage.chain_store import for_network
from quip.storage.check import db_check
from quip.storage.reindex import reindex
from support.chains import generator, grown, network_spec, new_chain
from support.stores import acceptor, open_chain, settled_contents

CHAIN_ID = network_spec().chain_id


def canonical_blocks(chain: Chain) -> list[Block]:
    """Without genesis."""
    stored = [chain.block_by_number(number) for number in range(1, chain.head.header.number + 1)]
    return [one.block for one in stored if one is not None]


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
