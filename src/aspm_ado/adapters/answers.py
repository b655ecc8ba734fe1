"""The documents of both services, read as tolerantly as they vary: order, casing, nulls and unknown keys are theirs.

Recorded: ``value`` before ``count`` or without it, a BOM before the text, ``customDisplayName`` only sometimes, and
between versions another casing of the same key. Only what an answer cannot do without is demanded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from aspm_ado.domain.answers import (
    Answer,
    AspmKnown,
    AspmPage,
    ConnectionData,
    Document,
    Identity,
    Names,
    Profile,
    Project,
    Projects,
    Repositories,
    Repository,
)


def read(expected: type[Answer], text: str) -> Answer:
    """The answer of type ``expected`` in a JSON text. Raises ``ValueError``, whose message holds nothing of it."""
    try:
        body = text.lstrip("\ufeff \t\r\n")
        if expected is Document:
            return Document(json.loads(body))
        document = json.loads(body, object_pairs_hook=_lower)
        return _READERS[expected](document)
    except ValidationError as error:
        wrong = ", ".join(
            ".".join(map(str, e["loc"])) for e in error.errors(include_input=False, include_context=False)
        )
        raise ValueError(f"not a {expected.__name__}: {wrong[:200]}") from None
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None


def _lower(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {key.lower(): value for key, value in pairs}


def _account(value: object) -> object:
    """``{"$type": "System.String", "$value": "a@b"}``, or the value itself."""
    return value.get("$value") if isinstance(value, dict) else value


_NULL_IS_EMPTY: Final = BeforeValidator(lambda value: "" if value is None else value)
_NULL_IS_FALSE: Final = BeforeValidator(lambda value: False if value is None else value)
_NULL_IS_OBJECT: Final = BeforeValidator(lambda value: {} if value is None else value)
_Text = Annotated[str, _NULL_IS_EMPTY]
_Flag = Annotated[bool, _NULL_IS_FALSE]


class _Document(BaseModel):
    """Keys are compared in lower case; an error never shows what was read."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
        alias_generator=lambda name: name.replace("_", ""),
    )


class _Properties(_Document):
    account: Annotated[_Text, BeforeValidator(_account)] = ""


class _User(_Document):
    id: _Text
    custom_display_name: _Text = ""
    provider_display_name: _Text = ""
    properties: Annotated[_Properties, _NULL_IS_OBJECT] = _Properties()


class _Location(_Document):
    web_application_relative_directory: _Text = ""


class _ConnectionData(_Document):
    authenticated_user: _User
    deployment_type: _Text = ""
    location_service_data: Annotated[_Location, _NULL_IS_OBJECT] = _Location()
    web_application_relative_directory: _Text = ""

    @classmethod
    def read(cls, document: object) -> ConnectionData:
        data = cls.model_validate(document)
        user = data.authenticated_user
        return ConnectionData(
            Identity(user.id, user.custom_display_name or user.provider_display_name, user.properties.account),
            data.deployment_type,
            data.location_service_data.web_application_relative_directory or data.web_application_relative_directory,
        )


class _Profile(_Document):
    id: str = Field(min_length=1)
    display_name: _Text = ""
    email_address: _Text = ""

    @classmethod
    def read(cls, document: object) -> Profile:
        data = cls.model_validate(document)
        return Profile(Identity(data.id, data.display_name, data.email_address))


class _Named(_Document):
    id: _Text = ""
    name: _Text = ""
    account_name: _Text = ""


class _Names(_Document):
    value: list[_Named]

    @classmethod
    def read(cls, document: object) -> Names:
        names: dict[str, str] = {}
        for entry in cls.model_validate(document).value:
            name = entry.account_name or entry.name
            names.setdefault(name.lower(), name)  # the casing of names changes between answers (recorded)
        return Names(tuple(name for name in names.values() if name))


class _Projects(_Document):
    value: list[_Named]

    @classmethod
    def read(cls, document: object) -> Projects:
        entries = cls.model_validate(document).value
        return Projects(tuple(Project(entry.id, entry.name) for entry in entries if entry.id and entry.name))


class _Repository(_Named):
    project: Annotated[_Named, _NULL_IS_OBJECT] = _Named()
    is_disabled: _Flag = False
    is_in_maintenance: _Flag = False


class _Repositories(_Document):
    value: list[_Repository]

    @classmethod
    def read(cls, document: object) -> Repositories:
        return Repositories(
            tuple(
                Repository(entry.id, entry.name, entry.project.name, not (entry.is_disabled or entry.is_in_maintenance))
                for entry in cls.model_validate(document).value
                if entry.id and entry.name
            )
        )


class _AspmPage(_Document):
    """Of a list, the frame: ``{limit, start, total, teams: [...]}``. What is listed is not ours to know."""

    limit: int
    start: int
    total: int | None = None

    @classmethod
    def read(cls, document: object) -> AspmPage:
        return AspmPage(cls.model_validate(document).total)


class _AspmKnown(_Document):
    exist: bool

    @classmethod
    def read(cls, document: object) -> AspmKnown:
        return AspmKnown(cls.model_validate(document).exist)


_READERS: Final[dict[type[Answer], Callable[[object], Answer]]] = {
    ConnectionData: _ConnectionData.read,
    Profile: _Profile.read,
    Names: _Names.read,
    Projects: _Projects.read,
    Repositories: _Repositories.read,
    AspmPage: _AspmPage.read,
    AspmKnown: _AspmKnown.read,
}
