"""What leaves a run: the result on stdout, or what went wrong; as text or a document, and a code.

A reader who has gone away changes nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TextIO

from aspm_ado.adapters.terminal.voice import columns_of, is_terminal
from aspm_ado.cli.options import is_true
from aspm_ado.domain.questions import JSON, REPORT, SHOW_ALL
from aspm_ado.domain.reasons import (
    BUG_REMEDY,
    Problem,
    Reason,
    UsageError,
    UserError,
    bug_words,
)
from aspm_ado.domain.text import clean, display_width, encodable, strip_controls, system_words, wrap

if TYPE_CHECKING:
    from aspm_ado.adapters.terminal.voice import TerminalVoice
    from aspm_ado.cli.context import Invocation
    from aspm_ado.domain.report import Report
    from aspm_ado.render.text import Section

_WIDEST: Final = 110
"""Columns; wider tables are hard to read."""

_SGR: Final = {"green": 32, "yellow": 33, "red": 31, "magenta": 35, "dim": 2}
"""The code of each style of a mark."""

_GONE: Final = (errno.EPIPE, errno.EIO, errno.EINVAL)
"""What is raised where nobody reads any more."""


class _Document:
    """The one document of a run."""

    begun = False
    code: int | None = None


def forget_document() -> None:
    """A run begins: its document is not written yet."""
    _Document.begun, _Document.code = False, None


def written_code() -> int | None:
    """The exit code in the document that was written, if one was: nothing later changes it."""
    return _Document.code


def write_document(document: dict[str, Any]) -> None:
    """One JSON document, as bytes, the same on every platform; never a second one in a run."""
    from aspm_ado.render.json import dump

    if _Document.begun:
        return
    with _writing():
        sys.stdout.flush()
        raw = dump(document)
        _Document.begun = True
        sys.stdout.buffer.write(raw)
        _Document.code = int(document["exit_code"])


def result_width() -> int | None:
    """The columns of the terminal that the result goes to; elsewhere a line has no limit."""
    if is_terminal(sys.stdout):
        return columns_of(sys.stdout)
    return None


def write_lines(lines: Iterable[str]) -> None:
    """Lines, whatever a name in them would like to be; on a terminal they break between words."""
    with _writing():
        width = result_width()
        for line in lines:
            shown = strip_controls(line)
            rows = [shown]
            if width is not None and display_width(shown) > width:
                rows = list(wrap(shown, width))
            for row in rows:
                sys.stdout.write(encodable(row, sys.stdout.encoding) + "\n")


def keeps_what_it_gets(stream: TextIO | None) -> str:
    """What ``stream`` is, where it shows or keeps what is written there; empty for a pipe."""
    if stream is None or stream.closed:
        return "closed"
    if is_terminal(stream):
        return "a terminal"
    try:
        is_file = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return "closed"
    return "a file" if is_file else ""


def write_exactly(data: bytes) -> None:
    """These bytes and nothing else, without a line end."""
    with _writing():
        sys.stdout.flush()
        sys.stdout.buffer.write(data)


def write_report(invocation: Invocation, report: Report) -> int:
    """The result of a validation; the exit code.

    With --all every check, else a short end. With --verbose the texts for tickets follow on stderr.
    """
    from aspm_ado.render.json import report_document
    from aspm_ado.render.text import tickets

    proven = report
    if invocation.on(REPORT):
        report = invocation.report_files.write(report)
    if invocation.as_json:
        write_document(report_document(report))
    elif proven.error is None:
        _write_ending(invocation, report)
    if invocation.is_verbose:
        for line in tickets(report):
            invocation.voice.say(line)
    return int(report.exit_code)


def _write_ending(invocation: Invocation, report: Report) -> None:
    from aspm_ado.render.ending import closing, ending
    from aspm_ado.render.text import MARKS, line_rows, sections

    if invocation.on(SHOW_ALL):
        with _writing():
            _paint(invocation, tuple(sections(report)), sys.stdout)
        write_lines(closing(report, verbose=invocation.is_verbose))
        return
    color = invocation.colors(sys.stdout)
    with _writing():
        lines = ending(report, verbose=invocation.is_verbose)
        for status, row in line_rows(lines, result_width()):
            shown = encodable(row, sys.stdout.encoding)
            if color and status is not None:
                shown = f"\x1b[{_SGR[MARKS[status][2]]}m{shown[0]}\x1b[0m{shown[1:]}"
            sys.stdout.write(shown + "\n")


def show_trouble(invocation: Invocation, results: Sequence[Any]) -> None:
    """What is wrong so far, on stderr: the person is about to be asked what to do."""
    from aspm_ado.render.text import Section, blocking_rows

    invocation.voice.end_progress()
    tables = [
        Section(clean(organization.name, 80), rows)
        for result in results
        for organization in result.reports
        if (rows := blocking_rows(organization.checks))
    ]
    # Where the terminal is gone, the question that follows says so.
    with contextlib.suppress(OSError, ValueError):
        _paint(invocation, tables, sys.stderr)


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    """A reader who left, and a terminal that is gone, are no error. A full disk is one."""
    try:
        yield
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        _discard(sys.stdout)
        if isinstance(error, OSError) and error.errno not in _GONE:
            forget_document()
            raise _unwritten(error) from None


def _paint(invocation: Invocation, tables: Sequence[Section], stream: TextIO) -> None:
    """As tables where somebody looks at it, as plain lines elsewhere."""
    from aspm_ado.render.text import paint, plain_lines

    terminal = invocation.environment.get("TERM", "").lower()
    if not stream.isatty():
        rows = plain_lines(tables)
    elif terminal in ("dumb", "unknown"):
        rows = plain_lines(tables, columns_of(stream))
    else:
        width = min(columns_of(stream), _WIDEST)
        paint(tables, stream, color=invocation.colors(stream), width=width)
        return
    stream.writelines(encodable(row, stream.encoding) + "\n" for row in rows)


def _discard(stream: TextIO) -> None:
    """Give the descriptor to nothing, so that closing it at exit does not complain."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, stream.fileno())
    except (OSError, ValueError):
        return
    finally:
        os.close(nothing)


