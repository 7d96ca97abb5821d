"""quip status, quip blocks, quip miners: what a node sees."""

from typing import Annotated, Any

import typer

from quip.cli.node_access import Caller, open_target
from quip.cli.terminal import output
from quip.cli.terminal.options import DataDir, Json, Rpc
from quip.node.errors import NodeError
from quip.rpc.encoding import integer

MAX_BLOCKS = 1000  # one screenful is 20; nobody reads more than a thousand

QUANTITIES = ("number", "difficulty", "totalDifficulty", "gasLimit", "gasUsed", "baseFeePerGas", "size")
LOCAL = {
    "miner": "id",
    "kind": "kind",
    "device": "device",
    "threads": "workers",
    "attempts": "attempts",
    "gate hashes/s": "gateHashesPerSecond",
    "spin updates/ns": "spinUpdatesPerNs",
    "best margin": "bestMargin",
    "valid sets": "validSets",
    "blocks won": "blocksWon",
    "streak": "streak",
}

Count = Annotated[int, typer.Option("--count", "-n", min=1, max=MAX_BLOCKS, help="How many of the latest blocks")]
Number = Annotated[int | None, typer.Argument(help="One block, with its proof; default: the latest ones", min=0)]


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
            "time": f"{output.moment(integer(head['timestamp']))} UTC, {found['headAge']} s ago",
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


def blocks(
    number: Number = None, count: Count = 10, as_json: Json = False, data_dir: DataDir = None, rpc: Rpc = None
) -> None:
    """List the latest blocks, or show one with its proof."""
    with open_target(rpc, data_dir) as node:
        if number is not None:
            _one(node, number, as_json)
        else:
            _latest(node, count, as_json)


def _latest(node: Caller, count: int, as_json: bool) -> None:
    head = integer(node.call("eth_blockNumber"))
    numbers = range(head, max(head - count, -1), -1)
    found = [block for block in node.batch([("eth_getBlockByNumber", (hex(n), False)) for n in numbers]) if block]
    if as_json:
        output.emit_json(found)
        return
    rows = []
    for block in found:
        miner = block["extraData"][:42] if integer(block["number"]) else ""
        time = output.moment(integer(block["timestamp"]))
        work = f"{integer(block['difficulty']):,}"
        rows.append((integer(block["number"]), time, work, output.short(miner), output.short(block["hash"])))
    output.emit_table(("number", "time (UTC)", "work", "miner id", "hash"), rows)


def _one(node: Caller, number: int, as_json: bool) -> None:
    block: dict[str, Any] | None = node.call("eth_getBlockByNumber", hex(number), False)
    if block is None:
        raise NodeError(f"there is no block {number} yet", "quip blocks lists the latest ones")
    proof = node.call("quip_getProof", hex(number)) if number else None
    if as_json:
        output.emit_json({"block": block, "proof": proof})
        return
    shown = {name: value for name, value in block.items() if name != "logsBloom"}
    shown |= {name: f"{integer(block[name]):,}" for name in QUANTITIES}
    shown["timestamp"] = f"{output.moment(integer(block['timestamp']))} UTC"
    if proof:
        shown |= {name: value for name, value in proof.items() if name not in block}
        shown["solutions"] = f"{len(proof['solutions'])} of {proof['topology']['nodes']} spins"
        shown["topology"] = proof["topology"]["name"]
        shown["level"] = output.level(proof["level"])
        shown["work"] = f"{integer(proof['work']):,}"
        shown["reward"] = output.coins(integer(proof["reward"]))
    output.emit_pairs(shown)


def miners(as_json: Json = False, data_dir: DataDir = None, rpc: Rpc = None) -> None:
    """Show who mined the chain, and how this node's own miners fare."""
    with open_target(rpc, data_dir) as node:
        found = node.call("quip_getMiners")
    if as_json:
        output.emit_json(found)
        return
    rows = [(entry["minerId"], entry["blocks"], output.coins(integer(entry["earned"]))) for entry in found["chain"]]
    output.emit_table(("miner id", "blocks", "earned"), rows)
    for entry in found["local"]:
        typer.echo()
        output.emit_pairs(_local(entry))


def _local(entry: dict[str, Any]) -> dict[str, object]:
    shown = {label: entry[key] for label, key in LOCAL.items()}
    return {**shown, "earned": output.coins(integer(entry["earned"]))}
