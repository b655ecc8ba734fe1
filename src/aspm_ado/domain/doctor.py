"""What can be seen of a machine: the facts that a diagnosis rests on, and the variables that steer this program."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from aspm_ado.domain import questions
from aspm_ado.domain.azure.place import SERVICES_HOSTS, SERVICES_URL
from aspm_ado.domain.azure.requests import ACCOUNT_URL
from aspm_ado.domain.azure.retirement import count_days
from aspm_ado.domain.azure.scopes import Deployment
from aspm_ado.domain.http import Origin
from aspm_ado.domain.questions import Question
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.domain.report import GRAVITY, Verdict, verdict_of
from aspm_ado.domain.stored import RegistrationState
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from datetime import datetime

    from aspm_ado.domain.stored import Catalogue, Entry, TokenOrder

PREFIX: Final = "ASPM_ADO_"
OURS: Final = frozenset({"ASPM_ADO_PAT", "ASPM_ADO_SIMULATOR", "ASPM_ADO_GLOBAL_PAT_END"}) | {
    row.env
    for row in vars(questions).values()
    if isinstance(row, Question) and row.env.startswith(PREFIX)
}
"""Every variable of ours. Any other that begins as they do is a slip of the pen."""

OLD_NAMES: Final[Mapping[str, str]] = {
    "KONDUKTO_HOST": "INVICTI_ASPM_HOST",
    "KONDUKTO_TOKEN": "INVICTI_ASPM_TOKEN",
}
_PREFIXES: Final = (PREFIX, "AZURE_DEVOPS_", "INVICTI_", "KONDUKTO_")
_OTHERS: Final = frozenset({
    "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "PYTHON_KEYRING_BACKEND", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION",
    "CI", "TF_BUILD", "GITHUB_ACTIONS", "NO_COLOR", "TERM", "PYTHONPATH", "PYTHONHOME",
})  # fmt: skip


def telling(names: Iterable[str]) -> list[str]:
    """Those of the variables set that change what this program does. Names alone: a value may be a secret."""
    return sorted(name for name in names if name.upper() in _OTHERS or name.startswith(_PREFIXES))


def unknown(names: Iterable[str]) -> list[str]:
    """Those that look like ours and are not."""
    return sorted(name for name in names if name.startswith(PREFIX) and name not in OURS)


@dataclass(frozen=True, slots=True)
class Software:
    """What runs here. ``dependencies`` are names and versions; no version where one is missing."""

    program: str
    python: str
    platform: str
    openssl: str
    dependencies: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """Our folder, fit to be used; ``mode`` is unknown where it is not there yet, or modes mean nothing (Windows)."""

    path: str
    exists: bool
    mode: int | None = None
    free: int | None = None
    aside: tuple[str, ...] = ()
    """The names of damaged records that were set aside there."""


@dataclass(frozen=True, slots=True)
class Target:
    """A host in use. ``base_url`` is the Azure DevOps there, empty for Invicti ASPM; ``ca_bundle`` is recorded."""

    origin: Origin
    base_url: str = ""
    ca_bundle: str | None = None

    @property
    def name(self) -> str:
        """What a person calls it; the port where it is not the scheme's own."""
        return str(self.origin).partition("://")[2]


@dataclass(frozen=True, slots=True)
class Way:
    """How a host is reached: directly or by a proxy, and which variable says so. No sign-in of a proxy is in it."""

    proxy: str = ""
    variable: str = ""
    usable: bool = True
    signs_in: bool = False
    exempt: str = ""
    """The variable that exempts this host from a proxy that is set."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """The places that trusted certificates came from, and what was said of places that could not be read."""

    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the way to a host: how long it took and what it showed, or why it failed."""

    milliseconds: int
    said: str = ""
    failure: Reason | None = None
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """How far we came with a host. A step that is ``None`` was not taken: one before it failed, or it has none."""

    target: Target
    name: Step
    connect: Step | None = None
    tls: Step | None = None

    @property
    def reached(self) -> bool:
        """Whether a request could be sent."""
        last = self.tls if self.target.origin.scheme == "https" else self.connect
        return last is not None and last.failure is None


