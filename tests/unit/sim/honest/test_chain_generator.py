"""Generated chains are deterministic, valid, and fork as planned."""

from dataclasses import replace

import pytest

from quip.chain.chain import Status
from sim.honest.chain_generator import ForkPlan, LadderTooHard
from support.chains import generator, grown, network_spec, new_chain
from support.mutants import proof


def test_equal_seeds_give_equal_work() -> None:
    """Hashes and all: a header does not depend on the leaf that sealed it."""
    assert grown(12, seed=5).chain.head == grown(12, seed=5).chain.head
    assert grown(12, seed=5).chain.head != grown(12, seed=6).chain.head


@pytest.mark.parametrize("overtake", [False, True])
def test_forks(overtake: bool) -> None:
    made = generator(new_chain())
    outcomes = list(made.extend(40, ForkPlan(every=6, depth=3, overtake=overtake)))
    sides = [outcome for outcome in outcomes if outcome.status is Status.SIDE]
    depths = [outcome.reorg_depth for outcome in outcomes if outcome.reorg_depth]
    assert sides
    assert bool(depths) == overtake
    assert set(depths) <= {3}
    assert made.chain.head.header.number >= 40
    assert len(made.chain.tips()) > 1


def test_another_solver() -> None:
    made = generator(new_chain(), solver=lambda puzzle, seed, energy: proof(puzzle, seed, -10_000, min(energy, -70)))
    outcomes = list(made.extend(2))
    assert [outcome.status for outcome in outcomes] == [Status.CONNECTED] * 2


def test_a_real_ladder_is_too_hard_for_drawing() -> None:
    spec = replace(network_spec(), puzzle=replace(network_spec().puzzle, ladder=((0, 0), (40 << 16, 1))))
    made = generator(new_chain(spec))
    with pytest.raises(LadderTooHard):
        made.block(made.chain.head)
