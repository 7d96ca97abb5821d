"""Opening, extending, reorganising: the head follows the work, and everything else follows the head."""

from dataclasses import replace

import pytest

from quip.chain.ancestries import rewards_of
from quip.chain.chain import Chain, Status
from quip.chain.errors import ForeignSigner, WrongChain
from quip.chain.events import ChainEvent, Connected, Disconnected, Head, HeadChanged
from quip.chain.ports import ChainStore, MinerTotals
from quip.chain.template import seal_template
from quip.consensus.errors.body import WrongStateRoot
from quip.consensus.types.block import Block
from sim.honest.chain_generator import ChainGenerator, ForkPlan
from support.chains import generator, grown, memory_store, network_spec, new_chain
from support.mutants import next_block, with_header
from support.signers import signer

NOW = 1 << 40


def blocks_from(made: ChainGenerator, parent: Head, count: int) -> list[Block]:
    """A branch of `count` blocks, accepted as it grows."""
    branch = []
    for _ in range(count):
        block = made.block(parent)
        made.accept(block)
        branch.append(block)
        parent = Head(block.header.hash, *made.chain.tree.known(block.header.hash))
    return branch


def canonical(chain: Chain) -> list[bytes]:
    hashes = [chain.tree.canonical_hash(number) for number in range(chain.head.header.number + 1)]
    return [found for found in hashes if found is not None]


def recounted(chain: Chain) -> list[MinerTotals]:
    """The miners' totals from the canonical blocks themselves."""
    totals: dict[bytes, MinerTotals] = {}
    for block_hash in canonical(chain)[1:]:
        header, context = chain.tree.known(block_hash)
        count(totals, header.miner_id, 1, 0)
        for payment in rewards_of(chain.spec, chain.tree, block_hash, header, context).payments:
            count(totals, payment.miner_id, 0, payment.amount)
    return sorted(totals.values(), key=lambda entry: entry.miner_id)


def count(totals: dict[bytes, MinerTotals], miner_id: bytes, blocks: int, earned: int) -> None:
    old = totals.get(miner_id, MinerTotals(miner_id, 0, 0))
    totals[miner_id] = MinerTotals(miner_id, old.blocks + blocks, old.earned + earned)


def assert_consistent(chain: Chain) -> None:
    """Index, links, work and totals agree; the state holds exactly what was paid."""
    hashes = canonical(chain)
    assert len(hashes) == chain.head.header.number + 1
    assert hashes[-1] == chain.head.hash
    total = 0
    for number, block_hash in enumerate(hashes):
        header, context = chain.tree.known(block_hash)
        assert header.number == number
        assert header.hash == block_hash
        assert number == 0 or header.parent_hash == hashes[number - 1]
        total += header.difficulty
        assert context.total_difficulty == total
    assert chain.tree.canonical_hash(len(hashes)) is None
    assert sorted(chain.miners(), key=lambda entry: entry.miner_id) == recounted(chain)
    beneficiaries = {chain.tree.known(block_hash)[0].beneficiary for block_hash in hashes[1:]}
    state = chain.tree.state(chain.head.header.state_root)
    balances = sum(account.balance for account in map(state.account, beneficiaries) if account)
    assert balances == sum(entry.earned for entry in chain.miners())


def test_genesis_of_an_empty_store() -> None:
    chain = new_chain()
    assert chain.head.header.number == 0
    assert chain.head.header.mix_hash == chain.spec.digest
    assert chain.head.context.total_difficulty == 0
    stored = chain.block_by_number(0)
    assert stored is not None
    assert stored.seal is None
    assert chain.block_by_number(1) is None
    assert chain.miners() == []


def test_reopening_finds_the_head() -> None:
    store = memory_store(network_spec())
    made = generator(new_chain(store=store))
    for _ in made.extend(4):
        pass
    again = new_chain(store=store)
    assert again.head == made.chain.head
    assert_consistent(again)


def test_another_spec_is_another_chain() -> None:
    store = memory_store(network_spec())
    new_chain(store=store)
    other = replace(network_spec(), digest=bytes(32))
    with pytest.raises(WrongChain):
        new_chain(other, store)


def test_extending() -> None:
    made = generator(new_chain())
    for number, accepted in enumerate(made.extend(8), 1):
        assert accepted.status is Status.CONNECTED
        assert accepted.reorg_depth == 0
        assert made.chain.head.header.number == number
    assert_consistent(made.chain)


def test_a_block_known_before_changes_nothing() -> None:
    made = grown(3)
    block = next_block(made)
    made.accept(block)
    head = made.chain.head
    assert made.accept(block).status is Status.KNOWN
    assert made.chain.head == head


def test_ties_keep_the_first_seen() -> None:
    made = grown(2)
    parent = made.chain.head
    first = made.block(parent)
    second = with_header(made.chain, first, beneficiary=bytes(20), state_root=_root_paying(made, parent, first))
    assert second.header.difficulty == first.header.difficulty
    assert made.accept(first).status is Status.CONNECTED
    assert made.accept(second).status is Status.SIDE
    assert made.chain.head.hash == first.header.hash
    assert len(made.chain.tips()) == 2


def _root_paying(made: ChainGenerator, parent: Head, block: Block) -> bytes:
    """The state root that the same block has with the zero address as its payee."""
    template = made.chain.draft(bytes(20), block.header.miner_id, block.header.timestamp).build()
    assert template.header.parent_hash == parent.hash
    return template.header.state_root