@dataclass(frozen=True, slots=True)
class Reading:
    """The ``Date`` of an answer, when it came, and whom it was asked of."""

    asked: str
    here: datetime
    there: datetime | None
    problem: str = ""


_NAMED: Final = 5
"""How many names one sentence lists."""


class Health(StrEnum):
    """How a check of this machine ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Subject(StrEnum):
    """The public ids of the checks, in the order in which they are shown. Those of a host repeat for each host."""

    PROGRAM = "machine.program"
    PYTHON = "machine.python"
    PLATFORM = "machine.platform"
    OPENSSL = "machine.openssl"
    DEPENDENCIES = "machine.dependencies"
    VARIABLES = "machine.variables"
    TERMINAL = "machine.terminal"
    RETIREMENT = "machine.retirement"
    KEYRING = "keyring.class"
    PROBE = "keyring.read"
    FOLDER = "records.folder"
    SPACE = "records.space"
    WRITABLE = "records.writable"
    LOCK = "records.lock"
    ASIDE = "records.aside"
    CATALOGUE = "records.catalogue"
    PENDING = "records.pending"
    SUCCESSORS = "records.successors"
    ERASING = "records.erasing"
    ORDERED = "records.ordered"
    HANDOFF = "records.handoff"
    DRAFT = "records.draft"
    PROXY = "network.proxy"
    TRUST = "network.trust"
    DNS = "network.dns"
    CONNECT = "network.connect"
    TLS = "network.tls"
    CLOCK = "network.clock"

    @property
    def area(self) -> str:
        """What comes before the dot."""
        return self.value.partition(".")[0]


TITLES: Final[Mapping[Subject, str]] = {
    Subject.PROGRAM: "aspm-ado",
    Subject.PYTHON: "Python",
    Subject.PLATFORM: "Platform",
    Subject.OPENSSL: "OpenSSL",
    Subject.DEPENDENCIES: "Dependencies",
    Subject.VARIABLES: "Variables set",
    Subject.TERMINAL: "Questions",
    Subject.RETIREMENT: "End of global tokens",
    Subject.KEYRING: "Class in use",
    Subject.PROBE: "Reading",
    Subject.FOLDER: "Config folder",
    Subject.SPACE: "Free space",
    Subject.WRITABLE: "Writing",
    Subject.LOCK: "Lock",
    Subject.ASIDE: "Damaged records set aside",
    Subject.CATALOGUE: "Connections",
    Subject.PENDING: "Interrupted writes",
    Subject.SUCCESSORS: "New tokens that wait",
    Subject.ERASING: "Secrets to be erased",
    Subject.ORDERED: "Tokens to be revoked",
    Subject.HANDOFF: "Steps left in Invicti ASPM",
    Subject.DRAFT: "Draft of an interrupted run",
    Subject.PROXY: "Proxy",
    Subject.TRUST: "Trusted certificates",
    Subject.DNS: "Name",
    Subject.CONNECT: "Connection",
    Subject.TLS: "TLS",
    Subject.CLOCK: "Clock of this machine",
}

AREAS: Final[Mapping[str, tuple[str, ExitCode]]] = {
    "machine": ("This machine", ExitCode.DONE),
    "keyring": ("Keyring", ExitCode.STORE),
    "records": ("Our records", ExitCode.STORE),
    "network": ("Network", ExitCode.COULD_NOT_FIND_OUT),
}
"""The heading of each area, and the exit code of a failure in it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: a sentence fit for a ticket. Every ``warn`` and ``fail`` has a remedy; ``about`` names the host."""

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
        return f"{self.about}: {TITLES[self.subject]}" if self.about else TITLES[self.subject]

    @property
    def exit_code(self) -> ExitCode:
        """What it counts as: the code of its area when it failed. Warnings never count."""
        return AREAS[self.subject.area][1] if self.health is Health.FAIL else ExitCode.DONE

    def hiding(self, homes: Iterable[str]) -> Finding:
        """The same with the home folder as ``~``."""
        detail, remedy = (
            tilde(self.detail, homes),
            tilde(self.remedy, homes) if self.remedy else None,
        )
        return replace(self, detail=detail, remedy=remedy, about=tilde(self.about, homes))


def exit_code(findings: Iterable[Finding]) -> ExitCode:
    """The gravest of them."""
    codes = {finding.exit_code for finding in findings}
    return next((code for code in GRAVITY if code in codes), ExitCode.DONE)


def verdict(findings: Iterable[Finding]) -> Verdict:
    """The exit code as a word, and whether there are warnings."""
    rows = tuple(findings)
    return verdict_of(exit_code(rows), warned=any(row.health is Health.WARN for row in rows))


def tilde(text: str, homes: Iterable[str]) -> str:
    """``text`` with each of ``homes`` as ``~``, wherever it is a whole path or the beginning of one."""
    for home in homes:
        bare = home.rstrip("/\\")
        if len(bare) > 1:
            text = re.sub(rf"(?<![\w.~-]){re.escape(bare)}(?![\w-]|\.\w)", "~", text)
    return text


def listed(names: Iterable[str], most: int = _NAMED) -> str:
    """Names for a sentence: the first few, and how many more."""
    rows = [clean(name, 60) for name in names]
    more = f" and {len(rows) - most} more" if len(rows) > most else ""
    return ", ".join(rows[:most]) + more


SKEW_WARNED: Final = timedelta(minutes=5)
"""Young certificates and the last days of a token begin to go wrong."""
SKEW_REFUSED: Final = timedelta(days=1)
"""Certificates fail, and no day that this machine counts by is right."""
LITTLE_SPACE: Final = 10 * 1024 * 1024
"""Our records take some kilobytes, and twice that while they are replaced."""
_COMMANDS: Final = 5
_ALL: Final = 100


def software(found: Software) -> Iterator[Finding]:
    """What runs here, and by what."""
    yield Finding(Subject.PROGRAM, Health.OK, found.program)
    yield Finding(Subject.PYTHON, Health.OK, found.python)
    yield Finding(Subject.PLATFORM, Health.OK, found.platform)
    yield Finding(Subject.OPENSSL, Health.OK, found.openssl)
    missing = [name for name, version in found.dependencies if version is None]
    there = listed((f"{name} {version}" for name, version in found.dependencies if version), _ALL)
    if missing:
        detail = f"Not installed: {listed(missing)}. Installed: {there}."
        yield Finding(
            Subject.DEPENDENCIES,
            Health.WARN,
            detail,
            Reason.MACHINE_ODD,
            "Install aspm-ado again: pipx reinstall aspm-ado",
        )
    else:
        yield Finding(
            Subject.DEPENDENCIES,
            Health.OK,
            there or "Not known: this copy was not installed as a package.",
        )


def variables(names: Sequence[str]) -> Finding:
    """The variables that change what we do, by name; a value may be a secret."""
    strange, old = unknown(names), sorted(OLD_NAMES.keys() & set(names))
    detail = f"{listed(telling(names), _ALL) or 'None that matter here'}."
    if strange:
        detail += f" Not one of ours: {listed(strange)}."
        remedy = "Correct or unset what is not one of ours; every option's help names its variable."
        return Finding(Subject.VARIABLES, Health.WARN, detail, Reason.MACHINE_ODD, remedy)
    if old:
        remedy = " ".join(f"{name} is deprecated; use {OLD_NAMES[name]}." for name in old)
        return Finding(Subject.VARIABLES, Health.WARN, detail, Reason.MACHINE_ODD, remedy)
    return Finding(Subject.VARIABLES, Health.OK, detail)


def terminal(why_not: str) -> Finding:
    """Whether somebody can be asked. That nobody can is as it should be in a pipeline."""
    detail = f"Nobody can be asked: {why_not}." if why_not else "Somebody can be asked."
    return Finding(Subject.TERMINAL, Health.OK, detail)


def retirement(end: date | None, source: str, today: date) -> Finding:
    """The day on which tokens of all organizations stop, as we count."""
    if end is None:
        detail = f"Never ({source})."
    else:
        days = (end - today).days
        when = (
            f"{count_days(days)} from today"
            if days > 0
            else "today"
            if days == 0
            else f"{count_days(-days)} ago"
        )
        detail = f"{end.isoformat()} ({source}), {when} by this machine's clock. Azure DevOps Services only."
    return Finding(Subject.RETIREMENT, Health.OK, detail)


def folder(facts: FolderFacts) -> Iterator[Finding]:
    """Where our records are, for whom, and how much fits there."""
    if not facts.exists:
        yield Finding(
            Subject.FOLDER,
            Health.OK,
            f"{facts.path} is not there yet; the first connection makes it.",
        )
    elif facts.mode is not None and facts.mode & 0o077:
        detail = f"{facts.path} (mode {facts.mode:04o}) is yours, and others can look into it: names and dates."
        yield Finding(
            Subject.FOLDER,
            Health.WARN,
            detail,
            Reason.MACHINE_ODD,
            remedy=f"Run: chmod 700 {facts.path}",
        )
    else:
        mode = f" (mode {facts.mode:04o})" if facts.mode is not None else ""
        yield Finding(Subject.FOLDER, Health.OK, f"{facts.path}{mode} is yours alone.")
    if facts.free is None:
        detail = "Not known: the system does not tell."
        yield Finding(Subject.SPACE, Health.SKIP, detail, Reason.NOT_PROVABLE)
    elif facts.free < LITTLE_SPACE:
        yield Finding(
            Subject.SPACE,
            Health.WARN,
            f"{facts.free // 1024} KiB.",
            Reason.MACHINE_ODD,
            remedy="Make room on that disk, or raise the quota.",
        )
    else:
        yield Finding(Subject.SPACE, Health.OK, f"{facts.free // (1024 * 1024)} MiB.")


def aside(facts: FolderFacts) -> Finding:
    """Damaged records that were set aside: only they know under which names their tokens are in the keyring."""
    if not facts.aside:
        return Finding(Subject.ASIDE, Health.OK, "None.")
    detail = f"{listed(facts.aside)} in {facts.path}; the tokens that they name are in the keyring still."
    remedy = "Mend it, and put it back as catalog.json. Or remove those tokens from the keyring, then the file."
    return Finding(Subject.ASIDE, Health.WARN, detail, Reason.UNFINISHED, remedy)


def unfinished(catalogue: Catalogue) -> Iterator[Finding]:
    """What earlier runs left to be done, each with the command that goes on with it."""
    entries = tuple(entry for _, entry in sorted(catalogue.connections.items()))
    waiting = [entry.name for entry in entries if entry.successors]
    due = [entry.name for entry in entries if _is_handed_off(entry)]
    yield _left(Subject.PENDING, sorted(catalogue.pending), "Storing was interrupted", "connect")
    yield _left(
        Subject.SUCCESSORS, waiting, "Proven, but Invicti ASPM does not have it yet", "handoff"
    )
    yield _erasing(len(catalogue.erasing))
    yield _ordered(catalogue.ordered)
    yield _left(
        Subject.HANDOFF,
        due,
        "The values are still to be entered there",
        "handoff",
        Reason.HANDED_OFF,
    )


def draft(answers: Iterable[str] | None) -> Finding:
    """The draft, by the names of its answers; never what they are."""
    if answers is None:
        return Finding(Subject.DRAFT, Health.OK, "None.")
    detail = f"A run was interrupted; these answers are offered again: {listed(sorted(answers)) or 'none'}."
    return Finding(
        Subject.DRAFT, Health.WARN, detail, Reason.UNFINISHED, remedy="Go on with: aspm-ado connect"
    )


def targets(catalogue: Catalogue, simulator: str | None) -> tuple[Target, ...]:
    """The hosts in use, each once: Azure DevOps Services unless only others are stored, then Servers, then ASPMs."""
    if simulator:
        return (Target(Origin.of(simulator), SERVICES_URL),)
    entries = tuple(catalogue.connections.values())
    services = dict.fromkeys(
        entry.ca_bundle for entry in entries if entry.deployment == Deployment.SERVICES
    )
    found = [
        Target(Origin("https", host, 443), SERVICES_URL, bundle)
        for bundle in services or ([] if entries else [None])
        for host in SERVICES_HOSTS
    ]
    found += [
        Target(Origin.of(entry.base_url), entry.base_url, entry.ca_bundle)
        for entry in entries
        if entry.deployment != Deployment.SERVICES
    ]
    found += [
        Target(Origin.of(entry.aspm.url), ca_bundle=entry.ca_bundle)
        for entry in entries
        if entry.aspm
    ]
    once: dict[tuple[Origin, str | None], Target] = {}
    for target in found:
        once.setdefault((target.origin, target.ca_bundle), target)
    return tuple(once.values())


def date_url(contacts: Iterable[Contact]) -> tuple[str, str | None] | None:
    """What to ask for the time of day, without a token: an address of an Azure DevOps that was reached, and its CA.

    Anybody is refused there, with a ``Date``. ``profiles/me`` is the one documented address that names no organization;
    where its host is not reached, the front page of another serves.
    """
    reached = [one.target for one in contacts if one.reached and one.target.base_url]
    asked = {target: _date_url(target) for target in reached}
    documented = [target for target in reached if "/_apis/" in asked[target]]
    return next(((asked[target], target.ca_bundle) for target in (*documented, *reached)), None)


def _date_url(target: Target) -> str:
    if target.base_url != SERVICES_URL:
        return f"{target.base_url}/_apis/projectCollections?api-version=5.0"
    if target.origin.is_loopback or target.origin == Origin.of(ACCOUNT_URL):
        return f"{ACCOUNT_URL}/_apis/profile/profiles/me?api-version=7.1"
    return f"{target.origin}/"


def proxies(ways: Mapping[str, Way]) -> Finding:
    """Which host is reached how, by the variable that says so. ``ways`` are by the names of the hosts."""
    by_words: dict[str, list[str]] = {}
    for name, way in ways.items():
        by_words.setdefault(_words(way), []).append(name)
    detail = "; ".join(f"{listed(names)}: {words}" for words, names in by_words.items()) + "."
    bad = sorted({way.variable for way in ways.values() if not way.usable})
    if bad:
        remedy = (
            f"Set {listed(bad)} to an HTTP proxy, http://HOST:PORT, or name the hosts in NO_PROXY."
        )
        return Finding(Subject.PROXY, Health.FAIL, detail, Reason.PROXY_FAILED, remedy)
    return Finding(Subject.PROXY, Health.OK, detail)


def contact(found: Contact) -> Iterator[Finding]:
    """Name, connection and TLS of one host, each for itself."""
    target = found.target
    yield _step(Subject.DNS, target, found.name)
    if found.connect is None:
        yield _behind(Subject.CONNECT, target)
    else:
        yield _step(Subject.CONNECT, target, found.connect)
    if found.tls is not None:
        yield _step(Subject.TLS, target, found.tls)
    elif target.origin.scheme == "https":
        yield _behind(Subject.TLS, target)
    elif target.origin.is_loopback:
        detail = "None: plain http on this machine."
        yield Finding(Subject.TLS, Health.SKIP, detail, Reason.NOT_WANTED, about=target.name)
    else:
        detail = "None: it was accepted with --allow-http that secrets travel in clear."
        remedy = "Give that server a certificate, and connect again with its https address."
        yield Finding(
            Subject.TLS, Health.WARN, detail, Reason.HTTP_REFUSED, remedy, about=target.name
        )


def clock(reading: Reading | None, *, simulated: bool) -> Finding:
    """The clock of this machine against the ``Date`` of an answer."""
    if reading is None:
        detail = "Not compared: no Azure DevOps could be reached."
        return Finding(Subject.CLOCK, Health.SKIP, detail, Reason.NOT_ASKED)
    if reading.there is None:
        detail = f"Not compared: GET {reading.asked} brought no date. {reading.problem}".strip()
        return Finding(Subject.CLOCK, Health.SKIP, detail, Reason.ANSWER_UNREADABLE)
    if simulated:
        detail = f"Not judged: a simulation has a day of its own ({reading.there:%Y-%m-%d})."
        return Finding(Subject.CLOCK, Health.SKIP, detail, Reason.NOT_WANTED)
    skew = abs(reading.here - reading.there)
    evidence = f"by the Date of the answer to GET {reading.asked}, asked without a token"
    if skew <= SKEW_WARNED:
        return Finding(Subject.CLOCK, Health.OK, f"Right, {evidence}.")
    detail = (
        f"{_lasting(skew)} {'ahead' if reading.here > reading.there else 'behind'}, {evidence}."
    )
    remedy = "Set the clock, and let the system keep it right (on Linux: timedatectl set-ntp true)."
    return Finding(
        Subject.CLOCK,
        Health.WARN if skew <= SKEW_REFUSED else Health.FAIL,
        detail,
        Reason.CLOCK_WRONG,
        remedy,
    )


def _lasting(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    for size, unit in ((24 * 60, "days"), (60, "hours")):
        if minutes >= 2 * size:
            return f"{minutes // size} {unit}"
    return f"{minutes} minutes"


def _words(way: Way) -> str:
    if not way.proxy:
        return f"directly ({way.exempt})" if way.exempt else "directly"
    if not way.usable:
        return f"not at all: {way.variable} names a proxy that cannot be used, {way.proxy}"
    return f"through {way.proxy} ({way.variable}{', with a sign-in' if way.signs_in else ''})"


def _step(subject: Subject, target: Target, step: Step) -> Finding:
    if step.failure is None:
        return Finding(
            subject, Health.OK, step.said, milliseconds=step.milliseconds, about=target.name
        )
    return Finding(
        subject, Health.FAIL, step.problem, step.failure, step.remedy, step.milliseconds, about=target.name
    )  # fmt: skip


def _behind(subject: Subject, target: Target) -> Finding:
    return Finding(
        subject,
        Health.SKIP,
        "Not tried, since the step before failed.",
        Reason.NOT_ASKED,
        about=target.name,
    )


def _left(
    subject: Subject, names: list[str], what: str, command: str, reason: Reason = Reason.UNFINISHED
) -> Finding:
    if not names:
        return Finding(subject, Health.OK, "None.")
    commands = "; ".join(f"aspm-ado {command} {clean(name, 60)}" for name in names[:_COMMANDS])
    return Finding(
        subject, Health.WARN, f"{what}: {listed(names)}.", reason, f"Go on with: {commands}"
    )


def _erasing(count: int) -> Finding:
    if not count:
        return Finding(Subject.ERASING, Health.OK, "None.")
    remedy = "Open the keyring, then: aspm-ado connect (or rotate, or disconnect); each begins with what is left."
    return Finding(
        Subject.ERASING,
        Health.WARN,
        f"{count} old secrets could not be erased yet.",
        Reason.UNFINISHED,
        remedy,
    )


def _ordered(orders: Sequence[TokenOrder]) -> Finding:
    """Tokens that an interrupted run had created, or may have, and did not keep; or had replaced, and not revoked."""
    if not orders:
        return Finding(Subject.ORDERED, Health.OK, "None.")
    detail = f"Left of interrupted runs, as far as they were created: {listed(one.display_name for one in orders)}."
    where = listed(dict.fromkeys(one.organization for one in orders))
    remedy = f"The next creation there revokes it; or do it by hand, on the token page of {where}."
    return Finding(Subject.ORDERED, Health.WARN, detail, Reason.UNFINISHED, remedy)


def _is_handed_off(entry: Entry) -> bool:
    return any(
        one.registration.state is RegistrationState.HANDED_OFF for one in entry.organizations
    )
