"""Screened plans: counted prices against playing the survey's instances one by one, and the tail beyond them."""

import math

import numpy as np
import pytest

from quip.mining.calibration.screened import (
    SHARES,
    TRIES,
    Costs,
    ScreenedPrices,
    Screening,
    Tier,
    counted,
    proved_margins,
    sweeps_of,
)
from quip.mining.calibration.tail import TooFewMeasured
from quip.mining.plan import Anneal, Cut, Measured, Plan, Screen

SEED = 12
SWEEPS = 16
COSTS = Costs(1_000.0, 40.0)
PLAYED = 1_200


def drawn(played: int = PLAYED) -> list[Tier]:
    """Instances with a normal quality; what the baseline and anneals reach is that and luck."""
    rng = np.random.default_rng(SEED)
    tiers: list[Tier] = []
    for share in SHARES:
        count = round(played / share)
        quality = rng.normal(9_000, 1_200, count)
        looked = quality + rng.normal(0, 700, count)
        floor = float(np.quantile(tiers[0].looked, 1 - share)) if tiers else -math.inf
        kept = looked >= floor
        runs = []
        for times, anneals in TRIES:
            reached = quality[kept, None] + 300 * math.log2(times) + rng.normal(0, 700, (kept.sum(), anneals))
            runs.append(np.where(reached >= floor, reached, -math.inf))
        tiers.append(Tier(count, floor, looked[kept], tuple(runs)))
    return tiers


def played(tier: Tier, plan: Screening, margin: float) -> tuple[int, int]:
    """Proofs and anneals when every instance is played as the miner does."""
    runs = tier.runs[sweeps_of(SWEEPS).index(plan.sweeps)]
    proofs = anneals = 0
    for row in range(len(tier.looked)):
        best = tier.looked[row]
        if best < margin and (plan.screen is None or best >= margin - plan.screen):
            for number in range(plan.anneals):
                anneals += 1
                best = max(best, runs[row, number])
                if best >= margin:
                    break
                if number == 0 and plan.anneals > 1 and plan.retry is not None and best < margin - plan.retry:
                    break
        proofs += best >= margin
    return proofs, anneals


def test_what_is_counted_is_what_playing_comes_to() -> None:
    tiers = drawn()
    found = counted(tiers, SWEEPS, COSTS, SEED)
    assert found.points[0].proof_share > 0.99, f"seed {SEED}"
    assert found.points[-1].proof_share < 0.01, f"seed {SEED}"
    for point in found.points[:-1:6]:
        tier = next(tier for tier in tiers if point.proof_share == pytest.approx(point.proofs / tier.instances))
        proofs, anneals = played(tier, point.plan, point.margin)
        assert proofs == point.proofs
        assert anneals / tier.instances == pytest.approx(point.anneals, rel=1e-6)
        assert (proved_margins(tier, point.plan, sweeps_of(SWEEPS)) >= point.margin).sum() == proofs


def test_a_plan_with_cuts_is_cheaper_than_annealing_everything() -> None:
    prices = ScreenedPrices(counted(drawn(), SWEEPS, COSTS, SEED), COSTS)
    quality, spread = 9_000.0, math.hypot(1_200, 700)
    for margin in (10_500.0, 12_000.0):
        once = 0.5 * math.erfc((margin - quality) / spread / math.sqrt(2))
        assert prices.updates(margin) < (COSTS.entry + SWEEPS * COSTS.sweep) / once


def test_beyond_what_is_counted_prices_follow_a_normal_tail() -> None:
    found = counted(drawn(), SWEEPS, COSTS, SEED)
    prices = ScreenedPrices(found, COSTS)
    easy, hard = prices.bracket()
    costs = [prices.updates(margin) for margin in np.linspace(easy, hard, 200)]
    assert costs == sorted(costs)
    assert prices.updates(1e9) == math.inf
    margin = found.points[-1].margin + 2 * found.tail_sd
    share = 0.5 * math.erfc((margin - found.tail_mean) / found.tail_sd / math.sqrt(2))
    assert prices.updates(margin) == pytest.approx(COSTS.entry / share, rel=0.2)
    assert prices.plan(margin) == found.points[-1].plan.plan()
    assert prices.plan(easy) == found.points[0].plan.plan()


def test_plans_as_the_miner_runs_them() -> None:
    near, nearer = Cut(Measured.REACHED, slack=900.0), Cut(Measured.REACHED, slack=300.0)
    assert Screening(8, 0, 0).plan() == Plan((Screen(Cut(Measured.REACHED)),))
    assert Screening(8, 1, None).plan() == Plan((Screen(), Anneal(8)))
    assert Screening(8, 1, 900, 300).plan() == Plan((Screen(near), Anneal(8)))
    assert Screening(8, 3, 900, 300).plan() == Plan((Screen(near), Anneal(8, nearer), Anneal(8), Anneal(8)))


def test_too_few_are_refused() -> None:
    with pytest.raises(TooFewMeasured, match="too few"):
        counted(drawn(5), SWEEPS, COSTS, SEED)
