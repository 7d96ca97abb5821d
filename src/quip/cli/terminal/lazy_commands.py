"""Commands as data: a name, the module that holds it, and its line in the help.

A command's module, and with it whatever it needs (numerical libraries, cryptography, the chain), is imported when the
command is run; `--help`, `--version` and the shell's completion of names import none of them.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command lives: the module has it as `app`. `help` is the first sentence of the command's own help."""

    module: str
    help: str

    def load(self, name: str) -> Any:
        """The click command behind it."""
        loaded = typer.main.get_command(importlib.import_module(self.module).app)
        loaded.name = name
        return loaded


class QuickCommand(TyperCommand):
    """A command that converts only what was given. (typer imports pydantic, a tenth of a second, to convert None.)"""

    def get_params(self, ctx: Any) -> Any:
        """As click does."""
        return list(map(_quick, super().get_params(ctx)))


def _quick(option: Any) -> Any:
    """The option itself, which takes None for None; `--help` has a callback that wants to hear of it."""
    convert = type(option).process_value

    def process_value(ctx: Any, value: Any) -> Any:
        if value is not None or option.required or option.multiple or option.nargs != 1:
            return convert(option, ctx, value)
        return None if option.callback is None else option.callback(ctx, option, None)

    option.process_value = process_value
    return option


class LazyGroup(TyperGroup):
    """A group whose commands stand in a table until one of them is run. Subclasses set `table`."""

    table: Mapping[str, Command] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, command in self.table.items():
            self.commands[name] = cast(Any, TyperCommand(name, help=command.help, rich_markup_mode=None))

    def get_params(self, ctx: Any) -> Any:
        """As click does, and as quick as QuickCommand."""
        return list(map(_quick, super().get_params(ctx)))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As click does, but with the real command in the place of its line."""
        name, command, rest = super().resolve_command(ctx, args)
        known = self.table.get(name or "")
        return (name, command, rest) if known is None or name is None else (name, known.load(name), rest)


def command_app(**options: Any) -> typer.Typer:
    """What a module of `quip` has as `app`: one command, or a group of them."""
    return typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None, add_completion=False, **options)
