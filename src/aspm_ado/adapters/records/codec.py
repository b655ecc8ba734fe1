"""The records as JSON: written field by field, read strictly by their type hints.

The names of the fields are the file format. A key that no field has is ignored, so that a key can
be added; a field whose key is absent has its default.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from enum import StrEnum
from functools import cache, partial
from types import MappingProxyType, NoneType
from typing import Any, Final, get_args, get_origin, get_type_hints

from aspm_ado.domain.questions import ASPM_API
from aspm_ado.domain.stored import (
    CATALOGUE_SCHEMA,
    Catalogue,
    Draft,
    Entry,
    Registration,
    StoredCredential,
)
from aspm_ado.domain.text import clean

DRAFT_SCHEMA: Final = "aspm-ado/draft/v1"
_DEPTH: Final = 4
"""Levels on lines of their own: the document, its connections, each one's fields and records."""

Document = dict[str, Any]
Migration = Callable[[Document], Document]
"""From the document of one version to that of the next, but for its ``schema``."""

MIGRATIONS: Final[dict[int, Migration]] = {}
"""The step from each older version of the catalogue to the next; v1 is the first."""

_VERSION: Final = re.compile(r"v(0|[1-9][0-9]{0,5})")

_DEMANDED: Final[Mapping[type, frozenset[str]]] = {
    Catalogue: frozenset({"connections", "pending"}),
    Registration: frozenset({"mode", "state", "proof"}),
}
"""Fields with a default that every version has written: without them it is not our document."""


class DamagedError(Exception):
    """These bytes are not what we write.

    The message says where in the document, never what is there.
    """


class NewerError(DamagedError):
    """A later version of this program wrote them: whole, but not for us to read or replace."""


def encode_catalogue(catalogue: Catalogue) -> bytes:
    """ASCII JSON with a schema. ``decode_catalogue`` gives the same catalogue back."""
    return _encode(CATALOGUE_SCHEMA, _plain(catalogue))


def decode_catalogue(raw: bytes) -> Catalogue:
    """The catalogue; ``NewerError`` or ``DamagedError`` and nothing else for any other bytes."""
    document = parse(raw, CATALOGUE_SCHEMA, MIGRATIONS)
    connections = document.get("connections")
    if isinstance(connections, dict):
        for name, entry in connections.items():
            if isinstance(entry, dict):
                entry["name"] = name
    catalogue: Catalogue = _decode(Catalogue, document, "the document")
    for entry in catalogue.connections.values():
        _check(entry)
    return catalogue


def older_version(raw: bytes) -> int | None:
    """The version of a catalogue that an older program wrote, else ``None``.

    Raises as ``decode_catalogue`` does.
    """
    found = _version(_load(raw), CATALOGUE_SCHEMA)
    if found < _number(CATALOGUE_SCHEMA):
        return found
    return None


def encode_draft(draft: Draft) -> bytes:
    """ASCII JSON with a schema."""
    return _encode(DRAFT_SCHEMA, _plain(draft))


def decode_draft(raw: bytes) -> Draft:
    """The draft, or ``DamagedError``."""
    draft: Draft = _decode(Draft, parse(raw, DRAFT_SCHEMA), "the document")
    return draft


def _plain(record: Any) -> Document:
    """The fields of a record. A connection has its name as a key."""
    names = _names(record.__class__)
    return {name: getattr(record, name) for name in names}


@cache
def _names(record: Any) -> tuple[str, ...]:
    names = [one.name for one in fields(record)]
    if record is Entry:
        names.remove("name")
    return tuple(names)


def _encode(schema: str, document: Document) -> bytes:
    return (_lines({"schema": schema, **document}, _DEPTH, "\n") + "\n").encode("ascii")


def _lines(value: Any, depth: int, end: str) -> str:
    """JSON with a line for each credential and organization, so that a person can read it.

    To indent all of it, ``json`` takes ten times as long.
    """
    if is_dataclass(value):
        value = _plain(value)
    if not depth or not value or not isinstance(value, (dict, tuple)):
        return json.dumps(value, default=_plain)
    inner, brackets = end + "  ", "[]"
    if isinstance(value, dict):
        brackets, pairs = "{}", value.items()
        items = [f"{json.dumps(key)}: {_lines(one, depth - 1, inner)}" for key, one in pairs]
    else:
        items = [_lines(one, depth - 1, inner) for one in value]
    return brackets[0] + inner + f",{inner}".join(items) + end + brackets[1]


