"""Reading JSON that somebody may have damaged: strictly by type, with one kind of error, in plain Python."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

from aspm_ado.domain.azure.retirement import Reach, ReachDemanded
from aspm_ado.domain.azure.scopes import Deployment, Purpose
from aspm_ado.domain.questions import ASPM_API
from aspm_ado.domain.secret import TokenFormat
from aspm_ado.domain.stored import (
    CATALOGUE_SCHEMA,
    UNREGISTERED,
    Catalogue,
    Draft,
    Entry,
    Proof,
    Registration,
    RegistrationMode,
    RegistrationState,
    StoredAspm,
    StoredCredential,
    StoredOrganization,
    Successor,
    TokenOrder,
)
from aspm_ado.domain.stored import MigrationProgress as Moving
from aspm_ado.domain.text import clean

_VERSION: Final = re.compile(r"v(0|[1-9][0-9]{0,5})")

E = TypeVar("E", bound=StrEnum)


class DamagedError(Exception):
    """These bytes are not what we write. The message says where in the document, never what is there."""


class NewerError(DamagedError):
    """A later version of this program wrote them: whole, but not for us to read or replace."""


class Node:
    """One JSON object and its place in the document, read strictly by type."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise DamagedError(f"{place} is not an object")
        self._value: dict[str, object] = value
        self._place = place

    def text(self, key: str, default: str | None = None) -> str:
        """A string; ``default`` where the key is absent, or damage where there is none."""
        value = self._value.get(key, default)
        if not isinstance(value, str):
            raise DamagedError(f"{self._place}.{key} is not a string")
        return value

    def maybe(self, key: str) -> str | None:
        """A string, or ``None`` for null and for an absent key."""
        return None if self._value.get(key) is None else self.text(key)

    def maybe_day(self, key: str) -> str | None:
        """A calendar day written ``YYYY-MM-DD``, or ``None``."""
        value = self.maybe(key)
        try:
            return None if value is None else date.fromisoformat(value).isoformat()
        except ValueError:
            raise DamagedError(f"{self._place}.{key} is not a day") from None

    def flag(self, key: str) -> bool:
        """True or false; false where the key is absent."""
        value = self._value.get(key, False)
        if not isinstance(value, bool):
            raise DamagedError(f"{self._place}.{key} is not true or false")
        return value

    def one_of(self, kind: type[E], key: str, default: str | None = None) -> E:
        """A member of an enumeration; ``default`` where the key is absent, or damage where there is none."""
        try:
            return kind(self.text(key, default))
        except ValueError:
            raise DamagedError(f"{self._place}.{key} is not a known {kind.__name__}") from None

    def items(self, key: str) -> list[object]:
        """A list; empty where the key is absent."""
        value = self._value.get(key, [])
        if not isinstance(value, list):
            raise DamagedError(f"{self._place}.{key} is not a list")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        found = tuple(item for item in self.items(key) if isinstance(item, str))
        if len(found) != len(self.items(key)):
            raise DamagedError(f"{self._place}.{key} holds something other than strings")
        return found

    def nodes(self, key: str) -> list[Node]:
        """A list of objects."""
        return [
            Node(item, f"{self._place}.{key}[{index}]")
            for index, item in enumerate(self.items(key))
        ]

    def node(self, key: str) -> Node:
        """An object."""
        return Node(self._value.get(key), f"{self._place}.{key}")

    def maybe_node(self, key: str) -> Node | None:
        """An object, or ``None`` for null and for an absent key."""
        return None if self._value.get(key) is None else self.node(key)

    def named_nodes(self, key: str) -> dict[str, Node]:
        """An object whose values are objects."""
        outer = self.node(key)
        return {name: outer.node(name) for name in outer._value}

    def named_texts(self, key: str) -> dict[str, str]:
        """An object whose values are strings; empty where the key is absent."""
        outer = self.maybe_node(key)
        return {} if outer is None else {name: outer.text(name) for name in outer._value}

    def named_tables(self, key: str) -> dict[str, dict[str, str]]:
        """An object whose values are objects of strings; empty where the key is absent."""
        outer = self.maybe_node(key)
        return {} if outer is None else {name: outer.named_texts(name) for name in outer._value}

    def named_lists(self, key: str) -> dict[str, tuple[str, ...]]:
        """An object whose values are lists of strings."""
        outer = self.node(key)
        return {name: outer.texts(name) for name in outer._value}


Migration = Callable[[dict[str, object]], dict[str, object]]
"""From the document of one version to that of the next, but for its ``schema``."""


