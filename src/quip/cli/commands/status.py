"""quip status: the head, the miners and the wallet of a node, in one table."""

from typing import Any

from quip.cli.node_access import open_target
from quip.cli.terminal import output
from quip.cli.terminal.lazy_commands import QuickCommand, command_app
from quip.cli.terminal.options import DataDir, Json, Rpc
from quip.rpc.encoding import integer

app = command_app()


@app.command(cls=QuickCommand)
def status(as_json: Json = False, data_dir: DataDir = None, rpc: Rpc = None) -> None:
    """Show the chain's head, the miners and the wallet of a node."""
    with open_target(rpc, data_dir) as node:
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
            "mining": "yes" if found["mining"] else f"no: {found['idleBecause']}",
            "miner id": found["minerId"] or "none",
            "signatures left": "unknown" if found["signaturesLeft"] is None else f"{found['signaturesLeft']:,}",
            "payout": found["payout"] or "none",
            "node id": found.get("nodeId") or "unknown while it does not run",
            "listens on": found.get("listen") or "nothing",
            "peers": found["peers"],
            "sync": _sync(found["syncing"]),
            "data": found["dataDir"],
        }
    )


def _seconds(block_time: float | None) -> str:
    """The mean of the last blocks; there is none at genesis."""
    return "unknown" if block_time is None else f"{block_time} s"


def _sync(syncing: dict[str, Any] | bool) -> str:
    """Where a sync stands, for people."""
    if not isinstance(syncing, dict):
        return "no sync under way"
    current, highest = integer(syncing["currentBlock"]), integer(syncing["highestBlock"])
    return f"block {current:,} of {highest:,}, {syncing['verifiedSeals']:,} seals verified"
