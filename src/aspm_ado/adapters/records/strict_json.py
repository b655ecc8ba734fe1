"""Reading JSON that somebody may have damaged: strictly by type, with one kind of error, in plain Python."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

_VERSION: Final = re.compile(r"v(0|[1-9][0-9]{0,5})")

E = TypeVar("E", bound=StrEnum)


class DamagedError(Exception):
    """These bytes are not what we write. The message says where in the document, never what is there."""


class NewerError(DamagedError):
    """A later version of this program wrote them: whole, but not for us to read or replace."""


class Node:
    """One JSON object and its place in the document, read strictly by type."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise DamagedError(f"{place} is not an object")
        self._value: dict[str, object] = value
        self._place = place

    def text(self, key: str, default: str | None = None) -> str:
        """A string; ``default`` where the key is absent, or damage where there is none."""
        value = self._value.get(key, default)
        if not isinstance(value, str):
            raise DamagedError(f"{self._place}.{key} is not a string")
        return value

    def maybe(self, key: str) -> str | None:
        """A string, or ``None`` for null and for an absent key."""
        return None if self._value.get(key) is None else self.text(key)

    def maybe_day(self, key: str) -> str | None:
        """A calendar day written ``YYYY-MM-DD``, or ``None``."""
        value = self.maybe(key)
        try:
            return None if value is None else date.fromisoformat(value).isoformat()
        except ValueError:
            raise DamagedError(f"{self._place}.{key} is not a day") from None

    def flag(self, key: str) -> bool:
        """True or false; false where the key is absent."""
        value = self._value.get(key, False)
        if not isinstance(value, bool):
            raise DamagedError(f"{self._place}.{key} is not true or false")
        return value

    def one_of(self, kind: type[E], key: str, default: str | None = None) -> E:
        """A member of an enumeration; ``default`` where the key is absent, or damage where there is none."""
        try:
            return kind(self.text(key, default))
        except ValueError:
            raise DamagedError(f"{self._place}.{key} is not a known {kind.__name__}") from None

    def items(self, key: str) -> list[object]:
        """A list; empty where the key is absent."""
        value = self._value.get(key, [])
        if not isinstance(value, list):
            raise DamagedError(f"{self._place}.{key} is not a list")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        found = tuple(item for item in self.items(key) if isinstance(item, str))
        if len(found) != len(self.items(key)):
            raise DamagedError(f"{self._place}.{key} holds something other than strings")
        return found

    def nodes(self, key: str) -> list[Node]:
        """A list of objects."""
        return [
            Node(item, f"{self._place}.{key}[{index}]")
            for index, item in enumerate(self.items(key))
        ]

    def node(self, key: str) -> Node:
        """An object."""
        return Node(self._value.get(key), f"{self._place}.{key}")

    def maybe_node(self, key: str) -> Node | None:
        """An object, or ``None`` for null and for an absent key."""
        return None if self._value.get(key) is None else self.node(key)

    def named_nodes(self, key: str) -> dict[str, Node]:
        """An object whose values are objects."""
        outer = self.node(key)
        return {name: outer.node(name) for name in outer._value}

    def named_texts(self, key: str) -> dict[str, str]:
        """An object whose values are strings; empty where the key is absent."""
        outer = self.maybe_node(key)
        return {} if outer is None else {name: outer.text(name) for name in outer._value}

    def named_tables(self, key: str) -> dict[str, dict[str, str]]:
        """An object whose values are objects of strings; empty where the key is absent."""
        outer = self.maybe_node(key)
        return {} if outer is None else {name: outer.named_texts(name) for name in outer._value}

    def named_lists(self, key: str) -> dict[str, tuple[str, ...]]:
        """An object whose values are lists of strings."""
        outer = self.node(key)
        return {name: outer.texts(name) for name in outer._value}


Migration = Callable[[dict[str, object]], dict[str, object]]
"""From the document of one version to that of the next, but for its ``schema``."""


def parse(
    raw: bytes, schema: str, migrations: Mapping[int, Migration] = MappingProxyType({})
) -> Node:
    """The document, as ``schema`` has it; ``NewerError`` or ``DamagedError`` for any other bytes.

    An older version is brought up to this one, step by step: ``migrations`` has the step from each version.
    """
    value = _object(raw)
    found, wanted = _version(value, schema), int(schema.rpartition("/v")[2])
    if found > wanted:
        raise NewerError(f"its schema is version {found}")
    for version in range(found, wanted):
        if version not in migrations:
            raise DamagedError(f"its schema is version {version}, which nothing migrates")
        try:
            value = migrations[version](value)
        except (LookupError, TypeError, ValueError, AttributeError):
            raise DamagedError(f"it is not what version {version} wrote") from None
    return Node(value, "the document")


def is_older(raw: bytes, schema: str) -> int | None:
    """The version of a document that is older than ``schema``, else ``None``. Raises as ``parse`` does."""
    found = _version(_object(raw), schema)
    return found if found < int(schema.rpartition("/v")[2]) else None


def _object(raw: bytes) -> dict[str, object]:
    try:
        value = json.loads(raw.decode("utf-8"))
    except RecursionError:
        raise DamagedError("it is nested too deeply") from None
    except ValueError:  # not UTF-8, a BOM, not JSON, cut short, a number of thousands of digits
        raise DamagedError("it is not JSON in UTF-8, or was cut short") from None
    if not isinstance(value, dict):
        raise DamagedError("the document is not an object")
    return value


def _version(value: dict[str, object], schema: str) -> int:
    kind, _, version = Node(value, "the document").text("schema").rpartition("/")
    number = _VERSION.fullmatch(version)
    if kind != schema.rpartition("/")[0] or number is None:
        raise DamagedError("its schema is not ours")
    return int(number[1])