def parse(
    raw: bytes, schema: str, migrations: Mapping[int, Migration] = MappingProxyType({})
) -> Node:
    """The document, as ``schema`` has it; ``NewerError`` or ``DamagedError`` for any other bytes.

    An older version is brought up to this one, step by step: ``migrations`` has the step from each version.
    """
    value = _object(raw)
    found, wanted = _version(value, schema), int(schema.rpartition("/v")[2])
    if found > wanted:
        raise NewerError(f"its schema is version {found}")
    for version in range(found, wanted):
        if version not in migrations:
            raise DamagedError(f"its schema is version {version}, which nothing migrates")
        try:
            value = migrations[version](value)
        except (LookupError, TypeError, ValueError, AttributeError):
            raise DamagedError(f"it is not what version {version} wrote") from None
    return Node(value, "the document")


def is_older(raw: bytes, schema: str) -> int | None:
    """The version of a document that is older than ``schema``, else ``None``. Raises as ``parse`` does."""
    found = _version(_object(raw), schema)
    return found if found < int(schema.rpartition("/v")[2]) else None


def _object(raw: bytes) -> dict[str, object]:
    try:
        value = json.loads(raw.decode("utf-8"))
    except RecursionError:
        raise DamagedError("it is nested too deeply") from None
    except ValueError:  # not UTF-8, a BOM, not JSON, cut short, a number of thousands of digits
        raise DamagedError("it is not JSON in UTF-8, or was cut short") from None
    if not isinstance(value, dict):
        raise DamagedError("the document is not an object")
    return value


def _version(value: dict[str, object], schema: str) -> int:
    kind, _, version = Node(value, "the document").text("schema").rpartition("/")
    number = _VERSION.fullmatch(version)
    if kind != schema.rpartition("/")[0] or number is None:
        raise DamagedError("its schema is not ours")
    return int(number[1])


DRAFT_SCHEMA: Final = "aspm-ado/draft/v1"
MIGRATIONS: Final[dict[int, Migration]] = {}
"""The step from each older version of the catalogue to the next. v1 is the first, so that there is none yet."""


def encode_catalogue(catalogue: Catalogue) -> bytes:
    """ASCII JSON with a schema. ``decode_catalogue`` gives the same catalogue back."""
    return _encode(
        {
            "schema": CATALOGUE_SCHEMA,
            "connections": {
                name: _entry_out(entry) for name, entry in catalogue.connections.items()
            },
            "pending": {name: list(services) for name, services in catalogue.pending.items()},
            "aspm_tokens": dict(catalogue.aspm_tokens),
            "erasing": list(catalogue.erasing),
            "ordered": [asdict(one) for one in catalogue.ordered],
        }
    )


def decode_catalogue(raw: bytes) -> Catalogue:
    """The catalogue; ``NewerError`` or ``DamagedError`` and nothing else for any other bytes."""
    root = parse(raw, CATALOGUE_SCHEMA, MIGRATIONS)
    return Catalogue(
        connections={
            name: _entry_in(name, node) for name, node in root.named_nodes("connections").items()
        },
        pending=root.named_lists("pending"),
        aspm_tokens=root.named_texts("aspm_tokens"),
        erasing=root.texts("erasing"),
        ordered=tuple(_ordered_in(node) for node in root.nodes("ordered")),
    )


def older_version(raw: bytes) -> int | None:
    """The version of a catalogue that an older program wrote, else ``None``. Raises as ``decode_catalogue`` does."""
    return is_older(raw, CATALOGUE_SCHEMA)


def encode_draft(draft: Draft) -> bytes:
    """ASCII JSON with a schema."""
    return _encode({"schema": DRAFT_SCHEMA, "answers": dict(draft.answers), "saved": draft.saved})


def decode_draft(raw: bytes) -> Draft:
    """The draft, or ``DamagedError``."""
    root = parse(raw, DRAFT_SCHEMA)
    return Draft(answers=root.named_texts("answers"), saved=root.text("saved", ""))


def _encode(document: Mapping[str, object]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=True) + "\n").encode("ascii")


def _entry_out(entry: Entry) -> dict[str, object]:
    return {
        "deployment": entry.deployment,
        "base_url": entry.base_url,
        "purpose": entry.purpose,
        "credentials": {
            key: _credential_out(credential) for key, credential in entry.credentials.items()
        },
        "organizations": [_organization_out(organization) for organization in entry.organizations],
        "aspm": None if entry.aspm is None else _aspm_out(entry.aspm),
        "reach_demanded": entry.reach_demanded,
        "toggles": list(entry.toggles),
        "allow_http": entry.allow_http,
        "ca_bundle": entry.ca_bundle,
        "created": entry.created,
        "validated": entry.validated,
        "offered": list(entry.offered),
        "migration": None
        if entry.migration is None
        else {
            "organizations": list(entry.migration.organizations),
            "credentials": list(entry.migration.credentials),
        },
        "successors": {key: _successor_out(one) for key, one in entry.successors.items()},
    }


