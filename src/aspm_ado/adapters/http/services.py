"""Both services over HTTP: each call by the transport of its connection, and a good answer read.

The documents are read as tolerantly as they vary. Order, casing, nulls and unknown keys are theirs.
Recorded: ``value`` before ``count`` or without it, a BOM before the text, ``customDisplayName``
only sometimes, and between versions another casing of the same key. Only what an answer cannot do
without is demanded. Read by hand: a library for this takes longer to import than the service takes
to answer, and its errors hold what was read.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Protocol

from aspm_ado.domain.documents import (
    HOLDS_A_SECRET,
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
from aspm_ado.domain.http import Call, Origin, Reply
from aspm_ado.domain.known_secrets import KNOWN_SECRETS
from aspm_ado.domain.reasons import BUG_REMEDY, Reason, UserError, bug_words
from aspm_ado.domain.secret import parse_secret

if TYPE_CHECKING:
    from aspm_ado.adapters.http.transport import Transport


class Exchange(Protocol):
    """What of a transport is used here."""

    def exchange(self, call: Call) -> tuple[Reply, str]:
        """Send, and bring the reply and the whole text of its body."""
        ...


class Exchanges:
    """Sends each call by the transport that trusts what the call's connection trusts.

    Transports are made when they are first needed, since that takes longer than a person likes to
    wait for a first question; with ``now`` the usual one at once, so that what is wrong with it is
    a usage error.
    """

    def __init__(self, make: Callable[[str | None], Transport], *, now: bool = False) -> None:
        self._make = make
        self._made: dict[str | None, Transport] = {}
        if now:
            self._made[None] = make(None)
        self._lock = threading.Lock()

    def exchange(self, call: Call) -> tuple[Reply, str]:
        """Send. A recorded CA file that cannot be read fails its own connection, and no other."""
        try:
            with self._lock:
                if call.ca_bundle not in self._made:
                    self._made[call.ca_bundle] = self._make(call.ca_bundle)
                transport = self._made[call.ca_bundle]
        except UserError as error:
            failed = Reply(
                call, failure=Reason.TLS_UNTRUSTED, problem=error.problem, remedy=error.remedy
            )
            return failed, ""
        return transport.exchange(call)

    def close(self) -> None:
        """Close every connection of every transport."""
        for transport in self._made.values():
            transport.close()


class AzureDevOps:
    """Sends calls and reads what they expect."""

    def __init__(self, transport: Exchange) -> None:
        self._transport = transport

    def send(self, call: Call) -> Reply:
        """The reply; ``answer`` is set where a 200 or 201 holds the document that is expected.

        A 200 that is cut short looks like any other without a Content-Length (measured): it is
        ``answer-unreadable``, never a word about the token. HTML is left to the rules: it is a
        sign-in page. A bug of ours is told in the reply, too: it says nothing about the others.
        """
        try:
            return self._read(call)
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001  (one bad answer spoils one call, and is told)
            return Reply(call).failed(Reason.ANSWER_UNREADABLE, bug_words(error), BUG_REMEDY)

    def _read(self, call: Call) -> Reply:
        reply, text = self._transport.exchange(call)
        is_good = reply.status in (HTTPStatus.OK, HTTPStatus.CREATED) and not reply.failure
        if call.expects is None or not is_good or text.lstrip("\ufeff \t\r\n")[:1] == "<":
            return reply
        if call.expects in HOLDS_A_SECRET:
            reply = reply.with_text("")
        try:
            return reply.answering(read(call.expects, text))
        except ValueError:
            host = str(Origin.of(call.url)).partition("://")[2]
            return reply.failed(
                Reason.ANSWER_UNREADABLE,
                f"{host} answered, but the answer is incomplete or not in the documented form.",
                "Try again. If the error persists, something on the network path changes the "
                "answers.",
            )


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
        """A moment in UTC, with or without an offset, with as many digits as .NET writes.

        The year 1 is .NET's way to say that there is none.
        """
        text = self.text(key)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
            if moment.year == 1:
                return None
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            raise _Wrong(key) from None

    def inner(self, key: str) -> _Fields:
        """An object; where there is none, it is empty."""
        if self.get(key) is None:
            return _Fields()
        return _object(self[key], key)

    def entries(self, key: str = "value") -> list[_Fields]:
        """A list of objects; a null in it is none."""
        value = self.get(key)
        if not isinstance(value, list):
            raise _Wrong(key)
        return [_object(entry, f"an entry of {key}") for entry in value if entry is not None]


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
    error, found = fields.text("pattokenerror"), fields.get("pattoken")
    if error.lower() not in ("", "none", "0"):
        beside = _object(found, "pattoken").name("authorizationid") if found else None
        return PatAnswer(None, error, beside)
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
