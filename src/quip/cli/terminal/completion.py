"""A shell's completion: the script that it reads, and the answers that the program gives when the script asks."""

import os

from typer.completion import completion_init, get_completion_script  # type: ignore[attr-defined]  # not in its __all__


def variable_of(program: str) -> str:
    """The environment variable by which the script tells the program to complete words instead of running."""
    return f"_{program.replace('-', '_').upper()}_COMPLETE"


def script_for(program: str, shell: str) -> str:
    """What `shell` (bash, zsh or fish) has to read."""
    return get_completion_script(prog_name=program, complete_var=variable_of(program), shell=shell)


def answer_shells() -> None:
    """Teach typer the shells, if one is asking; without its own options for that it would not know them."""
    if any(name.startswith("_QUIP") and name.endswith("_COMPLETE") for name in os.environ):
        completion_init()
