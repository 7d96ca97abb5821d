"""What a chain with forks paid, computed a second time from its headers, is what its state holds."""

from dataclasses import replace

import pytest

from benchmarks.forks.chain_check import check_chain
from support.ommers import WINDOW, random_tree

BLOCKS = 70


@pytest.mark.parametrize("seed", range(3))
def test_a_chain_with_ommers_paid_what_its_headers_say(seed: int) -> None:
    chain, made = random_tree(seed, BLOCKS)
    found = check_chain(chain.spec, chain.tree.reads, chain.tips())
    ledger, head = found.ledger, len(found.blocks) - 1
    assert found.problems == []
    assert found.head == chain.head.hash
    assert found.lost == {block.header.hash for block in made} - {block.header.hash for block in found.blocks}
    assert sum(ledger.streaks.values()) == head - WINDOW - 1
    assert ledger.bonuses and ledger.contested
    assert {bonus.counted for bonus in ledger.bonuses} == {place for place in ledger.streaks if place >= 2}
    assert found.ommers and found.ommers <= found.lost
    heights = {ommer.number for block in found.blocks for ommer in block.ommers}
    assert ledger.contested == heights


def test_other_rules_would_have_paid_otherwise() -> None:
    """A ledger by another multiplier, hold-back or window differs from the state, and says where."""
    chain, _ = random_tree(1, BLOCKS)
    spec = chain.spec
    others = {
        "multiplier": replace(spec, rewards=replace(spec.rewards, streak_multiplier=(100, 103))),
        "hold-back": replace(spec, ommers=replace(spec.ommers, holdback=15)),
        "window": replace(spec, ommers=replace(spec.ommers, window=WINDOW + 1)),
        "reward": replace(spec, rewards=replace(spec.rewards, base_reward=spec.rewards.base_reward + 1)),
    }
    for what, other in others.items():
        found = check_chain(other, chain.tree.reads, chain.tips())
        assert any("state root" in problem for problem in found.problems), what
        assert any(problem.startswith("account 0x") for problem in found.problems), what
