"""Registration profiles: read from a file, refused as a whole where anything in them is unclear, never quoted."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

from aspm_ado.domain.aspm import profile as domain
from aspm_ado.domain.aspm.api import Dialect
from aspm_ado.domain.aspm.profile import INSTANCE_ID, MARKER, PAT, PLACES, places_in
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MOST_BYTES: Final = 256 * 1024
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,60}")
_TAKEN: Final = frozenset(
    {
        "authorization", "cookie", "host", "proxy-authorization", "content-length", "content-type", "x-cookie",
        "x-auth", "transfer-encoding", "connection",
    }
)  # fmt: skip

_PLAINER: Final = {
    "extra_forbidden": "a profile has no such key",
    "missing": "it is not there, and has to be",
}


def load_profile(path: str) -> domain.Profile:
    """The profile in a file, or a ``UsageError`` (exit 2) that names the key and never shows a value."""
    place = Path(path).expanduser()
    try:
        with place.open("rb") as opened:
            raw = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # the second: a name that no file can have
        raise UsageError(
            Reason.FILE_UNREADABLE,
            f"The file {clean(place, 120)} cannot be read: {getattr(error, 'strerror', '') or type(error).__name__}.",
            remedy="Check its name and that you may read it.",
        ) from None
    return parse_profile(raw, clean(place, 120))


def parse_profile(raw: bytes, where: str) -> domain.Profile:
    """The profile in ``raw``, which came from ``where``."""
    try:
        if len(raw) > MOST_BYTES:
            raise ValueError("it is too long")
        document = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_once)
        return _Profile.model_validate(document).profile(hashlib.sha256(raw).hexdigest())
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'the document'}: {_said(one)}"
            for one in error.errors(include_input=False, include_context=False, include_url=False)[
                :5
            ]
        )
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
    """One finding of pydantic, in our words where they are plainer."""
    return _PLAINER.get(error["type"], error["msg"].removeprefix("Value error, "))


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _path(value: str) -> str:
    bare = re.sub(r"\{\{\s*[a-z_]+\s*\}\}", "x", value)
    if (
        not bare.startswith("/")
        or bare.startswith("//")
        or "\\" in bare
        or "#" in bare
        or ".." in bare.split("/")
    ):
        raise ValueError("a path begins with one slash, and has no host, fragment, backslash or ..")
    if not all("!" <= character <= "~" for character in bare):
        raise ValueError("a path is printable ASCII without spaces")
    return value


def _pointer(value: str) -> str:
    if value and not value.startswith("/"):
        raise ValueError("a JSON pointer is empty or begins with a slash")
    return value


Path_ = Annotated[str, AfterValidator(_path)]
Pointer = Annotated[str, AfterValidator(_pointer)]
Statuses = Annotated[list[Annotated[int, Field(ge=200, le=299)]], Field(min_length=1)]
Wanted = Annotated[dict[Pointer, str], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, strict=True)


class _Success(_Strict):
    status: Statuses
    pointer: Pointer = ""

    def made(self) -> domain.Success:
        return domain.Success(frozenset(self.status), self.pointer)


class _Find(_Strict):
    path: Path_
    items: Pointer
    match: Wanted
    ours: Wanted
    id: Pointer
    total: Pointer = ""

    @model_validator(mode="after")
    def _tells_ours(self) -> _Find:
        if MARKER not in places_in(self.ours):
            raise ValueError(
                "ours compares with {{marker}}: nothing else proves that this program made an instance"
            )
        _only(PLACES - {PAT, INSTANCE_ID}, self.path, self.match, self.ours)
        if MARKER in places_in(self.path) | places_in(self.match):
            raise ValueError(
                "{{marker}} belongs into ours: with it in path or match no other instance is ever found"
            )
        return self


class _Test(_Strict):
    method: Literal["GET", "POST"] = "GET"
    path: Path_
    success: _Success

    @model_validator(mode="after")
    def _places(self) -> _Test:
        _only(PLACES - {PAT}, self.path)
        return self


class _Profile(_Strict):
    schema_: Literal["aspm-ado/registration-profile/v1"] = Field(alias="schema")
    name: Annotated[str, Field(min_length=1, max_length=60)]
    dialect: Literal["standalone", "core"]
    product_versions: list[str] = []
    method: Literal["POST", "PUT"] = "POST"
    path: Path_
    headers: dict[str, str] = {}
    body: dict[str, JsonValue]
    success: _Success
    conflict: list[Annotated[int, Field(ge=400, le=499)]] = [409]
    id: Pointer = ""
    find: _Find | None = None
    test: _Test | None = None

    @model_validator(mode="after")
    def _places(self) -> _Profile:
        _only(PLACES - {PAT, INSTANCE_ID}, self.path)
        _only(PLACES - {INSTANCE_ID}, self.body)
        if PAT not in places_in(self.body):
            raise ValueError("body has no {{pat}}: an instance without the token is of no use")
        if self.find is not None and MARKER not in places_in(self.body):
            raise ValueError(
                "body has no {{marker}}, so find could never tell our instance from another's"
            )
        for name, value in self.headers.items():
            if not _HEADER.fullmatch(name) or name.lower() in _TAKEN:
                raise ValueError(
                    "headers has a name that is not allowed: secrets and framing are ours to set"
                )
            if places_in(value) or not all(" " <= character <= "~" for character in value):
                raise ValueError(
                    "headers has a value that is not plain text; places are for path and body"
                )
        return self

    def profile(self, digest: str) -> domain.Profile:
        find, test = self.find, self.test
        return domain.Profile(
            name=clean(self.name, 60),
            dialect=Dialect(self.dialect),
            path=self.path,
            body=self.body,
            success=self.success.made(),
            digest=digest,
            method=self.method,
            headers=tuple(self.headers.items()),
            conflict=frozenset(self.conflict),
            id=self.id,
            find=domain.Find(
                find.path,
                find.items,
                tuple(find.match.items()),
                tuple(find.ours.items()),
                find.id,
                find.total,
            )
            if find
            else None,
            trial=domain.Trial(test.path, test.success.made(), test.method) if test else None,
            product_versions=tuple(clean(version, 60) for version in self.product_versions),
        )


def _only(allowed: frozenset[str], *templates: object) -> None:
    for template in templates:
        if places_in(template) - allowed:
            raise ValueError("a name in double braces is not known, or not allowed in this place")
