"""A registration profile: how an operator says that instances are registered at their Invicti ASPM.

No published API creates one (facts/aspm section 2), so nothing here knows a path: this is the shape of a document that
the operator supplies, and what may be put into it. The page is docs/registration-profile.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aspm_ado.domain.documents import Document
from aspm_ado.domain.http import MASK, BodyWithSecret, Call, Origin

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.api import AspmCaller, Dialect
    from aspm_ado.domain.secret import Secret

SCHEMA: Final = "aspm-ado/registration-profile/v1"
PAT: Final = "pat"
MARKER: Final = "marker"
INSTANCE_ID: Final = "instance_id"
PLACES: Final = frozenset(
    {
        PAT,
        MARKER,
        INSTANCE_ID,
        "connection",
        "deployment",
        "alm_tool",
        "base_url",
        "organization",
        "organization_url",
        "purpose",
        "username",
        "issue_manager",
        "team_leads_create_instances",
        "team_leads_fetch_projects",
        "team_leads_access_projects",
    }
)
"""What may stand in double braces. ``pat`` only in the body of a write, ``instance_id`` only in ``test``."""

_PLACE: Final = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")

Values = Mapping[str, str | bool]


@dataclass(frozen=True, slots=True)
class Success:
    """What a good answer is: its status, and a JSON pointer that must lead to something in it."""

    statuses: frozenset[int]
    pointer: str = ""

    def met(self, status: int, document: object) -> bool:
        """Whether this is one."""
        return (
            status in self.statuses
            and document is not None
            and at(document, self.pointer) not in (None, False, "")
        )


@dataclass(frozen=True, slots=True)
class Find:
    """Where the instances are listed. ``match`` finds those of an organization, ``ours`` the one that we made."""

    path: str
    items: str
    match: tuple[tuple[str, str], ...]
    ours: tuple[tuple[str, str], ...]
    id: str = ""
    total: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """ASPM's own test of an instance, where it has one."""

    path: str
    success: Success
    method: str = "GET"


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to register, whole. ``digest`` is the SHA-256 of the document."""

    name: str
    dialect: Dialect
    path: str
    body: object
    success: Success
    digest: str
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()
    conflict: frozenset[int] = frozenset({409})
    id: str = ""
    find: Find | None = None
    trial: Trial | None = None
    product_versions: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """How it is named in a report."""
        return f"undocumented endpoint, profile {self.name}, sha256 {self.digest[:12]}"

    def create(
        self, aspm_caller: AspmCaller, token: Secret, values: Values, pat: Secret, mark: str
    ) -> Call:
        """The one write. The token of Azure DevOps goes into its body as it is sent, and to this ASPM alone."""
        here = frozenset({Origin.of(aspm_caller.url)})
        text = json.dumps(filled(self.body, {**values, PAT: mark}), ensure_ascii=True)
        headers = (("Content-Type", "application/json"), *self.headers)
        return Call(
            self.method,
            aspm_caller.url + path_of(self.path, values),
            aspm_caller.credential(token),
            headers,
            BodyWithSecret(text, mark, pat, here),
            lane=aspm_caller.url,
            expects=Document,
            ca_bundle=aspm_caller.ca_bundle,
        )

    def read(
        self, aspm_caller: AspmCaller, token: Secret, path: str, pat: Secret, method: str = "GET"
    ) -> Call:
        """A call that brings a document and carries no token of Azure DevOps; the document may hold ``pat``."""
        return Call(
            method,
            aspm_caller.url + path,
            aspm_caller.credential(token),
            self.headers,
            lane=aspm_caller.url,
            expects=Document,
            ca_bundle=aspm_caller.ca_bundle,
            hides=(pat,),
        )

    def shown(self, aspm_caller: AspmCaller, values: Values) -> list[str]:
        """The request for a person, both secrets masked."""
        body = json.dumps(filled(self.body, {**values, PAT: MASK}), indent=2, ensure_ascii=False)
        return [
            f"{self.method} {aspm_caller.url}{path_of(self.path, values)}",
            f"{aspm_caller.dialect.header}: {MASK}",
            "Content-Type: application/json",
            *(f"{name}: {value}" for name, value in self.headers),
            *body.splitlines(),
        ]


def places_in(template: object) -> set[str]:
    """Every name in double braces, wherever it stands."""
    if isinstance(template, str):
        return set(_PLACE.findall(template))
    if isinstance(template, Mapping):
        return {
            name for key, value in template.items() for name in (*places_in(key), *places_in(value))
        }
    return (
        {name for value in template for name in places_in(value)}
        if isinstance(template, list | tuple)
        else set()
    )


def filled(template: object, values: Values) -> object:
    """The template with its places filled. A string that is one place alone takes the type of the value."""
    if isinstance(template, str):
        alone = _PLACE.fullmatch(template)
        if alone is not None:
            return values[alone.group(1)]
        return _PLACE.sub(lambda found: _text(values[found.group(1)]), template)
    if isinstance(template, Mapping):
        return {str(filled(key, values)): filled(value, values) for key, value in template.items()}
    return (
        [filled(value, values) for value in template]
        if isinstance(template, list | tuple)
        else template
    )


def path_of(template: str, values: Values) -> str:
    """A path with its places filled, each percent-encoded."""
    return _PLACE.sub(lambda found: quote(_text(values[found.group(1)]), safe=""), template)


def at(document: object, pointer: str) -> object:
    """What a JSON pointer (RFC 6901) leads to; ``None`` where it leads nowhere."""
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


def same(item: object, wanted: tuple[tuple[str, str], ...], values: Values) -> bool:
    """Whether each pointer leads to the text wanted; letter case and a closing slash make no difference."""
    return all(
        _plain(at(item, pointer)) == _plain(filled(template, values))
        for pointer, template in wanted
    )


def _plain(value: object) -> str:
    return "" if value is None else str(value).rstrip("/").casefold()


def _text(value: str | bool) -> str:
    return value if isinstance(value, str) else str(value).lower()
