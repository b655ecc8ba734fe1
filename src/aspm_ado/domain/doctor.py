"""What ``doctor`` looks at on a machine, and the finding with its remedy that follows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from itertools import chain
from shlex import quote
from typing import TYPE_CHECKING, Final

from aspm_ado.domain import questions
from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.place import SERVICES_HOSTS, SERVICES_URL
from aspm_ado.domain.azure.requests import ACCOUNT_URL
from aspm_ado.domain.azure.retirement import count_days
from aspm_ado.domain.http import Origin
from aspm_ado.domain.questions import Question
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.domain.report import GRAVITY, Verdict, verdict_of
from aspm_ado.domain.stored import RegistrationState
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from datetime import datetime

    from aspm_ado.domain.errors import Problem, UserError
    from aspm_ado.domain.http import Reply
    from aspm_ado.domain.stored import Catalogue, Entry

PREFIX: Final = "ASPM_ADO_"
OURS: Final = frozenset({"ASPM_ADO_PAT", "ASPM_ADO_SIMULATOR", "ASPM_ADO_GLOBAL_PAT_END"}) | {
    row.env
    for row in vars(questions).values()
    if isinstance(row, Question) and row.env.startswith(PREFIX)
}
"""Every variable of ours. Any other with our prefix is a typing error."""

OLD_NAMES: Final[Mapping[str, str]] = {
    "KONDUKTO_HOST": "INVICTI_ASPM_HOST",
    "KONDUKTO_TOKEN": "INVICTI_ASPM_TOKEN",
}
_PREFIXES: Final = (PREFIX, "AZURE_DEVOPS_", "INVICTI_", "KONDUKTO_")
_OTHERS: Final = frozenset({
    "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "PYTHON_KEYRING_BACKEND", "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION",
    "CI", "TF_BUILD", "GITHUB_ACTIONS", "NO_COLOR", "TERM", "PYTHONPATH", "PYTHONHOME",
})  # fmt: skip

SKEW_WARNED: Final = timedelta(minutes=5)
"""Young certificates and the last days of a token begin to go wrong."""
SKEW_REFUSED: Final = timedelta(days=1)
"""Certificates fail, and no day that this machine counts by is right."""
LITTLE_SPACE: Final = 10 * 1024 * 1024
"""Our records take some kilobytes, and twice that while they are replaced."""
_FEW: Final = 5
_OURS: Final = "aspm-ado:"
"""How many names or commands one sentence lists."""
_ALL: Final = 100


@dataclass(frozen=True, slots=True)
class Software:
    """What runs here. ``dependencies`` are names and versions; no version where one is missing."""

    program: str
    python: str
    platform: str
    openssl: str
    dependencies: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """What is known of the machine before anything is tried.

    ``variables`` are the names of all that are set; ``nobody_asks`` is why nobody can be asked,
    empty when somebody can; ``keeps_secrets`` is false for ``ASPM_ADO_STORE=none``.
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
    """Our folder, fit to be used.

    ``mode`` is unknown where the folder is not there yet, or modes mean nothing (Windows).
    """

    path: str
    exists: bool
    mode: int | None = None
    free: int | None = None
    aside: tuple[str, ...] = ()
    """The names of damaged records that were set aside there."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host in use.

    ``base_url`` is the Azure DevOps there, empty for Invicti ASPM; ``ca_bundle`` is recorded.
    """

    origin: Origin
    base_url: str = ""
    ca_bundle: str | None = None

    @property
    def name(self) -> str:
        """What a person calls it; the port where it is not the scheme's own."""
        return str(self.origin).partition("://")[2]


@dataclass(frozen=True, slots=True)
class ProxyUse:
    """Whether a host is reached by a proxy, and which variable says so; without its sign-in."""

    proxy: str = ""
    variable: str = ""
    usable: bool = True
    signs_in: bool = False
    exempt: str = ""
    """The variable that exempts this host from a proxy that is set."""

    @property
    def words(self) -> str:
        """The same for a sentence."""
        if self.proxy and not self.usable:
            return f"not at all: {self.variable} names a proxy that cannot be used, {self.proxy}"
        if self.proxy:
            sign_in = ", with a sign-in" if self.signs_in else ""
            return f"through {self.proxy} ({self.variable}{sign_in})"
        return f"directly ({self.exempt})" if self.exempt else "directly"


