"""The health of this machine: a list of diagnoses, each with its way to find out, none able to hide another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

from aspm_ado.domain import doctor as symptoms
from aspm_ado.domain.azure.scopes import Deployment
from aspm_ado.domain.doctor import Finding, Health, Reading, Subject, listed
from aspm_ado.domain.errors import StoreError, UserError
from aspm_ado.domain.http import Call
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.stored import CATALOGUE_SCHEMA, Catalogue
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from datetime import date, datetime

    from aspm_ado.domain.doctor import Anchors, Contact, FolderFacts, Software, Target, Way
    from aspm_ado.domain.http import Origin
    from aspm_ado.domain.ports import Records, Send, Vault


class Folder(Protocol):
    """The folder of our records. Every method may raise ``StoreError``; none makes or mends it."""

    def look(self) -> FolderFacts:
        """What it is; refuses one that our records would refuse."""
        ...

    def prove_writable(self) -> None:
        """Raise if nothing can be written there."""
        ...

    def prove_free(self) -> None:
        """Raise if another run holds the lock."""
        ...


class Network(Protocol):
    """The ways out of this machine."""

    def way(self, origin: Origin) -> Way:
        """How a host is reached."""
        ...

    def anchors(self, ca_bundle: str | None) -> Anchors:
        """Who is trusted, with the file that a connection names. Raises ``UserError`` where that cannot be read."""
        ...

    def reach(self, targets: Sequence[Target]) -> list[Contact]:
        """Go to each host, side by side, each within its own time."""
        ...


@dataclass
class Patient:
    """The machine, as a diagnosis may touch it. What may be refused is opened by the diagnosis that needs it."""

    software: Callable[[], Software]
    variables: Sequence[str]
    """The names of all that are set."""
    nobody_asks: str
    """Why nobody can be asked; empty when somebody can."""
    global_end: date | None
    global_end_source: str
    vault: Vault
    keeps_secrets: bool
    """Whether a keyring is wanted at all (``ASPM_ADO_STORE=none``)."""
    folder: Callable[[], Folder]
    records: Callable[[], Records]
    network: Network
    send: Send
    simulator: str | None
    now: Callable[[], datetime]
    stopwatch: Callable[[], float]

    @cached_property
    def stored(self) -> Catalogue | UserError:
        """What is stored, read once; or why it cannot be."""
        try:
            stored = self.records().load()
        except UserError as error:
            return error
        try:
            symptoms.targets(stored, None)
        except UserError as error:
            problem = f"An address on record cannot be used. {error.problem}"
            return StoreError(
                Reason.RECORDS_UNREADABLE, problem, remedy="Disconnect it, and connect again."
            )
        return stored

    def timed(self, work: Callable[[], object]) -> tuple[int, UserError | None]:
        """The milliseconds that ``work`` took, and what it was refused with."""
        started = self.stopwatch()
        refusal = None
        try:
            work()
        except UserError as error:
            refusal = error
        return round((self.stopwatch() - started) * 1000), refusal


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing to find out: its name, the row that tells when it cannot be found out, and how it is."""

    name: str
    first: Subject
    how: Callable[[Patient], Iterable[Finding]]


def diagnose(patient: Patient, on_step: Callable[[int, int, str], None]) -> tuple[Finding, ...]:
    """All findings, in the order of the list. ``on_step`` is told how many are done, of how many, and what is next."""
    found: list[Finding] = []
    for done, diagnosis in enumerate(DIAGNOSES):
        on_step(done, len(DIAGNOSES), diagnosis.name)
        try:
            found.extend(diagnosis.how(patient))
        except UserError as error:
            found.append(_refused(diagnosis.first, error))
    on_step(len(DIAGNOSES), len(DIAGNOSES), "")
    return tuple(found)


def _machine(patient: Patient) -> Iterator[Finding]:
    yield from symptoms.software(patient.software())
    yield symptoms.variables(patient.variables)
    yield symptoms.terminal(patient.nobody_asks)
    entries = patient.stored.connections.values() if isinstance(patient.stored, Catalogue) else ()
    if not entries or any(entry.deployment != Deployment.SERVER for entry in entries):
        yield symptoms.retirement(
            patient.global_end, patient.global_end_source, patient.now().date()
        )


def _keyring(patient: Patient) -> Iterator[Finding]:
    """Which class, and one reading of a name that does not exist: a write would open a dialog on macOS."""
    if not patient.keeps_secrets and patient.stored == Catalogue():
        detail = "Not needed: ASPM_ADO_STORE is none, and nothing is stored."
        yield Finding(Subject.KEYRING, Health.SKIP, detail, Reason.NOTHING_KEPT)
        yield Finding(Subject.PROBE, Health.SKIP, "Not needed.", Reason.NOTHING_KEPT)
        return
    titles: list[str] = []
    spent, refusal = patient.timed(lambda: titles.append(patient.vault.title))
    if refusal is not None:
        yield _refused(Subject.KEYRING, refusal, spent)
        yield _skipped(Subject.PROBE, "Not tried, since there is no keyring that may be used.")
        return
    yield Finding(
        Subject.KEYRING,
        Health.OK,
        f"{clean(titles[0])}: the operating system's own.",
        milliseconds=spent,
    )
    spent, refusal = patient.timed(patient.vault.probe)
    if refusal is not None:
        yield _refused(Subject.PROBE, refusal, spent)
        return
    detail = "It answered; nothing was written, and no secret was read."
    yield Finding(Subject.PROBE, Health.OK, detail, milliseconds=spent)


