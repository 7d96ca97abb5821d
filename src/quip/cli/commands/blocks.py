"""quip blocks: the latest blocks, or one of them with its proof."""

import re
from typing import Annotated, Any

import typer

from quip.cli.node_access import Caller, open_target
from quip.cli.terminal import output
from quip.cli.terminal.lazy_commands import QuickCommand, command_app
from quip.cli.terminal.options import Json, Target, names_node
from quip.node.errors import ConfigError, NodeError
from quip.rpc.encoding import integer

LIST_HINT = "quip blocks lists the latest ones"
MAX_BLOCKS = 1000  # one screenful is 20; nobody reads more than a thousand

QUANTITIES = ("number", "difficulty", "totalDifficulty", "gasLimit", "gasUsed", "baseFeePerGas", "size")

Count = Annotated[int, typer.Option("--count", "-n", min=1, max=MAX_BLOCKS, help="How many of the latest blocks")]
Which = Annotated[
    str | None,
    typer.Argument(
        help="One block, with its proof: number, hash, latest, safe, finalized or earliest; default: the latest ones",
        metavar="BLOCK",
    ),
]
TAGS = ("latest", "safe", "finalized", "earliest")
HASH = re.compile(r"0[xX][0-9a-fA-F]{64}")
NUMBER = re.compile(r"[0-9]{1,20}|0[xX][0-9a-fA-F]{1,16}")

app = command_app()


@app.command(cls=QuickCommand)
@names_node
def blocks(target: Target, block: Which = None, count: Count = 10, as_json: Json = False) -> None:
    """List the latest blocks, or show one with its proof."""
    with open_target(target) as node:
        if block is None:
            listed, found, proof = _latest(node, count), None, None
        else:
            listed, found, proof = [], *_one(node, block)
    if found is None:
        _emit_list(listed, as_json)
    else:
        _emit_one(found, proof, as_json)


def _latest(node: Caller, count: int) -> list[dict[str, Any]]:
    head = integer(node.call("eth_blockNumber"))
    numbers = range(head, max(head - count, -1), -1)
    return [block for block in node.batch([("eth_getBlockByNumber", (hex(n), False)) for n in numbers]) if block]


def _one(node: Caller, which: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The block, and its proof (genesis has none)."""
    block = _find(node, which)
    return block, node.call("quip_getProof", block["hash"]) if integer(block["number"]) else None


def _emit_list(found: list[dict[str, Any]], as_json: bool) -> None:
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


def _find(node: Caller, which: str) -> dict[str, Any]:
    """The block that a person means. Raises ConfigError, or NodeError where there is none."""
    if HASH.fullmatch(which):
        method, argument = "eth_getBlockByHash", which.lower()
    elif NUMBER.fullmatch(which):
        method, argument = "eth_getBlockByNumber", hex(int(which, 16 if which[:2] in ("0x", "0X") else 10))
    elif which in TAGS:
        method, argument = "eth_getBlockByNumber", which
    else:
        raise ConfigError(f"{which!r} is no block", f"give a number, a hash, or one of {', '.join(TAGS)}")
    found: dict[str, Any] | None = node.call(method, argument, False)
    if found is None:
        raise NodeError(f"there is no block {which}{'' if HASH.fullmatch(which) else ' yet'}", LIST_HINT)
    return found


def _emit_one(block: dict[str, Any], proof: dict[str, Any] | None, as_json: bool) -> None:
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