def _entry_in(name: str, found: Node) -> Entry:
    aspm = found.maybe_node("aspm")
    waiting, moving = found.maybe_node("successors"), found.maybe_node("migration")
    entry = Entry(
        name=name,
        deployment=found.one_of(Deployment, "deployment"),
        base_url=found.text("base_url"),
        purpose=found.one_of(Purpose, "purpose"),
        credentials={
            key: _credential_in(node) for key, node in found.named_nodes("credentials").items()
        },
        organizations=tuple(_organization_in(node) for node in found.nodes("organizations")),
        aspm=None if aspm is None else _aspm_in(aspm),
        reach_demanded=found.one_of(ReachDemanded, "reach_demanded", "auto"),
        toggles=found.texts("toggles"),
        allow_http=found.flag("allow_http"),
        ca_bundle=found.maybe("ca_bundle"),
        created=found.text("created", ""),
        validated=found.maybe("validated"),
        offered=found.texts("offered"),
        migration=None
        if moving is None
        else Moving(moving.texts("organizations"), moving.texts("credentials")),
        successors={}
        if waiting is None
        else {key: _successor_in(node) for key, node in found.named_nodes("successors").items()},
    )
    if any(one.credential not in entry.credentials for one in entry.organizations):
        raise DamagedError(
            f"an organization of {clean(name, 60)} names a credential that is not there"
        )
    return entry


def _ordered_in(found: Node) -> TokenOrder:
    return TokenOrder(
        id=found.text("id"),
        organization=found.text("organization"),
        display_name=found.text("display_name"),
        owner=found.text("owner", ""),
        at=found.text("at", ""),
        authorization_id=found.text("authorization_id", ""),
        replaced=found.flag("replaced"),
    )


def _successor_out(one: Successor) -> dict[str, object]:
    return {
        "credential": _credential_out(one.credential),
        "organizations": list(one.organizations),
        "verdicts": {name: dict(verdict) for name, verdict in one.verdicts.items()},
        "day": one.day,
    }


def _successor_in(found: Node) -> Successor:
    return Successor(
        _credential_in(found.node("credential")),
        found.texts("organizations"),
        found.named_tables("verdicts"),
        found.text("day", ""),
    )


def _aspm_out(aspm: StoredAspm) -> dict[str, object]:
    return {"url": aspm.url, "api": aspm.api, "profile": aspm.profile}


def _aspm_in(found: Node) -> StoredAspm:
    api = found.text("api", "auto")
    if api not in ASPM_API.values:
        raise DamagedError("the api of an Invicti ASPM is not a known one")
    return StoredAspm(url=found.text("url"), api=api, profile=found.text("profile", ""))


def _credential_out(credential: StoredCredential) -> dict[str, object]:
    return {
        "service": credential.service,
        "format": credential.format,
        "last4": credential.last4,
        "expires": credential.expires,
        "expires_source": credential.expires_source,
        "reach": credential.reach,
        "identity_id": credential.identity_id,
        "identity_name": credential.identity_name,
        "identity_account": credential.identity_account,
        "authorization_id": credential.authorization_id,
    }


def _credential_in(found: Node) -> StoredCredential:
    return StoredCredential(
        service=found.text("service"),
        format=found.one_of(TokenFormat, "format"),
        last4=found.text("last4"),
        expires=found.maybe_day("expires"),
        expires_source=found.maybe("expires_source"),
        reach=found.one_of(Reach, "reach", "unknown"),
        identity_id=found.text("identity_id", ""),
        identity_name=found.text("identity_name", ""),
        identity_account=found.text("identity_account", ""),
        authorization_id=found.text("authorization_id", ""),
    )


def _organization_out(organization: StoredOrganization) -> dict[str, object]:
    registration = organization.registration
    return {
        "name": organization.name,
        "credential": organization.credential,
        "username": organization.username,
        "registration": {
            "mode": registration.mode,
            "state": registration.state,
            "proof": registration.proof,
            "instance_id": registration.instance_id,
            "marker": registration.marker,
        },
        "repository": organization.repository,
        "verdict": dict(organization.verdict),
        "days": dict(organization.days),
    }


def _organization_in(found: Node) -> StoredOrganization:
    known = found.maybe_node("registration")
    return StoredOrganization(
        name=found.text("name"),
        credential=found.text("credential"),
        username=found.text("username", ""),
        registration=UNREGISTERED if known is None else _registration_in(known),
        verdict=found.named_texts("verdict"),
        repository=found.text("repository", ""),
        days=found.named_texts("days"),
    )


def _registration_in(found: Node) -> Registration:
    return Registration(
        mode=found.one_of(RegistrationMode, "mode"),
        state=found.one_of(RegistrationState, "state"),
        proof=found.one_of(Proof, "proof"),
        instance_id=found.maybe("instance_id"),
        marker=found.text("marker", ""),
    )