def _records(patient: Patient) -> Iterator[Finding]:
    folder = patient.folder()
    facts = folder.look()
    yield from symptoms.folder(facts)
    spent, refusal = patient.timed(folder.prove_writable)
    if refusal is not None:
        yield _refused(Subject.WRITABLE, refusal, spent)
        yield _skipped(Subject.LOCK, "Not tried, since nothing can be written there.")
        return
    detail = "A file was written and removed." if facts.exists else "The folder can be made."
    yield Finding(Subject.WRITABLE, Health.OK, detail, milliseconds=spent)
    yield _lock(patient, folder, exists=facts.exists)
    yield symptoms.aside(facts)


def _lock(patient: Patient, folder: Folder, *, exists: bool) -> Finding:
    if not exists:
        return Finding(Subject.LOCK, Health.OK, "Free.")
    _, refusal = patient.timed(folder.prove_free)
    if refusal is None:
        return Finding(Subject.LOCK, Health.OK, "Free.")
    health = Health.WARN if refusal.reason is Reason.RECORDS_LOCKED else Health.FAIL
    return Finding(Subject.LOCK, health, refusal.problem, refusal.reason, refusal.remedy)


def _catalogue(patient: Patient) -> Iterator[Finding]:
    stored = patient.stored
    if isinstance(stored, UserError):
        yield _refused(Subject.CATALOGUE, stored)
        return
    names = sorted(stored.connections)
    detail = f"{len(names)} ({listed(names)})" if names else "None stored"
    yield Finding(Subject.CATALOGUE, Health.OK, f"{detail}; schema {CATALOGUE_SCHEMA}.")
    yield from symptoms.unfinished(stored)
    try:
        draft = patient.records().load_draft()
    except StoreError as error:
        yield Finding(Subject.DRAFT, Health.WARN, error.problem, error.reason, error.remedy)
    else:
        yield symptoms.draft(draft.answers if draft else None)


def _network(patient: Patient) -> Iterator[Finding]:
    stored = patient.stored
    targets = symptoms.targets(
        stored if isinstance(stored, Catalogue) else Catalogue(), patient.simulator
    )
    yield symptoms.proxies({target.name: patient.network.way(target.origin) for target in targets})
    for bundle in dict.fromkeys((None, *(target.ca_bundle for target in targets))):
        yield _trust(patient, bundle)
    contacts = patient.network.reach(targets)
    for contact in contacts:
        yield from symptoms.contact(contact)
    yield symptoms.clock(_reading(patient, contacts), simulated=patient.simulator is not None)


def _trust(patient: Patient, bundle: str | None) -> Finding:
    about = clean(bundle) if bundle else ""
    try:
        anchors = patient.network.anchors(bundle)
    except (
        UserError
    ) as error:  # no connection can be trusted, as where a call meets it: exit code 5
        problem, remedy = error.problem, error.remedy
        return Finding(
            Subject.TRUST, Health.FAIL, problem, Reason.TLS_UNTRUSTED, remedy, about=about
        )
    detail = f"{'; '.join(anchors.sources)}."
    if anchors.notes:
        remedy = "Name a readable file of certificates in PEM form there, or unset it."
        detail = f"{detail} {' '.join(anchors.notes)}"
        return Finding(
            Subject.TRUST, Health.WARN, detail, Reason.FILE_UNREADABLE, remedy, about=about
        )
    return Finding(Subject.TRUST, Health.OK, detail, about=about)


def _reading(patient: Patient, contacts: Sequence[Contact]) -> Reading | None:
    """What one GET without a token says of the time."""
    found = symptoms.date_url(contacts)
    if found is None:
        return None
    url, bundle = found
    reply = patient.send(
        Call("GET", url, headers=(("X-TFS-FedAuthRedirect", "Suppress"),), ca_bundle=bundle)
    )
    return Reading(clean(url), patient.now(), reply.received, reply.problem)


def _refused(subject: Subject, error: UserError, milliseconds: int | None = None) -> Finding:
    return Finding(subject, Health.FAIL, error.problem, error.reason, error.remedy, milliseconds)


def _skipped(subject: Subject, detail: str) -> Finding:
    return Finding(subject, Health.SKIP, detail, Reason.NOT_ASKED)


DIAGNOSES: Final = (
    Diagnosis("this machine", Subject.PROGRAM, _machine),
    Diagnosis("the keyring", Subject.KEYRING, _keyring),
    Diagnosis("the config folder", Subject.FOLDER, _records),
    Diagnosis("what is stored", Subject.CATALOGUE, _catalogue),
    Diagnosis("the network", Subject.PROXY, _network),
)
