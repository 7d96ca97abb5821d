"""The page of a calibration: intervals, factors per bit, and what is said of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from quip.mining.calibration.report import chi2_quantile, cost_interval, factors, measured_in, table, write_table


def document(*checks: tuple[float, float, int]) -> dict[str, Any]:
    """Of checks (level, measured over predicted, proofs), behind one pilot."""
    rows = [
        {
            "level": round(level * 65_536),
            "predicted_updates": 1_000 * 2.0**level,
            "measured_updates": 1_000 * 2.0**level * ratio,
            "proofs": proofs,
        }
        for level, ratio, proofs in checks
    ]
    pilots = [{"updates": 1e9, "ratio": 0.5, "proofs": 40}]
    return {"summary": {"name": "dev", "pilots": pilots}, "checks": rows}


@pytest.mark.parametrize(
    ("share", "degrees", "value"),
    [(0.05, 2, 0.10259), (0.95, 2, 5.9915), (0.05, 60, 43.188), (0.95, 60, 79.082), (0.05, 200, 168.279),
     (0.95, 200, 233.994), (0.95, 2_000, 2_105.15)],
)  # fmt: skip
def test_chi_square_quantiles_are_those_of_the_tables(share: float, degrees: int, value: float) -> None:
    assert chi2_quantile(share, degrees // 2) == pytest.approx(value, rel=1e-4)


def test_the_interval_of_a_cost_narrows_with_proofs() -> None:
    assert cost_interval(10.0, 30) == pytest.approx((600 / 79.082, 600 / 43.188), rel=1e-4)
    few, many = cost_interval(10.0, 30), cost_interval(10.0, 300)
    assert few[0] < many[0] < 10 < many[1] < few[1]


def test_a_prediction_is_inside_or_not() -> None:
    pilot, *checks = measured_in(document((24, 1.3, 100), (22, 1.05, 100), (26, 0.8, 100)))
    assert (pilot.pilot, pilot.measured) == (True, 5e8)
    assert [check.level for check in checks] == [22, 24, 26]
    assert [check.inside for check in checks] == [True, False, False]


def test_the_factor_per_bit_is_measured_between_neighbours() -> None:
    _, *checks = measured_in(document((22, 1.0, 100), (24, 1.0, 100), (26, 0.25, 25)))
    first, second = factors(checks)
    assert (first.low, first.high) == (22, 24)
    assert first.factor == pytest.approx(2)
    assert second.factor == pytest.approx(1)
    assert first.interval[0] < 2 < first.interval[1]
    assert second.interval[1] / second.interval[0] > first.interval[1] / first.interval[0]


def test_the_page_says_what_was_measured_and_what_was_not(tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_text(json.dumps(document((22, 1.0, 100), (24, 1.3, 100))))
    page = write_table(tmp_path / "dev.json").read_text()
    assert page == table(document((22, 1.0, 100), (24, 1.3, 100)))
    assert "| 22.00 | check | 100 | 4.19e+09 | 4.19e+09 |" in page
    assert "| 1.30 | no |" in page
    assert "| pilot | 40 |" in page
    assert "Above level 24.00 nothing was mined" in page
    assert "| 22.00 | 24.00 | 2.28 |" in page
    with pytest.raises(KeyError):
        table({})
