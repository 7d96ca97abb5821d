"""The plot of what breaking the rules gains, by share and rule."""

from __future__ import annotations

from benchmarks import report
from benchmarks.economics.thresholds import GAMMAS, gain, rules
from benchmarks.economics.withholding import Miner

SHARES = (0.05, 0.15, 0.2, 0.25, 0.3, 0.33, 0.36, 0.39, 0.42, 0.45, 0.48)
FILE = report.ROOT / "docs" / "economics" / "gains.png"
SHOWN = ("Bitcoin (first seen); flat with lag", "flat, no lag")
"""Beside the rules whose names begin so."""
STREAKS = ("streaks, lag, ommers", "the same")


def section(long: bool) -> str:
    """Draws the plot."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(GAMMAS), figsize=(13, 4), sharey=True)
    for rule in rules():
        if rule.name not in SHOWN and not rule.name.startswith(STREAKS):
            continue
        tables = rule.tables(rule.limits[long])
        for axis, gamma in zip(axes, GAMMAS, strict=True):
            gains = [100 * gain(tables, Miner(share, gamma)).relative for share in SHARES]
            axis.plot(SHARES, gains, marker=".", label=rule.name)
    for axis, gamma in zip(axes, GAMMAS, strict=True):
        axis.set(title=f"gamma {gamma:g}", xlabel="share of the work", ylim=(-1, 30))
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("gain over honest mining, %")
    axes[0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(FILE, dpi=110)
    pyplot.close(figure)
    return f"""## Gains by share

![gain over honest mining by share of the work]({FILE.name})
"""
