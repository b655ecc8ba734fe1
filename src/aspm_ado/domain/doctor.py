"""What ``doctor`` checks on a machine, and the findings with their remedies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING, Final

from aspm_ado.domain import questions
from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.place import SERVICES_HOSTS, SERVICES_URL
from aspm_ado.domain.azure.requests import ACCOUNT_URL
from aspm_ado.domain.azure.retirement import count_days
from aspm_ado.domain.http import Origin
from aspm_ado.domain.questions import OLD_NAMES, Question
from aspm_ado.domain.reasons import ExitCode, Problem, Reason, Verdict
from aspm_ado.domain.report import gravest, verdict_of
from aspm_ado.domain.rules.classify import AnswerKind, classify, explain_inconclusive
from aspm_ado.domain.stored import RegistrationState
from aspm_ado.domain.text import clean, some_of, typed_word

if TYPE_CHECKING:
    from datetime import datetime

    from aspm_ado.domain.http import Reply
    from aspm_ado.domain.reasons import UserError
    from aspm_ado.domain.stored import Catalogue, Entry

PREFIX: Final = "ASPM_ADO_"
OURS: Final = frozenset({"ASPM_ADO_SIMULATOR", "ASPM_ADO_GLOBAL_PAT_END"}) | {
    row.env
    for row in vars(questions).values()
    if isinstance(row, Question) and row.env.startswith(PREFIX)
}
"""Every variable of aspm-ado. Any other one with this prefix is a typing error."""

_PREFIXES: Final = (PREFIX, "AZURE_DEVOPS_", "INVICTI_", "KONDUKTO_")
_OTHERS: Final = frozenset({
    "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "PYTHON_KEYRING_BACKEND", "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION",
    "CI", "TF_BUILD", "GITHUB_ACTIONS", "NO_COLOR", "TERM", "PYTHONPATH", "PYTHONHOME",
})  # fmt: skip

SKEW_WARNED: Final = timedelta(minutes=5)
"""From here on, new certificates and the last days of a token are judged wrongly."""
SKEW_REFUSED: Final = timedelta(days=1)
"""From here on, certificates fail, and every count of days is wrong."""
LITTLE_SPACE: Final = 10 * 1024 * 1024
"""The configuration takes some kilobytes, and twice that while it is replaced."""
_FEW: Final = 5
"""How many commands one remedy lists."""
_CONTINUE: Final = "To continue, run: {names}"
_ALL: Final = 10_000
"""Room for every name."""
_OURS: Final = "aspm-ado:"


@dataclass(frozen=True, slots=True)
class Software:
    """The installed software: ``dependencies`` by name, with no version where one is missing."""

    program: str
    python: str
    platform: str
    openssl: str
    dependencies: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """What is known of the machine before the first check.

    ``variables`` are the names of all that are set. ``nobody_asks`` says why prompts are
    unavailable. ``keeps_secrets`` is false for ``ASPM_ADO_STORE=none``.
    """

    software: Software
    variables: Sequence[str]
    nobody_asks: str
    global_end: date | None
    global_end_source: str
    keeps_secrets: bool
    simulator: str | None


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """A usable configuration directory.

    ``mode`` is ``None`` if the directory does not exist yet, and on Windows. ``aside`` are the
    names of damaged files that were renamed.
    """

    path: str
    exists: bool
    mode: int | None = None
    free: int | None = None
    aside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Host:
    """A host in use, with the CA bundle of its connection. Invicti ASPM has no ``base_url``."""

    origin: Origin
    base_url: str = ""
    ca_bundle: str | None = None

    @property
    def name(self) -> str:
        """The host, with its port if that is not the default."""
        return str(self.origin).partition("://")[2]


@dataclass(frozen=True, slots=True)
class ProxyUse:
    """The proxy for a host, without its sign-in, and the variable that names it.

    ``exempt`` is the variable that exempts the host from a proxy.
    """

    proxy: str = ""
    variable: str = ""
    usable: bool = True
    signs_in: bool = False
    exempt: str = ""

    @property
    def words(self) -> str:
        """How a sentence says it."""
        if self.proxy and not self.usable:
            return f"no connection: {self.variable} names an unusable proxy, {self.proxy}"
        if self.proxy:
            sign_in = ", with a sign-in" if self.signs_in else ""
            return f"through {self.proxy} ({self.variable}{sign_in})"
        return f"direct ({self.exempt})" if self.exempt else "direct"


@dataclass(frozen=True, slots=True)
class HostResult:
    """The result of connecting to a host.

    ``details`` has a sentence per step of ``HOST_STEPS`` that passed. ``problem`` is why the next
    one failed.
    """

    host: Host
    details: tuple[str, ...]
    problem: Problem | None = None
    milliseconds: int | None = None

    @property
    def reached(self) -> bool:
        """Whether a request can be sent."""
        return len(self.details) == (3 if self.host.origin.scheme == "https" else 2)


class Health(StrEnum):
    """The result of a check of this machine."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Subject(StrEnum):
    """The public ids of the checks with their titles, in the order in which they are shown.

    Those of a host repeat for each host. ``reason`` and ``remedy`` are of what the check finds.
    Errors have their own.
    """

    title: str  # type: ignore[assignment]
    reason: Reason | None
    remedy: str

    def __new__(
        cls, name: str, title: str, reason: Reason | None = None, remedy: str = ""
    ) -> Subject:
        """Bind the public id, the title and the advice."""
        subject = str.__new__(cls, name)
        subject._value_ = name
        subject.title, subject.reason, subject.remedy = title, reason, remedy
        return subject

    PROGRAM = "machine.program", "aspm-ado"
    PYTHON = "machine.python", "Python"
    PLATFORM = "machine.platform", "Platform"
    OPENSSL = "machine.openssl", "OpenSSL"
    DEPENDENCIES = (
        "machine.dependencies",
        "Dependencies",
        Reason.MACHINE_ODD,
        "Install aspm-ado again: pipx reinstall aspm-ado",
    )
    VARIABLES = (
        "machine.variables",
        "Variables set",
        Reason.MACHINE_ODD,
        "Correct or unset the unknown variables. Each is ASPM_ADO_ and the name of an option.",
    )
    TERMINAL = "machine.terminal", "Prompts"
    RETIREMENT = "machine.retirement", "Retirement of global tokens"
    KEYRING = "keyring.class", "Keyring in use"
    PROBE = "keyring.read", "Read access"
    UNNAMED = (
        "keyring.unnamed",
        "Secrets without a connection",
        Reason.UNFINISHED,
        "If no other configuration directory uses them, delete them in the keyring's program.",
    )
    FOLDER = (
        "records.folder",
        "Configuration directory",
        Reason.MACHINE_ODD,
        "Run: chmod 700 {names}",
    )
    SPACE = (
        "records.space",
        "Free space",
        Reason.MACHINE_ODD,
        "Free space on that disk, or raise the quota.",
    )
    WRITABLE = "records.writable", "Write access"
    LOCK = "records.lock", "Lock"
    ASIDE = (
        "records.aside",
        "Damaged files set aside",
        Reason.UNFINISHED,
        "Repair the file and rename it to catalog.json. "
        "Or delete those tokens from the keyring, and then the file.",
    )
    CATALOGUE = "records.catalogue", "Connections"
    PENDING = ("records.pending", "Interrupted writes", Reason.UNFINISHED, _CONTINUE)
    SUCCESSORS = ("records.successors", "Pending tokens", Reason.UNFINISHED, _CONTINUE)
    ERASING = (
        "records.erasing",
        "Secrets to delete",
        Reason.UNFINISHED,
        "Unlock the keyring. The next connect, rotate, or disconnect deletes them.",
    )
    ORDERED = (
        "records.ordered",
        "Tokens to revoke",
        Reason.UNFINISHED,
        "Revoke them on the token page of {names}. Creating another token there does it, too.",
    )
    HANDOFF = ("records.handoff", "Steps remaining in Invicti ASPM", Reason.HANDED_OFF, _CONTINUE)
    DRAFT = (
        "records.draft",
        "Saved answers",
        Reason.UNFINISHED,
        "To continue, run: aspm-ado connect",
    )
    PROXY = (
        "network.proxy",
        "Proxy",
        Reason.PROXY_FAILED,
        "Set {names} to an HTTP proxy (http://HOST:PORT), or add the hosts to NO_PROXY.",
    )
    TRUST = (
        "network.trust",
        "Trusted certificates",
        Reason.FILE_UNREADABLE,
        "Set it to a PEM file of certificates that only you can change, or unset it.",
    )
    DNS = "network.dns", "DNS"
    CONNECT = "network.connect", "Connection"
    TLS = (
        "network.tls",
        "TLS",
        Reason.HTTP_REFUSED,
        "Install a certificate on that server, and connect again with its https URL.",
    )
    CLOCK = (
        "network.clock",
        "Clock of this machine",
        Reason.CLOCK_WRONG,
        "Set the clock, and turn on time synchronization (on Linux: timedatectl set-ntp true).",
    )

    @property
    def area(self) -> str:
        """The part before the dot."""
        return self.value.partition(".")[0]


