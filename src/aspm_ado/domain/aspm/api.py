"""The published API of Invicti ASPM in its two dialects, and the settings of its integration.

Routes of collections end in a slash, as documented: a redirect would turn a POST into a GET and
send the token to another host. Sources: facts/aspm sections 1.3 and 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.documents import AspmKnown, AspmPage
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.http import Call, Credential
from aspm_ado.domain.origin import Origin
from aspm_ado.domain.reasons import Reason

if TYPE_CHECKING:
    from aspm_ado.domain.documents import Answer
    from aspm_ado.domain.secret import Secret


class Dialect(StrEnum):
    """``standalone``: on a host of its own. ``core``: behind the Invicti platform."""

    STANDALONE = "standalone"
    CORE = "core"

    @property
    def prefix(self) -> str:
        """The prefix of the documented paths."""
        return {Dialect.CORE: "/api/aspm/v1", Dialect.STANDALONE: ""}[self]

    @property
    def header(self) -> str:
        """The header that carries the bare token."""
        return {Dialect.CORE: "X-Auth", Dialect.STANDALONE: "X-Cookie"}[self]


ALM_TOOLS: Final = {Deployment.SERVICES: "azurecloud", Deployment.SERVER: "azureserver"}
"""The names of the deployments in the API."""

_TOKEN_PLACES: Final = {
    Dialect.STANDALONE: "Integrations → API Tokens (in the API reference: Integrations → Personal "
    "Access Token → Generate Token)",
    Dialect.CORE: "your initials (top right) → User settings → API key → Generate new API key",
}


def where_tokens_are_made(dialect: Dialect | None) -> str:
    """Where to create an API token, in Invicti's labels, for one dialect or both."""
    where = _TOKEN_PLACES[dialect or Dialect.STANDALONE]
    if dialect is None:
        where = f"{where}; on AppSec Core: {_TOKEN_PLACES[Dialect.CORE]}"
    return f"Create it in Invicti ASPM: {where}."


@dataclass(frozen=True, slots=True)
class AspmCaller:
    """The calls of one Invicti ASPM in one dialect. ``url`` is an origin."""

    url: str
    dialect: Dialect
    ca_bundle: str | None = None

    def credential(self, token: Secret) -> Credential:
        """The token, bound to this ASPM."""
        return Credential(token, frozenset({Origin.of(self.url)}), header=self.dialect.header)

    def health(self) -> Call:
        """Shows that the API exists. It is documented without a token, so none is sent."""
        return self.get("/api/v2/health/check/")

    def teams(self, token: Secret | None = None) -> Call:
        """The cheapest call with a documented 401 and no 403.

        Without a token, its refusal shows that the API exists.
        """
        return self.get("/api/v2/teams/?start=0&limit=1", token, AspmPage if token else None)

    def projects(self, token: Secret) -> Call:
        """Documented to answer 403 if the owner of the token has no right to projects."""
        return self.get("/api/v2/projects/?start=0&limit=1", token, AspmPage)

    def project_check(self, deployment: Deployment, repository: str, token: Secret) -> Call:
        """Whether a repository is a project; 400 if the tool is not integrated or unknown."""
        path = f"/api/v2/projects/check/{ALM_TOOLS[deployment]}/{quote(repository, safe='')}"
        return self.get(path, token, AspmKnown)

    def get(
        self, path: str, token: Secret | None = None, expects: type[Answer] | None = None
    ) -> Call:
        """A documented route. Without ``token`` nothing secret is sent."""
        return Call(
            "GET",
            f"{self.url}{self.dialect.prefix}{path}",
            self.credential(token) if token is not None else None,
            lane=self.url,
            expects=expects,
            ca_bundle=self.ca_bundle,
        )


CREATE: Final = "create-instances"
FETCH: Final = "fetch-projects"
ACCESS: Final = "access-projects"

LABELS: Final = {
    CREATE: "Allow team leads to create new instances",
    FETCH: "Allow team leads to fetch projects from this instance",
    ACCESS: "Allow team leads to access projects of this instance",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The switches in the form of the integration."""

    toggles: tuple[str, ...] = ()
    issue_manager: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the toggles, in the order of the form."""
        return tuple(LABELS[toggle] for toggle in LABELS if toggle in self.toggles)


def settings_for(toggles: Iterable[str], purpose: Purpose, api: str) -> Settings:
    """The settings. Raises ``UsageError`` if they exclude each other."""
    wanted = tuple(dict.fromkeys(toggles))
    fetches = FETCH in wanted
    rules = (
        (
            bool(wanted) and api == Dialect.CORE,
            "Invicti AppSec Core has no team-lead integrations.",
            "Omit --team-leads-may, or pass the correct --aspm-api.",
        ),
        (
            fetches and CREATE not in wanted,
            f"“{LABELS[FETCH]}” requires “{LABELS[CREATE]}”.",
            f"Add --team-leads-may {CREATE}.",
        ),
        (
            fetches and not purpose.reads_code,
            f"“{LABELS[FETCH]}” exists only for code integrations, not for issue managers.",
            "Omit it, or pass another --purpose.",
        ),
    )
    for is_broken, problem, remedy in rules:
        if is_broken:
            raise UsageError(Reason.INPUT_INVALID, problem, remedy=remedy)
    return Settings(wanted, issue_manager=purpose is Purpose.ALM_AND_ISSUE_MANAGER)
