"""The grammar of a registration profile, which is refused as a whole and never quoted."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

from aspm_ado.adapters.threads import read_file
from aspm_ado.domain.aspm import api as domain
from aspm_ado.domain.aspm.api import INSTANCE_ID, MARKER, PAT, Dialect, places_in
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.text import clean, system_words

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MOST_BYTES: Final = 256 * 1024
PLACES: Final = frozenset({
    "connection", "deployment", "alm_tool", "base_url", "organization", "organization_url",
    "purpose", "username", "issue_manager",
    "team_leads_create_instances", "team_leads_fetch_projects", "team_leads_access_projects",
    MARKER,
})  # fmt: skip
"""What may stand in double braces everywhere. ``pat`` only in the body of a write, ``instance_id``
only in ``test``.
"""
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,60}")
_TAKEN: Final = frozenset({
    "authorization", "cookie", "host", "proxy-authorization", "content-length", "content-type",
    "x-cookie", "x-auth", "transfer-encoding", "connection",
})  # fmt: skip
_PLAINER: Final = {
    "extra_forbidden": "a profile does not have this key",
    "missing": "it is missing",
}


def load_profile(path: str, say: Callable[[str], None]) -> domain.Profile:
    """The profile in a file. ``UsageError`` (exit 2) names the key and never shows a value."""
    shown = clean(path, 120)
    try:
        raw = read_file(Path(path), MOST_BYTES + 1, say, f"the file {shown}")
    except (OSError, ValueError) as error:  # the second: a name that no file can have
        raise UsageError(
            Reason.FILE_UNREADABLE,
            f"The file {shown} cannot be read: {system_words(error)}.",
            remedy="Check its name and that you may read it.",
        ) from None
    return parse_profile(raw, shown)


def parse_profile(raw: bytes, where: str) -> domain.Profile:
    """The profile in ``raw``, which came from ``where``."""
    try:
        if len(raw) > MOST_BYTES:
            raise ValueError("it is too long")
        document = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_once)
        fields = dict(_Profile.model_validate(document))
        del fields["schema_"], fields["product_versions"]
        return domain.Profile(**fields, digest=hashlib.sha256(raw).hexdigest())
    except ValidationError as error:
        details = error.errors(include_input=False, include_context=False, include_url=False)
        wrong = "; ".join(map(_said, details[:5]))
    except UnicodeDecodeError:
        wrong = "it is not text in UTF-8"
    except json.JSONDecodeError as error:
        wrong = f"it is not JSON (line {error.lineno})"
    except (ValueError, RecursionError) as error:
        wrong = str(error)
    raise UsageError(
        Reason.INPUT_INVALID,
        f"The registration profile {where} cannot be used: {clean(wrong, 500)}.",
        remedy="Compare it with docs/registration-profile.md.",
    )


def _said(error: ErrorDetails) -> str:
    """One finding of pydantic with its key, in our words where they are plainer."""
    key = ".".join(map(str, error["loc"])) or "the document"
    words = _PLAINER.get(error["type"], error["msg"].removeprefix("Value error, "))
    return f"{key}: {words}"


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found


def _path(value: str) -> str:
    bare = re.sub(r"\{\{\s*[a-z_]+\s*\}\}", "x", value)
    is_elsewhere = not bare.startswith("/") or bare.startswith("//")
    if is_elsewhere or "\\" in bare or "#" in bare or ".." in bare.split("/"):
        raise ValueError("a path begins with one slash, and has no host, fragment, backslash or ..")
    if not all("!" <= character <= "~" for character in bare):
        raise ValueError("a path is printable ASCII without spaces")
    return value


def _pointer(value: str) -> str:
    if value and not value.startswith("/"):
        raise ValueError("a JSON pointer is empty or begins with a slash")
    return value


def _check_header(name: str, value: str) -> None:
    if not _HEADER.fullmatch(name) or name.lower() in _TAKEN:
        raise ValueError(
            "headers has a name that is not allowed: aspm-ado sets secrets and framing"
        )
    if places_in(value) or not all(" " <= character <= "~" for character in value):
        raise ValueError(
            "headers has a value that is not plain text. Placeholders belong in path and body"
        )


def _only(allowed: frozenset[str], *templates: object) -> None:
    if places_in(templates) - allowed:
        raise ValueError("a name in double braces is unknown, or not allowed here")


def _into(kind: type) -> AfterValidator:
    """Make the domain's value of a model; its fields have the same names."""
    return AfterValidator(lambda model: kind(**dict(model)))


RequestPath: TypeAlias = Annotated[str, AfterValidator(_path)]
Pointer: TypeAlias = Annotated[str, AfterValidator(_pointer)]
Statuses: TypeAlias = Annotated[list[Annotated[int, Field(ge=200, le=299)]], Field(min_length=1)]
Texts: TypeAlias = Annotated[dict[Pointer, str], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True)


class _Success(_Strict):
    status: Statuses
    pointer: Pointer = ""


_SuccessValue: TypeAlias = Annotated[_Success, _into(domain.Success)]


class _Find(_Strict):
    path: RequestPath
    items: Pointer
    match: Texts
    ours: Texts
    id: Pointer
    total: Pointer = ""

    @model_validator(mode="after")
    def _tells_ours(self) -> _Find:
        if MARKER not in places_in(self.ours):
            raise ValueError(
                "ours compares with {{marker}}: "
                "nothing else proves that aspm-ado created an instance"
            )
        _only(PLACES, self.path, self.match, self.ours)
        if MARKER in places_in([self.path, self.match]):
            raise ValueError(
                "{{marker}} belongs in ours: in path or match it hides all other instances"
            )
        return self


class _Test(_Strict):
    method: Literal["GET", "POST"] = "GET"
    path: RequestPath
    success: _SuccessValue

    @model_validator(mode="after")
    def _places(self) -> _Test:
        _only(PLACES | {INSTANCE_ID}, self.path)
        return self


class _Profile(_Strict):
    schema_: Literal["aspm-ado/registration-profile/v1"] = Field(alias="schema")
    name: Annotated[str, Field(min_length=1, max_length=60), AfterValidator(clean)]
    dialect: Annotated[Literal["standalone", "core"], AfterValidator(Dialect)]
    product_versions: list[str] = []
    method: Literal["POST", "PUT"] = "POST"
    path: RequestPath
    headers: dict[str, str] = {}
    body: dict[str, JsonValue]
    success: _SuccessValue
    conflict: list[Annotated[int, Field(ge=400, le=499)]] = [409]
    id: Pointer = ""
    find: Annotated[_Find, _into(domain.Find)] | None = None
    trial: Annotated[_Test, _into(domain.Trial)] | None = Field(None, alias="test")

    @model_validator(mode="after")
    def _places(self) -> _Profile:
        _only(PLACES, self.path)
        _only(PLACES | {PAT}, self.body)
        if PAT not in places_in(self.body):
            raise ValueError("body has no {{pat}}: an instance without the token cannot work")
        if self.find is not None and MARKER not in places_in(self.body):
            raise ValueError(
                "body has no {{marker}}, so find cannot tell the instance of aspm-ado from others"
            )
        for name, value in self.headers.items():
            _check_header(name, value)
        return self
