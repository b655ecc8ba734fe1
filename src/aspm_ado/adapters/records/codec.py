"""Our records as JSON and back: total in both directions, by hand, since ``list`` must start fast.

Keys that v1 does not know are ignored and lost at the next change: whatever must survive an older program is a v2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from aspm_ado.adapters.records.strict_json import DamagedError, Migration, Node, is_older, parse
from aspm_ado.domain.catalogue import CATALOGUE_SCHEMA, Catalogue, Draft
from aspm_ado.domain.connection import (
    UNREGISTERED,
    Entry,
    Proof,
    Registration,
    RegistrationMode,
    RegistrationState,
    StoredAspm,
    StoredCredential,
    StoredOrganization,
    Successor,
)
from aspm_ado.domain.connection import (
    Migration as Moving,
)
from aspm_ado.domain.ordered import Ordered
from aspm_ado.domain.questions import ASPM_API
from aspm_ado.domain.requirements import Deployment, Purpose
from aspm_ado.domain.retirement import ReachDemanded
from aspm_ado.domain.text import clean

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
        deployment=found.one_of(Deployment, "deployment").value,
        base_url=found.text("base_url"),
        purpose=found.one_of(Purpose, "purpose").value,
        credentials={
            key: _credential_in(node) for key, node in found.named_nodes("credentials").items()
        },
        organizations=tuple(_organization_in(node) for node in found.nodes("organizations")),
        aspm=None if aspm is None else _aspm_in(aspm),
        reach_demanded=found.one_of(ReachDemanded, "reach_demanded", "auto").value,
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


def _ordered_in(found: Node) -> Ordered:
    return Ordered(
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
        format=found.text("format"),
        last4=found.text("last4"),
        expires=found.maybe_day("expires"),
        expires_source=found.maybe("expires_source"),
        reach=found.text("reach", "unknown"),
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
            "mode": registration.mode.value,
            "state": registration.state.value,
            "proof": registration.proof.value,
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
