"""The programs answer quickly: what a command does not need, it does not import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from quip.cli import quip
from support.commands import mined
from support.rpc_stub import running
from support.status import STATUS

HEAVY = {
    "aioquic", "asyncio", "cryptography", "dimod", "dotenv", "dwave", "networkx", "numpy", "prometheus_client",
    "pydantic", "pydantic_settings", "rich", "scipy", "starlette", "structlog", "uvicorn",
}  # fmt: skip
LOADED = """
import sys
from {module} import main
sys.argv = {words!r}
try:
    main()
finally:
    print("loaded:", *sorted({{name.partition(".")[0] for name in sys.modules}}))
"""


def run(module: str, *words: str, home: Path) -> tuple[str, set[str]]:
    """What a program prints, and the packages that it imported."""
    script = LOADED.format(module=module, words=["program", *words])
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    output, _, loaded = done.stdout.rpartition("loaded:")
    assert "Traceback" not in done.stderr, done.stderr
    return output + done.stderr, set(loaded.split())


@pytest.mark.parametrize(
    ("module", "words", "said"),
    [
        ("quip.cli.quip", ("--help",), "Show the chain's head"),
        ("quip.cli.quip", ("--version",), "quip 0."),
        ("quip.cli.quip", ("status",), "no node runs on this machine"),
        ("quip.cli.quip", ("status", "--help"), "--data-dir PATH"),
        ("quip.cli.network_node", ("--version",), "quip-network-node 0."),
    ],
)
def test_nothing_heavy_is_loaded(module: str, words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    output, loaded = run(module, *words, home=tmp_path)
    assert said in output
    assert loaded & HEAVY == set()


def test_nor_to_show_the_status_of_a_node_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with running(tmp_path / "data", STATUS):
        output, loaded = run("quip.cli.quip", "status", home=tmp_path)
    assert STATUS["head"]["hash"] in output
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("words", [("status",), ("blocks",), ("db", "check"), ("wallet", "show")], ids=" ".join)
def test_a_stopped_node_is_looked_at_without_building_its_graph(words: tuple[str, ...], tmp_path: Path) -> None:
    """Only a proof needs it: of a public chain it takes a second."""
    place = mined(tmp_path / "data", 1)
    _, loaded = run("quip.cli.quip", *words, "--data-dir", str(place), home=tmp_path)
    assert loaded & {"dwave", "dimod", "networkx", "numpy"} == set()


def test_a_proof_of_a_stopped_node_is_recomputed(tmp_path: Path) -> None:
    assert (
        "baseline"
        in run("quip.cli.quip", "blocks", "1", "--data-dir", str(mined(tmp_path / "data", 1)), home=tmp_path)[0]
    )


@pytest.mark.parametrize("name", quip.COMMANDS)
def test_the_table_says_what_the_command_says_of_itself(name: str) -> None:
    command = quip.COMMANDS[name]
    said = command.load(name).help
    assert said.partition("\n\n")[0].replace("\n", " ").startswith(command.help)


def test_every_command_of_the_table_is_reached() -> None:
    group = typer.main.get_command(quip.app)
    for name in quip.COMMANDS:
        result = CliRunner().invoke(quip.app, [name, "--help"])
        assert (result.exit_code, f"Usage: {group.name or 'root'} {name}" in result.output) == (0, True), result.output
    wrong = CliRunner().invoke(quip.app, ["statsu"])
    assert (wrong.exit_code, "No such command 'statsu'" in wrong.output) == (2, True)
