"""What a miner earns who has a better solver than everybody else, and tells nobody."""

from __future__ import annotations

from benchmarks import report
from benchmarks.economics import reward_rules
from benchmarks.economics.candidate import candidate_spec
from benchmarks.economics.thresholds import gain
from benchmarks.economics.withholding import Miner

FACTORS = (2.0, 5.0, 20.0, 60.0)
"""60: the measured factor between the first plan that was shipped and the one that came after it."""
MACHINES = (0.01, 0.05, 0.1, 0.2)


def share_of_work(machines: float, factor: float) -> float:
    """Of a miner with a share of the machines, each of which does `factor` times the work of another."""
    return machines * factor / (1 - machines + machines * factor)


def section(long: bool) -> str:
    """The table."""
    limit = 14 if long else 6
    counted = reward_rules.counted(limit, candidate_spec(), limit)
    flat = reward_rules.flat(24)
    rows = []
    for machines in MACHINES:
        for factor in FACTORS:
            share = share_of_work(machines, factor)
            cells = [f"{machines:.0%}", f"{factor:g}", f"{share:.1%}"]
            for tables in (flat, counted):
                if share < 0.48:
                    earned = gain(tables, Miner(share, 0.5))
                    cells.append(f"{earned.honest / machines:.2f} / {earned.best / machines:.2f}")
                else:
                    cells.append("a majority, or nearly")
            rows.append(cells)
    head = ["machines", "solver, times", "share of the work", "flat: honest / best", "counted streaks: honest / best"]
    return f"""## A better solver

Income per machine, in what others earn per machine without it, by honest mining and by the best policy at gamma 0.5
(every orphan shown). No rule of rewards takes this profit away; a better solver that is published does.

{report.table(head, rows)}
"""