@dataclass(frozen=True, slots=True)
class HostResult:
    """What came of connecting to a host.

    ``details`` has a sentence for each of ``HOST_STEPS`` that went well; ``problem`` is why the
    next one failed. Both end early where the next step could not be tried.
    """

    host: Host
    details: tuple[str, ...]
    problem: Problem | None = None
    milliseconds: int | None = None

    @property
    def reached(self) -> bool:
        """Whether a request could be sent."""
        return len(self.details) == (3 if self.host.origin.scheme == "https" else 2)


class Health(StrEnum):
    """How a check of this machine ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Subject(StrEnum):
    """The public ids of the checks with their titles, in the order in which they are shown.

    Those of a host repeat for each host.
    """

    title: str  # type: ignore[assignment]

    def __new__(cls, name: str, title: str) -> Subject:
        """Bind the public id and what a person reads together."""
        subject = str.__new__(cls, name)
        subject._value_ = name
        subject.title = title
        return subject

    PROGRAM = "machine.program", "aspm-ado"
    PYTHON = "machine.python", "Python"
    PLATFORM = "machine.platform", "Platform"
    OPENSSL = "machine.openssl", "OpenSSL"
    DEPENDENCIES = "machine.dependencies", "Dependencies"
    VARIABLES = "machine.variables", "Variables set"
    TERMINAL = "machine.terminal", "Questions"
    RETIREMENT = "machine.retirement", "End of global tokens"
    KEYRING = "keyring.class", "Class in use"
    PROBE = "keyring.read", "Reading"
    UNNAMED = "keyring.unnamed", "Secrets without a record"
    FOLDER = "records.folder", "Config folder"
    SPACE = "records.space", "Free space"
    WRITABLE = "records.writable", "Writing"
    LOCK = "records.lock", "Lock"
    ASIDE = "records.aside", "Damaged records set aside"
    CATALOGUE = "records.catalogue", "Connections"
    PENDING = "records.pending", "Interrupted writes"
    SUCCESSORS = "records.successors", "New tokens that wait"
    ERASING = "records.erasing", "Secrets to be erased"
    ORDERED = "records.ordered", "Tokens to be revoked"
    HANDOFF = "records.handoff", "Steps left in Invicti ASPM"
    DRAFT = "records.draft", "Draft of an interrupted run"
    PROXY = "network.proxy", "Proxy"
    TRUST = "network.trust", "Trusted certificates"
    DNS = "network.dns", "Name"
    CONNECT = "network.connect", "Connection"
    TLS = "network.tls", "TLS"
    CLOCK = "network.clock", "Clock of this machine"

    @property
    def area(self) -> str:
        """What comes before the dot."""
        return self.value.partition(".")[0]


HOST_STEPS: Final = (Subject.DNS, Subject.CONNECT, Subject.TLS)
"""The checks of one host, each possible only when the one before went well."""

AREAS: Final[Mapping[str, tuple[str, ExitCode]]] = {
    "machine": ("This machine", ExitCode.DONE),
    "keyring": ("Keyring", ExitCode.STORE),
    "records": ("Our records", ExitCode.STORE),
    "network": ("Network", ExitCode.COULD_NOT_FIND_OUT),
}
"""The heading of each area, and the exit code of a failure in it."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How one check ended, in a sentence fit for a ticket.

    Every ``warn`` and ``fail`` has a remedy; ``about`` names the host or the file of certificates.
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
        """What it counts as: the code of its area when it failed. Warnings never count."""
        return AREAS[self.subject.area][1] if self.health is Health.FAIL else ExitCode.DONE

    def without_home(self, homes: Iterable[str]) -> HealthCheck:
        """The same with the home folder as ``~``."""
        return replace(
            self,
            detail=with_tilde(self.detail, homes),
            remedy=with_tilde(self.remedy, homes) if self.remedy else None,
            about=with_tilde(self.about, homes),
        )


