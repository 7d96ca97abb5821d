"""quip completion: what a shell needs to complete the three programs' commands and options."""

from typing import Annotated, Literal

import typer

from quip.cli.terminal.completion import script_for
from quip.cli.terminal.lazy_commands import command_app

PROGRAMS = ("quip", "quip-network-node", "quip-network-simulator")

Shell = Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="The shell that will read it", metavar="SHELL")]

app = command_app()


@app.command()
def completion(shell: Shell) -> None:
    """Print a shell's completion for the three programs.

    bash: eval "$(quip completion bash)" in ~/.bashrc. zsh: eval "$(quip completion zsh)" in ~/.zshrc, behind compinit.
    fish: quip completion fish | source, in ~/.config/fish/config.fish.
    """
    for program in PROGRAMS:
        typer.echo(script_for(program, shell))