HOST_STEPS: Final = (Subject.DNS, Subject.CONNECT, Subject.TLS)
"""The checks of one host. Each needs the previous one to pass."""

AREAS: Final[Mapping[str, tuple[str, ExitCode]]] = {
    "machine": ("This machine", ExitCode.DONE),
    "keyring": ("Keyring", ExitCode.STORE),
    "records": ("Configuration", ExitCode.STORE),
    "network": ("Network", ExitCode.COULD_NOT_FIND_OUT),
}
"""Per area: the heading, and the exit code of a failure."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """The result of one check, in a sentence for a ticket.

    Every ``warn`` and ``fail`` has a remedy. ``about`` names the host or the CA bundle.
    """

    subject: Subject
    health: Health
    detail: str
    reason: Reason | None = None
    remedy: str | None = None
    milliseconds: int | None = None
    about: str = ""

    def __post_init__(self) -> None:
        if self.health in (Health.WARN, Health.FAIL) and not self.remedy:
            raise ValueError(f"{self.subject} is {self.health} without a remedy")

    @property
    def title(self) -> str:
        """What a person reads."""
        return f"{self.about}: {self.subject.title}" if self.about else self.subject.title

    @property
    def exit_code(self) -> ExitCode:
        """The code of its area if it failed. Warnings never count."""
        return AREAS[self.subject.area][1] if self.health is Health.FAIL else ExitCode.DONE

    def without_home(self, homes: Iterable[str]) -> HealthCheck:
        """Write the home folder as ``~``."""
        detail, about = with_tilde(self.detail, homes), with_tilde(self.about, homes)
        remedy = self.remedy and with_tilde(self.remedy, homes)
        return replace(self, detail=detail, about=about, remedy=remedy)


def ok(
    subject: Subject, detail: str, milliseconds: int | None = None, about: str = ""
) -> HealthCheck:
    """A check that passed."""
    return HealthCheck(subject, Health.OK, detail, milliseconds=milliseconds, about=about)


def trouble(
    subject: Subject,
    detail: str,
    health: Health = Health.WARN,
    about: str = "",
    names: str = "",
) -> HealthCheck:
    """A check that found something. ``names`` complete its remedy."""
    remedy = subject.remedy.replace("{names}", names)
    return HealthCheck(subject, health, detail, subject.reason, remedy, about=about)


def failed(
    subject: Subject,
    error: UserError | Problem,
    milliseconds: int | None = None,
    about: str = "",
    health: Health = Health.FAIL,
) -> HealthCheck:
    """A check that ended with an error."""
    return HealthCheck(
        subject, health, error.problem, error.reason, error.remedy, milliseconds, about
    )


def not_tried(
    subject: Subject, detail: str, reason: Reason = Reason.NOT_ASKED, about: str = ""
) -> HealthCheck:
    """A check that is impossible or unnecessary."""
    return HealthCheck(subject, Health.SKIP, detail, reason, about=about)


def exit_code(findings: Iterable[HealthCheck]) -> ExitCode:
    """The gravest code of the findings."""
    codes = {finding.exit_code for finding in findings}
    return gravest(codes)


def verdict(findings: Iterable[HealthCheck]) -> Verdict:
    """The verdict of the findings."""
    rows = tuple(findings)
    return verdict_of(exit_code(rows), warned=any(row.health is Health.WARN for row in rows))


def with_tilde(text: str, homes: Iterable[str]) -> str:
    """``text`` with each of ``homes`` as ``~`` where it is a whole path or the beginning of one."""
    for home in homes:
        bare = home.rstrip("/\\")
        if len(bare) > 1:
            text = re.sub(rf"(?<![\w.~-]){re.escape(bare)}(?![\w-]|\.\w)", "~", text)
    return text


def software(found: Software) -> Iterator[HealthCheck]:
    """Check the installed software."""
    yield ok(Subject.PROGRAM, found.program)
    yield ok(Subject.PYTHON, found.python)
    yield ok(Subject.PLATFORM, found.platform)
    yield ok(Subject.OPENSSL, found.openssl)
    missing = [name for name, version in found.dependencies if version is None]
    there = some_of((f"{name} {version}" for name, version in found.dependencies if version), _ALL)
    if missing:
        detail = f"Not installed: {some_of(missing)}. Installed: {there}."
        yield trouble(Subject.DEPENDENCIES, detail)
    else:
        unknown = "Unknown: this copy was not installed as a package."
        yield ok(Subject.DEPENDENCIES, there or unknown)


def variables(names: Sequence[str]) -> HealthCheck:
    """Check the names of the variables that apply. A value may be a secret."""
    relevant = sorted(filter(_is_relevant, names))
    mistyped = [name for name in relevant if name.startswith(PREFIX) and name not in OURS]
    detail = f"{some_of(relevant, _ALL) or 'None that apply here'}."
    if mistyped:
        return trouble(Subject.VARIABLES, f"{detail} Unknown: {some_of(mistyped)}.")
    old = sorted(OLD_NAMES.keys() & set(names))
    if old:
        remedy = " ".join(f"{name} is deprecated; use {OLD_NAMES[name]}." for name in old)
        return HealthCheck(Subject.VARIABLES, Health.WARN, detail, Reason.MACHINE_ODD, remedy)
    return ok(Subject.VARIABLES, detail)


def _is_relevant(name: str) -> bool:
    return name.upper() in _OTHERS or name.startswith(_PREFIXES)


def terminal(why_not: str) -> HealthCheck:
    """Whether prompts are available. In a pipeline they are not, and need not be."""
    detail = f"Unavailable: {why_not}." if why_not else "Available."
    return ok(Subject.TERMINAL, detail)


def retirement(end: date | None, source: str, today: date) -> HealthCheck:
    """The date on which global tokens stop working."""
    if end is None:
        return ok(Subject.RETIREMENT, f"Never ({source}).")
    days = (end - today).days
    when = "today"
    if days > 0:
        when = f"{count_days(days)} from today"
    elif days < 0:
        when = f"{count_days(-days)} ago"
    return ok(
        Subject.RETIREMENT,
        f"{end.isoformat()} ({source}), {when} by the clock of this machine. "
        "Applies to Azure DevOps Services only.",
    )


def folder(facts: FolderFacts) -> Iterator[HealthCheck]:
    """Check who can read the configuration directory, and its free space."""
    mode = f" (mode {facts.mode:04o})" if facts.mode is not None else ""
    if not facts.exists:
        detail = f"{facts.path} does not exist yet. The first connection creates it."
        yield ok(Subject.FOLDER, detail)
    elif facts.mode is not None and facts.mode & 0o077:
        detail = f"{facts.path}{mode}: other users can read it (names and dates)."
        yield trouble(Subject.FOLDER, detail, names=typed_word(facts.path))
    else:
        yield ok(Subject.FOLDER, f"{facts.path}{mode}, private.")
    if facts.free is None:
        detail = "Unknown: the system does not report it."
        yield not_tried(Subject.SPACE, detail, Reason.NOT_PROVABLE)
    elif facts.free < LITTLE_SPACE:
        yield trouble(Subject.SPACE, f"{facts.free // 1024} KiB.")
    else:
        yield ok(Subject.SPACE, f"{facts.free // (1024 * 1024)} MiB.")


def aside(facts: FolderFacts) -> HealthCheck:
    """Damaged configuration files: only they name some secrets in the keyring."""
    detail = f"{{names}} in {facts.path}. Their tokens are still in the keyring."
    return _left(Subject.ASIDE, facts.aside, detail)


UNLISTED: Final = (
    "aspm-ado cannot list the entries of this keyring. To find old ones, search its application "
    "for “aspm-ado:”."
)


def unnamed(listed: Iterable[str], catalogue: Catalogue) -> HealthCheck:
    """Keyring entries of aspm-ado that no connection names."""
    named = {*catalogue.services, *catalogue.erasing, *chain(*catalogue.pending.values())}
    left = sorted(one for one in listed if one.startswith(_OURS) and one not in named)
    detail = f"No connection in this directory uses {len(left)}: {{names}}."
    return _left(Subject.UNNAMED, left, detail)


def unfinished_work(catalogue: Catalogue) -> Iterator[HealthCheck]:
    """The unfinished work of earlier runs, with the commands to continue."""
    entries = [entry for _, entry in sorted(catalogue.connections.items())]
    waiting = [entry.name for entry in entries if entry.successors]
    due = [entry.name for entry in entries if _is_handed_off(entry)]
    orders = [one.display_name for one in catalogue.ordered]
    yield _left(
        Subject.PENDING,
        sorted(catalogue.pending),
        "Storing was interrupted: {names}.",
        verb="connect",
    )
    yield _left(
        Subject.SUCCESSORS,
        waiting,
        "Verified, but not yet in Invicti ASPM: {names}.",
        verb="handoff",
    )
    yield _left(Subject.ERASING, catalogue.erasing, f"{len(catalogue.erasing)} not deleted yet.")
    yield _left(
        Subject.ORDERED,
        orders,
        "Interrupted runs may have created: {names}.",
        some_of(one.organization for one in catalogue.ordered),
    )
    yield _left(
        Subject.HANDOFF, due, "Someone still has to enter the values of {names}.", verb="handoff"
    )


def _left(
    subject: Subject, what: Sequence[str], detail: str, names: str = "", verb: str = ""
) -> HealthCheck:
    """What is left over. ``names``, or the commands with ``verb``, complete the remedy."""
    if not what:
        return ok(subject, "None.")
    if verb:
        names = "; ".join(f"aspm-ado {verb} {clean(name, 60)}" for name in what[:_FEW])
    return trouble(subject, detail.replace("{names}", some_of(what)), names=names)


def _is_handed_off(entry: Entry) -> bool:
    states = {one.registration.state for one in entry.organizations}
    return RegistrationState.HANDED_OFF in states


def draft(answers: Iterable[str] | None) -> HealthCheck:
    """The saved answers of an interrupted run, by name and without their values."""
    if answers is None:
        return ok(Subject.DRAFT, "None.")
    names = some_of(sorted(answers)) or "none"
    detail = f"From an interrupted run: {names}."
    return trouble(Subject.DRAFT, detail)


def hosts_in_use(catalogue: Catalogue, simulator: str | None) -> tuple[Host, ...]:
    """The hosts in use, once per CA bundle: Services, Servers, then Invicti ASPM.

    Without connections, those of Services. Raises ``UsageError`` for an invalid stored URL.
    """
    if simulator:
        return (Host(Origin.of(simulator), SERVICES_URL),)
    entries = catalogue.connections.values()
    services, servers, aspms = list[Host](), list[Host](), list[Host]()
    if not entries:
        services += _services(None)
    for entry in entries:
        if entry.deployment == Deployment.SERVICES:
            services += _services(entry.ca_bundle)
        else:
            servers.append(Host(Origin.of(entry.base_url), entry.base_url, entry.ca_bundle))
        if entry.aspm:
            aspms.append(Host(Origin.of(entry.aspm.url), ca_bundle=entry.ca_bundle))
    once: dict[tuple[Origin, str | None], Host] = {}
    for host in (*services, *servers, *aspms):
        once.setdefault((host.origin, host.ca_bundle), host)
    return tuple(once.values())


def _services(ca_bundle: str | None) -> list[Host]:
    return [Host(Origin("https", name, 443), SERVICES_URL, ca_bundle) for name in SERVICES_HOSTS]


def proxies(uses: Mapping[str, ProxyUse]) -> HealthCheck:
    """Check the proxy per host. ``uses`` are by names of hosts."""
    by_words: dict[str, list[str]] = {}
    for name, use in uses.items():
        by_words.setdefault(use.words, []).append(name)
    detail = "; ".join(f"{some_of(names)}: {words}" for words, names in by_words.items()) + "."
    bad = sorted({use.variable for use in uses.values() if not use.usable})
    if not bad:
        return ok(Subject.PROXY, detail)
    return trouble(Subject.PROXY, detail, Health.FAIL, names=some_of(bad))


def host_checks(result: HostResult) -> Iterator[HealthCheck]:
    """DNS, connection and TLS of one host. The last one tried has the time of all."""
    about, taken = result.host.name, len(result.details)
    for number, subject in enumerate(HOST_STEPS):
        if number < taken:
            is_last = number == taken - 1 and result.problem is None
            spent = result.milliseconds if is_last else None
            yield ok(subject, result.details[number], spent, about)
        elif number == taken and result.problem is not None:
            yield failed(subject, result.problem, result.milliseconds, about)
        elif subject is Subject.TLS and result.host.origin.scheme == "http":
            yield _without_tls(result.host)
        else:
            yield not_tried(subject, "Skipped: the previous step failed.", about=about)


def _without_tls(found: Host) -> HealthCheck:
    if found.origin.is_loopback:
        detail = "None: http on this machine."
        return not_tried(Subject.TLS, detail, Reason.NOT_WANTED, found.name)
    detail = "None: --allow-http lets secrets travel in clear text."
    return trouble(Subject.TLS, detail, about=found.name)


def date_url(results: Iterable[HostResult]) -> tuple[str, str | None] | None:
    """The URL to request for its ``Date``, without a token, and its CA bundle.

    ``profiles/me`` is the only documented URL that names no organization. If its host is not
    reachable, use the front page of another one.
    """
    reached = [one.host for one in results if one.reached and one.host.base_url]
    asked = [(_date_url(found), found.ca_bundle) for found in reached]
    documented = [row for row in asked if "/_apis/" in row[0]]
    return next(iter([*documented, *asked]), None)


def _date_url(found: Host) -> str:
    if found.base_url != SERVICES_URL:
        return f"{found.base_url}/_apis/projectCollections?api-version=5.0"
    if found.origin.is_loopback or found.origin == Origin.of(ACCOUNT_URL):
        return f"{ACCOUNT_URL}/_apis/profile/profiles/me?api-version=7.1"
    return f"{found.origin}/"


def clock(reply: Reply | None, now: datetime, *, simulated: bool) -> HealthCheck:
    """Compare the clock of this machine with the ``Date`` of an answer that came ``now``."""
    if reply is None:
        return not_tried(Subject.CLOCK, "Skipped: no Azure DevOps is reachable.")
    asked, there = f"GET {clean(reply.call.url)}", reply.received
    if there is None:
        detail = f"Could not check: {asked} returned no date. {reply.problem}".strip()
        return not_tried(Subject.CLOCK, detail, Reason.ANSWER_UNREADABLE)
    if not simulated and _is_of_another(reply):
        reason, problem, remedy = explain_inconclusive(reply)
        return failed(Subject.CLOCK, Problem(reason, f"Could not check. {problem}", remedy))
    if simulated:
        detail = f"Skipped: a simulation has a date of its own ({there:%Y-%m-%d})."
        return not_tried(Subject.CLOCK, detail, Reason.NOT_WANTED)
    skew = abs(now - there)
    evidence = f"compared with {asked} (sent without a token)"
    if skew <= SKEW_WARNED:
        return ok(Subject.CLOCK, f"Correct, {evidence}.")
    side = "ahead" if now > there else "behind"
    health = Health.WARN if skew <= SKEW_REFUSED else Health.FAIL
    return trouble(Subject.CLOCK, f"{_duration(skew)} {side}, {evidence}.", health)


def _is_of_another(reply: Reply) -> bool:
    """Whether something else answers at the documented URL, as the sign-in page of a network."""
    is_documented = reply.call.url.startswith(f"{ACCOUNT_URL}/_apis/")
    return is_documented and classify(reply) is AnswerKind.NOT_AZURE_DEVOPS


def _duration(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    for size, unit in ((24 * 60, "days"), (60, "hours")):
        if minutes >= 2 * size:
            return f"{minutes // size} {unit}"
    return f"{minutes} minutes"