ADVICE: Final[Mapping[Subject, tuple[Reason, str]]] = {
    Subject.DEPENDENCIES: (
        Reason.MACHINE_ODD,
        "Install aspm-ado again: pipx reinstall aspm-ado",
    ),
    Subject.VARIABLES: (
        Reason.MACHINE_ODD,
        "Correct or unset what is not one of ours; every option's help names its variable.",
    ),
    Subject.FOLDER: (Reason.MACHINE_ODD, "Run: chmod 700 {names}"),
    Subject.UNNAMED: (
        Reason.UNFINISHED,
        "If no other configuration directory uses them, delete them in the keyring's own program.",
    ),
    Subject.SPACE: (Reason.MACHINE_ODD, "Make room on that disk, or raise the quota."),
    Subject.ASIDE: (
        Reason.UNFINISHED,
        "Mend it, and put it back as catalog.json. "
        "Or remove those tokens from the keyring, then the file.",
    ),
    Subject.PENDING: (Reason.UNFINISHED, "Go on with: {names}"),
    Subject.SUCCESSORS: (Reason.UNFINISHED, "Go on with: {names}"),
    Subject.ERASING: (
        Reason.UNFINISHED,
        "Open the keyring, then: aspm-ado connect (or rotate, or disconnect); "
        "each begins with what is left.",
    ),
    Subject.ORDERED: (
        Reason.UNFINISHED,
        "The next creation there revokes it; or do it by hand, on the token page of {names}.",
    ),
    Subject.HANDOFF: (Reason.HANDED_OFF, "Go on with: {names}"),
    Subject.DRAFT: (Reason.UNFINISHED, "Go on with: aspm-ado connect"),
    Subject.PROXY: (
        Reason.PROXY_FAILED,
        "Set {names} to an HTTP proxy, http://HOST:PORT, or name the hosts in NO_PROXY.",
    ),
    Subject.TRUST: (
        Reason.FILE_UNREADABLE,
        "Name a file of certificates in PEM form there that only you can change, or unset it.",
    ),
    Subject.TLS: (
        Reason.HTTP_REFUSED,
        "Give that server a certificate, and connect again with its https address.",
    ),
    Subject.CLOCK: (
        Reason.CLOCK_WRONG,
        "Set the clock, and let the system keep it right (on Linux: timedatectl set-ntp true).",
    ),
}
"""What to do about a check that found something by itself. Errors bring a remedy of their own."""


def ok(
    subject: Subject, detail: str, milliseconds: int | None = None, about: str = ""
) -> HealthCheck:
    """A check that went well."""
    return HealthCheck(subject, Health.OK, detail, milliseconds=milliseconds, about=about)


def trouble(
    subject: Subject,
    detail: str,
    health: Health = Health.WARN,
    about: str = "",
    names: str = "",
) -> HealthCheck:
    """A check that found something; ``names`` are filled into its advice."""
    reason, advice = ADVICE[subject]
    return HealthCheck(subject, health, detail, reason, advice.format(names=names), about=about)


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
    """A check that was not possible, or not needed."""
    return HealthCheck(subject, Health.SKIP, detail, reason, about=about)


def exit_code(findings: Iterable[HealthCheck]) -> ExitCode:
    """The gravest of them."""
    codes = {finding.exit_code for finding in findings}
    return next((code for code in GRAVITY if code in codes), ExitCode.DONE)


def verdict(findings: Iterable[HealthCheck]) -> Verdict:
    """The exit code as a word, and whether there are warnings."""
    rows = tuple(findings)
    return verdict_of(exit_code(rows), warned=any(row.health is Health.WARN for row in rows))


def with_tilde(text: str, homes: Iterable[str]) -> str:
    """``text`` with each of ``homes`` as ``~`` where it is a whole path or the beginning of one."""
    for home in homes:
        bare = home.rstrip("/\\")
        if len(bare) > 1:
            text = re.sub(rf"(?<![\w.~-]){re.escape(bare)}(?![\w-]|\.\w)", "~", text)
    return text


def shortlist(names: Iterable[str], most: int = _FEW) -> str:
    """Names for a sentence: the first few, and how many more."""
    rows = [clean(name, 60) for name in names]
    more = f" and {len(rows) - most} more" if len(rows) > most else ""
    return ", ".join(rows[:most]) + more


def software(found: Software) -> Iterator[HealthCheck]:
    """What runs here, and by what."""
    yield ok(Subject.PROGRAM, found.program)
    yield ok(Subject.PYTHON, found.python)
    yield ok(Subject.PLATFORM, found.platform)
    yield ok(Subject.OPENSSL, found.openssl)
    missing = [name for name, version in found.dependencies if version is None]
    there = shortlist(
        (f"{name} {version}" for name, version in found.dependencies if version), _ALL
    )
    if missing:
        detail = f"Not installed: {shortlist(missing)}. Installed: {there}."
        yield trouble(Subject.DEPENDENCIES, detail)
    else:
        unknown = "Not known: this copy was not installed as a package."
        yield ok(Subject.DEPENDENCIES, there or unknown)


