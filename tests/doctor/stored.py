"""Connections as they stand in the catalogue."""

from __future__ import annotations

from typing import Any

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.secret import TokenFormat
from aspm_ado.domain.stored import (
    Catalogue,
    Entry,
    Registration,
    RegistrationMode,
    RegistrationState,
    StoredAspm,
    StoredCredential,
    StoredOrganization,
)

CREDENTIAL = StoredCredential(
    "aspm-ado:service-canary-7731", TokenFormat.V2_84, "WXYZ", identity_account="mail-canary-7731"
)


def entry(name: str, base_url: str = "https://dev.azure.com", aspm: str = "", **more: Any) -> Entry:
    """One organization with one token."""
    state = more.pop("state", RegistrationState.REGISTERED)
    organization = StoredOrganization(
        "fabrikam", "one", registration=Registration(RegistrationMode.GUIDED, state)
    )
    return Entry(
        name,
        Deployment.SERVICES if base_url == "https://dev.azure.com" else Deployment.SERVER,
        base_url,
        Purpose.ALM,
        {"one": CREDENTIAL},
        (organization,),
        StoredAspm(aspm) if aspm else None,
        **more,
    )


def catalogue(*entries: Entry, **more: Any) -> Catalogue:
    return Catalogue({one.name: one for one in entries}, **more)
