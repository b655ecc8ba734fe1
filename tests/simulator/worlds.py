"""Worlds for tests that say what is, never what is answered; no secret is there twice."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

from aspm_ado.simulator import samples
from aspm_ado.simulator.samples import ADA, ALM_SCOPES
from aspm_ado.simulator.world import Aspm, Edition, IssuedToken, Organization, Server, World

from ..e2e.stage import drawn_token

TODAY: Final = datetime(2026, 11, 23, tzinfo=UTC)
"""Eight days before global tokens end. The Date is pinned, so that the tests outlive the day."""
AFTER_THE_END: Final = datetime(2026, 12, 5, tzinfo=UTC)
LONG_AGO: Final = date(2026, 9, 30)

ALM: Final = ALM_SCOPES
FIVE: Final = ALM | {"vso.project_manage"}
"""The four, and Project & Team: what passes for an issue manager on Services."""
ISSUES: Final = frozenset({"vso.project_manage", "vso.work_full"})
"""The two boxes of a token that only manages issues."""

SERVER_HOST: Final = samples.TFS.host
ASPM_HOST: Final = samples.ASPM_HOST


def swap(old: str, *new: str, of: frozenset[str] = ALM) -> frozenset[str]:
    """The same boxes but one: what a person ticked who was wrong about ``old``."""
    if old not in of:
        raise ValueError(f"{old} is not among {sorted(of)}")
    return (of - {old}) | frozenset(new)


def a_token(scopes: frozenset[str] = ALM, reach: str | None = None, **more: Any) -> IssuedToken:
    """A token of Ada's; without a ``reach``, of all organizations."""
    made = IssuedToken(drawn_token(), "of a test", ADA, scopes, reach, date(2027, 1, 13))
    return replace(made, **more)


def an_organization(name: str, **more: Any) -> Organization:
    """An organization of Ada's: its first repository is disabled, another's name has a blank."""
    return replace(samples.CONTOSO, **{"name": name, **more})


def an_aspm(**more: Any) -> Aspm:
    """An Invicti ASPM with a token of its own."""
    return replace(samples.aspm(), **{"token": secrets.token_hex(24), **more})


def a_server(version: str = "7.1", **more: Any) -> Server:
    """A Server that speaks this REST version, with two collections."""
    edition = Edition(version, version)
    collections = (an_organization("DefaultCollection"), an_organization("Research"))
    return replace(samples.TFS, **{"edition": edition, "collections": collections, **more})


def a_world(*tokens: IssuedToken, now: datetime = TODAY, **more: Any) -> World:
    """Two organizations, a Server and an Invicti ASPM, unless it says otherwise."""
    parts = {
        "organizations": (an_organization("Contoso"), an_organization("Fabrikam")),
        "server": a_server(),
        "aspm": an_aspm(),
        **more,
    }
    return World(now.date(), tokens=tokens, clock=now, **parts)