def variables(names: Sequence[str]) -> HealthCheck:
    """The variables that change what we do, by name; a value may be a secret."""
    relevant = sorted(filter(_is_relevant, names))
    mistyped = [name for name in relevant if name.startswith(PREFIX) and name not in OURS]
    detail = f"{shortlist(relevant, _ALL) or 'None that matter here'}."
    if mistyped:
        return trouble(Subject.VARIABLES, f"{detail} Not one of ours: {shortlist(mistyped)}.")
    old = sorted(OLD_NAMES.keys() & set(names))
    if old:
        remedy = " ".join(f"{name} is deprecated; use {OLD_NAMES[name]}." for name in old)
        return HealthCheck(Subject.VARIABLES, Health.WARN, detail, Reason.MACHINE_ODD, remedy)
    return ok(Subject.VARIABLES, detail)


def _is_relevant(name: str) -> bool:
    return name.upper() in _OTHERS or name.startswith(_PREFIXES)


def terminal(why_not: str) -> HealthCheck:
    """Whether somebody can be asked. That nobody can is as it should be in a pipeline."""
    detail = f"Prompts are unavailable: {why_not}." if why_not else "Prompts are available."
    return ok(Subject.TERMINAL, detail)


def retirement(end: date | None, source: str, today: date) -> HealthCheck:
    """The day on which tokens of all organizations stop, as we count."""
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
        f"{end.isoformat()} ({source}), {when} by this machine's clock. "
        "Azure DevOps Services only.",
    )


def folder(facts: FolderFacts) -> Iterator[HealthCheck]:
    """Where our records are, who can read them, and how much fits there."""
    mode = f" (mode {facts.mode:04o})" if facts.mode is not None else ""
    if not facts.exists:
        detail = f"{facts.path} is not there yet; the first connection makes it."
        yield ok(Subject.FOLDER, detail)
    elif facts.mode is not None and facts.mode & 0o077:
        detail = f"{facts.path}{mode} is yours, and others can look into it: names and dates."
        yield trouble(Subject.FOLDER, detail, names=quote(facts.path))
    else:
        yield ok(Subject.FOLDER, f"{facts.path}{mode} is yours alone.")
    if facts.free is None:
        detail = "Not known: the system does not tell."
        yield not_tried(Subject.SPACE, detail, Reason.NOT_PROVABLE)
    elif facts.free < LITTLE_SPACE:
        yield trouble(Subject.SPACE, f"{facts.free // 1024} KiB.")
    else:
        yield ok(Subject.SPACE, f"{facts.free // (1024 * 1024)} MiB.")


def aside(facts: FolderFacts) -> HealthCheck:
    """Damaged records that were set aside: only they know which tokens of ours the keyring has."""
    where = f"{shortlist(facts.aside)} in {facts.path}"
    detail = f"{where}; the tokens that they name are in the keyring still."
    return _left(Subject.ASIDE, facts.aside, detail)


UNLISTED: Final = (
    "aspm-ado cannot list the entries of this keyring. To find old ones, search its application "
    "for “aspm-ado:”."
)


def unnamed(listed: Iterable[str], catalogue: Catalogue) -> HealthCheck:
    """The entries of the keyring that are ours by their names and that no record names."""
    named = {*catalogue.services, *catalogue.erasing, *chain(*catalogue.pending.values())}
    left = sorted(one for one in listed if one.startswith(_OURS) and one not in named)
    detail = f"The records of this folder do not name {len(left)}: {shortlist(left)}."
    return _left(Subject.UNNAMED, left, detail)


def unfinished_work(catalogue: Catalogue) -> Iterator[HealthCheck]:
    """What earlier runs left to be done, each with the command that goes on with it."""
    entries = [entry for _, entry in sorted(catalogue.connections.items())]
    pending = sorted(catalogue.pending)
    waiting = [entry.name for entry in entries if entry.successors]
    due = [entry.name for entry in entries if _is_handed_off(entry)]
    orders = [one.display_name for one in catalogue.ordered]
    where = shortlist(dict.fromkeys(one.organization for one in catalogue.ordered))

    detail = f"Storing was interrupted: {shortlist(pending)}."
    yield _left(Subject.PENDING, pending, detail, _commands("connect", pending))
    detail = f"Proven, but Invicti ASPM does not have it yet: {shortlist(waiting)}."
    yield _left(Subject.SUCCESSORS, waiting, detail, _commands("handoff", waiting))
    detail = f"{len(catalogue.erasing)} old secrets could not be erased yet."
    yield _left(Subject.ERASING, catalogue.erasing, detail)
    detail = f"Left of interrupted runs, as far as they were created: {shortlist(orders)}."
    yield _left(Subject.ORDERED, orders, detail, where)
    detail = f"The values are still to be entered there: {shortlist(due)}."
    yield _left(Subject.HANDOFF, due, detail, _commands("handoff", due))


