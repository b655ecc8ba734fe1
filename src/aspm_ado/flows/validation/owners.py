"""The other stored connections that have a token of the same owner."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.reasons import StoreError
from aspm_ado.domain.report import CheckId
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.report import ConnectionReport, OrganizationReport
    from aspm_ado.flows.context import Context


def with_other_connections(
    context: Context, connections: Iterable[ConnectionReport]
) -> tuple[ConnectionReport, ...]:
    """Add the other stored connections of each owner to the reports."""
    connections, owned = tuple(connections), defaultdict[str, set[str]](set)
    if not any(one.name for one in connections):
        return connections
    with suppress(StoreError):
        for name, entry in context.records.load().connections.items():
            for credential in entry.known_credentials:
                owned[credential.identity_id.lower()].add(name)
    return tuple(
        replace(
            connection,
            organizations=tuple(
                _naming(made, owned, connection.name) for made in connection.organizations
            ),
        )
        for connection in connections
    )


def _naming(
    made: OrganizationReport, owned: Mapping[str, set[str]], own: str | None
) -> OrganizationReport:
    if made.identity is None or made.identity.is_anonymous:
        return made
    others = tuple(sorted(owned.get(made.identity.id.lower(), set()) - {own}))
    if not others:
        return made
    sentence = f"Other connections with this owner: {clean(', '.join(others))}."
    checks = (
        check.adding(sentence) if check.id is CheckId.IDENTITY else check for check in made.checks
    )
    return replace(made, checks=tuple(checks), others=others)
