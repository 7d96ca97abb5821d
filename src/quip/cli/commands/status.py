"""quip status: the head, the miners and the wallet of a node, in one table."""

from typing import Any

from quip.cli.node_access import open_target
from quip.cli.terminal import output
from quip.cli.terminal.lazy_commands import QuickCommand, command_app
from quip.cli.terminal.options import Json, Target, names_node
from quip.node.process.clock import as_duration
from quip.rpc.encoding import integer

app = command_app()


@app.command(cls=QuickCommand)
@names_node
def status(target: Target, as_json: Json = False) -> None:
    """Show the chain's head, the miners and the wallet of a node."""
    with open_target(target) as node:
        found = node.call("quip_getStatus")
    if as_json:
        output.emit_json(found)
        return
    head = found["head"]
    output.emit_pairs(
        {
            "node": f"{found['nodeName']} ({'running' if found['running'] else 'stopped'}), version {found['version']}",
            "chain": f"{found['chain']} (id {found['chainId']}), genesis {output.short(found['genesis'])}",
            "head": f"#{integer(head['number'])} {head['hash']}",
            "time": f"{output.moment(integer(head['timestamp']))} UTC, {output.age(found['headAge'])}",
            "next level": f"{output.level(found['level'])} (work {integer(found['work']):,})",
            "block time": f"{_seconds(found['blockTime'])} (target {found['targetBlockTime']} s)",
            "total work": f"{integer(head['totalDifficulty']):,}",
            "mining": _mining(found),
            "luck": _luck(found.get("luck")),
            "node id": found.get("nodeId") or "unknown while it does not run",
            "peers": found["peers"],
            "sync": _sync(found["syncing"]),
            **_own(found),
            **_troubles(found),
        }
    )


def _own(found: dict[str, Any]) -> dict[str, str]:
    """What a node tells its operator only."""
    if "dataDir" not in found:
        return {"all else": "told to its operator: --rpc-token-file PATH"}
    return {
        "miner id": found["minerId"] or "none",
        "signatures left": "unknown" if found["signaturesLeft"] is None else f"{found['signaturesLeft']:,}",
        "payout": found["payout"] or "none",
        "listens on": found.get("listen") or "nothing",
        "data": found["dataDir"],
    }


def _mining(found: dict[str, Any]) -> str:
    if not found["mining"]:
        hint = found.get("idleHint")
        return f"no: {found['idleBecause']}" + (f"; {hint}" if hint else "")
    expected = found.get("expectedBlockTime")
    return "yes" if expected is None else f"yes, a block expected every {as_duration(expected)}"


def _luck(luck: dict[str, Any] | None) -> str:
    """Found against expected, over the last hundred blocks."""
    if luck is None:
        return "unknown"
    ratio = "unknown yet" if luck["ratio"] is None else luck["ratio"]
    return f"{ratio} ({luck['found']} valid sets, {luck['expected']} expected, over {luck['blocks']} blocks)"


def _troubles(found: dict[str, Any]) -> dict[str, str]:
    """What went wrong, or is about to."""
    shown = {}
    if found.get("warnings"):
        shown["warning"] = "; ".join(found["warnings"])
    if found.get("failures"):
        shown["failures"] = "; ".join(
            f"{one['thread']}: {one['reason']} ({one['count']} times, the last {output.age(round(one['age']))})"
            for one in found["failures"]
        )
    return shown


def _seconds(block_time: float | None) -> str:
    """The mean of the last blocks; there is none at genesis."""
    return "unknown" if block_time is None else f"{block_time} s"


def _sync(syncing: dict[str, Any] | bool) -> str:
    """Where a sync stands, for people."""
    if not isinstance(syncing, dict):
        return "no sync under way"
    current, highest = integer(syncing["currentBlock"]), integer(syncing["highestBlock"])
    return f"block {current:,} of {highest:,}, {syncing['verifiedSeals']:,} seals verified"
