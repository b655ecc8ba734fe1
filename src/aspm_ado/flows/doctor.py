"""``doctor``: check five areas of a machine. A failure in one does not hide another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

from aspm_ado.domain import doctor as rules
from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.doctor import Health, HealthCheck, Subject
from aspm_ado.domain.http import Call
from aspm_ado.domain.reasons import Problem, Reason, StoreError, UserError
from aspm_ado.domain.stored import CATALOGUE_SCHEMA, Catalogue
from aspm_ado.domain.text import clean, some_of

if TYPE_CHECKING:
    from datetime import datetime

    from aspm_ado.domain.doctor import FolderFacts, Host, HostResult, MachineFacts, ProxyUse
    from aspm_ado.domain.http import Origin, Reply
    from aspm_ado.domain.ports import Records, Vault


class Folder(Protocol):
    """The configuration directory. Every method may raise ``StoreError``; none changes it."""

    def look(self) -> FolderFacts:
        """Read its facts. Raise for a directory that the records would refuse."""
        ...

    def prove_writable(self) -> None:
        """Raise if it is not writable."""
        ...

    def prove_free(self) -> None:
        """Raise if another run holds the lock."""
        ...


class Network(Protocol):
    """The network of this machine."""

    def proxy_of(self, origin: Origin) -> ProxyUse:
        """The proxy for a host."""
        ...

    def trusted(self, ca_bundle: str | None) -> tuple[Sequence[str], Sequence[str]]:
        """The sources of trusted certificates, and notes on unreadable ones.

        Raises ``UserError`` if the bundle of a connection is unreadable.
        """
        ...

    def connect(self, hosts: Sequence[Host]) -> list[HostResult]:
        """Connect to all hosts in parallel."""
        ...

    def send(self, call: Call) -> Reply:
        """Send one call."""
        ...


@dataclass
class Machine:
    """The machine to check. What may fail is opened by the check that needs it."""

    facts: MachineFacts
    vault: Vault
    folder: Callable[[], Folder]
    records: Callable[[], Records]
    network: Network
    now: Callable[[], datetime]

    @cached_property
    def stored(self) -> Catalogue | UserError:
        """What is stored, read once, or why it is unreadable."""
        try:
            stored = self.records().load()
        except UserError as error:
            return error
        try:
            rules.hosts_in_use(stored, None)
        except UserError as error:
            return StoreError(
                Reason.RECORDS_UNREADABLE,
                f"A stored URL is not valid. {error.problem}",
                remedy="Remove that connection with `aspm-ado disconnect`, and connect again.",
            )
        return stored

    @property
    def readable(self) -> Catalogue:
        """What is stored, or nothing if it is unreadable."""
        return self.stored if isinstance(self.stored, Catalogue) else Catalogue()


def diagnose(machine: Machine, on_step: Callable[[int, int, str], None]) -> tuple[HealthCheck, ...]:
    """Return all findings, in the order of the areas.

    ``on_step`` gets the number of areas done, their total, and the name of the next.
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
    """The milliseconds that ``work`` took, and its error."""
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
    """Check the keyring by reading a name that does not exist: a write opens a dialog on macOS."""
    if not machine.facts.keeps_secrets and machine.stored == Catalogue():
        detail = "Skipped: ASPM_ADO_STORE is none, and nothing is stored."
        yield rules.not_tried(Subject.KEYRING, detail, Reason.NOTHING_KEPT)
        yield rules.not_tried(Subject.PROBE, "Skipped: no keyring is needed.", Reason.NOTHING_KEPT)
        return
    spent, refusal = _timed(lambda: machine.vault.title)
    if refusal is not None:
        yield rules.failed(Subject.KEYRING, refusal, spent)
        detail = "Skipped: there is no usable keyring."
        yield rules.not_tried(Subject.PROBE, detail)
        return
    title = clean(machine.vault.title)
    yield rules.ok(Subject.KEYRING, f"{title}, of the operating system.", spent)
    spent, refusal = _timed(machine.vault.probe)
    if refusal is not None:
        yield rules.failed(Subject.PROBE, refusal, spent)
        return
    detail = "The keyring answers. This check reads no secret and writes nothing."
    yield rules.ok(Subject.PROBE, detail, spent)
    yield _unnamed(machine)


def _unnamed(machine: Machine) -> HealthCheck:
    if isinstance(machine.stored, UserError):
        return rules.not_tried(Subject.UNNAMED, "Skipped: the configuration is unreadable.")
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
        yield rules.not_tried(Subject.LOCK, "Skipped: the directory is not writable.")
        return
    detail = "Wrote and deleted a file." if facts.exists else "aspm-ado can create the directory."
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
    detail = f"{len(names)}: {some_of(names)}" if names else "None"
    yield rules.ok(Subject.CATALOGUE, f"{detail} (schema {CATALOGUE_SCHEMA}).")
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
        # As for a call, no connection can be trusted: exit code 5.
        problem = Problem(Reason.TLS_UNTRUSTED, error.problem, error.remedy)
        return rules.failed(Subject.TRUST, problem, about=about)
    detail = f"{'; '.join(sources)}."
    if not notes:
        return rules.ok(Subject.TRUST, detail, about=about)
    detail = f"{detail} {' '.join(notes)}"
    return rules.trouble(Subject.TRUST, detail, about=about)


def _asked_for_the_date(machine: Machine, results: Sequence[HostResult]) -> Reply | None:
    """Send one GET without a token."""
    found = rules.date_url(results)
    if found is None:
        return None
    url, bundle = found
    headers = (("X-TFS-FedAuthRedirect", "Suppress"),)
    return machine.network.send(Call("GET", url, headers=headers, ca_bundle=bundle))


EXAMINATIONS: Final[tuple[tuple[str, Subject, Callable[[Machine], Iterable[HealthCheck]]], ...]] = (
    ("this machine", Subject.PROGRAM, _machine),
    ("the keyring", Subject.KEYRING, _keyring),
    ("the configuration directory", Subject.FOLDER, _folder),
    ("the connections", Subject.CATALOGUE, _catalogue),
    ("the network", Subject.PROXY, _network),
)
"""Per area: its name, the check that fails if all of it fails, and how to check it."""
