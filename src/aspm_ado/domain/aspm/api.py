"""The API of Invicti ASPM: what it publishes in its two dialects, and registration profiles.

Routes of collections end in a slash, as documented: a redirect would turn a POST into a GET and
send the token to another host. A profile is an operator's description of how their Invicti ASPM
registers instances. No published API does, so no path is known here. The format is in
``adapters/profile.py`` and docs/registration-profile.md. Sources: facts/aspm sections 1.3, 2 and 4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.place import parse_organization
from aspm_ado.domain.documents import AspmKnown, AspmPage, Document
from aspm_ado.domain.http import MASK, BodyWithSecret, Call, Credential, Origin
from aspm_ado.domain.reasons import Reason, UsageError, UserError

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
        where = f"{where}. On AppSec Core: {_TOKEN_PLACES[Dialect.CORE]}"
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


PAT: Final = "pat"
MARKER: Final = "marker"
INSTANCE_ID: Final = "instance_id"
_PLACE: Final = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")

Values = Mapping[str, str | bool]


@dataclass(frozen=True, slots=True)
class Success:
    """A good answer: its status, and a JSON pointer to a value that it must have."""

    status: Collection[int]
    pointer: str = ""

    def met(self, status: int, document: object) -> bool:
        """Whether this answer is good."""
        if status not in self.status or document is None:
            return False
        found = at(document, self.pointer)
        return found is not None and found is not False and found not in ("", [], {})


@dataclass(frozen=True, slots=True)
class Find:
    """The list of instances.

    ``match`` finds those of an organization, ``ours`` the one of aspm-ado: texts by JSON pointer.
    """

    path: str
    items: str
    match: Mapping[str, str]
    ours: Mapping[str, str]
    id: str
    total: str


@dataclass(frozen=True, slots=True)
class Trial:
    """The test of an instance by Invicti ASPM."""

    path: str
    success: Success
    method: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to register. ``digest`` is the SHA-256 of the document."""

    name: str
    dialect: Dialect
    path: str
    body: object
    success: Success
    digest: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    conflict: Collection[int] = (409,)
    id: str = ""
    find: Find | None = None
    trial: Trial | None = None

    @property
    def title(self) -> str:
        """Its name in a report."""
        return f"undocumented endpoint, profile {self.name}, sha256 {self.digest[:12]}"

    def create(
        self, aspm_caller: AspmCaller, token: Secret, values: Values, pat: Secret, mark: str
    ) -> Call:
        """The one write. The token enters its body when it is sent, to this ASPM only."""
        text = json.dumps(filled(self.body, {**values, PAT: mark}), ensure_ascii=True)
        return Call(
            self.method,
            aspm_caller.url + path_of(self.path, values),
            aspm_caller.credential(token),
            (("Content-Type", "application/json"), *self.headers.items()),
            BodyWithSecret(text, mark, pat, frozenset({Origin.of(aspm_caller.url)})),
            lane=aspm_caller.url,
            expects=Document,
            ca_bundle=aspm_caller.ca_bundle,
        )

    def read(self, aspm_caller: AspmCaller, token: Secret, path: str, method: str = "GET") -> Call:
        """A call for a document, without the Azure DevOps token."""
        return Call(
            method,
            aspm_caller.url + path,
            aspm_caller.credential(token),
            tuple(self.headers.items()),
            lane=aspm_caller.url,
            expects=Document,
            ca_bundle=aspm_caller.ca_bundle,
        )

    def shown(self, aspm_caller: AspmCaller, values: Values) -> list[str]:
        """The request for a person, with both secrets masked."""
        body = json.dumps(filled(self.body, {**values, PAT: MASK}), indent=2, ensure_ascii=False)
        return [
            f"{self.method} {aspm_caller.url}{path_of(self.path, values)}",
            f"{aspm_caller.dialect.header}: {MASK}",
            "Content-Type: application/json",
            *(f"{name}: {value}" for name, value in self.headers.items()),
            *body.splitlines(),
        ]


def places_in(template: object) -> set[str]:
    """Every name in double braces."""
    if isinstance(template, str):
        return set(_PLACE.findall(template))
    if isinstance(template, Mapping):
        return places_in([*template.keys(), *template.values()])
    if isinstance(template, list | tuple):
        return set[str]().union(*map(places_in, template))
    return set()


def filled(template: object, values: Values) -> object:
    """The template with its values. A string that is only a place gets the type of its value."""
    if isinstance(template, str):
        alone = _PLACE.fullmatch(template)
        if alone is not None:
            return values[alone.group(1)]
        return _PLACE.sub(lambda found: _text(values[found.group(1)]), template)
    if isinstance(template, Mapping):
        return {str(filled(key, values)): filled(value, values) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [filled(value, values) for value in template]
    return template


def path_of(template: str, values: Values) -> str:
    """A path with its values, percent-encoded."""
    return _PLACE.sub(lambda found: quote(_text(values[found.group(1)]), safe=""), template)


def at(document: object, pointer: str) -> object:
    """The value at a JSON pointer (RFC 6901), or ``None``."""
    found = document
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict):
            found = found.get(key)
        elif isinstance(found, list) and key.isascii() and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        else:
            return None
    return found


def same(item: object, wanted: Mapping[str, str], values: Values) -> bool:
    """Whether each pointer leads to the wanted text.

    Case, a final slash, and which URL of an organization of Services it is do not matter.
    """
    return all(
        _plain(at(item, pointer)) == _plain(filled(template, values))
        for pointer, template in wanted.items()
    )


def is_readable(item: object, wanted: Mapping[str, str]) -> bool:
    """Whether ``item`` is an object, and no pointer leads to a list or an object in it."""
    values = [at(item, pointer) for pointer in wanted]
    return isinstance(item, dict) and not any(isinstance(one, dict | list) for one in values)


def _plain(value: object) -> str:
    text = "" if value is None else str(value).strip()
    if "://" in text:
        with suppress(UserError):  # an organization has several URLs
            text = parse_organization(text).url
    return text.rstrip("/").casefold()


def _text(value: str | bool) -> str:
    return value if isinstance(value, str) else str(value).lower()
