"""Ommers: which a block may show, what they and the blocks around them are paid, and that no order changes it."""

import random
from dataclasses import replace

import pytest

from quip.chain.ancestries import rewards_of
from quip.chain.batch import STORED_BEFORE
from quip.chain.chain import Chain, Status
from quip.consensus.errors.ommer import OmmerOutsideWindow
from quip.consensus.errors.root import Spoils
from quip.consensus.errors.seal import SealError
from quip.consensus.execution.rewards import Payment, Rewards
from quip.consensus.types.block import Block
from reference import law
from sim.liars.lies import flip
from support.chains import generator, new_chain, ommer_spec
from support.mutants import seal_header
from support.ommers import UNLAWFUL, WAYS, WINDOW, Family, at, head_of, ommer_of, random_tree

NOW = 1 << 40


@pytest.mark.parametrize("way", WAYS)
def test_every_unlawful_way(way: str) -> None:
    family = Family()
    block = WAYS[way](family)
    with pytest.raises(UNLAWFUL[way]) as caught:
        family.chain.accept(block, NOW)
    message = caught.value.spoils is Spoils.MESSAGE
    assert family.chain.is_invalid(block.header.hash) is not message
    assert message is (way in {"another list", "no seal", "a bad seal"})


def test_another_seal_of_an_ommer_may_be_good() -> None:
    family = Family()
    one = family.sibling(family.number - 2)
    good = family.showing([one])
    assert one.seal is not None
    bad = replace(one, seal=replace(one.seal, ecdsa_signature=flip(one.seal.ecdsa_signature, 3)))
    with pytest.raises(UNLAWFUL["a bad seal"]):
        family.chain.accept(replace(good, ommers=(bad,)), NOW)
    assert family.chain.accept(good, NOW).status is Status.CONNECTED
    stored = family.chain.block_by_hash(good.header.hash)
    assert stored is not None and stored.block == good


def test_the_own_proof_comes_before_the_ommers() -> None:
    family = Family()
    block = WAYS["too old"](family)
    assert block.seal is not None
    spoilt = replace(block, seal=replace(block.seal, ecdsa_signature=flip(block.seal.ecdsa_signature, 3)))
    with pytest.raises(SealError):
        family.chain.accept(spoilt, NOW)
    assert not family.chain.is_invalid(block.header.hash)


def test_nothing_of_an_ommers_body_matters() -> None:
    family = Family()
    failing = family.changed(family.sibling(family.number - 1), state_root=bytes(32), transactions_root=bytes(32))
    assert family.chain.accept(family.showing([failing]), NOW).status is Status.CONNECTED


def test_an_ommer_of_block_one() -> None:
    family = Family(height=1)
    assert family.chain.accept(family.showing([family.sibling(1)]), NOW).status is Status.CONNECTED


@pytest.mark.parametrize(("blocks", "lawful"), [(WINDOW - 1, True), (WINDOW, False)])
def test_the_window_ends_behind_m_plus_w(blocks: int, lawful: bool) -> None:
    family = Family()
    late = family.sibling(family.number - 1)
    for _ in family.made.extend(blocks):
        pass
    assert family.number == late.header.number + blocks + 1
    block = family.showing([late])
    if lawful:
        assert family.chain.accept(block, NOW).status is Status.CONNECTED
    else:
        with pytest.raises(OmmerOutsideWindow):
            family.chain.accept(block, NOW)


def test_ommers_on_ommers_count_those_that_they_show() -> None:
    """A branch of three: its second block says that it shows an ommer, which changes what a later one has to prove."""
    family = Family()
    first = family.sibling(family.number - 5)
    second = family.child(first, extra_data=first.header.miner_id + b"\2", ommers_hash=bytes(32))
    block = family.showing([first, second])
    assert family.chain.accept(block, NOW).status is Status.CONNECTED
    stored = family.chain.block_by_hash(block.header.hash)
    assert stored is not None
    assert [ommer.included.context.recent[-1].ommers for ommer in stored.ommers] == [0, 2]
    fork = at(family.chain, first.header.number - 1)
    assert {ommer.included.fork_controller for ommer in stored.ommers} == {fork.context.next_controller}
    assert stored.context.recent[-1].ommers == 2


def test_a_template_shows_all_that_it_may_the_oldest_first() -> None:
    family = Family()
    chain = family.chain
    siblings = [family.sibling(family.number - back) for back in (1, WINDOW, WINDOW + 1, 3, 2)]
    for one in siblings:
        chain.accept(Block(one.header, (), one.seal), NOW)
    orphan = head_of(chain, siblings[3].header.hash)
    child = family.made.block(orphan)
    chain.accept(child, NOW)
    template = chain.draft(bytes(20), bytes(20), chain.head.header.timestamp + 1).build()
    shown = [ommer.header.hash for ommer in template.ommers]
    expected = [siblings[1].header.hash, orphan.hash, *sorted([siblings[4].header.hash, child.header.hash])]
    assert shown == expected, "at most four, and none too old"
    assert template.header.ommer_count == 4
    family.made.accept(family.made.block(chain.head, chain.ommers.known(chain.head.hash)))
    after = chain.draft(bytes(20), bytes(20), chain.head.header.timestamp + 1).build()
    assert [ommer.header.hash for ommer in after.ommers] == [siblings[0].header.hash], "the rest comes next"


def canonical(chain: Chain) -> list[Block]:
    stored = [chain.block_by_number(number) for number in range(chain.head.header.number + 1)]
    return [block.block for block in stored if block is not None]


