"""The documents of both services, read as tolerantly as they vary: order, casing, nulls and unknown keys are theirs.

Recorded: ``value`` before ``count`` or without it, a BOM before the text, ``customDisplayName`` only sometimes, and
between versions another casing of the same key. Only what an answer cannot do without is demanded. Read by hand: a
library for this takes longer to import than the service takes to answer, and its errors hold what was read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from aspm_ado.domain.documents import (
    Answer,
    AspmKnown,
    AspmPage,
    ConnectionData,
    Document,
    Identity,
    Names,
    Pat,
    PatAnswer,
    Pats,
    Profile,
    Project,
    Projects,
    Repositories,
    Repository,
)
from aspm_ado.domain.errors import UserError
from aspm_ado.domain.secret import parse_secret

Fields = dict[str, Any]
"""A JSON object whose keys are in lower case."""

_WORDS: Final = {"true": True, "false": False, "1": True, "0": False}


def read(expected: type[Answer], text: str) -> Answer:
    """The answer of type ``expected`` in a JSON text. Raises ``ValueError``, whose message holds nothing of it."""
    body = text.lstrip("\ufeff \t\r\n")
    try:
        if expected is Document:
            return Document(json.loads(body))
        document = json.loads(body, object_pairs_hook=_lower)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    try:
        return _READERS[expected](_object(document, "the document"))
    except _Wrong as wrong:
        raise ValueError(f"not a {expected.__name__}: {wrong}") from None


class _Wrong(Exception):  # noqa: N818  (never leaves this module)
    """A key, of our own naming, whose value is missing or of another kind."""


def _lower(pairs: Iterable[tuple[str, Any]]) -> Fields:
    return {key.lower(): value for key, value in pairs}


def _object(value: object, key: str) -> Fields:
    if not isinstance(value, dict):
        raise _Wrong(key)
    return value


def _inner(fields: Fields, key: str) -> Fields:
    """An object in an object; where there is none, it is empty."""
    return {} if fields.get(key) is None else _object(fields[key], key)


def _text(fields: Fields, key: str) -> str:
    """A text; numbers are as good, and what is missing or null is empty."""
    value = fields.get(key)
    if value is None:
        return ""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise _Wrong(key)


def _flag(fields: Fields, key: str) -> bool:
    """Yes or no; what is missing or null is no."""
    value = fields.get(key)
    if value is None or isinstance(value, bool):
        return bool(value)
    known = _WORDS.get(str(value).lower())
    if known is None:
        raise _Wrong(key)
    return known


def _number(fields: Fields, key: str) -> int:
    value = fields.get(key)
    if isinstance(value, bool):
        raise _Wrong(key)
    try:
        number = int(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise _Wrong(key) from None
    if isinstance(value, float) and number != value:
        raise _Wrong(key)
    return number


def _demanded(fields: Fields, key: str) -> Fields:
    if key not in fields:
        raise _Wrong(key)
    return fields


def _list(fields: Fields) -> list[Fields]:
    """The entries under ``value``."""
    value = fields.get("value")
    if not isinstance(value, list):
        raise _Wrong("value")
    return [_object(entry, "an entry of value") for entry in value]


def _connection_data(fields: Fields) -> ConnectionData:
    user = _demanded(_object(fields.get("authenticateduser"), "authenticateduser"), "id")
    account = _inner(user, "properties").get(
        "account"
    )  # {"$type": "System.String", "$value": "a@b"}, or the value
    properties = {"account": account.get("$value") if isinstance(account, dict) else account}
    name = _text(user, "customdisplayname") or _text(user, "providerdisplayname")
    return ConnectionData(Identity(_text(user, "id"), name, _text(properties, "account")))


def _profile(fields: Fields) -> Profile:
    identity = Identity(
        _text(fields, "id"), _text(fields, "displayname"), _text(fields, "emailaddress")
    )
    if not identity.id:
        raise _Wrong("id")
    return Profile(identity)


def _names(fields: Fields) -> Names:
    names: dict[str, str] = {}
    for entry in _list(fields):
        name = _text(entry, "accountname") or _text(entry, "name")
        names.setdefault(
            name.lower(), name
        )  # the casing of names changes between answers (recorded)
    return Names(tuple(name for name in names.values() if name))


def _projects(fields: Fields) -> Projects:
    pairs = [(_text(entry, "id"), _text(entry, "name")) for entry in _list(fields)]
    return Projects(tuple(Project(id_, name) for id_, name in pairs if id_ and name))


def _repositories(fields: Fields) -> Repositories:
    made = [
        Repository(
            _text(entry, "id"),
            _text(entry, "name"),
            _text(_inner(entry, "project"), "name"),
            not (_flag(entry, "isdisabled") or _flag(entry, "isinmaintenance")),
        )
        for entry in _list(fields)
    ]
    return Repositories(tuple(one for one in made if one.id and one.name))


def _aspm_page(fields: Fields) -> AspmPage:
    """Of a list, the frame: ``{limit, start, total, teams: [...]}``. What is listed is not ours to know."""
    if not any(isinstance(fields.get(key), list) for key in ("teams", "projects")):
        for key in ("limit", "start"):
            _number(fields, key)
    return AspmPage(None if fields.get("total") is None else _number(fields, "total"))


def _aspm_known(fields: Fields) -> AspmKnown:
    if fields.get("exist") is None:
        raise _Wrong("exist")
    return AspmKnown(_flag(fields, "exist"))


def _instant(fields: Fields, key: str) -> datetime | None:
    """A moment in UTC, with or without an offset and with as many digits of a second as .NET writes."""
    text = _text(fields, key)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _Wrong(key) from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _pat(fields: Fields) -> Pat:
    if not _text(fields, "authorizationid"):
        raise _Wrong("authorizationid")
    value, nowhere = _text(fields, "token"), object()
    try:
        secret = parse_secret(value, "Azure DevOps", "token") if value else None
    except UserError:
        raise _Wrong("token") from None
    return Pat(
        _text(fields, "authorizationid"),
        _text(fields, "displayname"),
        frozenset(_text(fields, "scope").split()),
        _instant(fields, "validto"),
        fields.get("targetaccounts", nowhere) is None,
        secret,
    )


def _pat_answer(fields: Fields) -> PatAnswer:
    error = _text(fields, "pattokenerror")
    error = "" if error.lower() in ("none", "0") else error
    found = fields.get("pattoken")
    return PatAnswer(None if error or found is None else _pat(_object(found, "pattoken")), error)


def _pats(fields: Fields) -> Pats:
    found = fields.get("pattokens")
    if not isinstance(found, list):
        raise _Wrong("pattokens")
    return Pats(
        tuple(_pat(_object(one, "pattokens")) for one in found), _text(fields, "continuationtoken")
    )


_READERS: Final[dict[type[Answer], Callable[[Fields], Answer]]] = {
    ConnectionData: _connection_data,
    Profile: _profile,
    Names: _names,
    Projects: _projects,
    Repositories: _repositories,
    AspmPage: _aspm_page,
    AspmKnown: _aspm_known,
    PatAnswer: _pat_answer,
    Pats: _pats,
}
