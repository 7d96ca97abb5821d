"""`quip` commands run in this process, on data directories made here."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from quip.cli import quip
from quip.node import startup
from quip.node.config.data_dir import DataFiles
from support.chains import generator


def mined(place: Path, blocks: int = 3) -> Path:
    """The data directory of a node of the test network that mined some blocks and stopped."""
    files = DataFiles(place)
    with startup.lock_directory(files):
        store, chain = startup.open_chain(files, startup.load_rules("test"))
        for _ in generator(chain).extend(blocks):
            pass
        store.close()
    return files.root


def run(*arguments: str, status: int = 0) -> str:
    """What a command prints on stdout; it ends with this status. What it raises passes through."""
    result = CliRunner().invoke(quip.app, list(arguments), catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout


def run_json(*arguments: str, status: int = 0) -> Any:
    """The JSON that a command prints."""
    return json.loads(run(*arguments, "--json", status=status))
