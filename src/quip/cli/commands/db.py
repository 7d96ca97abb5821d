"""quip db check, quip db reindex: is the store sound, and rebuild it from what is."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import typer

from quip.chain.batch import STORED_BEFORE
from quip.chain.chain import Chain
from quip.cli.commands.wallet import files_for
from quip.cli.terminal import output
from quip.cli.terminal.options import DataDir, Json
from quip.consensus.types.block import Block
from quip.node.config.data_dir import DataFiles
from quip.node.errors import DataDirError
from quip.node.startup import Rules, explained, rules_of
from quip.storage.chain_store import RedbChainStore
from quip.storage.check import db_check
from quip.storage.lock import DataDirLock
from quip.storage.reindex import reindex as rebuild

SHOWN_PROBLEMS = 20  # more say nothing new; --json has all

app = typer.Typer(help="Check the store of a stopped node, or rebuild it.", no_args_is_help=True)


@contextlib.contextmanager
def _alone(data_dir: Path | None) -> Iterator[DataFiles]:
    """The data directory of a node that does not run, locked."""
    files = files_for(data_dir)
    if not files.store.is_file():
        raise DataDirError(f"there is no store in {files.root}", "give the --data-dir of a node that has run")
    with explained(files.root), DataDirLock.acquire(files.root):
        yield files


@app.command()
def check(as_json: Json = False, data_dir: DataDir = None) -> None:
    """Read everything in the store and name what is damaged. Changes nothing; exit status 1 for damage."""
    with _alone(data_dir) as files, _counting("checking") as progress:
        spec = rules_of(files.spec.read_bytes(), str(files.spec)).spec if files.spec.is_file() else None
        report = db_check(files.store, progress, spec)
    found = {
        "sound": not report.problems,
        "rows": report.rows,
        "blocks": report.blocks,
        "stateNodes": report.nodes,
        "problems": list(report.problems),
    }
    if as_json:
        output.emit_json(found)
    else:
        output.emit_report({**found, "problems": len(report.problems)})
        for problem in report.problems[:SHOWN_PROBLEMS]:
            typer.echo(f"  {problem}")
    if report.problems:
        typer.echo("hint: rebuild it with: quip db reindex", err=True)
        raise typer.Exit(1)


@app.command()
def reindex(as_json: Json = False, data_dir: DataDir = None) -> None:
    """Rebuild the store of what is readable. Every block is verified and accepted again; what is lost, is named."""
    with _alone(data_dir) as files, _counting("rebuilding") as progress:
        if not files.spec.is_file():
            raise DataDirError(f"{files.spec} is missing", "copy the chain spec that the node ran with to that place")
        rules = rules_of(files.spec.read_bytes(), str(files.spec))
        report = rebuild(files.store, rules.spec.chain_id, lambda store: _acceptor(rules, store), progress)
    found = {
        "accepted": report.accepted,
        "lost": list(report.lost),
        "backup": None if report.backup is None else str(report.backup),
    }
    if as_json:
        output.emit_json(found)
        return
    output.emit_report({**found, "lost": len(report.lost), "backup": found["backup"] or "none"})
    for loss in report.lost[:SHOWN_PROBLEMS]:
        typer.echo(f"  {loss}")


def _acceptor(rules: Rules, store: RedbChainStore) -> Callable[[Block], object]:
    chain = Chain.open(rules.spec, store, rules.puzzle)
    # What was taken once was not from the future, nor too old: a clock that is behind now must not lose it.
    return lambda block: chain.accept(block, max(int(time.time()), block.header.timestamp), STORED_BEFORE)


@contextlib.contextmanager
def _counting(what: str) -> Iterator[Callable[[str, int], None]]:
    """A line on stderr that counts, for work whose end is not known."""
    with output.progress_bar() as progress:
        task = progress.add_task(what, total=None)

        def report(kind: str, count: int) -> None:
            progress.update(task, description=f"{what} {kind}", completed=count, unit=kind)

        yield report
