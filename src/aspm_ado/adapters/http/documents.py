"""The documents of both services, read as tolerantly as they vary.

Order, casing, nulls and unknown keys are theirs. Recorded: ``value`` before ``count`` or without
it, a BOM before the text, ``customDisplayName`` only sometimes, and between versions another casing
of the same key. Only what an answer cannot do without is demanded. Read by hand: a library for this
takes longer to import than the service takes to answer, and its errors hold what was read.
"""

from __future__ import annotations

import json
import re
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
    Project,
    Projects,
    Repositories,
    Repository,
    UserProfile,
)
from aspm_ado.domain.known_secrets import KNOWN_SECRETS
from aspm_ado.domain.reasons import UserError
from aspm_ado.domain.secret import parse_secret

_LONGEST: Final = 4096
_LONGEST_NAME: Final = 1024
"""Azure DevOps allows 50 characters for an organization and 256 for a repository."""

_MOST_NAMES: Final = 10_000
"""Organizations of one list: more than anybody has, and each costs up to eleven requests."""

_HALF: Final = re.compile("[\ud800-\udfff]")
"""Half of a character, which JSON can hold and no address, file or terminal can."""

_WORDS: Final = {"true": True, "false": False, "1": True, "0": False}


def read(expected: type[Answer], text: str) -> Answer:
    """The answer of type ``expected`` in a JSON text.

    Raises ``ValueError``, whose message holds nothing of it.
    """
    body = text.lstrip("\ufeff \t\r\n")
    try:
        if expected is Document:
            read_body = json.loads(body)
            json.dumps(read_body, ensure_ascii=False).encode()  # no half of a character
            return Document(read_body)
        document = json.loads(body, object_pairs_hook=_Fields.of)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    try:
        return _READERS[expected](_object(document, "the document"))
    except _Wrong as wrong:
        raise ValueError(f"not a {expected.__name__}: {wrong}") from None
    except (ValueError, ArithmeticError, RecursionError):  # a conversion of ours that none foresaw
        raise ValueError(f"not a {expected.__name__}") from None


class _Wrong(Exception):  # noqa: N818  (never leaves this module)
    """A key, of our own naming, whose value is missing or of another kind."""


