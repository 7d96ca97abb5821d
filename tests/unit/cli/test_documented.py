"""What the README and docs/operations.md tell people to type exists."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from quip.cli import network_simulator, quip
from quip.cli.commands import node
from quip.cli.terminal.flags import EVERY
from support.places import ROOT

PAGES = [(ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ") for name in ("README.md", "docs/operations.md")]
COMMANDS = sorted(
    {
        found
        for page in PAGES
        for found in re.findall(r"`?\bquip ((?:chain|db|genesis|peers|wallet) [a-z]+|[a-z]+)\b(?=[ `\n,])", page)
    }
)


def lines_for(program: str) -> list[str]:
    """The lines of the pages that run a program, without their comments."""
    found = (line for page in PAGES for line in page.splitlines() if line.startswith(f"{program} "))
    return sorted({line.partition("#")[0].strip() for line in found})


NODE_LINES = lines_for("quip-network-node")
SIMULATOR_LINES = lines_for("quip-network-simulator")
FOREIGN_OPTIONS = {"--async", "--create"}  # cast's
OWN_OPTIONS = {"--config", "--check-config", "--version", "--help"}
PROSE = {"finds"}  # "`quip` finds the node"


def test_there_is_something_to_check() -> None:
    assert {"status", "chain verify", "db reindex", "wallet recover", "calibrate"} <= set(COMMANDS)
    assert len(NODE_LINES) >= 4
    assert len(SIMULATOR_LINES) >= 3


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in PROSE])
def test_every_command_of_quip_exists(command: str) -> None:
    result = CliRunner().invoke(quip.app, [*command.split(), "--help"])
    assert result.exit_code == 0, result.output


def test_every_option_exists() -> None:
    helps = [CliRunner().invoke(app, ["--help"]).output for app in (node.app, quip.app, network_simulator.app)]
    for command in COMMANDS:
        helps.append(CliRunner().invoke(quip.app, [*command.split(), "--help"]).output)
    known = OWN_OPTIONS | {flag.option.partition("/")[0] for flag in EVERY}
    known |= set(re.findall(r"--[a-z][a-z-]+", "\n".join(helps)))
    used = {option for page in PAGES for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)}
    assert used - known - FOREIGN_OPTIONS == set()


@pytest.mark.parametrize("line", NODE_LINES)
def test_every_line_for_the_node_is_a_valid_configuration(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("quip-node.example.toml", "node.toml"):
        (tmp_path / name).write_text((ROOT / "quip-node.example.toml").read_text())
    words = [word for word in line.split()[1:] if word != "--check-config"]
    result = CliRunner().invoke(node.app, [*words, "--check-config"], catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("line", SIMULATOR_LINES)
def test_every_line_for_the_simulator_is_a_plan(line: str) -> None:
    words = [word for word in line.split()[1:] if word != "--print-only"]
    result = CliRunner().invoke(network_simulator.app, [*words, "--print-only"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert result.output.count("quip-network-node") >= 2
