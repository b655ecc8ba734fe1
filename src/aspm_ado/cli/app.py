"""The parser, made from the menu. The bodies of commands are imported when they run, so that help is quick."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import Annotated, Any, Final

import typer

from aspm_ado.cli.menu import (
    COMMANDS,
    INSTALL_COMPLETION,
    ROOT,
    SHOW_COMPLETION,
    VERSION,
    WORDS,
    Command,
)
from aspm_ado.cli.options import add_options, flags_of, parameter
from aspm_ado.domain.questions import SHARED

_CONTEXT: Final = inspect.Parameter(
    "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
)


def _names(command: Command) -> tuple[inspect.Parameter, ...]:
    if not command.name:
        return ()
    kind: Any = Annotated[str | None, typer.Argument(metavar="[NAME]", help=command.name)]
    if command.many:
        kind = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help=command.name)]
    word = "names" if command.many else "name"
    return (
        inspect.Parameter(
            word, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=kind
        ),
    )


def _register(app: typer.Typer, command: Command) -> None:
    """Add a command: its options come from the menu, its body from ``cli.commands``."""

    def run(**values: Any) -> int:
        from aspm_ado.cli import commands

        context = values.pop("context")
        flags = flags_of(values, command.questions)
        for key, before in (context.obj or {}).items():
            flags[key] = flags.get(key) or before
        return commands.run(command.word, (*command.questions, *SHARED), flags, values)

    own = (parameter(question) for question in command.own)
    add_options(run, (_CONTEXT, *_names(command), *own), command.questions)
    app.command(command.word, help=command.summary)(run)


def _root(**values: Any) -> None:
    """Shared options may stand before the command, too."""
    context = values.pop("context")
    asked = flags_of(values, ROOT)
    context.obj = {key: value for key, value in asked.items() if value}
    if asked[VERSION.name]:
        from aspm_ado import __version__

        typer.echo(f"aspm-ado {__version__}")
    elif asked[INSTALL_COMPLETION.name] or asked[SHOW_COMPLETION.name]:
        from aspm_ado.cli.shells import give_completion

        typer.echo(give_completion(install=bool(asked[INSTALL_COMPLETION.name])))
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())
    else:
        return
    raise typer.Exit


def parser(words: Collection[str] = WORDS) -> typer.Typer:
    """The parser for a command line of ``words``. A command that is not among them is known by name alone, which is
    all that the list of commands shows: making the options of every command takes as long as everything else.
    """
    app = typer.Typer(
        add_completion=False,
        no_args_is_help=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help="Connects Azure DevOps to Invicti ASPM: gets the personal access token right, proves it, keeps it safe.",
    )
    add_options(_root, (_CONTEXT,), ROOT)
    app.callback(invoke_without_command=True)(_root)
    for command in COMMANDS:
        if command.word in words:
            _register(app, command)
        else:
            app.command(command.word, help=command.summary)(_unnamed)
    return app


def _unnamed() -> int:
    raise AssertionError("a command that is run is on the command line")
