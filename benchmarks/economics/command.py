"""`python -m benchmarks economics [--long] [SECTION ...]`: writes docs/economics/figures.md and its plots."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

from benchmarks import report
from benchmarks.economics import (
    advantage,
    cost_curves,
    gain_plot,
    law_plays,
    network_plays,
    played_policies,
    screening,
    thresholds,
)
from benchmarks.economics.calibrated import NoStagedPlan

SECTIONS: dict[str, Callable[[bool], str]] = {
    "thresholds": thresholds.section,
    "gains": gain_plot.section,
    "policies": played_policies.section,
    "forks": law_plays.forks,
    "shocks": law_plays.shocks,
    "hoppers": law_plays.hoppers,
    "costs": cost_curves.section,
    "delays": network_plays.delays,
    "griefers": network_plays.griefers,
    "identities": network_plays.identities,
    "advantage": advantage.section,
    "screening": screening.section,
}
FOLDER = report.ROOT / "docs" / "economics"
HEAD = """# Figures of the economics

Made by `python -m benchmarks economics` (`--long`: longer branches and chains, hours); do not edit. What they mean is
said in [economics.md](../economics.md).
"""
MARK = "<!-- section "


def main(words: Sequence[str]) -> None:
    """Runs the sections that were asked for, all by default; the others stay as they are."""
    parser = argparse.ArgumentParser(prog="benchmarks economics")
    parser.add_argument("only", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--long", action="store_true")
    asked = parser.parse_args(words)
    if unknown := set(asked.only) - set(SECTIONS):
        parser.error(f"no section is called {', '.join(sorted(unknown))}: there are {', '.join(SECTIONS)}")
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / "figures.md"
    sections = _kept(file.read_text(encoding="utf-8")) if file.exists() else {}
    for name in asked.only or SECTIONS:
        started = time.process_time()
        try:
            text = SECTIONS[name](asked.long)
        except NoStagedPlan as missing:
            print(f"{name}: left as it is, {missing}", flush=True)
            continue
        spent_s = time.process_time() - started
        how = f"Commit {report.commit()}{', --long' if asked.long else ''}, {spent_s:.0f} core-seconds."
        sections[name] = f"{text.rstrip()}\n\n{how}\n"
        print(sections[name], flush=True)
        ordered = [f"{MARK}{one} -->\n{sections[one]}" for one in SECTIONS if one in sections]
        file.write_text("\n".join([HEAD, *ordered]), encoding="utf-8")


def _kept(text: str) -> dict[str, str]:
    parts = (part.split(" -->\n", 1) for part in text.split(MARK)[1:])
    return {name: body.rstrip("\n") + "\n" for name, body in parts}
