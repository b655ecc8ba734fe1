"""From the facts of a machine to the rows of ``doctor``: pure rules, one for each thing that people stumble over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.calls import ACCOUNT_URL
from aspm_ado.domain.connection import RegistrationState
from aspm_ado.domain.diagnosis import Finding, Health, Subject, listed
from aspm_ado.domain.machine import OLD_NAMES, Target, telling, unknown
from aspm_ado.domain.origin import Origin
from aspm_ado.domain.place import SERVICES_HOSTS, SERVICES_URL
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.requirements import Deployment
from aspm_ado.domain.retirement import days_said
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.catalogue import Catalogue
    from aspm_ado.domain.connection import Entry
    from aspm_ado.domain.machine import Contact, FolderFacts, Reading, Software, Step, Way
    from aspm_ado.domain.ordered import Ordered

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
            f"{days_said(days)} from today"
            if days > 0
            else "today"
            if days == 0
            else f"{days_said(-days)} ago"
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


def _ordered(orders: Sequence[Ordered]) -> Finding:
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
