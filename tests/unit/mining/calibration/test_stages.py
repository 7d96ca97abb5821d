"""Prices of staged plans: against closed forms, and against playing them."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from quip.mining.calibration.stages import Chain, StagePrices, Step

NORMAL = NormalDist()
SEED = 20
CHAIN = Chain(
    100.0,
    1_000.0,
    80.0,
    (
        Step(20.0, 0.9, 130.0, 40.0, False),
        Step(200.0, 1.0, 10.0, 50.0, True),
        Step(300.0, 0.9, 160.0, 30.0, True),
        Step(300.0, 0.95, 90.0, 20.0, True),
    ),
)


def test_one_stage_costs_its_price_over_its_chance() -> None:
    chain = Chain(100.0, 0.0, 1e-6, (Step(50.0, 1.0, 0.0, 10.0, True),))
    for margin in (-5.0, 0.0, 20.0, 40.0):
        chance = 1 - NORMAL.cdf(margin / 10)
        price = StagePrices(chain).at(margin)
        assert price.updates == pytest.approx(150 / chance, rel=1e-3)
        assert price.proof_share == pytest.approx(chance, rel=1e-3)


def played(chain: Chain, margin: float, cuts: tuple[float, ...], count: int) -> tuple[float, float]:
    """Cost per proof and proofs per instance of `count` instances drawn, each step played from its cut on."""
    rng = np.random.default_rng(SEED)
    value = chain.mean + chain.sd * rng.standard_normal(count)
    going, cost, proofs = np.ones(count, dtype=bool), chain.entry_updates * count, 0
    for step, cut in zip(chain.steps, cuts, strict=True):
        going &= value >= cut
        cost += step.updates * going.sum()
        value = step.slope * value + step.constant + step.sd * rng.standard_normal(count)
        if step.proves:
            proofs += int((going & (value >= margin)).sum())
            going &= value < margin
    return cost / proofs, proofs / count


@pytest.mark.parametrize("margin", [1_050.0, 1_200.0, 1_300.0])
def test_prices_are_what_playing_costs(margin: float) -> None:
    price = StagePrices(CHAIN).at(margin)
    cost, share = played(CHAIN, margin, price.cuts, 1_000_000)
    assert price.updates == pytest.approx(cost, rel=0.05), f"seed {SEED}"
    assert price.proof_share == pytest.approx(share, rel=0.05), f"seed {SEED}"


@pytest.mark.parametrize("cuts", [(-math.inf,) * 4, (1_050.0, 1_080.0, -math.inf, 1_150.0)])
def test_any_cuts_have_the_price_that_playing_them_costs(cuts: tuple[float, ...]) -> None:
    prices = StagePrices(CHAIN)
    given = prices.under(1_200.0, cuts)
    cost, share = played(CHAIN, 1_200.0, cuts, 1_000_000)
    assert given.updates / sum(given.proofs) == pytest.approx(cost, rel=0.05), f"seed {SEED}"
    assert sum(given.proofs) == pytest.approx(share, rel=0.05), f"seed {SEED}"
    assert given.plays[0] <= 1
    assert list(given.plays) == sorted(given.plays, reverse=True)
    best = prices.at(1_200.0)
    under_best = prices.under(1_200.0, best.cuts)
    assert under_best.updates / sum(under_best.proofs) == pytest.approx(best.updates, rel=1e-3)
    assert given.updates / sum(given.proofs) > best.updates


def test_other_cuts_cost_more() -> None:
    margin = 1_250.0
    best = StagePrices(CHAIN).at(margin)
    for shift in (-60.0, 60.0):
        cost, _ = played(CHAIN, margin, tuple(cut + shift for cut in best.cuts), 400_000)
        assert cost > best.updates, f"seed {SEED}"


def test_harder_margins_cost_more_and_hopeless_ones_are_refused() -> None:
    prices = StagePrices(CHAIN)
    costs = [prices.at(margin).updates for margin in np.linspace(900, 1_500, 13)]
    assert costs == sorted(costs) and math.isfinite(costs[-1])
    with pytest.raises(ValueError, match="no instance ever reaches"):
        prices.at(1e6)
