"""quip completion: what a shell needs to complete the three programs' commands and options."""

from typing import Annotated, Literal

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined]  # typer exports it by use

from quip.cli.terminal.lazy_commands import command_app

PROGRAMS = ("quip", "quip-network-node", "quip-network-simulator")

Shell = Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="The shell that will read it", metavar="SHELL")]

app = command_app()


@app.command()
def completion(shell: Shell) -> None:
    """Print a shell's completion for the three programs.

    bash: eval "$(quip completion bash)" in ~/.bashrc. zsh: the same in ~/.zshrc, behind compinit.
    fish: quip completion fish > ~/.config/fish/completions/quip.fish
    """
    for program in PROGRAMS:
        variable = f"_{program.replace('-', '_').upper()}_COMPLETE"
        typer.echo(get_completion_script(prog_name=program, complete_var=variable, shell=shell))