# Errors


_WITHOUT_REPORT: Final = ("list", "guide", "doctor", "disconnect")
"""Commands whose document is one of their own."""


def report_error(
    command: str,
    problem: Problem,
    *,
    as_json: bool,
    voice: TerminalVoice | None = None,
    before: Report | None = None,
) -> int:
    """Say what went wrong, as a document too where one is wanted and none was written.

    ``before`` is what was found out until then. Returns the exit code.
    """
    code = int(problem.reason.exit_code)
    if as_json:
        from aspm_ado.domain.azure.retirement import DaySource
        from aspm_ado.domain.report import Report
        from aspm_ado.render.json import envelope, report_document

        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if command in _WITHOUT_REPORT:
            schema = f"aspm-ado/{command}/v1"
            write_document(envelope(schema, command, at, problem.reason.exit_code, problem))
        else:
            before = before or Report(command, at, DaySource.LOCAL)
            write_document(report_document(before.ended_by(problem)))
        if (written := written_code()) is not None:
            code = written
    if voice is None:
        from aspm_ado.adapters.terminal.voice import TerminalVoice

        voice = TerminalVoice(sys.stderr, quiet=False, color=False)
    voice.end_progress()
    if problem.reason is Reason.DECLINED:
        voice.say(f"{problem.problem} {problem.remedy}")
    else:
        voice.error(problem.problem, problem.remedy)
    return code


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether a document is wanted, where the command line or a variable could not be read."""
    try:
        return "--json" in arguments or is_true(os.environ.get(JSON.env) or "no", JSON.env)
    except UserError:
        return False


def problem_of(error: BaseException) -> Problem:
    """What an exception comes to: what it says itself, Ctrl-C, or else a bug of ours.

    Python 3.11 wraps a Ctrl-C within a class that is being made in a ``RuntimeError``.
    """
    if isinstance(error, UserError):
        return Problem.of(error)
    if isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt):
        return Problem(
            Reason.INTERRUPTED,
            "Interrupted. No step is half-finished.",
            "Run the same command again to go on.",
        )
    return Problem(Reason.INTERNAL_ERROR, bug_words(error), BUG_REMEDY)


def _unwritten(error: OSError) -> UsageError:
    """The refusal of a stdout that does not take the result."""
    return UsageError(
        Reason.FILE_UNREADABLE,
        f"The result could not be written to stdout: {system_words(error)}.",
        remedy="Check where stdout leads and its free space, then run the command again.",
    )


def unreadable_file(error: OSError) -> Problem:
    """What failed outside of a command: the help on stdout, a completion script, a shell's file."""
    if error.filename is None:
        return Problem.of(_unwritten(error))
    name = clean(error.filename, 120)
    return Problem(
        Reason.FILE_UNREADABLE,
        f"A file could not be written or read: {name} ({system_words(error)}).",
        "Check that your home folder exists and is yours. "
        "To print the script instead, run: aspm-ado --show-completion",
    )
