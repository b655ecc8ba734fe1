"""The program from its arguments to its exit code: Typer's parser, made from the table of commands.

The module of a command is imported when that command runs, so that help is quick.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from aspm_ado.adapters.signals import guard_core_dumps, interruptible
from aspm_ado.cli.commands import (
    COMMANDS,
    INSTALL_COMPLETION,
    ROOT,
    SHOW_COMPLETION,
    VERSION,
    WORDS,
    CommandSpec,
)
from aspm_ado.cli.completion import complete_names, give_completion
from aspm_ado.cli.context import Invocation
from aspm_ado.cli.options import argument, flags_of, parameter, set_signature
from aspm_ado.cli.output import (
    forget_document,
    problem_of,
    report_error,
    unreadable_file,
    wants_json,
)
from aspm_ado.domain.questions import JSON, REPORT, SHARED, Question
from aspm_ado.domain.reasons import ExitCode, Problem, Reason
from aspm_ado.domain.secret import holds_token, secret_as_value
from aspm_ado.domain.text import clean

_UsageError: Final[type[Exception]] = next(
    kind
    for kind in typer.BadParameter.__mro__
    if kind.__name__ == "ClickException" and issubclass(kind, Exception)
)
"""What Typer raises for a command line that it cannot read: private there, and an ancestor of
this public one."""
_OPTION: Final = re.compile("--[a-z]+(?:-[a-z]+)*")
_HELP_OPTIONS: Final = {"help_option_names": ["--help", "-h"]}


def run_program(arguments: Sequence[str]) -> int:
    """Run the program; the exit code."""
    guard_core_dumps()
    forget_document()
    if any(holds_token(word) or (word[:1] == "-" and holds_token(word[2:])) for word in arguments):
        problem = Problem.of(secret_as_value("The command line"))
        return report_error(_command_of(arguments), problem, as_json=wants_json(arguments))
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:2], "--help"]
    try:
        outcome = parser(arguments)(
            args=list(arguments), prog_name="aspm-ado", standalone_mode=False
        )
        return int(outcome or 0)
    except _UsageError as error:
        problem = _unreadable_arguments(arguments, error)
    except OSError as error:  # outside of a command: a completion script could not be written
        problem = unreadable_file(error)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a message may hold a value
        problem = problem_of(error)
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        return int(ExitCode.DONE)  # Typer's own help, to a reader who has gone away
    return report_error(_command_of(arguments), problem, as_json=wants_json(arguments))


def run_command(
    word: str,
    questions: Sequence[Question],
    flags: Mapping[str, object],
    own: Mapping[str, Any],
    invoke: Callable[..., Invocation] = Invocation,
) -> int:
    """Run one command; the exit code. Nothing leaves here as an exception."""
    invocation: Invocation | None = None
    forget_document()
    try:
        with interruptible():
            invocation = invoke(word, questions, flags)
            if invocation.on(REPORT):
                invocation.report_files.check()
            module, name = WORDS[word].body
            body: Callable[..., int] = getattr(import_module(module), name)
            return body(invocation, **own)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a message may hold a value
        problem = problem_of(error)
    finally:
        if invocation is not None:
            invocation.close()
    if invocation is None:
        as_json = bool(flags.get(JSON.name)) or wants_json(())
        return report_error(word, problem, as_json=as_json)
    as_json, voice = invocation.as_json, invocation.voice
    try:
        if invocation.on(REPORT):
            problem = invocation.report_files.write_error(problem)
        return report_error(word, problem, as_json=as_json, voice=voice, before=invocation.finished)
    except Exception as error:  # noqa: BLE001 - stdout failed: say that, once
        return report_error(word, problem_of(error), as_json=as_json, voice=voice)


def parser(words: Collection[str] = WORDS) -> typer.Typer:
    """The parser for a command line of ``words``.

    A command that is not among them has no options: its name and summary are all that the list
    of commands shows, and making the options of every command takes as long as everything else.
    """
    app = typer.Typer(
        add_completion=False,
        no_args_is_help=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings=_HELP_OPTIONS,
        cls=ProgramHelp,
        help="Connect Azure DevOps to Invicti ASPM with a personal access token. "
        "aspm-ado helps you create it, verifies it, and stores it.",
        epilog="aspm-ado demo\naspm-ado connect",
    )
    set_signature(_root, map(parameter, (*ROOT, *SHARED)))
    app.callback(invoke_without_command=True)(_root)
    for command in COMMANDS:
        register = app.command(
            command.word,
            cls=GroupedCommand,
            help=command.summary,
            epilog="\n".join(command.examples),
            context_settings=_HELP_OPTIONS,
        )
        if command.word in words:
            register(_body_of(command))
        else:
            register(_without_options)
    return app


def _root(**values: Any) -> None:
    """Shared options may stand before the command, too."""
    context = values.pop("context")
    flags = flags_of(values, (*ROOT, *SHARED))
    context.obj = {name: value for name, value in flags.items() if value}
    if flags[VERSION.name]:
        from aspm_ado import __version__

        typer.echo(f"aspm-ado {__version__}")
    elif flags[INSTALL_COMPLETION.name] or flags[SHOW_COMPLETION.name]:
        typer.echo(give_completion(install=bool(flags[INSTALL_COMPLETION.name])))
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())
    else:
        return
    raise typer.Exit


def _body_of(command: CommandSpec) -> Callable[..., int]:
    """What Typer calls: its signature says which options and arguments there are."""
    questions = (*command.questions, *SHARED)

    def body(**values: Any) -> int:
        context = values.pop("context")
        flags = flags_of(values, questions)
        for name, before in (context.obj or {}).items():
            flags[name] = flags.get(name) or before
        with interruptible():  # to the end: what follows the first signal tears no report
            return run_command(command.word, questions, flags, values)

    set_signature(body, (*_name_of(command), *map(parameter, (*command.own, *questions))))
    return body


def _name_of(command: CommandSpec) -> tuple[inspect.Parameter, ...]:
    if not command.name:
        return ()
    info = typer.Argument(
        metavar="[NAME]..." if command.many else "[NAME]",
        help=command.name,
        autocompletion=complete_names,
        rich_help_panel="Arguments",
    )
    if command.many:
        return (argument("names", Annotated[list[str] | None, info]),)
    return (argument("name", Annotated[str | None, info]),)


def _without_options() -> int:
    raise AssertionError("a command that is run is on the command line")


def _unreadable_arguments(arguments: Sequence[str], error: Exception) -> Problem:
    message = "aspm-ado cannot read the command line."
    if format_message := getattr(error, "format_message", None):
        message = _without_long_words(str(format_message()), arguments)
    help_line = " ".join(filter(None, ("aspm-ado", _command_of(arguments), "--help")))
    return Problem(Reason.USAGE, clean(message, 300), f"To see the options, run: {help_line}")


def _without_long_words(message: str, arguments: Sequence[str]) -> str:
    """The message without words of the command line that may be a secret of any kind."""
    from aspm_ado.adapters.sources import is_nameable

    for given in arguments:
        for word in (given, given.partition("=")[2]):
            if not (is_nameable(word) or _OPTION.fullmatch(word)):
                message = message.replace(word, "…")
    return message


def _command_of(arguments: Sequence[str]) -> str:
    return next((word for word in arguments if word in WORDS), "")


# Help: options under headings, examples, and one sentence on variables


_HEADINGS: Final = ("Arguments", "Where", "Token", "Invicti ASPM", "Storage", "This run")
_VARIABLES: Final = (
    "Every option has a variable: ASPM_ADO_ and its name, such as ASPM_ADO_NO_INPUT; for "
    "--aspm-url it is INVICTI_ASPM_HOST. Tokens: ASPM_ADO_PAT and INVICTI_ASPM_TOKEN."
)


class ProgramHelp(TyperGroup):
    """The program: its commands, then examples, then the options that any command takes."""

    def format_options(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Write commands, examples and options."""
        self.format_commands(ctx, formatter)
        _write_examples(formatter, self.epilog)
        with formatter.section("Options"):
            formatter.write_dl([one.get_help_record(ctx) for one in self.get_params(ctx)])

    def format_epilog(
        self,
        ctx: typer.Context,  # type: ignore[override] # noqa: ARG002 - Typer calls it so
        formatter: Any,
    ) -> None:
        """Write where to read on."""
        formatter.write_paragraph()
        formatter.write_text("For the options of a command, run: aspm-ado help COMMAND")


class GroupedCommand(TyperCommand):
    """A command whose options stand under the headings of their questions."""

    def format_options(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Write one section for each heading that has options."""
        sections: dict[str, list[tuple[str, str]]] = {heading: [] for heading in _HEADINGS}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx)
            heading = getattr(option, "rich_help_panel", None) or "This run"
            if record is not None:
                sections[heading].append(record)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)

    def format_epilog(
        self,
        ctx: typer.Context,  # type: ignore[override] # noqa: ARG002 - Typer calls it so
        formatter: Any,
    ) -> None:
        """Write the examples and the sentence on variables."""
        _write_examples(formatter, self.epilog)
        formatter.write_paragraph()
        formatter.write_text(_VARIABLES)


def _write_examples(formatter: Any, examples: str | None) -> None:
    """Write one example a line; it is not wrapped."""
    with formatter.section("Examples"):
        for example in (examples or "").splitlines():
            formatter.write(f"  {example}\n")
