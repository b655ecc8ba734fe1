"""stdout: the result, as a document or as tables; a reader who has gone away changes nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from aspm_ado.adapters.terminal.voice import columns_of, is_terminal
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import display_width, encodable, strip_controls, wrap

if TYPE_CHECKING:
    from aspm_ado.adapters.terminal.voice import TerminalVoice
    from aspm_ado.domain.report import Report
    from aspm_ado.render.text import Section

WIDEST = 110


class Surroundings(Protocol):
    """What decides how a result looks."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of this process, without secrets."""

    @property
    def as_json(self) -> bool:
        """Whether stdout is a document."""

    @property
    def is_verbose(self) -> bool:
        """Whether everything is told."""

    @property
    def voice(self) -> TerminalVoice:
        """stderr: the conversation."""

    def colors(self, stream: TextIO) -> bool:
        """Whether ``stream`` may be coloured."""


class _Result:
    """How far the one document of a run has come."""

    def __init__(self) -> None:
        self.begun = False
        self.code: int | None = None


_result = _Result()


def begin() -> None:
    """A run begins: it has its one document before it."""
    _result.begun, _result.code = False, None


def written_code() -> int | None:
    """The exit code in the document that was written, if one was: nothing that happens later can change it."""
    return _result.code


def write_document(document: dict[str, Any]) -> None:
    """One JSON document, as bytes, the same on every platform; never a second one in a run."""
    from aspm_ado.render.document import dump

    if _result.begun:
        return
    with _written():
        sys.stdout.flush()
        raw = dump(document)
        _result.begun = True
        sys.stdout.buffer.write(raw)
        _result.code = int(document["exit_code"])


def width_of_result() -> int | None:
    """How wide a row of the result may be on the terminal that it goes to; elsewhere a line is as long as it is."""
    return columns_of(sys.stdout) if is_terminal(sys.stdout) else None


def write_lines(lines: Iterable[str]) -> None:
    """Plain lines, whatever a name in them would like to be; those too long for a terminal end between words there."""
    with _written():
        width = width_of_result()
        for line in lines:
            said = strip_controls(line)
            for row in (
                [said] if width is None or display_width(said) <= width else wrap(said, width)
            ):
                sys.stdout.write(encodable(row, sys.stdout.encoding) + "\n")


def write_report(around: Surroundings, report: Report, *, everything: bool = True) -> None:
    """The result of a validation, as asked for; without ``everything`` only what asks for something."""
    if around.as_json:
        from aspm_ado.render.document import report_document

        write_document(report_document(report))
        _say_tickets(around, report)
        return
    from aspm_ado.render.text import closing, sections

    if report.error is None:
        write_sections(around, tuple(sections(report, everything=everything)))
        write_lines(closing(report))
    _say_tickets(around, report)


def _say_tickets(around: Surroundings, report: Report) -> None:
    """With --verbose, on stderr: what to send to whoever can mend what is in the way."""
    if around.is_verbose:
        from aspm_ado.render.text import tickets

        for line in tickets(report):
            around.voice.say(line)


def write_sections(around: Surroundings, tables: Sequence[Section]) -> None:
    """Tables on stdout."""
    with _written():
        _paint(around, tables, sys.stdout)


def show_trouble(around: Surroundings, results: Sequence[Any]) -> None:
    """What is wrong so far, on stderr: the person is about to be asked what to do."""
    from aspm_ado.domain.text import clean
    from aspm_ado.render.text import Section, in_the_way

    around.voice.end_progress()
    made = [organization for result in results for organization in result.reports]
    tables = [
        Section(clean(one.name, 80), rows) for one in made if (rows := in_the_way(one.checks))
    ]
    with contextlib.suppress(
        OSError, ValueError
    ):  # the terminal is gone: the question that follows says so
        _paint(around, tables, sys.stderr)


@contextlib.contextmanager
def _written() -> Iterator[None]:
    """A reader who left, and a terminal that is gone, are no error. A full disk is one."""
    try:
        yield
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        let_go(sys.stdout)
        if isinstance(error, OSError) and error.errno not in (errno.EPIPE, errno.EIO, errno.EINVAL):
            begin()
            raise UsageError(
                Reason.FILE_UNREADABLE,
                f"The result could not be written to stdout: {error.strerror or type(error).__name__}.",
                remedy="Make room where stdout leads to, and run the command again.",
            ) from None


def _paint(around: Surroundings, tables: Sequence[Section], stream: TextIO) -> None:
    """With rich where somebody looks at it, as plain lines elsewhere."""
    if stream.isatty() and around.environment.get("TERM", "").lower() not in ("dumb", "unknown"):
        from aspm_ado.render.tables import paint

        width = min(shutil.get_terminal_size((80, 24)).columns, WIDEST)
        paint(tables, stream, color=around.colors(stream), width=width)
        return
    from aspm_ado.render.text import lines

    rows = lines(tables, columns_of(stream)) if stream.isatty() else lines(tables)
    stream.writelines(encodable(row, stream.encoding) + "\n" for row in rows)


def let_go(stream: TextIO) -> None:
    """Nobody reads any more: give the descriptor to nothing, so that closing it at exit does not complain."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, stream.fileno())
    except (OSError, ValueError):
        return
    finally:
        os.close(nothing)
