"""What commands print: a table for people, JSON for programs. Colours obey NO_COLOR (rich does)."""

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

FRACTION = 1 << 16  # levels are 16.16 fixed point
WEI = 10**18
MAX_WIDTH = 1_000  # characters of a table's line


def emit_json(value: object) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(value, indent=2))


def emit_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A table; numbers are given as text already. Wider than the terminal, its lines go on: ids are for copying."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))  # what peers say of themselves is no markup
    Console(highlight=False, width=MAX_WIDTH).print(table)


def emit_pairs(pairs: Mapping[str, object]) -> None:
    """Names and values below each other, never folded: hashes are for copying."""
    width = max(map(len, pairs), default=0)
    console = Console(highlight=False, soft_wrap=True)
    for name, value in pairs.items():
        console.print(Text(name.ljust(width) + "  ", "bold") + Text(str(value), "default"))


def emit_report(report: Mapping[str, object]) -> None:
    """What emit_json would print, for people: `blocksPerSecond` reads "blocks per second", and True "yes"."""
    emit_pairs({words(name): plain(value) for name, value in report.items()})


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


class Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        """The rate so far."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} {task.fields.get('unit', 'steps')}/s")


def progress_bar() -> Progress:
    """A progress bar on stderr, so that stdout stays clean; gone where nobody looks."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
