"""Our one book: every connection, and what a crash would otherwise leave behind; never a secret."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.ordered import Ordered, still_open

if TYPE_CHECKING:
    from aspm_ado.domain.connection import Entry

CATALOGUE_SCHEMA: Final = "aspm-ado/catalog/v1"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All connections by name, whole; and the ASPM tokens by origin (origin → service in the secret store)."""

    connections: dict[str, Entry] = field(default_factory=dict)
    pending: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Connections whose secrets are being written, and the services of those: what a crash leaves to be undone."""
    aspm_tokens: dict[str, str] = field(default_factory=dict)
    erasing: tuple[str, ...] = ()
    """Services whose secrets are to be erased: written before, removed after, so that a crash orphans none."""
    ordered: tuple[Ordered, ...] = ()
    """Tokens of ours that nothing holds: ordered and not kept yet, or replaced and not revoked yet."""

    def begin(self, name: str, services: tuple[str, ...]) -> Catalogue:
        """The same, saying that these secrets are about to be written for ``name``."""
        return replace(self, pending={**self.pending, name: services})

    def commit(self, entry: Entry, aspm: tuple[str, str] | None = None) -> Catalogue:
        """The same with ``entry`` in force (and the ASPM token of an origin), and what they replace to be erased."""
        return self._settled(
            entry.name,
            replace(
                self,
                connections={**self.connections, entry.name: entry},
                aspm_tokens={**self.aspm_tokens, **dict([aspm] if aspm else [])},
            ),
        )

    def commit_aspm(self, origin: str, service: str) -> Catalogue:
        """The same with ``service`` holding the API token of an ASPM; the one it replaces is to be erased."""
        return self._settled(
            origin, replace(self, aspm_tokens={**self.aspm_tokens, origin: service})
        )

    def abandon(self, name: str) -> Catalogue:
        """The same without what was pending under ``name``; its secrets are to be erased."""
        return self._settled(name, self)

    def erased(self, services: frozenset[str]) -> Catalogue:
        """The same without ``services`` on the list of what is to be erased."""
        return replace(
            self, erasing=tuple(service for service in self.erasing if service not in services)
        )

    def without(self, name: str) -> Catalogue:
        """The same without the connection ``name``; what only it used is to be erased."""
        kept = {key: entry for key, entry in self.connections.items() if key != name}
        origins = {entry.aspm.url for entry in kept.values() if entry.aspm}
        tokens = {url: service for url, service in self.aspm_tokens.items() if url in origins}
        return self._settled(name, replace(self, connections=kept, aspm_tokens=tokens))

    def _settled(self, name: str, after: Catalogue) -> Catalogue:
        """``after``, with nothing pending under ``name``, and what it does not name any more to be erased."""
        left = {*self.services, *self.pending.get(name, ())} - after.services
        pending = {key: services for key, services in self.pending.items() if key != name}
        ordered = still_open(after.ordered, after.authorizations)
        return replace(
            after, pending=pending, erasing=tuple(sorted({*self.erasing, *left})), ordered=ordered
        )

    @property
    def authorizations(self) -> frozenset[str]:
        """The ids of the tokens on record that were made here."""
        known = (
            one.authorization_id
            for entry in self.connections.values()
            for one in entry.known_credentials
        )
        return frozenset(known) - {""}

    @property
    def services(self) -> frozenset[str]:
        """Every secret that something in force names."""
        named = {service for entry in self.connections.values() for service in entry.services}
        return frozenset(named | set(self.aspm_tokens.values()))


@dataclass(frozen=True, slots=True)
class Draft:
    """The answers of a run that was interrupted, without secrets, to be offered again."""

    answers: dict[str, str]
    saved: str = ""
