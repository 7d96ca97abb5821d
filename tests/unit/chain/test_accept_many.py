"""Many blocks in one commit: the same outcomes, the same store, and nothing to be seen on the way."""

from dataclasses import replace

import pytest

from quip._native import store as native_store
from quip.chain.chain import Accepted, Chain, Status
from quip.chain.events import ChainEvent, Connected, Disconnected, HeadChanged
from quip.chain.ports import ImportChange
from quip.consensus.errors.body import WrongStateRoot
from quip.consensus.errors.header import FutureBlock, InvalidParent, KnownInvalid, UnknownParent
from quip.consensus.errors.root import ConsensusError
from quip.consensus.errors.seal import InvalidSignature, MissingSeal
from quip.consensus.types.block import Block
from quip.storage.chain_store import RedbChainStore, for_network
from sim.liars.lies import flip, with_seal
from support.chains import generator, grown, network_spec, new_chain
from support.counting import BLOCK_RULES, count_calls
from support.judged import judged
from support.mutants import with_header
from support.stores import contents, history, open_chain

NOW = 1 << 40


class WatchedStore(RedbChainStore):
    """The real store, and how many changes each commit had."""

    def __init__(self, store: native_store.Store) -> None:
        super().__init__(store)
        self.sizes: list[int] = []

    def commit(self, *changes: ImportChange) -> None:
        super().commit(*changes)
        self.sizes.append(len(changes))


def blocks_of(chain: Chain) -> list[Block]:
    stored = [chain.block_by_number(number) for number in range(1, chain.head.header.number + 1)]
    return [one.block for one in stored if one]


@pytest.mark.parametrize("size", [1, 2, 7, 30, 1_000])
def test_batches_leave_the_store_that_single_blocks_leave(size: int) -> None:
    twin = history()
    raw = native_store.Store.in_memory()
    store = WatchedStore(raw)
    for_network(raw, network_spec().chain_id)
    chain = open_chain(store)
    store.sizes.clear()
    for start in range(0, len(twin.blocks), size):
        part = twin.blocks[start : start + size]
        outcomes = chain.accept_many(part, NOW)
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        assert twin.place(raw) == start + len(part)
        assert chain.head.hash == twin.heads[start + len(part)]
    assert sum(store.sizes) == len(twin.blocks)
    assert len(store.sizes) == -(-len(twin.blocks) // size)


def test_outcomes_are_those_of_one_by_one() -> None:
    one, many = new_chain(), new_chain()
    blocks = list(history().blocks)
    mixed = [*blocks[:20], blocks[3], *blocks[20:]]
    expected = [one.accept(block, NOW) for block in mixed]
    assert many.accept_many(mixed, NOW) == expected
    assert {outcome.status for outcome in expected} == set(Status)


def test_events_are_those_of_one_import() -> None:
    chain = new_chain()
    events: list[ChainEvent] = []
    chain.subscribe(events.append)
    blocks = history().blocks
    chain.accept_many(blocks[:30], NOW)
    old, before = chain.head, canonical(chain)
    first = events[:]
    assert not any(isinstance(event, Disconnected) for event in first)
    assert [event.hash for event in first if isinstance(event, Connected)] == before[1:]
    events.clear()
    chain.accept_many(blocks[30:], NOW)
    after = canonical(chain)
    left = [block_hash for block_hash in reversed(before) if block_hash not in after]
    assert [event.hash for event in events if isinstance(event, Disconnected)] == left
    joined = [block_hash for block_hash in after if block_hash not in before]
    assert [event.hash for event in events if isinstance(event, Connected)] == joined
    assert events[-1] == HeadChanged(old, chain.head, len(left))
    assert sum(isinstance(event, HeadChanged) for event in events) == 1


def canonical(chain: Chain) -> list[bytes]:
    hashes = [chain.tree.canonical_hash(number) for number in range(chain.head.header.number + 1)]
    return [found for found in hashes if found is not None]


def test_a_way_there_and_back_is_no_movement() -> None:
    """A heavier branch takes over and loses again to the old head's own child, all within one batch."""
    made = generator(new_chain(), miners=1)
    for _ in made.extend(2):
        pass
    fork = made.chain.head
    ours = made.block(fork)
    made.accept(ours)
    twin = new_chain()
    twin.accept_many(blocks_of(made.chain), NOW)
    old = twin.head
    side = made.block(fork)
    made.accept(side)
    higher = [made.block(made._head_of(side.header.hash))]
    made.accept(higher[0])
    back = made._head_of(ours.header.hash)
    while made.chain.head.hash != back.hash:
        block = made.block(back)
        made.accept(block)
        higher.append(block)
        back = made._head_of(block.header.hash)
    events: list[ChainEvent] = []
    twin.subscribe(events.append)
    outcomes = [outcome for outcome in twin.accept_many([side, *higher], NOW) if isinstance(outcome, Accepted)]
    assert sum(outcome.reorg_depth for outcome in outcomes) == 3
    assert [type(event) for event in events] == [Connected] * (len(higher) - 1) + [HeadChanged]
    assert events[-1] == HeadChanged(old, twin.head, 0)
    assert twin.head == made.chain.head


def test_a_bad_block_takes_only_its_descendants() -> None:
    made = grown(6)
    blocks = blocks_of(made.chain)
    bad = with_header(made.chain, blocks[3], state_root=bytes(32))
    orphan = replace(blocks[4], header=replace(blocks[4].header, parent_hash=bad.header.hash))
    child = with_header(made.chain, orphan)
    chain = new_chain()
    outcomes = chain.accept_many([*blocks[:3], bad, child, bad, *blocks[3:5]], NOW)
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [Accepted] * 3 + [WrongStateRoot, InvalidParent, KnownInvalid] + [Accepted] * 2
    assert chain.head.header.number == 5
    assert chain.is_invalid(bad.header.hash)
    assert chain.is_invalid(child.header.hash)


def test_nothing_to_write_is_no_commit() -> None:
    raw = native_store.Store.in_memory()
    store = WatchedStore(raw)
    chain = open_chain(store)
    blocks = history().blocks
    chain.accept(blocks[0], NOW)
    store.sizes.clear()
    (known, unknown) = chain.accept_many([blocks[0], blocks[9]], NOW)
    assert isinstance(known, Accepted)
    assert isinstance(unknown, UnknownParent)
    assert chain.accept_many([], NOW) == []
    assert store.sizes == []


def test_early_blocks_wait_in_the_box() -> None:
    spec = network_spec()
    early = replace(spec, difficulty=replace(spec.difficulty, future_limit=10))
    blocks = blocks_of(grown(4).chain)
    chain = new_chain(early)
    outcomes = chain.accept_many(blocks, blocks[1].header.timestamp - 10)
    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted, FutureBlock, UnknownParent]
    assert [one.block for one in chain.future.due(blocks[2].header.timestamp)] == [blocks[2]]