def parse(
    raw: bytes, schema: str, migrations: Mapping[int, Migration] = MappingProxyType({})
) -> Document:
    """The document, as ``schema`` has it; ``NewerError`` or ``DamagedError`` for any other bytes.

    An older version is brought up to this one, step by step: ``migrations`` has the step from each
    version.
    """
    document = _load(raw)
    found, wanted = _version(document, schema), _number(schema)
    if found > wanted:
        raise NewerError(f"its schema is version {found}")
    for version in range(found, wanted):
        if version not in migrations:
            raise DamagedError(f"its schema is version {version}, which nothing migrates")
        try:
            document = migrations[version](document)
        except (LookupError, TypeError, ValueError, AttributeError):
            raise DamagedError(f"it is not what version {version} wrote") from None
    return document


def _load(raw: bytes) -> Document:
    try:
        document = json.loads(raw.decode("utf-8"))
    except RecursionError:
        raise DamagedError("it is nested too deeply") from None
    except ValueError:  # not UTF-8, a BOM, not JSON, cut short, a number of thousands of digits
        raise DamagedError("it is not JSON in UTF-8, or was cut short") from None
    if not isinstance(document, dict):
        raise DamagedError("the document is not an object")
    return document


def _version(document: Document, schema: str) -> int:
    kind, _, version = _decode(str, document.get("schema"), "the document.schema").rpartition("/")
    number = _VERSION.fullmatch(version)
    if kind != schema.rpartition("/")[0] or number is None:
        raise DamagedError("its schema is not ours")
    return int(number[1])


def _number(schema: str) -> int:
    return int(schema.rpartition("/v")[2])


def _decode(kind: Any, value: object, place: str) -> Any:
    """``value`` as the type hint ``kind`` has it.

    Raises ``DamagedError`` with its place in the document.
    """
    return _decoder(kind)(value, place)


_Decoder = Callable[[object, str], Any]


@cache
def _decoder(kind: Any) -> _Decoder:
    """What reads a value of a type hint. To look at the hint takes longer than to read."""
    origin, parts = get_origin(kind), get_args(kind)
    if NoneType in parts:
        return partial(_decode_optional, _decoder(parts[0]))
    if origin is tuple:
        return partial(_decode_items, _decoder(parts[0]))
    if origin is dict:
        return partial(_decode_values, _decoder(parts[1]))
    if is_dataclass(kind):
        return partial(_decode_object, kind)
    if kind is date:
        return _decode_day
    if issubclass(kind, StrEnum):
        return partial(_decode_member, kind)
    return partial(_expect, kind)


def _decode_optional(decode: _Decoder, value: object, place: str) -> Any:
    return None if value is None else decode(value, place)


def _decode_items(decode: _Decoder, value: object, place: str) -> tuple[Any, ...]:
    items = enumerate(_expect(list, value, place))
    return tuple([decode(item, f"{place}[{index}]") for index, item in items])


def _decode_values(decode: _Decoder, value: object, place: str) -> dict[str, Any]:
    pairs = _expect(dict, value, place).items()
    return {key: decode(item, f"{place}.{key}") for key, item in pairs}


def _decode_object(kind: Any, value: object, place: str) -> Any:
    found = _expect(dict, value, place)
    given = {}
    for name, (decode, is_demanded) in _fields(kind).items():
        if is_demanded or name in found:
            given[name] = decode(found.get(name), f"{place}.{name}")
    return kind(**given)


@cache
def _fields(kind: type) -> dict[str, tuple[_Decoder, bool]]:
    """What reads each field, and whether it has to be there."""
    hints = get_type_hints(kind)
    if kind is StoredCredential:
        hints["expires"] = date | None  # a string in the record, too
    demanded = _DEMANDED.get(kind, frozenset())
    return {
        field.name: (_decoder(hints[field.name]), field.name in demanded or _is_bare(field))
        for field in fields(kind)
    }


def _is_bare(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _decode_member(kind: type[StrEnum], value: object, place: str) -> StrEnum:
    try:
        return kind(_expect(str, value, place))
    except ValueError:
        raise DamagedError(f"{place} is not a known {kind.__name__}") from None


def _decode_day(value: object, place: str) -> str:
    try:
        return date.fromisoformat(_expect(str, value, place)).isoformat()
    except ValueError:
        raise DamagedError(f"{place} is not a day") from None


_TITLES: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "true or false",
}


def _expect(kind: type, value: object, place: str) -> Any:
    if not isinstance(value, kind):
        raise DamagedError(f"{place} is not {_TITLES[kind]}")
    return value


def _check(entry: Entry) -> None:
    """What no type says. Raises ``DamagedError``."""
    if any(one.credential not in entry.credentials for one in entry.organizations):
        raise DamagedError(
            f"an organization of {clean(entry.name, 60)} names a credential that is not there"
        )
    if entry.aspm is not None and entry.aspm.api not in ASPM_API.values:
        raise DamagedError("the api of an Invicti ASPM is not a known one")