def paid(chain: Chain, block: Block) -> Rewards:
    block_hash = block.header.hash
    return rewards_of(chain.spec, chain.tree, block_hash, *chain.tree.known(block_hash))


@pytest.mark.parametrize("seed", range(4))
def test_payments_follow_from_headers_and_ommers(seed: int) -> None:
    """A second reading of the rules says of every canonical block what it paid; and nothing was paid twice."""
    chain, blocks = random_tree(seed, 45)
    line = canonical(chain)
    names = {
        miner: name for name, miner in zip("ABC", sorted({block.header.miner_id for block in blocks}), strict=True)
    }
    base = chain.spec.rewards.base_reward
    rewards = {"base_reward": base, "streak_multiplier": chain.spec.rewards.streak_multiplier}
    spec = {"rewards": rewards, "ommers": {"window": WINDOW, "holdback": 16}}
    contexts = [chain.tree.known(block.header.hash)[1] for block in line]
    rows = [("-", 0, 0)]
    for block, context in zip(line[1:], contexts[1:], strict=True):
        rows.append((names[block.header.miner_id], block.header.difficulty, context.controller))
    shown = [
        [(one.header.number, one.header.difficulty, names[one.header.miner_id]) for one in block.ommers]
        for block in line
    ]
    assert any(shown), seed
    expected = law.payments(spec, rows, shown)
    for block, row in zip(line, expected, strict=True):
        found = [(names[payment.miner_id], payment.amount) for payment in paid(chain, block).payments]
        assert found == [(who, wei) for _, who, wei in row], (seed, block.header.number)
    supply = sum(payment.amount for block in line for payment in paid(chain, block).payments)
    assert supply == held(chain, line), seed
    assert sum(one.earned for one in chain.miners()) == supply
    by_height = [0] * len(line)
    for number, block in enumerate(line[1:], 1):
        full = base * block.header.difficulty // law.work(contexts[number].controller)
        by_height[number] = full
    bonus = sum(wei for row in expected for kind, _, wei in row if kind == "miner id")
    assert supply <= sum(by_height) + bonus, "the rest is burnt, or not settled yet"


def held(chain: Chain, line: list[Block]) -> int:
    state = chain.tree.state(chain.head.header.state_root)
    payees = {payment.address for block in line for payment in paid(chain, block).payments}
    accounts = [state.account(payee) for payee in payees]
    return sum(account.balance for account in accounts if account is not None)


@pytest.mark.parametrize("seed", range(3))
def test_no_order_changes_what_is_paid(seed: int) -> None:
    """The same blocks in other orders, with other reorganisations on the way: same rewards, same totals; also when
    every ancestry is read from the store anew."""
    chain, blocks = random_tree(seed, 40)
    rng = random.Random(seed)
    known = {chain.tree.canonical_hash(0)}
    waiting, order = blocks[:], []
    while waiting:
        block = rng.choice([one for one in waiting if one.header.parent_hash in known])
        waiting.remove(block)
        known.add(block.header.hash)
        order.append(block)
    other = new_chain(ommer_spec(WINDOW))
    for block in order:
        other.accept(block, NOW, STORED_BEFORE)
        other.ommers.ancestries._recent.clear()
    for block in blocks:
        assert paid(other, block) == paid(chain, block), seed
    assert other.head.context.total_difficulty == chain.head.context.total_difficulty
    together = new_chain(ommer_spec(WINDOW))
    together.accept_many(order, NOW, STORED_BEFORE)
    assert together.head == other.head
    assert together.miners() == other.miners()
    for block in blocks:
        assert paid(together, block) == paid(chain, block), seed


def test_a_streak_is_paid_once_it_is_settled() -> None:
    """One miner, nobody contests: u grows to seven and begins anew; the bonus goes to the miner's own account."""
    made = generator(new_chain(ommer_spec(WINDOW)), miners=1)
    for _ in made.extend(24):
        pass
    chain = made.chain
    counts = [paid(chain, block).counted_streak for block in canonical(chain)]
    assert counts == [0] * (WINDOW + 2) + [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3]
    bonuses = [
        payment
        for block in canonical(chain)
        for payment in paid(chain, block).payments
        if payment.address == payment.miner_id
    ]
    assert len(bonuses) == sum(count >= 2 for count in counts)
    seventh = next(block for block in canonical(chain) if paid(chain, block).counted_streak == 7)
    own, back, bonus = paid(chain, seventh).payments
    assert isinstance(bonus, Payment) and bonus.amount > 3 * (own.amount + back.amount)


def test_a_contested_height_counts_for_nothing() -> None:
    family = Family(height=0)
    made, chain = generator(family.chain, miners=1), family.chain
    for _ in made.extend(3):
        pass
    contested = family.made.block(at(chain, 1))
    made.accept(made.block(chain.head, [ommer_of(contested)]))
    for _ in made.extend(14):
        pass
    counts = [paid(chain, block).counted_streak for block in canonical(chain)]
    assert counts[WINDOW + 2 : WINDOW + 6] == [1, 0, 1, 2]
    settled = canonical(chain)[WINDOW + 3]
    assert len(paid(chain, settled).payments) == 1, "what was held back of block 2 went to its ommer"


def test_a_header_may_not_hide_what_it_shows() -> None:
    family = Family()
    one = family.sibling(family.number - 1)
    block = family.showing([one])
    hidden = seal_header(family.chain, replace(block.header, extra_data=block.header.miner_id + b"\0"))
    with pytest.raises(Exception, match="ommersHash"):
        family.chain.accept(replace(hidden, ommers=(one,)), NOW)
