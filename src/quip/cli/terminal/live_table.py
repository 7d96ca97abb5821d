"""What a person sees: a table updated in place on a terminal, one line now and then elsewhere; the report as text."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from quip.cli.terminal import output
from quip.localnet.network import LocalNetwork
from quip.localnet.node_process import PlannedNode
from quip.localnet.report import NetworkReport

LINE_S = 5.0  # between lines where the output is no terminal
BARS = "▁▂▃▄▅▆▇█"
BAR_COUNT = 60
COLUMNS = ("node", "pid", "port", "head", "tip", "peers", "mines by", "won", "streak", "state")


class LiveTable:
    """Shows a network again and again. Use as a context."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._line_s = float("-inf")
        self._stage = ""

    def __enter__(self) -> "LiveTable":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, network: LocalNetwork, now_s: float, stage: str) -> None:
        """Show it as it is now."""
        if self._live is not None:
            self._live.update(Group(Text(f"{now_s:6.0f} s  {stage}"), table_of(network)), refresh=True)
        elif now_s - self._line_s >= LINE_S or stage != self._stage:
            self._line_s, self._stage = now_s, stage
            self._console.print(line_of(network, now_s, stage), soft_wrap=True)


def table_of(network: LocalNetwork) -> Table:
    """A row for each node."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in COLUMNS:
        table.add_column(column)
    for child in network.children:
        table.add_row(*row_of(network, child))
    return table


def row_of(network: LocalNetwork, child: PlannedNode) -> list[str]:
    """One node's cells."""
    answer = network.answers[child.plan.name]
    start = [child.plan.name, str(child.pid or "-"), str(child.plan.port)]
    if answer is None:
        state = "starting" if child.pid else f"dead ({child.kills} kills)" if child.kills else "ended"
        return [*start, "-", "-", "-", "-", "-", "-", state]
    return [
        *start, str(answer.number), output.short(answer.hash), str(answer.peers), answer.mines_by,
        str(answer.blocks_won), str(answer.streak), answer.idle_because or "mining",
    ]  # fmt: skip


def line_of(network: LocalNetwork, now_s: float, stage: str) -> str:
    """Everything in one line."""
    found = [answer for answer in network.answers.values() if answer is not None]
    heads = sorted((answer.number for answer in found), reverse=True)
    tips = len({answer.hash for answer in found})
    return (
        f"{now_s:6.0f} s  {stage}: {len(found)} of {len(network.children)} nodes, heads {_joined(heads)}, "
        f"{tips} tip{'s' if tips != 1 else ''}, peers {_joined(answer.peers for answer in found)}"
    )


def _joined(values: Any) -> str:
    return ",".join(map(str, values)) or "-"


def text_of(outcome: NetworkReport) -> str:
    """The report for people."""
    figures = outcome.figures
    forks, spread = figures["forks"], figures["propagation"]
    tip = f"one: {next(iter(figures['tips'].values()))}" if figures["oneTip"] else "NOT CONVERGED"
    lines = [
        f"simulation of {figures['scenario']}, chain {figures['genesis']}, seed {figures['seed']}, "
        f"{figures['seconds']:g} s, {figures['started']}",
        "",
        f"tip           {tip}",
        f"blocks        {figures['blocks']}, one in {figures['blockTime'] or '-'} s",
        f"forks         {forks['sideBlocks']} side blocks, {forks['reorganisations']} reorganisations, "
        f"deepest {forks['deepest']}",
        f"propagation   p50 {_ms(spread['p50Ms'])}, p99 {_ms(spread['p99Ms'])}, worst {_ms(spread['maxMs'])} "
        f"({spread['samples']} sights of {spread['blocks']} blocks)",
        f"difficulty    {bars([point['work'] for point in figures['difficulty']])}",
        f"kills         {len(figures['kills'])}",
        "",
        f"{'node':<8} {'mines by':<14} {'wins':>5} {'streak':>6} {'kills':>5} {'peers':>5}  tip",
    ]
    for node in figures["nodes"]:
        peers = "-" if node["peers"] is None else node["peers"]
        lines.append(
            f"{node['name']:<8} {node['minesBy'] or '-':<14} {node['wins']:>5} {node['longestStreak']:>6} "
            f"{node['kills']:>5} {peers:>5}  {output.short(node['tip'] or '-')}"
        )
    lines += ["", *(f"problem: {problem}" for problem in outcome.problems)]
    return "\n".join(lines).rstrip() + "\n"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:g} ms"


def bars(values: Sequence[int]) -> str:
    """A curve in one line, from the least work to the greatest.

    >>> bars([1, 2, 3])
    '▁▅█'
    """
    if not values:
        return "-"
    step = max(1, -(-len(values) // BAR_COUNT))
    chosen = values[::step]
    low, span = min(chosen), max(chosen) - min(chosen) or 1
    return "".join(BARS[round((value - low) / span * (len(BARS) - 1))] for value in chosen)
