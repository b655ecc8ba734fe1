"""``aspm-ado connect``; with ``--from``, each connection of a file in TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aspm_ado.adapters.threads import read_file
from aspm_ado.cli.context import Invocation
from aspm_ado.cli.options import collect_given
from aspm_ado.cli.output import problem_of, write_report
from aspm_ado.domain.azure.retirement import parse_day
from aspm_ado.domain.questions import (
    CA_BUNDLE,
    CONNECTION_KEYS,
    CREATE_TOKEN,
    FROM,
    PAT_EXPIRES,
    PAT_SOURCES,
    WHERE,
    Given,
    Question,
)
from aspm_ado.domain.reasons import (
    HandoffInterruptedError,
    InterruptedByUserError,
    Reason,
    StoreError,
    UsageError,
)
from aspm_ado.domain.secret import holds_token, secret_as_value
from aspm_ado.domain.stored import Draft
from aspm_ado.domain.text import clean, system_words
from aspm_ado.flows.answers import one_of
from aspm_ado.flows.connect import connect, connection_title, merged, not_made
from aspm_ado.flows.storage.connection import parse_name
from aspm_ado.flows.tokens.creation import revoking_unkept

if TYPE_CHECKING:
    from aspm_ado.domain.report import Report
    from aspm_ado.flows.context import Context


def run_connect(invocation: Invocation, name: str | None = None) -> int:
    """The wizard. Answers of a run that was left, never secrets, are kept for the next one."""
    if invocation.on(FROM):
        return write_report(invocation, _connect_each(invocation, name))
    context = invocation.context(remember=True)
    try:
        with revoking_unkept(context):
            report = connect(context, name)
    except HandoffInterruptedError:  # it is stored: the answers are needed no more
        with suppress(StoreError):
            context.records.save_draft(None)
        raise
    except (InterruptedByUserError, KeyboardInterrupt, UsageError) as error:
        was_left = not isinstance(error, UsageError) or error.reason is Reason.DECLINED
        if was_left and context.asker.keeps and context.asker.answered:
            with suppress(StoreError):
                _keep_answers(context)
        raise
    if context.asker.answered:
        context.records.save_draft(None)
    return write_report(invocation, report)


def _connect_each(invocation: Invocation, name: str | None) -> Report:
    """Every connection of a file, as if each were typed. One that fails keeps no other from it."""
    typed = [invocation.given.get(one.name) for one in (*WHERE, *PAT_SOURCES)]
    if name is not None or any(one is not None and one.is_flag for one in typed):
        raise UsageError(
            Reason.USAGE,
            f"{FROM.flag} names the connections, their organizations, and the sources of tokens.",
            remedy="Omit the other options, or write them in the file.",
        )
    connections = read_connections(invocation.text(FROM), invocation.voice.say)
    for one in connections:
        invocation.hide_token_variables(one.answers)
    reports: list[Report] = []
    try:
        for one in connections:
            position = f"{len(reports) + 1} of {len(connections)}"
            reports.append(_connect_one(invocation, one, position))
    except (InterruptedByUserError, KeyboardInterrupt):
        if reports:
            invocation.finished = merged(reports)
        invocation.voice.note(
            f"Finished connections: {len(reports)} of {len(connections)}. "
            "To continue, run the same command again."
        )
        raise
    return merged(reports)


def _connect_one(run: Invocation, one: FileConnection, position: str) -> Report:
    given, failure = one.over(run.given), one.mistake
    invocation = run.of_one(given)
    try:
        context = invocation.context()
    except UsageError as error:
        if CA_BUNDLE.name not in one.answers:
            raise  # of the run, so of all connections
        failure = error
        del given[CA_BUNDLE.name]
        invocation = run.of_one(given)
        context = invocation.context()
    title = connection_title(context.asker, one.name)
    invocation.voice.heading(f"{title} ({position})")
    try:
        if failure is not None:
            raise failure
        with revoking_unkept(context):
            return connect(context, one.name)
    except (InterruptedByUserError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - a bug in one keeps no other from being made
        problem = problem_of(error)
        invocation.voice.warn(f"{title}: {problem.problem}")  # the end says what to do
        return not_made(context, one.name, problem)
    finally:
        invocation.close()


def _keep_answers(context: Context) -> None:
    answers = dict(context.asker.answered)
    if earlier := context.records.load_draft():
        answers = {**earlier.answers, **answers}
    context.records.save_draft(Draft(answers, context.now().isoformat(timespec="seconds")))
    context.voice.note("Your answers are saved for the next run of connect, without secrets.")


# The file: the names of options are its keys


TABLE: Final = "connection"
_NAME: Final = Question("name", "Name of the connection")
_MOST_BYTES: Final = 1024 * 1024
_KEY: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,30}")
_POSITION: Final = re.compile(r"\(at ([a-z]+ [\w, ]+)\)$")
_HEADER: Final = re.compile(rf"""\s*\[\[\s*["']?{TABLE}["']?\s*\]\]""")
_BY_KEY: Final = {question.name: question for question in CONNECTION_KEYS}
_TOGETHER: Final = (WHERE, (*PAT_SOURCES, CREATE_TOKEN))
"""Groups of questions: an answer to one replaces the answers to the others."""


@dataclass(frozen=True, slots=True)
class FileConnection:
    """One connection of the file: its name, if any, and its answers, as from options."""

    name: str | None
    answers: dict[str, Given]
    keys: frozenset[str]
    """All its keys, including those without an answer (``false`` or an empty text)."""
    mistake: UsageError | None
    """What this connection fails for, with its line. The others are made."""

    def over(self, given: dict[str, Given]) -> dict[str, Given]:
        """Replace the answers of a run by those of this connection."""
        replaced = set(self.keys)
        for questions in _TOGETHER:
            names = {question.name for question in questions}
            if names & self.keys:
                replaced |= names
        rest = {name: one for name, one in given.items() if name not in replaced}
        return {**rest, **self.answers}


def read_connections(path: str, say: Callable[[str], None]) -> list[FileConnection]:
    """Return the connections of a file, in its order.

    Raises ``UsageError`` for an invalid file or a secret in it, and never repeats the secret.
    """
    shown = f"{FROM.flag} {clean(path, 120)}"
    text = _text(path, shown, say)
    _refuse_secret(text, shown)
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits
        found = _POSITION.search(str(error))
        where = f" at {found[1]}" if found else ""
        raise _refusal(shown, f"The file is not valid TOML{where}.") from None
    tables = document.pop(TABLE, None)
    _refuse_unknown(document, {TABLE}, shown)
    if (
        not tables
        or not isinstance(tables, list)
        or any(not isinstance(one, dict) for one in tables)
    ):
        raise _refusal(shown, f"The file has no [[{TABLE}]].")
    lines = _sections(text, len(tables))
    named = [
        _connection(one, f"{shown}, {TABLE} {number}", section)
        for number, (one, section) in enumerate(zip(tables, lines, strict=True), 1)
    ]
    seen: set[str] = set()
    for number, one in enumerate(named, 1):
        if one.name is not None and one.name in seen:
            raise _refusal(
                f"{shown}, {TABLE} {number}{_line(lines[number - 1], _NAME.name)}",
                f"Another connection has the name “{clean(one.name, 63)}”.",
                "Give each connection a different name.",
            )
        seen.add(one.name or "")
    return named


Section = list[tuple[int, str]]
"""The lines of one connection with their numbers; empty if unknown."""


def _sections(text: str, count: int) -> list[Section]:
    """The lines of each connection. A text of several lines may also contain a header."""
    lines = list(enumerate(text.split("\n"), 1))
    begins = [place for place, (_, line) in enumerate(lines) if _HEADER.match(line)]
    if len(begins) != count:
        return [[] for _ in range(count)]
    ends = [*begins[1:], len(lines)]
    return [lines[begin:end] for begin, end in zip(begins, ends, strict=True)]


def _line(section: Section, key: str) -> str:
    """The line of a key, else of the connection."""
    written = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*[.=]""")
    found = [number for number, line in section if written.match(line)]
    found += [number for number, _ in section[:1]]
    return f" (line {found[0]})" if found else ""


def _text(path: str, shown: str, say: Callable[[str], None]) -> str:
    try:
        raw = read_file(Path(path), _MOST_BYTES + 1, say, f"the file {clean(path, 120)}")
    except OSError as error:
        raise UsageError(
            Reason.FILE_UNREADABLE,
            f"{shown}: aspm-ado cannot read the file: {system_words(error)}.",
            remedy="Check its name and its permissions.",
        ) from None
    if len(raw) > _MOST_BYTES:
        raise _refusal(shown, "The file is larger than 1 MB.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refusal(shown, "The file is not UTF-8.") from None


def _connection(table: dict[str, Any], shown: str, section: Section) -> FileConnection:
    _refuse_unknown(table, {_NAME.name, *_BY_KEY}, shown, section)
    mistakes: list[UsageError] = []
    name = table.pop(_NAME.name, None)
    if name is not None:
        place = shown + _line(section, _NAME.name)
        name = _text_of(name, _NAME, place)
        with _noted(mistakes), _placed(place):
            parse_name(name)
    flags = {
        key: _value(_BY_KEY[key], value, shown + _line(section, key))
        for key, value in table.items()
    }
    answers: dict[str, Given] = {}
    for key, value in flags.items():
        place = shown + _line(section, key)
        with _placed(place):
            given = collect_given([_BY_KEY[key]], {key: value}, {}, lambda _note: None)
        answers |= given
        for text in given[key].values if key in given else ():
            with _noted(mistakes), _placed(place):
                _require_known(_BY_KEY[key], text)
    return FileConnection(name, answers, frozenset(table), next(iter(mistakes), None))


@contextmanager
def _noted(mistakes: list[UsageError]) -> Iterator[None]:
    """Inside, a refusal of a value concerns one connection: it keeps no other from being made."""
    try:
        yield
    except UsageError as error:
        mistakes.append(error)


@contextmanager
def _placed(place: str) -> Iterator[None]:
    """Inside, a refusal of a value names its place in the file."""
    try:
        yield
    except UsageError as error:
        error.problem = f"{place}: {error.problem}"
        raise


def _require_known(question: Question, text: str) -> None:
    """Raise ``UsageError`` for what the schema of the file does not know either."""
    if question.values:
        one_of(question)(text)
    elif question is PAT_EXPIRES:
        parse_day(text, question.flag)


def _value(question: Question, value: object, shown: str) -> object:
    """The value as the command line parser returns it."""
    if question.switch:
        if isinstance(value, bool):
            return value
        raise _refusal(shown, f"“{question.name}” is not true or false.")
    if question is PAT_EXPIRES and isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if not question.repeat:
        return _text_of(value, question, shown)
    texts = value if isinstance(value, list) else [value]
    return [_text_of(one, question, shown) for one in texts]


def _text_of(value: object, question: Question, shown: str) -> str:
    if not isinstance(value, str):
        wanted = "text"
        if question.repeat:
            wanted = "text or a list of texts"
        elif question is PAT_EXPIRES:
            wanted = "a date (YYYY-MM-DD)"
        raise _refusal(shown, f"“{question.name}” is not {wanted}.")
    _refuse_secret(value, shown)
    return value


def _refuse_secret(text: str, shown: str) -> None:
    if holds_token(text):
        raise secret_as_value(shown)


def _refuse_unknown(
    table: dict[str, Any], known: set[str], shown: str, section: Section | None = None
) -> None:
    for key in table:
        if key in known:
            continue
        _refuse_secret(key, shown)
        shown += _line(section or [], key)
        named = f"“{key}”" if _KEY.fullmatch(key) else "A key"
        near = get_close_matches(key.replace("_", "-"), known, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise _refusal(
            shown,
            f"{named} is not a valid key.",
            f"{hint}Use the options of connect as keys. For secrets, "
            "use pat-file, pat-variable, pat-command, or create-token.",
        )


def _refusal(
    shown: str,
    problem: str,
    remedy: str = "See the example and schema in docs/recipes.md.",
) -> UsageError:
    return UsageError(Reason.INPUT_INVALID, f"{shown}: {problem}", remedy=remedy)
