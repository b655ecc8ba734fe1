"""``doctor``: five areas of a machine are examined, and what fails in one hides no other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

from aspm_ado.domain import doctor as rules
from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.doctor import Health, HealthCheck, Subject, shortlist
from aspm_ado.domain.errors import Problem, StoreError, UserError
from aspm_ado.domain.http import Call
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.stored import CATALOGUE_SCHEMA, Catalogue
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from datetime import datetime

    from aspm_ado.domain.doctor import (
        FolderFacts,
        Host,
        HostResult,
        MachineFacts,
        ProxyUse,
    )
    from aspm_ado.domain.http import Origin, Reply
    from aspm_ado.domain.ports import Records, Vault


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
    """How this machine reaches others."""

    def proxy_of(self, origin: Origin) -> ProxyUse:
        """How a host is reached."""
        ...

    def trusted(self, ca_bundle: str | None) -> tuple[Sequence[str], Sequence[str]]:
        """Where the trusted certificates came from, and notes on what could not be read.

        The file that a connection names is among them. Raises ``UserError`` where it cannot be.
        """
        ...

    def connect(self, hosts: Sequence[Host]) -> list[HostResult]:
        """Connect to each host, side by side, each within its own time."""
        ...

    def send(self, call: Call) -> Reply:
        """Send one call."""
        ...


@dataclass
class Machine:
    """What is known of the machine, and what can be tried on it.

    What may be refused is opened by the examination that needs it.
    """

    facts: MachineFacts
    vault: Vault
    folder: Callable[[], Folder]
    records: Callable[[], Records]
    network: Network
    now: Callable[[], datetime]

    @cached_property
    def stored(self) -> Catalogue | UserError:
        """What is stored, read once; or why it cannot be."""
        try:
            stored = self.records().load()
        except UserError as error:
            return error
        try:
            rules.hosts_in_use(stored, None)
        except UserError as error:
            return StoreError(
                Reason.RECORDS_UNREADABLE,
                f"An address on record cannot be used. {error.problem}",
                remedy="Disconnect it, and connect again.",
            )
        return stored

    @property
    def readable(self) -> Catalogue:
        """What is stored; nothing where that cannot be read."""
        return self.stored if isinstance(self.stored, Catalogue) else Catalogue()


def diagnose(machine: Machine, on_step: Callable[[int, int, str], None]) -> tuple[HealthCheck, ...]:
    """All findings, in the order of the areas.

    ``on_step`` is given how many areas are done, of how many, and the name of the next.
    """
    found: list[HealthCheck] = []
    for done, (name, first, examine) in enumerate(EXAMINATIONS):
        on_step(done, len(EXAMINATIONS), name)
        try:
            found.extend(examine(machine))
        except UserError as error:
            found.append(rules.failed(first, error))
    on_step(len(EXAMINATIONS), len(EXAMINATIONS), "")
    return tuple(found)


def _timed(work: Callable[[], object]) -> tuple[int, UserError | None]:
    """The milliseconds that ``work`` took, and what it was refused with."""
    started = time.perf_counter()
    refusal = None
    try:
        work()
    except UserError as error:
        refusal = error
    return round((time.perf_counter() - started) * 1000), refusal


def _machine(machine: Machine) -> Iterator[HealthCheck]:
    facts = machine.facts
    yield from rules.software(facts.software)
    yield rules.variables(facts.variables)
    yield rules.terminal(facts.nobody_asks)
    deployments = {entry.deployment for entry in machine.readable.connections.values()}
    if deployments != {Deployment.SERVER}:
        today = machine.now().date()
        yield rules.retirement(facts.global_end, facts.global_end_source, today)


def _keyring(machine: Machine) -> Iterator[HealthCheck]:
    """The class in use, and one reading of a name that does not exist.

    A write would open a dialog on macOS.
    """
    if not machine.facts.keeps_secrets and machine.stored == Catalogue():
        detail = "Not needed: ASPM_ADO_STORE is none, and nothing is stored."
        yield rules.not_tried(Subject.KEYRING, detail, Reason.NOTHING_KEPT)
        yield rules.not_tried(Subject.PROBE, "Not needed.", Reason.NOTHING_KEPT)
        return
    spent, refusal = _timed(lambda: machine.vault.title)
    if refusal is not None:
        yield rules.failed(Subject.KEYRING, refusal, spent)
        detail = "Skipped: there is no usable keyring."
        yield rules.not_tried(Subject.PROBE, detail)
        return
    title = clean(machine.vault.title)
    yield rules.ok(Subject.KEYRING, f"{title}: the operating system's own.", spent)
    spent, refusal = _timed(machine.vault.probe)
    if refusal is not None:
        yield rules.failed(Subject.PROBE, refusal, spent)
        return
    detail = "It answered; nothing was written, and no secret was read."
    yield rules.ok(Subject.PROBE, detail, spent)
    yield _unnamed(machine)


def _unnamed(machine: Machine) -> HealthCheck:
    if isinstance(machine.stored, UserError):
        return rules.not_tried(Subject.UNNAMED, "Skipped: the records cannot be read.")
    try:
        listed = machine.vault.services()
    except StoreError as error:
        return rules.failed(Subject.UNNAMED, error, health=Health.WARN)
    if listed is None:
        return rules.not_tried(Subject.UNNAMED, rules.UNLISTED)
    return rules.unnamed(listed, machine.stored)


def _folder(machine: Machine) -> Iterator[HealthCheck]:
    folder = machine.folder()
    facts = folder.look()
    yield from rules.folder(facts)
    spent, refusal = _timed(folder.prove_writable)
    if refusal is not None:
        yield rules.failed(Subject.WRITABLE, refusal, spent)
        yield rules.not_tried(Subject.LOCK, "Skipped: the folder is not writable.")
        return
    detail = "A file was written and removed." if facts.exists else "The folder can be made."
    yield rules.ok(Subject.WRITABLE, detail, spent)
    yield _lock(folder, exists=facts.exists)
    yield rules.aside(facts)


def _lock(folder: Folder, *, exists: bool) -> HealthCheck:
    if exists:
        try:
            folder.prove_free()
        except UserError as error:
            is_held = error.reason is Reason.RECORDS_LOCKED
            health = Health.WARN if is_held else Health.FAIL
            return rules.failed(Subject.LOCK, error, health=health)
    return rules.ok(Subject.LOCK, "Free.")


def _catalogue(machine: Machine) -> Iterator[HealthCheck]:
    stored = machine.stored
    if isinstance(stored, UserError):
        yield rules.failed(Subject.CATALOGUE, stored)
        return
    names = sorted(stored.connections)
    detail = f"{len(names)} ({shortlist(names)})" if names else "None stored"
    yield rules.ok(Subject.CATALOGUE, f"{detail}; schema {CATALOGUE_SCHEMA}.")
    yield from rules.unfinished_work(stored)
    try:
        draft = machine.records().load_draft()
    except StoreError as error:
        yield rules.failed(Subject.DRAFT, error, health=Health.WARN)
    else:
        yield rules.draft(draft.answers if draft else None)


def _network(machine: Machine) -> Iterator[HealthCheck]:
    network, simulator = machine.network, machine.facts.simulator
    hosts = rules.hosts_in_use(machine.readable, simulator)
    yield rules.proxies({host.name: network.proxy_of(host.origin) for host in hosts})
    for bundle in dict.fromkeys((None, *(host.ca_bundle for host in hosts))):
        yield _trust(network, bundle)
    results = network.connect(hosts)
    for result in results:
        yield from rules.host_checks(result)
    reply = _asked_for_the_date(machine, results)
    yield rules.clock(reply, machine.now(), simulated=simulator is not None)


def _trust(network: Network, bundle: str | None) -> HealthCheck:
    about = clean(bundle) if bundle else ""
    try:
        sources, notes = network.trusted(bundle)
    except UserError as error:
        # No connection can be trusted, as where a call meets it: exit code 5.
        problem = Problem(Reason.TLS_UNTRUSTED, error.problem, error.remedy)
        return rules.failed(Subject.TRUST, problem, about=about)
    detail = f"{'; '.join(sources)}."
    if not notes:
        return rules.ok(Subject.TRUST, detail, about=about)
    detail = f"{detail} {' '.join(notes)}"
    return rules.trouble(Subject.TRUST, detail, about=about)


def _asked_for_the_date(machine: Machine, results: Sequence[HostResult]) -> Reply | None:
    """The answer to one GET without a token."""
    found = rules.date_url(results)
    if found is None:
        return None
    url, bundle = found
    headers = (("X-TFS-FedAuthRedirect", "Suppress"),)
    return machine.network.send(Call("GET", url, headers=headers, ca_bundle=bundle))


EXAMINATIONS: Final[tuple[tuple[str, Subject, Callable[[Machine], Iterable[HealthCheck]]], ...]] = (
    ("this machine", Subject.PROGRAM, _machine),
    ("the keyring", Subject.KEYRING, _keyring),
    ("the config folder", Subject.FOLDER, _folder),
    ("what is stored", Subject.CATALOGUE, _catalogue),
    ("the network", Subject.PROXY, _network),
)
"""The name of each area, the check that fails when the whole area does, and how to examine it."""
