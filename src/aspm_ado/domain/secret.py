"""A personal access token: read as a whole or refused by position, kept out of every repr."""

from __future__ import annotations

import base64
import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.reasons import Reason


class TokenFormat(StrEnum):
    """The shapes that Azure DevOps gives its tokens (facts: 84 characters since July 2024, 52
    before).
    """

    V2_84 = "v2-84"
    LEGACY_52 = "legacy-52"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, _value: object) -> TokenFormat:
        return cls.UNKNOWN  # what another version recorded


_V2: Final = re.compile(r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}")
_LEGACY: Final = re.compile(r"[a-z2-7]{52}")
_QUOTES: Final = ("''", '""', "``", "“”", "‘’")
_CHARACTERS: Final = {
    "Cc": "a control character",
    "Zs": "a space",
    "Cf": "an invisible character",
}
_UNEXPANDED: Final = re.compile(r"\$\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that no repr, comparison or report shows. Only requests and the vault reveal it."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    @property
    def last4(self) -> str:
        """The last four characters, which may be shown; empty for a short secret."""
        return self._value[-4:] if len(self._value) >= 16 else ""

    @property
    def format(self) -> TokenFormat:
        """Its format. Advice only: formats change."""
        if _V2.fullmatch(self._value):
            return TokenFormat.V2_84
        if _LEGACY.fullmatch(self._value):
            return TokenFormat.LEGACY_52
        return TokenFormat.UNKNOWN

    def basic(self, username: str = "") -> str:
        """The ``Authorization`` value with this secret as the password."""
        return "Basic " + base64.b64encode(f"{username}:{self._value}".encode()).decode("ascii")


def could_be_secret(value: str) -> bool:
    """Whether a secret may read so: one word of printable ASCII."""
    return bool(value) and all("!" <= character <= "~" for character in value)


def decode(raw: bytes) -> str:
    """The text of a file or a pipe in UTF-8 or UTF-16, as Windows shells also write it.

    Raises ``UsageError`` when it is neither.
    """
    try:
        return raw.decode(_encoding(raw))
    except UnicodeDecodeError:
        raise UsageError(
            Reason.TOKEN_MALFORMED,
            "The source of the token is not text in UTF-8 or UTF-16.",
            remedy="Write the token alone into the file, without a byte of anything else.",
        ) from None


def _encoding(raw: bytes) -> str:
    """UTF-16 with a BOM, or where each other byte is NUL as in ASCII text; else UTF-8."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    half = len(raw) // 2
    if len(raw) >= 4 and len(raw) % 2 == 0:
        if raw[1::2].count(0) == half:
            return "utf-16-le"
        if raw[0::2].count(0) == half:
            return "utf-16-be"
    return "utf-8-sig"


def parse_pat(text: str, where: str) -> Secret:
    """The token in ``text``. Errors name ``where`` it came from, never what it is.

    White space, one pair of quotes, a BOM and a leading colon are removed. Raises ``UsageError``
    for a character that no token has, by its position.
    """
    secret = parse_secret(text.strip("\ufeff \t\r\n"), where, "personal access token")
    value = secret.reveal().removeprefix(":")
    if not value:
        raise _empty(where, "personal access token")
    if value.startswith("eyJ") and value.count(".") >= 2:
        raise UsageError(
            Reason.TOKEN_IS_ENTRA,
            f"What {where} holds is an Entra access token, not a personal access token.",
            remedy="Create a personal access token on the token page; `aspm-ado guide` shows how.",
        )
    return Secret(value)


def parse_secret(text: str, where: str, what: str) -> Secret:
    """A secret of any service: trimmed, unquoted, one word of printable ASCII."""
    value = text.strip().strip("\ufeff").strip()
    if len(value) >= 2 and value[0] + value[-1] in _QUOTES:
        value = value[1:-1].strip()
    if not value:
        raise _empty(where, what)
    if _UNEXPANDED.fullmatch(value):
        raise UsageError(
            Reason.VARIABLE_NOT_EXPANDED,
            f"The {what} from {where} is a pipeline variable that was not expanded.",
            remedy="Map the secret variable into the environment of this step; pipelines do not do "
            "it by themselves.",
        )
    for position, character in enumerate(value, start=1):
        if not "!" <= character <= "~":
            category = unicodedata.category(character)
            name = _CHARACTERS.get(category, "a character that no token has")
            raise UsageError(
                Reason.TOKEN_MALFORMED,
                f"The {what} from {where} has {name} at position {position} of {len(value)}.",
                remedy="Copy the token again, whole and alone.",
            )
    return Secret(value)


def _empty(where: str, what: str) -> UsageError:
    return UsageError(
        Reason.TOKEN_EMPTY,
        f"The {what} from {where} is empty.",
        remedy="Give the token there, or drop the option.",
    )
