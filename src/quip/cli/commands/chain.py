"""quip chain verify, quip chain export."""

import contextlib
import hashlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.progress import Progress, TaskID

from quip.cli.node_access import Caller, open_target
from quip.cli.terminal import output
from quip.cli.terminal.lazy_commands import command_app
from quip.cli.terminal.options import Json, Target, names_node
from quip.cli.terminal.progress import progress_bar
from quip.consensus.errors.root import MalformedMessage
from quip.consensus.types.block import Block
from quip.networks.network import Network
from quip.node.errors import ConfigError, NodeError
from quip.node.full_verification import ChainVerifier, VerificationFailed
from quip.node.startup import load_rules, rules_of
from quip.primitives import rlp
from quip.rpc.encoding import integer
from quip.storage.state import StagedState

BATCH_BLOCKS = 50  # asked for at once: half a megabyte of public blocks

app = command_app(help="Verify or export the chain.", no_args_is_help=True)

From = Annotated[
    int, typer.Option("--from", min=1, help="Check the seals from this block on only; all else from genesis")
]
Genesis = Annotated[
    str | None, typer.Option("--genesis-config", help="Chain spec to verify against; default: the node's own")
]
NoSeals = Annotated[bool, typer.Option("--no-seals", help="Leave the seals out: equal chains give equal files")]
File = Annotated[
    Path, typer.Argument(help="File to write; - for stdout", dir_okay=False, writable=True, allow_dash=True)
]
STDOUT = Path("-")


@app.command()
@names_node
def verify(target: Target, first: From = 1, genesis_config: Genesis = None, as_json: Json = False) -> None:
    """Verify the whole chain again, from genesis. Every rule, signature, proof and state root is checked.

    Works on a running node (its blocks are fetched and verified here) and on a stopped one.
    """
    with open_target(target) as node:
        rules = _rules(node, genesis_config)
        head = integer(node.call("eth_blockNumber"))
        if first > head + 1:
            raise ConfigError(f"--from {first} is beyond the head, block {head}", f"use at most --from {head}")
        verifier = ChainVerifier(rules.spec, rules.puzzle, StagedState.on_nothing(), first)
        started = time.monotonic()
        with progress_bar() as progress:
            task = progress.add_task("verifying", total=head + 1, unit="blocks")
            last = _verify(verifier, read_blocks(node, head), progress, task)
        seconds = time.monotonic() - started
    report = {
        "valid": True,
        "chain": rules.spec.name,
        "genesis": f"0x{verifier.genesis_hash.hex()}",
        "blocks": head + 1,
        "sealsFrom": first,
        "head": f"0x{last.header.hash.hex()}",
        "seconds": round(seconds, 3),
        "blocksPerSecond": round((head + 1) / seconds, 1),
    }
    output.emit_report(report, as_json)


def _rules(node: Caller, genesis_config: str | None) -> Network:
    if genesis_config is not None:
        return load_rules(genesis_config)
    return rules_of(node.call("quip_getChainSpec").encode(), "the node's chain spec")


def _verify(verifier: ChainVerifier, blocks: Iterator[Block], progress: Progress, task: TaskID) -> Block:
    last: Block | None = None
    try:
        for verified in verifier.run(blocks, int(time.time())):
            last = verified.block
            progress.advance(task)
    except VerificationFailed as error:
        raise NodeError(
            str(error),
            "if the chain moved to another branch meanwhile, try again; else stop the node and run: quip db check",
        ) from None
    if last is None:
        raise NodeError("the chain is empty", "start the node once: it writes the genesis block")
    return last


def read_blocks(node: Caller, head: int) -> Iterator[Block]:
    """The canonical blocks 0..head, as they travel. Raises NodeError for one that is missing or no block."""
    for first in range(0, head + 1, BATCH_BLOCKS):
        numbers = range(first, min(first + BATCH_BLOCKS, head + 1))
        for number, text in zip(numbers, node.batch([("quip_getRawBlock", (hex(n),)) for n in numbers]), strict=True):
            try:
                yield Block.decode(bytes.fromhex(text[2:]))
            except MalformedMessage as error:
                raise NodeError(f"block {number}: {error}", "stop the node and run: quip db check") from None


@app.command()
@names_node
def export(target: Target, file: File, no_seals: NoSeals = False, as_json: Json = False) -> None:
    """Write all blocks to a file. Genesis comes first, RLP after RLP: [header, transactions, ommers, seal] each."""
    digest = hashlib.sha256()
    size = 0
    with open_target(target) as node:
        head = integer(node.call("eth_blockNumber"))
        try:
            with _opened(file) as opened, progress_bar() as progress:
                task = progress.add_task("exporting", total=head + 1, unit="blocks")
                for block in read_blocks(node, head):
                    encoded = _without_seal(block) if no_seals else block.encode()
                    opened.write(encoded)
                    digest.update(encoded)
                    size += len(encoded)
                    progress.advance(task)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise NodeError(f"cannot write {file}: {error.strerror}", "choose a file that can be written") from None
    report = {"file": str(file), "blocks": head + 1, "bytes": size, "seals": not no_seals, "sha256": digest.hexdigest()}
    output.emit_report(report, as_json, err=file == STDOUT)


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if file == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with file.open("wb") as opened:
        yield opened


def _without_seal(block: Block) -> bytes:
    whole = rlp.decode(block.encode())
    assert not isinstance(whole, bytes)
    return rlp.encode([*whole[:2], [ommer.header.fields() for ommer in block.ommers]])
