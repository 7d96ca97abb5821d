"""A shell completes the commands and options of the three programs."""

import os
import subprocess

import pytest

from support.node_process import PROGRAMS

COMPLETE = """
eval "$(quip completion bash)"
COMP_WORDS=({words})
COMP_CWORD={place}
_{name}_completion {program}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(program: str, *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    script = COMPLETE.format(
        words=" ".join([program, *(f"'{word}'" for word in words)]), place=len(words), program=program,
        name=program.replace("-", "_"),
    )  # fmt: skip
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("program", "words", "offered"),
    [
        ("quip", ("sta",), ["status"]),
        ("quip", ("c",), ["chain", "calibrate", "completion"]),
        ("quip", ("db", "re"), ["reindex", "rewind", "retire"]),
        ("quip", ("peers", "tr"), ["trust"]),
        ("quip", ("status", "--data"), ["--data-dir"]),
        ("quip-network-node", ("c",), ["cpu"]),
        ("quip-network-node", ("cpu", "--num-c"), ["--num-cpus"]),
        ("quip-network-simulator", ("--scen",), ["--scenario"]),
    ],
    ids=str,
)
def test_bash_completes(program: str, words: tuple[str, ...], offered: list[str]) -> None:
    assert completed(program, *words) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_something_for_each_program(shell: str) -> None:
    done = subprocess.run([PROGRAMS / "quip", "completion", shell], capture_output=True, text=True, check=True)
    assert all(f"_{name}_COMPLETE=complete_{shell}" in done.stdout for name in ("QUIP", "QUIP_NETWORK_NODE"))
    assert "_QUIP_NETWORK_SIMULATOR_COMPLETE" in done.stdout
