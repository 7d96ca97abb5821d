"""quip miners: who mined the chain, and how this node's own miners fare."""

from typing import Any

import typer

from quip.cli.node_access import open_target
from quip.cli.terminal import output
from quip.cli.terminal.lazy_commands import QuickCommand, command_app
from quip.cli.terminal.options import Json, Target, names_node
from quip.node.process.clock import as_duration
from quip.rpc.encoding import integer

LOCAL = {
    "miner": "id",
    "kind": "kind",
    "device": "device",
    "threads": "workers",
    "attempts": "attempts",
    "gate hashes/s": "gateHashesPerSecond",
    "spin updates/ns": "spinUpdatesPerNs",
    "best margin": "bestMargin",
    "attempts for this block": "attemptsForBlock",
    "best margin for it": "bestMarginOfBlock",
    "margin it needs": "marginNeeded",
    "valid sets": "validSets",
    "blocks won": "blocksWon",
    "streak": "streak",
}

app = command_app()


@app.command(cls=QuickCommand)
@names_node
def miners(target: Target, as_json: Json = False) -> None:
    """Show who mined the chain, and how this node's own miners fare."""
    with open_target(target) as node:
        found = node.call("quip_getMiners")
    if as_json:
        output.emit_json(found)
        return
    rows = [(entry["minerId"], entry["blocks"], output.coins(integer(entry["earned"]))) for entry in found["chain"]]
    output.emit_table(("miner id", "blocks", "earned"), rows)
    if "local" not in found:
        typer.echo("\nits own miners are shown to its operator only: --rpc-token-file PATH")
    for entry in found.get("local", ()):
        typer.echo()
        output.emit_pairs(_local(entry))


def _local(entry: dict[str, Any]) -> dict[str, object]:
    shown: dict[str, object] = {label: entry[key] for label, key in LOCAL.items()}
    expected = entry["expectedBlockTime"]
    shown["block expected every"] = "unknown" if expected is None else as_duration(expected)
    shown["earned"] = output.coins(integer(entry["earned"]))
    return shown if entry["trouble"] is None else {**shown, "trouble": entry["trouble"]}