def test_what_was_judged_before_is_not_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole blocks, and the same with headers, seals and bodies checked before: one store, half the questions."""
    blocks = blocks_of(grown(6).chain)
    complete = judged(new_chain(), blocks)
    asked = count_calls(monkeypatch, *BLOCK_RULES)
    stores = []
    for form, times in ((blocks, 6), (complete, 0)):
        before = asked.copy()
        store = native_store.Store.in_memory()
        for_network(store, network_spec().chain_id)
        outcomes = open_chain(RedbChainStore(store)).accept_many(form, NOW)
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        assert [asked[name] - before[name] for _, name in BLOCK_RULES] == [*[times] * 4, 6, 6]
        stores.append(contents(store))
    assert stores[0] == stores[1]


def test_what_is_not_for_ever_is_asked_again() -> None:
    """Parent, time and execution: no value vouches for them."""
    spec = network_spec()
    early = replace(spec, difficulty=replace(spec.difficulty, future_limit=10))
    blocks = blocks_of(grown(4).chain)
    complete = judged(new_chain(early), blocks)
    at = blocks[1].header.timestamp - 10
    outcomes = new_chain(early).accept_many(complete, at)
    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted, FutureBlock, UnknownParent]

    chain = new_chain()
    bad = with_header(chain, blocks[0], state_root=bytes(32))
    child = with_header(chain, replace(blocks[1], header=replace(blocks[1].header, parent_hash=bad.header.hash)))
    outcomes = chain.accept_many(judged(chain, [bad, child]), NOW)
    assert [type(outcome) for outcome in outcomes] == [WrongStateRoot, InvalidParent]


def test_a_whole_block_is_judged_wholly() -> None:
    blocks = blocks_of(grown(3).chain)
    assert blocks[1].seal is not None
    broken = with_seal(blocks[1], xmss_signature=flip(blocks[1].seal.xmss_signature))
    unsealed = replace(blocks[1], seal=None)
    chain = new_chain()
    assert isinstance(chain.accept_many([blocks[0], broken], NOW)[1], InvalidSignature)
    assert isinstance(chain.accept_many([unsealed], NOW)[0], MissingSeal)
    assert isinstance(chain.accept_many([blocks[1]], NOW)[0], Accepted)


def test_what_is_staged_is_seen_by_nobody_until_it_is_written() -> None:
    """Readers look at the chain in the moment before the commit, which then fails; and in the one after it."""
    blocks = history().blocks

    class Refusing(WatchedStore):
        """Looks around, then has no room."""

        def commit(self, *changes: ImportChange) -> None:
            if len(self.sizes) > 1:
                assert chain.head.header.number == 1
                assert not any(chain.tree.has(block.header.hash) for block in blocks[1:])
                assert chain.tree.canonical_hash(2) is None
                assert contents(raw) == history().after[1]
                self.sizes.clear()
                raise native_store.StoreFull("no room")
            super().commit(*changes)

    raw = native_store.Store.in_memory()
    for_network(raw, network_spec().chain_id)
    store = Refusing(raw)
    chain = open_chain(store)
    events: list[ChainEvent] = []
    chain.accept(blocks[0], NOW)
    chain.subscribe(events.append)
    with pytest.raises(native_store.StoreFull):
        chain.accept_many(blocks[1:], NOW)
    assert events == []
    assert chain.head.header.number == 1
    assert not any(chain.tree.has(block.header.hash) for block in blocks[1:])
    outcomes = chain.accept_many(blocks[1:], NOW)
    assert not any(isinstance(outcome, ConsensusError) for outcome in outcomes)
    assert contents(raw) == history().after[-1]
    assert isinstance(events[-1], HeadChanged)


def test_a_branch_grown_in_batches_keeps_its_fork_point() -> None:
    made = grown(8, miners=3)
    parent, branch = made._head_of(canonical(made.chain)[3]), list[Block]()
    for _ in range(4):
        branch.append(made.block(parent))
        made.accept(branch[-1])
        parent = made._head_of(branch[-1].header.hash)
    chain = new_chain()
    chain.accept_many(blocks_of(made.chain), NOW)
    for start in (0, 2):
        chain.accept_many(branch[start : start + 2], NOW)
        last = branch[start + 1].header
        assert chain.tree.fork_number(last.hash, last.number) == 3
