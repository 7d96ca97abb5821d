"""What commands print: a table for people, JSON for programs. Colours obey NO_COLOR.

Nothing here needs more than the standard library and typer: a command answers before rich would be imported.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import typer

FRACTION = 1 << 16  # levels are 16.16 fixed point
WEI = 10**18
GAP = "  "  # between columns
UNITS_S = (("y", 31_557_600), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
CONTROL = dict.fromkeys((*range(32), *range(127, 160)), "�")


def emit_json(value: object, err: bool = False) -> None:
    """One JSON document on stdout (on stderr where stdout carries something else)."""
    typer.echo(json.dumps(value, indent=2), err=err)


def emit_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A table; numbers are given as text already. Wider than the terminal, its lines go on: ids are for copying."""
    titles = list(columns)
    lines = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(titles, *lines, strict=True)]
    for number, line in enumerate([titles, *lines]):
        padded = GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        typer.echo(_bold(padded) if number == 0 else padded)


def emit_pairs(pairs: Mapping[str, object], err: bool = False) -> None:
    """Names and values below each other, never folded: hashes are for copying."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        typer.echo(_bold(name.ljust(width)) + GAP + printable(str(value)), err=err)


def printable(text: str) -> str:
    """What peers and miners say of themselves must not steer the terminal; a stream's own character set is obeyed.

    >>> printable("\x1b[31mred")
    '\N{REPLACEMENT CHARACTER}[31mred'
    """
    clean = text.translate(CONTROL)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        clean.encode(encoding)
    except UnicodeEncodeError:
        return clean.replace("…", "...").encode(encoding, "replace").decode(encoding)
    return clean


def _bold(text: str) -> str:
    """Bold where a person looks at it; typer takes the codes out where the output is no terminal."""
    return text if os.environ.get("NO_COLOR") else typer.style(text, bold=True)


def emit_report(report: Mapping[str, object], as_json: bool, err: bool = False) -> None:
    """Names and values, as JSON or for people: `blocksPerSecond` reads "blocks per second", and True "yes"."""
    if as_json:
        emit_json(report, err)
    else:
        emit_pairs({words(name): plain(value) for name, value in report.items()}, err)


def words(name: str) -> str:
    """A JSON key as words.

    >>> words("blocksPerSecond")
    'blocks per second'
    """
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)


def plain(value: object) -> str:
    """A value as people write it.

    >>> plain(True), plain(1048576)
    ('yes', '1,048,576')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def short(digest: str) -> str:
    """The ends of a long hex string."""
    return digest if len(digest) <= 18 else f"{digest[:10]}…{digest[-6:]}"


def coins(wei: int) -> str:
    """Wei as whole coins with up to six places.

    >>> coins(1_500_000_000_000_000_000)
    '1.5'
    """
    whole, rest = divmod(wei, WEI)
    places = f"{rest:018d}"[:6].rstrip("0")
    return f"{whole:,}.{places}" if places else f"{whole:,}"


def level(fixed: int) -> str:
    """A level as log2 of its work."""
    return f"{fixed / FRACTION:.3f}"


def moment(timestamp_s: int) -> str:
    """A block's time in UTC."""
    return datetime.fromtimestamp(timestamp_s, UTC).strftime("%Y-%m-%d %H:%M:%S")


def age(seconds: int) -> str:
    """How long ago, or how far ahead, in the two largest units.

    >>> age(28_673_004), age(59), age(-7)
    ('331 d 20 h ago', '59 s ago', 'in 7 s')
    """
    rest = abs(seconds)
    parts: list[str] = []
    for unit, length in UNITS_S:
        if rest >= length or (unit == "s" and not parts):
            parts.append(f"{rest // length} {unit}")
            rest %= length
        elif parts:
            break
    text = " ".join(parts[:2])
    return f"in {text}" if seconds < 0 else f"{text} ago"
