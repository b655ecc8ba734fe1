"""Formats for people, ``.html`` and ``.md``: a row for each organization, and who does what."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from aspm_ado import __version__
from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.retirement import count_days
from aspm_ado.domain.reasons import Reason, Verdict
from aspm_ado.domain.report import BAD, Command, OrganizationReport, TokenFacts
from aspm_ado.domain.text import clean
from aspm_ado.render.text import VERDICTS, TableRow

if TYPE_CHECKING:
    from aspm_ado.domain.documents import Identity
    from aspm_ado.domain.report import Check, ConnectionReport, Report


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """An organization, or what concerns a connection as a whole; every text is clean."""

    place: str
    connection: str
    verdict: Verdict
    owner: str
    account: str
    others: str
    end: str
    reach: str
    to_do: tuple[str, ...]
    checks: tuple[TableRow, ...]

    @property
    def result(self) -> str:
        """The verdict in words."""
        return VERDICTS[self.verdict]


def overview(report: Report) -> Iterator[OverviewRow]:
    """The rows in the order of the report.

    Secrets and Invicti ASPM have one where there is something to do.
    """
    for connection in report.connections:
        whole = [("Stored secrets", connection.checks)]
        if connection.aspm is not None:
            whole.append((connection.aspm.url, connection.aspm.checks))
        for one in connection.organizations:
            place = one.name
            if connection.deployment is not Deployment.SERVICES:
                place = f"{connection.base_url}/{one.name}"
            yield _row(connection, place, one)
        for place, checks in whole:
            if any(check.is_trouble for check in checks):
                made = OrganizationReport(place, None, TokenFacts(), checks)
                yield replace(_row(connection, place, made), owner="", end="", reach="")


def stored_name(connection: ConnectionReport) -> str | None:
    """The name of the connection for commands, where this run left one that is stored."""
    if any(check.reason is Reason.NOTHING_KEPT for check in connection.checks):
        return None
    return connection.name


def step(check: Check, connection: str | None) -> str:
    """What to do about it: its remedy and, of a stored connection, the command to go on."""
    if not check.is_trouble:
        return ""
    remedy, command = clean(check.remedy or "", 600), ""
    following = check.next
    if following is None and check.status in BAD:
        following = Command("validate")
    if connection is not None and following is not None:
        command = following.text(connection)
    if remedy.endswith(command):
        command = ""
    return " → ".join(filter(None, (remedy, command)))


def _row(connection: ConnectionReport, place: str, made: OrganizationReport) -> OverviewRow:
    token = made.token
    owner, account = _owner(made.identity)
    checks = tuple(_check(check, stored_name(connection)) for check in made.checks)
    return OverviewRow(
        clean(place, 120),
        clean(connection.name or "", 70),
        made.verdict,
        owner,
        account,
        clean(", ".join(made.others)),
        _end(token),
        token.reach.value,
        tuple(dict.fromkeys(check.remedy for check in checks if check.remedy)),
        checks,
    )


def _check(check: Check, connection: str | None) -> TableRow:
    detail = clean(check.detail, 600)
    return TableRow(check.status, check.title, detail, step(check, connection))


def _owner(identity: Identity | None) -> tuple[str, str]:
    if identity is None:
        return "unknown", ""
    name, account = clean(identity.name, 120), clean(identity.account, 120)
    if account == name or not name:
        return name or account or clean(identity.id, 60), ""
    return name, account


def _end(token: TokenFacts) -> str:
    end, days = clean(token.end or "unknown", 10), token.days_left
    if token.end is None or days is None:
        return end
    if days < 0:
        return f"{end} (passed)"
    if days == 0:
        return f"{end} (today)"
    return f"{end} ({count_days(days)} left)"


#  .html


def render_html(report: Report) -> bytes:
    """One page, complete in itself: no script, nothing loaded, one style.

    The template escapes every value that it is given.
    """
    from jinja2 import Environment, StrictUndefined

    style = _packaged("page.css")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(_packaged("page.html.jinja"))
    error = report.error
    return page.render(
        style=style,
        style_hash=b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        report=report,
        verdict=VERDICTS[report.verdict],
        problem=error and clean(error.problem, 600),
        remedy=error and clean(error.remedy, 600),
        rows=tuple(overview(report)),
        version=__version__,
    ).encode()


@cache
def _packaged(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


#  .md: for the summary of a job


_OWN: Final = re.compile(r"[\\`*_\[\]{}()<>|~!&$^=]|:(?=\S)|(?<=www)\.|#(?!\w)", re.IGNORECASE)
_CALLING: Final = re.compile(r"(?:@|#(?=\w))+")
"""What GitHub and GitLab make a mention or a link of, also behind a backslash; not in code."""
_LARGEST: Final = 900_000
"""Bytes; a job summary of GitHub may have 1 MiB."""


def render_markdown(report: Report) -> bytes:
    """Tables, no HTML, and no name that links, mentions or draws.

    The checks of the last organizations are left out where it would be too large.
    """
    rows = tuple(overview(report))
    parts = [_encoded(_head(report, rows))]
    size = len(parts[0])
    for row in rows:
        part = _encoded(_details(row))
        size += len(part)
        if size > _LARGEST:
            parts.append(_encoded(["", "Some checks are omitted: a job summary has a size limit."]))
            break
        parts.append(part)
    return b"".join(parts)


def _encoded(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def escaped(text: str) -> str:
    """``text``, clean already, as Markdown that shows just this."""
    return _CALLING.sub(r"`\g<0>`", _OWN.sub(r"\\\g<0>", text))


def _head(report: Report, rows: tuple[OverviewRow, ...]) -> Iterator[str]:
    yield f"# {VERDICTS[report.verdict]}"
    yield ""
    yield f"`aspm-ado {report.command}` · {report.at} · exit code {int(report.exit_code)}"
    if report.error is not None:
        yield ""
        yield f"**{escaped(clean(report.error.problem, 600))}**"
        yield ""
        yield f"→ {escaped(clean(report.error.remedy, 600))}"
    if rows:
        yield ""
        yield from _table(
            "Organization | Connection | Result | Owner | Token expires | Reach | What to do",
            map(_cells, rows),
        )


def _cells(row: OverviewRow) -> Iterator[str]:
    owner = [escaped(row.owner)]
    if row.account:
        owner.append(f"({escaped(row.account)})")
    if row.others:
        owner.append(f"· also in {escaped(row.others)}")
    yield escaped(row.place)
    yield escaped(row.connection)
    yield row.result
    yield " ".join(owner)
    yield row.end
    yield row.reach
    yield _steps(row.to_do)


def _details(row: OverviewRow) -> Iterator[str]:
    yield ""
    yield f"## {escaped(row.place)}"
    yield ""
    yield from _table(
        "Check | Result | Detail | What to do",
        ((one.title, one.word, escaped(one.detail), escaped(one.remedy)) for one in row.checks),
    )


def _steps(steps: tuple[str, ...]) -> str:
    if len(steps) < 2:
        return escaped("".join(steps) or "Nothing")
    return " ".join(f"({number}) {escaped(one)}" for number, one in enumerate(steps, start=1))


def _table(head: str, rows: Iterable[Iterable[str]]) -> Iterator[str]:
    yield f"| {head} |"
    yield "|" + " --- |" * (head.count("|") + 1)
    for cells in rows:
        yield f"| {' | '.join(cells)} |"
