"""The numbers of a spec that come out of measurement, put into its document.

How they are measured is the calibration command's business (`quip.mining`); here they are only written down, in one
place, so that a spec can be recalibrated without touching anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quip.consensus.spec.chain_spec import ChainSpec, parse_spec
from quip.consensus.spec.document import Json, parse_document, render
from quip.consensus.work.ladder import Point


@dataclass(frozen=True, slots=True)
class Calibration:
    """What measuring a puzzle gives. Levels are 16.16 log2(work), margins and the cap are in 1/512 energy."""

    ladder: tuple[Point, ...]
    baseline_cap: int
    start: int
    lo: int
    hi: int


def recalibrated(data: bytes, calibration: Calibration) -> bytes:
    """The spec file `data` with the calibration in it, laid out as published. Raises InvalidSpec if it is no spec then.

    The digest changes, and with it the genesis block: a recalibrated spec is another network.
    """
    document = parse_document(data)
    puzzle = _section(document, "puzzle")
    baseline = {**_section(puzzle, "baseline"), "cap": calibration.baseline_cap}
    ladder = [list(point) for point in calibration.ladder]
    levels = {"start": calibration.start, "lo": calibration.lo, "hi": calibration.hi}
    changed = {
        **document,
        "puzzle": {**puzzle, "baseline": baseline, "ladder": ladder},
        "difficulty": {**_section(document, "difficulty"), **levels},
    }
    text = render(changed).encode()
    parse_spec(text)
    return text


def calibration_of(spec: ChainSpec) -> Calibration:
    """The calibration that a spec holds."""
    levels = spec.difficulty
    return Calibration(spec.puzzle.ladder, spec.puzzle.baseline_cap, levels.start, levels.lo, levels.hi)


def _section(document: Mapping[str, Json], name: str) -> dict[str, Json]:
    section = document.get(name)
    return dict(section) if isinstance(section, Mapping) else {}
