"""Invicti ASPM's published API in its two dialects: where each route lives, and which header carries the token.

Sources: facts/aspm sections 1.3 and 4. Collection routes end in a slash, as documented: a redirect would turn a POST
into a GET and carry the token's header to another host.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aspm_ado.domain.azure.scopes import Deployment, Purpose
from aspm_ado.domain.documents import AspmKnown, AspmPage
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.http import Call, Credential, Origin
from aspm_ado.domain.reasons import Reason

if TYPE_CHECKING:
    from aspm_ado.domain.documents import Answer
    from aspm_ado.domain.secret import Secret


class Dialect(StrEnum):
    """``standalone``: the product on a host of its own. ``core``: the same API behind the Invicti platform."""

    STANDALONE = "standalone"
    CORE = "core"

    @property
    def prefix(self) -> str:
        """What goes before the documented paths."""
        return "/api/aspm/v1" if self is Dialect.CORE else ""

    @property
    def header(self) -> str:
        """The header that carries the bare token."""
        return "X-Auth" if self is Dialect.CORE else "X-Cookie"


ALM_TOOLS: Final = {Deployment.SERVICES: "azurecloud", Deployment.SERVER: "azureserver"}
"""What the API calls the two deployments."""

TOKEN_PLACES: Final = {
    Dialect.STANDALONE: "Integrations → API Tokens (the API reference calls it Integrations → Personal Access Token → "
    "Generate Token; it is shown once)",
    Dialect.CORE: "your initials (top right) → User settings → API key → Generate new API key",
}


def where_tokens_are_made(dialect: Dialect | None) -> str:
    """Invicti's own labels; those of both dialects where it is not known which one this is."""
    if dialect is not None:
        return f"It is made in Invicti ASPM: {TOKEN_PLACES[dialect]}."
    own, core = TOKEN_PLACES[Dialect.STANDALONE], TOKEN_PLACES[Dialect.CORE]
    return f"It is made in Invicti ASPM: {own}; on AppSec Core: {core}."


@dataclass(frozen=True, slots=True)
class AspmCaller:
    """One ASPM in one dialect: its calls, as data. ``url`` is an origin; ``ca_bundle`` as recorded of a connection."""

    url: str
    dialect: Dialect
    ca_bundle: str | None = None

    def credential(self, token: Secret) -> Credential:
        """The token, bound to this ASPM alone."""
        return Credential(token, frozenset({Origin.of(self.url)}), header=self.dialect.header)

    def health(self) -> Call:
        """Published without parameters, so it is asked without the token: it shows the API and nothing of a token."""
        return self.get("/api/v2/health/check/")

    def teams(self, token: Secret | None = None) -> Call:
        """The cheapest call that is documented to answer 401, and no 403; without a token it shows the API alone."""
        return self.get("/api/v2/teams/?start=0&limit=1", token, AspmPage if token else None)

    def projects(self, token: Secret) -> Call:
        """Documented to answer 403 where the token's owner has no rights to projects."""
        return self.get("/api/v2/projects/?start=0&limit=1", token, AspmPage)

    def project_check(self, deployment: Deployment, repository: str, token: Secret) -> Call:
        """Whether a repository is a project already; 400 while the tool is not integrated (or unknown)."""
        path = f"/api/v2/projects/check/{ALM_TOOLS[deployment]}/{quote(repository, safe='')}"
        return self.get(path, token, AspmKnown)

    def get(
        self, path: str, token: Secret | None = None, expects: type[Answer] | None = None
    ) -> Call:
        """A documented route; without ``token`` nothing secret goes along."""
        credential = self.credential(token) if token is not None else None
        url = f"{self.url}{self.dialect.prefix}{path}"
        return Call(
            "GET", url, credential, lane=self.url, expects=expects, ca_bundle=self.ca_bundle
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
    """What to switch on in the form."""

    toggles: tuple[str, ...] = ()
    issue_manager: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """The toggles by their labels, in the order of the form."""
        return tuple(LABELS[toggle] for toggle in LABELS if toggle in self.toggles)


def settings_for(toggles: Iterable[str], purpose: Purpose, api: str) -> Settings:
    """The settings, or a ``UsageError`` where they cannot be had together."""
    wanted = tuple(dict.fromkeys(toggles))
    if wanted and api == "core":
        raise UsageError(
            Reason.INPUT_INVALID,
            "Invicti AppSec Core has no team-lead integrations.",
            remedy="Leave --team-leads-may out, or give the --aspm-api that you really have.",
        )
    if FETCH in wanted and CREATE not in wanted:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"“{LABELS[FETCH]}” depends on “{LABELS[CREATE]}”.",
            remedy=f"Add --team-leads-may {CREATE}.",
        )
    if FETCH in wanted and not purpose.reads_code:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"“{LABELS[FETCH]}” exists for code integrations only, not for an issue manager.",
            remedy="Leave it out, or choose another --purpose.",
        )
    return Settings(wanted, issue_manager=purpose is Purpose.ALM_AND_ISSUE_MANAGER)
