"""The commands and what they take. Their bodies are imported when they run, so that help and completion are quick."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import typer

from aspm_ado.cli.options import add_options, flags_of
from aspm_ado.domain.questions import (
    ALLOW_OTHER_IDENTITY,
    ASPM,
    FAIL_ON_WARNING,
    KEEPING,
    ORGANIZATION,
    REQUEST,
    SHARED,
    SHOW_ALL,
    TOKEN,
    WARN_DAYS,
    WHERE,
    YES,
    Question,
)

COMMANDS: Final = (
    "connect",
    "validate",
    "guide",
    "list",
    "handoff",
    "rotate",
    "disconnect",
    "doctor",
    "demo",
)

app: Final = typer.Typer(
    add_completion=True,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Connects Azure DevOps to Invicti ASPM: gets the personal access token right, proves it, keeps it safe.",
)

Body = Callable[..., int]


def _name(help_: str) -> inspect.Parameter:
    kind = Annotated[str | None, typer.Argument(metavar="[NAME]", help=help_, autocompletion=_stored_names)]
    return inspect.Parameter("name", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=kind)


def _names(help_: str) -> inspect.Parameter:
    kind = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help=help_, autocompletion=_stored_names)]
    return inspect.Parameter("names", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=kind)


def _stored_names(incomplete: str) -> list[str]:
    from aspm_ado.cli.completion import stored_names

    return stored_names(incomplete)


def _scenarios(incomplete: str) -> list[str]:
    from aspm_ado.demo import SCENARIOS

    return [name for name in SCENARIOS if name.startswith(incomplete)]


def _flag(name: str, *decls: str, help_: str) -> inspect.Parameter:
    kind = Annotated[bool, typer.Option(*decls, help=help_)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)


def _command(name: str, summary: str, questions: Sequence[Question], own: Sequence[inspect.Parameter] = ()) -> None:
    """Register a command: its options come from the questions, its body from ``cli.commands``."""

    def run(**values: Any) -> int:
        from aspm_ado.cli import commands

        context = values.pop("context")
        flags = flags_of(values, questions)
        for key, before in (context.obj or {}).items():
            flags[key] = flags.get(key) or before
        return commands.run(name, (*questions, *SHARED), flags, values)

    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    add_options(run, (context, *own), questions)
    app.command(name, help=summary)(run)


def _root(**values: Any) -> None:
    """Shared options may stand before the command, too."""
    context = values.pop("context")
    version = values.pop("version")
    context.obj = {key: value for key, value in flags_of(values, ()).items() if value}
    if version:
        from aspm_ado import __version__

        typer.echo(f"aspm-ado {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


add_options(
    _root,
    (
        inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        _flag("version", "--version", help_="Print the version."),
    ),
    (),
)
app.callback(invoke_without_command=True)(_root)

_command(
    "connect",
    "Guide, prove, store and hand off: the wizard. With flags it asks only what is missing.",
    (*WHERE, *TOKEN, *ASPM, *KEEPING),
    (_name("Name of the connection (default: the first organization, or the server's host)."),),
)
_command(
    "validate",
    "Prove stored connections again (all by default), or a token ad hoc with -o or --server-url.",
    (*WHERE, *TOKEN, WARN_DAYS, FAIL_ON_WARNING, SHOW_ALL),
    (_names("Stored connections."),),
)
_command(
    "guide",
    "How to create the token: every box by its label, for this deployment, purpose and day.",
    (*WHERE[:3], TOKEN[0], TOKEN[4], TOKEN[8], REQUEST),
    (
        _flag("open", "--open", help_="Open the token page."),
        _flag("greyed_out", "--greyed-out", help_="The same as --request creation: “+ New Token” is greyed out."),
    ),
)
_command("list", "What is stored: offline, without touching the keyring.", ())
_command(
    "demo",
    "The whole of connect against a simulated Azure DevOps and Invicti ASPM on this machine.",
    (),
    (
        inspect.Parameter(
            "scenario",
            inspect.Parameter.KEYWORD_ONLY,
            default="ready",
            annotation=Annotated[
                str, typer.Option("--scenario", help="Which story to play.", autocompletion=_scenarios)
            ],
        ),
        _flag("list_scenarios", "--list-scenarios", help_="Print the stories."),
        _flag("serve", "--serve", help_="Only serve the simulation, until Ctrl-C."),
    ),
)
_command(
    "handoff",
    "Open the Invicti ASPM step again: the values, the token to the clipboard, then saved, later or refused.",
    (),
    (_name("The connection."),),
)
_command(
    "rotate",
    "A new token for an old one: proven first, by the same person, in force when Invicti ASPM has it.",
    (ORGANIZATION, *TOKEN[1:4], *TOKEN[5:7], ALLOW_OTHER_IDENTITY, *ASPM[1:], YES),
    (_name("The connection."),),
)
_command(
    "disconnect",
    "Forget a connection: its secrets, then its record; says what is left to do elsewhere.",
    (YES,),
    (_name("The connection."),),
)
_command("doctor", "This machine: keyring, config folder, proxy, certificates, every host, clock, unfinished work.", ())