@pytest.mark.parametrize("depth", [1, 2, 7, 64])
def test_reorganisation(depth: int) -> None:
    made = grown(3, miners=3)
    fork = made.chain.head
    old = blocks_from(made, fork, depth)
    old_head = made.chain.head
    events: list[ChainEvent] = []
    made.chain.subscribe(events.append)
    parent, entering, seen = fork, [], 0
    while made.chain.head == old_head:
        assert events == []
        block = made.block(parent)
        accepted = made.accept(block)
        entering.append(block.header.hash)
        parent = Head(block.header.hash, *made.chain.tree.known(block.header.hash))
        seen += 1
    assert accepted.status is Status.CONNECTED
    assert accepted.reorg_depth == depth
    left = [event.hash for event in events if isinstance(event, Disconnected)]
    joined = [event.hash for event in events if isinstance(event, Connected)]
    assert left == [block.header.hash for block in reversed(old)]
    assert joined == entering
    assert events[-1] == HeadChanged(old_head, made.chain.head, depth)
    assert len(events) == depth + seen + 1
    assert_consistent(made.chain)


def test_reorganisation_equals_a_fresh_import() -> None:
    made = grown(10, miners=3)
    for _ in made.extend(30, ForkPlan(every=5, depth=4, overtake=True)):
        pass
    fresh = new_chain()
    for number in range(1, made.chain.head.header.number + 1):
        stored = made.chain.block_by_number(number)
        assert stored is not None
        fresh.accept(stored.block, NOW)
    assert fresh.head == made.chain.head
    assert fresh.miners() == made.chain.miners()
    assert canonical(fresh) == canonical(made.chain)


def test_a_failed_branch_moves_nothing() -> None:
    made = grown(3)
    fork = made.chain.head
    blocks_from(made, fork, 3)
    head, before = made.chain.head, canonical(made.chain)
    side = blocks_from(made, fork, 2)
    assert made.chain.head == head
    top = Head(side[-1].header.hash, *made.chain.tree.known(side[-1].header.hash))
    for _ in range(3):
        bad = with_header(made.chain, made.block(top), state_root=bytes(32))
        with pytest.raises(WrongStateRoot):
            made.accept(bad)
    assert made.chain.head == head
    assert canonical(made.chain) == before
    assert_consistent(made.chain)


def test_a_store_that_fails_moves_nothing() -> None:
    class Full(Exception):
        """What a full disk raises."""

    class FailingStore:
        """The real store, until it is told to fail."""

        def __init__(self, store: ChainStore) -> None:
            self._store = store
            self.failing = False

        def __getattr__(self, name: str) -> object:
            if name == "commit" and self.failing:
                raise Full
            return getattr(self._store, name)

    store = FailingStore(memory_store(network_spec()))
    made = generator(new_chain(store=store))  # type: ignore[arg-type]
    block = next_block(made)
    head, events = made.chain.head, list[ChainEvent]()
    made.chain.subscribe(events.append)
    store.failing = True
    with pytest.raises(Full):
        made.accept(block)
    assert made.chain.head == head
    assert events == []
    assert not made.chain.tree.has(block.header.hash)
    store.failing = False
    assert made.accept(block).status is Status.CONNECTED


def test_unsubscribing() -> None:
    made = grown(1)
    events: list[ChainEvent] = []
    stop = made.chain.subscribe(events.append)
    made.accept(made.block(made.chain.head))
    assert [type(event) for event in events] == [Connected, HeadChanged]
    stop()
    made.accept(made.block(made.chain.head))
    assert len(events) == 2


def test_template_of_another_miner() -> None:
    made = grown(1)
    template = made.chain.draft(bytes(20), signer(1).miner_id, NOW).build()
    with pytest.raises(ForeignSigner):
        seal_template(template, 0, (), signer(2))


@pytest.mark.parametrize(("extra", "size"), [(b"", 21), (b"x" * 11, 32)])
def test_template_fields(extra: bytes, size: int) -> None:
    chain = grown(2).chain
    template = chain.draft(b"p" * 20, signer(1).miner_id, chain.head.header.timestamp + 3, extra).build()
    header = template.header
    assert header.parent_hash == chain.head.hash
    assert header.number == 3
    assert header.timestamp == chain.head.header.timestamp + 3
    assert header.extra_data == signer(1).miner_id + b"\0" + extra
    assert len(header.extra_data) == size
    assert template.sealing_hash == header.sealing_hash
    assert (template.work, template.level) == (header.difficulty, chain.requirements(header.timestamp).level)
    assert template.margin == template.requirements.margin


@pytest.mark.parametrize(("miner_id", "extra"), [(bytes(19), b""), (bytes(21), b""), (bytes(20), bytes(12))])
def test_template_refuses_wrong_lengths(miner_id: bytes, extra: bytes) -> None:
    with pytest.raises(ValueError, match=r"extra|miner"):
        new_chain().draft(bytes(20), miner_id, NOW, extra).build()


def test_template_never_runs_before_its_parent() -> None:
    chain = grown(2).chain
    template = chain.draft(bytes(20), signer(1).miner_id, 5).build()
    assert template.header.timestamp == chain.head.header.timestamp + 1
