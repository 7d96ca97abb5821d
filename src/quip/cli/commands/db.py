"""quip db check, reindex, rewind, prune, retire: is the store sound, rebuild it, go back, shrink it, set it aside."""

import contextlib
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from quip.chain.batch import STORED_BEFORE
from quip.chain.chain import Chain
from quip.cli.node_access import meant_data_dir
from quip.cli.terminal import output
from quip.cli.terminal.lazy_commands import command_app
from quip.cli.terminal.options import DataDir, Json
from quip.cli.terminal.progress import progress_bar
from quip.consensus.types.block import Block
from quip.networks.network import Network
from quip.node.config.data_dir import DataFiles
from quip.node.errors import ConfigError, DataDirBusy, DataDirError, NodeError
from quip.node.startup import directory_rules, explained
from quip.storage.chain_store import RedbChainStore
from quip.storage.check import db_check
from quip.storage.errors import damage_of
from quip.storage.lock import DataDirLock
from quip.storage.pruning import prune as drop_states
from quip.storage.reindex import reindex as rebuild
from quip.storage.replacement import move_aside
from quip.storage.rewind import CannotRewind
from quip.storage.rewind import rewind as go_back

SHOWN_PROBLEMS = 20  # more say nothing new; --json has all

app = command_app(
    help="Check the store of a stopped node, rebuild it, go back to a block, or set it aside.", no_args_is_help=True
)


To = Annotated[int, typer.Option("--to", min=0, help="The block that becomes the head", metavar="N")]
Archive = Annotated[bool, typer.Option("--archive", help="Keep all states, also those of old blocks")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask")]


@contextlib.contextmanager
def _alone(data_dir: Path | None) -> Iterator[DataFiles]:
    """The data directory of a node that does not run, locked."""
    files = DataFiles(meant_data_dir(data_dir))
    if not files.store.is_file():
        raise DataDirError(f"there is no store in {files.root}", "give the --data-dir of a node that has run")
    try:
        with explained(files.root), DataDirLock.acquire(files.root):
            yield files
    except DataDirBusy as error:
        raise NodeError(error.message, "stop the node first: this command needs its store for itself") from None


@app.command()
def check(as_json: Json = False, data_dir: DataDir = None) -> None:
    """Read everything in the store and name what is damaged. Changes nothing; exit status 1 for damage."""
    with _alone(data_dir) as files, _counting("checking") as progress:
        spec = directory_rules(files).spec if files.spec.is_file() else None
        report = db_check(files.store, progress, spec)
    found = {
        "sound": not report.problems,
        "rows": report.rows,
        "blocks": report.blocks,
        "stateNodes": report.nodes,
        "states": report.states,
        "problems": list(report.problems),
    }
    output.emit_report(found if as_json else {**found, "problems": len(report.problems)}, as_json)
    if not as_json:
        for problem in report.problems[:SHOWN_PROBLEMS]:
            typer.echo(f"  {output.printable(damage_of(problem))}")
    if report.problems:
        typer.echo(f"hint: rebuild it with: quip db reindex --data-dir {shlex.quote(str(files.root))}", err=True)
        raise typer.Exit(1)


@app.command()
def reindex(archive: Archive = False, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Rebuild the store of what is readable. Every block is verified and accepted again; what is lost is named.

    Exit status 1 if blocks were lost.
    """
    with _alone(data_dir) as files, _counting("rebuilding") as progress:
        rules = directory_rules(files)
        report = rebuild(
            files.store, rules.spec.chain_id, lambda store: _acceptor(rules, store), progress, archive=archive
        )
    found = {
        "accepted": report.accepted,
        "lostBlocks": report.lost_blocks,
        "lost": list(report.lost),
        "backup": None if report.backup is None else str(report.backup),
    }
    if as_json:
        output.emit_json(found)
    else:
        blocks = "unknown: their names are lost too" if report.lost_blocks is None else report.lost_blocks
        shown = {"accepted": report.accepted, "lost blocks": blocks, "backup": found["backup"] or "none"}
        output.emit_pairs({name: output.plain(value) for name, value in shown.items()})
        for loss in report.lost[:SHOWN_PROBLEMS]:
            typer.echo(f"  {output.printable(damage_of(loss))}")
    if report.lost_blocks != 0:
        typer.echo("hint: start the node: its peers send what is lost, if they have it", err=True)
        raise typer.Exit(1)


@app.command()
def rewind(number: To, yes: Yes = False, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Go back to a block. It becomes the head, what is above it is removed, and the old store is kept beside.

    Wallet, mining identity and peers stay as they are. Peers that have the removed blocks will send them again.
    """
    with _alone(data_dir) as files:
        rules = directory_rules(files)
        if not yes:
            _ask(files, number)
        try:
            with _counting("removing") as progress:
                report = go_back(files.store, rules.spec, number, progress)
        except CannotRewind as error:
            lowest = f"from {error.oldest} on and " if error.oldest else ""
            hint = f"give a number {lowest}below {error.head}: --to N"
            hint = hint if error.head else "nothing lies above its genesis block"
            raise ConfigError(str(error), hint) from None
    found = {
        "head": number,
        "hash": f"0x{report.head.hex()}",
        "removed": report.removed,
        "sideBlocks": report.side_blocks,
        "backup": str(report.backup),
    }
    output.emit_report(found, as_json)


@app.command()
def prune(as_json: Json = False, data_dir: DataDir = None) -> None:
    """Make an ordinary store of an archive: the states of old blocks go, and the room they took.

    A store that is no archive drops old states by itself; of that one only free room is given back.
    """
    with _alone(data_dir) as files:
        report = drop_states(files.store)
    found = {"oldestState": report.oldest, "removedNodes": report.removed, "freedBytes": report.freed}
    output.emit_report(found, as_json)


@app.command()
def retire(as_json: Json = False, data_dir: DataDir = None) -> None:
    """Make room for a network that was cut anew: the old chain, its spec and what is known of its peers are set aside.

    Mining identity, journal and wallet stay as they are and go on: no one-time key is ever used twice.
    """
    with _alone(data_dir) as files, explained(files.root):
        moved = [move_aside(path, "retired") for path in (files.spec, files.trust, files.store) if path.exists()]
    if as_json:
        output.emit_json({"moved": [str(path) for path in moved]})
    else:
        output.emit_pairs({path.name.partition(".retired")[0]: str(path) for path in moved})


def _ask(files: DataFiles, number: int) -> None:
    """Raises ConfigError where nobody is there to answer, and typer.Abort for a no."""
    if not _is_asked():
        raise ConfigError("going back to a block has to be confirmed", "add --yes")
    typer.confirm(f"Remove every block above {number} from {files.store}?", err=True, abort=True)


def _acceptor(rules: Network, store: RedbChainStore) -> Callable[[Block], object]:
    chain = Chain.open(rules.spec, store, rules.puzzle)
    # What was taken once was not from the future, nor too old: a clock that is behind now must not lose it.
    return lambda block: chain.accept(block, max(int(time.time()), block.header.timestamp), STORED_BEFORE)


def _is_asked() -> bool:
    return sys.stdin.isatty()


@contextlib.contextmanager
def _counting(what: str) -> Iterator[Callable[[str, int], None]]:
    """A line on stderr that counts, for work whose end is not known."""
    with progress_bar() as progress:
        task = progress.add_task(what, total=None)

        def report(kind: str, count: int) -> None:
            progress.update(task, description=f"{what} {kind}", completed=count, unit=kind)

        yield report