class _Fields(dict[str, Any]):
    """A JSON object whose keys are in lower case."""

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, Any]]) -> _Fields:
        return cls({key.lower(): value for key, value in pairs})

    def text(self, key: str) -> str:
        """A text, cut; numbers are as good, and what is missing or null is empty."""
        value = self.get(key)
        if value is None:
            return ""
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            text = str(value)[:_LONGEST]
            if _HALF.search(text):
                raise _Wrong(key)
            return text
        raise _Wrong(key)

    def said(self, key: str) -> str:
        """A text that is shown and compared with nothing."""
        return KNOWN_SECRETS.hide_in_foreign(self.text(key))

    def name(self, key: str) -> str:
        """A text that is an address of something; one that is too long is none, and never cut.

        Cut it would be the name of something else, of which a verdict would be told.
        """
        text = self.text(key)
        if len(text) > _LONGEST_NAME:
            return ""
        return text

    def demanded(self, key: str) -> str:
        """A text that is not empty."""
        value = self.text(key)
        if not value:
            raise _Wrong(key)
        return value

    def flag(self, key: str) -> bool:
        """Yes or no; what is missing or null is no."""
        value = self.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        known = _WORDS.get(str(value).lower())
        if known is None:
            raise _Wrong(key)
        return known

    def number(self, key: str) -> int:
        value = self.get(key)
        if isinstance(value, bool):
            raise _Wrong(key)
        try:
            number = int(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            raise _Wrong(key) from None
        if isinstance(value, float) and number != value:
            raise _Wrong(key)
        return number

    def instant(self, key: str) -> datetime | None:
        """A moment in UTC, with or without an offset, with as many digits as .NET writes."""
        text = self.text(key)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            raise _Wrong(key) from None

    def inner(self, key: str) -> _Fields:
        """An object; where there is none, it is empty."""
        if self.get(key) is None:
            return _Fields()
        return _object(self[key], key)

    def entries(self, key: str = "value") -> list[_Fields]:
        """A list of objects."""
        value = self.get(key)
        if not isinstance(value, list):
            raise _Wrong(key)
        return [_object(entry, f"an entry of {key}") for entry in value]


def _object(value: object, key: str) -> _Fields:
    if not isinstance(value, _Fields):
        raise _Wrong(key)
    return value


def _connection_data(fields: _Fields) -> ConnectionData:
    user = _object(fields.get("authenticateduser"), "authenticateduser")
    if "id" not in user:
        raise _Wrong("id")
    name = user.said("customdisplayname") or user.said("providerdisplayname")
    properties = user.inner("properties")
    account = properties.get("account")
    if isinstance(account, _Fields):  # {"$type": "System.String", "$value": "a@b"}
        properties = _Fields(account=account.get("$value"))
    return ConnectionData(Identity(user.text("id"), name, properties.said("account")))


def _profile(fields: _Fields) -> UserProfile:
    id_, mail = fields.demanded("id"), fields.said("emailaddress")
    return UserProfile(Identity(id_, fields.said("displayname"), mail))


def _names(fields: _Fields) -> Names:
    names: dict[str, str] = {}
    left_off = 0
    for entry in fields.entries():
        name = entry.name("accountname") or entry.name("name")
        # The casing of names changes between answers (recorded).
        names.setdefault(name.lower(), name)
        left_off += not name and bool(entry.text("accountname") or entry.text("name"))
    found = tuple(filter(None, names.values()))
    return Names(found[:_MOST_NAMES], left_off + len(found[_MOST_NAMES:]))


def _projects(fields: _Fields) -> Projects:
    found = [Project(entry.name("id"), entry.name("name")) for entry in fields.entries()]
    return Projects(tuple(one for one in found if one.id and one.name))


def _repositories(fields: _Fields) -> Repositories:
    found = [
        Repository(
            entry.name("id"),
            entry.name("name"),
            entry.inner("project").name("name"),
            not (entry.flag("isdisabled") or entry.flag("isinmaintenance")),
            bool(entry.get("defaultbranch")) or entry.get("size") != 0,
        )
        for entry in fields.entries()
    ]
    return Repositories(tuple(one for one in found if one.id and one.name))


def _aspm_page(fields: _Fields) -> AspmPage:
    """The frame of a list, ``{limit, start, total, teams: [...]}``, without what it lists."""
    if not any(isinstance(fields.get(key), list) for key in ("teams", "projects")):
        for key in ("limit", "start"):
            fields.number(key)
    if fields.get("total") is None:
        return AspmPage()
    return AspmPage(fields.number("total"))


def _aspm_known(fields: _Fields) -> AspmKnown:
    if fields.get("exist") is None:
        raise _Wrong("exist")
    return AspmKnown(fields.flag("exist"))


def _pat(fields: _Fields) -> Pat:
    id_, secret = fields.demanded("authorizationid"), None
    try:
        if value := fields.text("token"):
            secret = parse_secret(value, "Azure DevOps", "token")
    except UserError:
        raise _Wrong("token") from None
    return Pat(
        id_,
        fields.text("displayname"),
        frozenset(fields.text("scope").split()),
        fields.instant("validto"),
        "targetaccounts" in fields and fields["targetaccounts"] is None,
        secret,
    )


def _pat_answer(fields: _Fields) -> PatAnswer:
    error = fields.text("pattokenerror")
    if error.lower() not in ("", "none", "0"):
        return PatAnswer(None, error)
    found = fields.get("pattoken")
    if found is None:
        return PatAnswer(None)
    return PatAnswer(_pat(_object(found, "pattoken")))


def _pats(fields: _Fields) -> Pats:
    pats = tuple(map(_pat, fields.entries("pattokens")))
    return Pats(pats, fields.text("continuationtoken"))


_READERS: Final[dict[type[Answer], Callable[[_Fields], Answer]]] = {
    ConnectionData: _connection_data,
    UserProfile: _profile,
    Names: _names,
    Projects: _projects,
    Repositories: _repositories,
    AspmPage: _aspm_page,
    AspmKnown: _aspm_known,
    PatAnswer: _pat_answer,
    Pats: _pats,
}