def _left(subject: Subject, what: Sequence[str], detail: str, names: str = "") -> HealthCheck:
    return trouble(subject, detail, names=names) if what else ok(subject, "None.")


def _commands(verb: str, names: Sequence[str]) -> str:
    return "; ".join(f"aspm-ado {verb} {clean(name, 60)}" for name in names[:_FEW])


def _is_handed_off(entry: Entry) -> bool:
    states = {one.registration.state for one in entry.organizations}
    return RegistrationState.HANDED_OFF in states


def draft(answers: Iterable[str] | None) -> HealthCheck:
    """The draft, by the names of its answers; never what they are."""
    if answers is None:
        return ok(Subject.DRAFT, "None.")
    names = shortlist(sorted(answers)) or "none"
    detail = f"A run was interrupted; these answers are offered again: {names}."
    return trouble(Subject.DRAFT, detail)


def hosts_in_use(catalogue: Catalogue, simulator: str | None) -> tuple[Host, ...]:
    """The hosts in use, each once for each file of certificates: Services, Servers, then ASPMs.

    Services are in use where they are stored, or where nothing is. Raises ``UsageError`` for an
    address on record that is none.
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
    """Which host is reached how, by the variable that says so. ``uses`` are by names of hosts."""
    by_words: dict[str, list[str]] = {}
    for name, use in uses.items():
        by_words.setdefault(use.words, []).append(name)
    detail = "; ".join(f"{shortlist(names)}: {words}" for words, names in by_words.items()) + "."
    bad = sorted({use.variable for use in uses.values() if not use.usable})
    if not bad:
        return ok(Subject.PROXY, detail)
    return trouble(Subject.PROXY, detail, Health.FAIL, names=shortlist(bad))


def host_checks(result: HostResult) -> Iterator[HealthCheck]:
    """Name, connection and TLS of one host; the last one tried has the time of all."""
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
        detail = "None: plain http on this machine."
        return not_tried(Subject.TLS, detail, Reason.NOT_WANTED, found.name)
    detail = "None: it was accepted with --allow-http that secrets travel in clear."
    return trouble(Subject.TLS, detail, about=found.name)


def date_url(results: Iterable[HostResult]) -> tuple[str, str | None] | None:
    """What to ask for the time of day, without a token, and the file of certificates for it.

    An Azure DevOps that was reached refuses anybody there, with a ``Date``. ``profiles/me`` is the
    one documented address that names no organization; where its host is not reached, the front
    page of another serves.
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
    """The clock of this machine against the ``Date`` of an answer that came ``now``."""
    if reply is None:
        return not_tried(Subject.CLOCK, "Not compared: no Azure DevOps could be reached.")
    asked, there = f"GET {clean(reply.call.url)}", reply.received
    if there is None:
        detail = f"Not compared: {asked} brought no date. {reply.problem}".strip()
        return not_tried(Subject.CLOCK, detail, Reason.ANSWER_UNREADABLE)
    if simulated:
        detail = f"Not judged: a simulation has a day of its own ({there:%Y-%m-%d})."
        return not_tried(Subject.CLOCK, detail, Reason.NOT_WANTED)
    skew = abs(now - there)
    evidence = f"by the Date of the answer to {asked}, asked without a token"
    if skew <= SKEW_WARNED:
        return ok(Subject.CLOCK, f"Right, {evidence}.")
    side = "ahead" if now > there else "behind"
    health = Health.WARN if skew <= SKEW_REFUSED else Health.FAIL
    return trouble(Subject.CLOCK, f"{_duration(skew)} {side}, {evidence}.", health)


def _duration(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    for size, unit in ((24 * 60, "days"), (60, "hours")):
        if minutes >= 2 * size:
            return f"{minutes // size} {unit}"
    return f"{minutes} minutes"
