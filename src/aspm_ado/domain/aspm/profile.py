"""A registration profile: an operator's description of how their Invicti ASPM registers instances.

No published API creates one (facts/aspm section 2), so no path is known here. The format is in
``adapters/profile.py`` and docs/registration-profile.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aspm_ado.domain.documents import Document
from aspm_ado.domain.http import MASK, BodyWithSecret, Call
from aspm_ado.domain.origin import Origin

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.api import AspmCaller, Dialect
    from aspm_ado.domain.secret import Secret

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
        return at(document, self.pointer) not in (None, False, "")


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
    """Whether each pointer leads to the wanted text, ignoring case and a final slash."""
    return all(
        _plain(at(item, pointer)) == _plain(filled(template, values))
        for pointer, template in wanted.items()
    )


def _plain(value: object) -> str:
    return "" if value is None else str(value).rstrip("/").casefold()


def _text(value: str | bool) -> str:
    return value if isinstance(value, str) else str(value).lower()
