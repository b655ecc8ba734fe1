"""A personal access token: read as a whole or refused by position, kept out of every repr."""

from __future__ import annotations

import base64
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

from aspm_ado.domain.known_secrets import KNOWN_SECRETS
from aspm_ado.domain.reasons import Reason, UsageError


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
_MONTH: Final = re.compile(r"[A-Za-z0-9]{52}JQQJ99([A-Z])([A-L])[A-Za-z0-9]{16}AZDO[A-Za-z0-9]{4}")
_FIRST_YEAR: Final = 2024
_QUOTES: Final = ("''", '""', "``", "“”", "‘’", "<>")
_TOKEN: Final = rf"(?:{_V2.pattern}|{_LEGACY.pattern})"
_HOLDS_TOKEN: Final = re.compile(rf"(?<![A-Za-z0-9]){_TOKEN}(?![A-Za-z0-9])")
_MARKED: Final = re.compile(
    r"[A-Za-z0-9]{20}JQQJ99[A-Z]|[A-Za-z0-9]{40}AZDO[A-Za-z0-9]{0,4}(?![A-Za-z0-9])"
    r"|[A-Za-z0-9]{16,24}AZDO[A-Za-z0-9]{4}(?![A-Za-z0-9])"
)
"""A piece of a token with what tells it from other text. Linear: no repeat at a start is open."""
_RUN: Final = re.compile(r"[A-Za-z0-9]{40,}")
_KINDS: Final = (re.compile("[a-z]"), re.compile("[A-Z]"), re.compile("[0-9]"))
_OLD_KINDS: Final = re.compile(r"(?=(?:[2-7]*[a-z]){3})(?=(?:[a-z]*[2-7]){3})[a-z2-7]{40,52}")
_ENCODED: Final = re.compile(r"[A-Za-z0-9+/_-]{68,}={0,2}")
_CREDENTIALS: Final = re.compile(rf"[^:\s]*:({_TOKEN})")
_ASSIGNMENT: Final = re.compile(rf"[\w.:$ -]*\w\s*=\s*([\'\"]?)({_TOKEN})\1;?")
_AUTHORIZATION: Final = re.compile(r"(?:authorization:\s*)?(?:basic|bearer)\s+", re.IGNORECASE)
_PLAIN: Final = re.compile("[ \t\r\n!-~“”‘’]+")
_BRACKETS: Final = ("[]", "()", "{}", "<>")
_AROUND: Final = " :'\"`“”‘’<>\ufeff"
"""What is taken off the ends of a token without a word."""
_CUT: Final = re.compile(
    r"[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{0,25}|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{0,3}"
    r"|[A-Za-z0-9]{20,75}AZDO[A-Za-z0-9]{4}"
)
_CHARACTERS: Final = {
    "Cc": "a control character",
    "Zs": "a space",
    "Cf": "an invisible character",
}
UNEXPANDED: Final = re.compile(r"\$\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that no repr, comparison or report shows. Only requests and the vault reveal it.

    From when it is made, all texts are filtered for it; one of nobody's (``made_up``) excepted.
    """

    _value: str = field(repr=False)
    taken_from: str = field(default="", compare=False)
    """What it was pasted in, where that was more than the token alone."""
    made_up: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        """Let it be known."""
        if not self.made_up:
            KNOWN_SECRETS.add(self._value)

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

    @property
    def created_month(self) -> date | None:
        """The first day of the month in which it was created, where its text tells.

        A hint only: other encodings were seen at that place.
        """
        told = _MONTH.fullmatch(self._value)
        if told is None:
            return None
        year, month = (ord(letter) - ord("A") for letter in told.groups())
        return date(_FIRST_YEAR + year, month + 1, 1)

    def basic(self, username: str = "") -> str:
        """The ``Authorization`` value with this secret as the password."""
        return "Basic " + base64.b64encode(f"{username}:{self._value}".encode()).decode("ascii")


def could_be_secret(value: str) -> bool:
    """Whether a secret may read so: one word of printable ASCII."""
    return bool(value) and all("!" <= character <= "~" for character in value)


def holds_token(text: str) -> bool:
    """Whether a token of Azure DevOps stands in ``text``, or most of one.

    Plain, percent-encoded, in base64, or with blanks and invisible characters in it.
    """
    for form in (text, unquote(text), "".join(one for one in text if not _is_blank(one))):
        if any(pattern.search(form) for pattern in (_HOLDS_TOKEN, _MARKED)):
            return True
        if any(map(_is_most_of_one, _RUN.findall(form))):
            return True
        if any(map(_is_encoded, _ENCODED.findall(form))):
            return True
    return False


def _is_most_of_one(run: str) -> bool:
    """Whether letters and digits without an end are mixed as in a token, not as in a checksum."""
    is_mixed = len(run) >= 60 and all(kind.search(run) for kind in _KINDS)
    return is_mixed or _OLD_KINDS.fullmatch(run) is not None


def secret_as_value(where: str) -> UsageError:
    """The refusal of a token where a name, a file or a URL is meant. It does not repeat it."""
    return UsageError(
        Reason.SECRET_AS_VALUE,
        f"{where} holds a token, and no option takes a secret as its value.",
        remedy="Revoke that token if others may have seen it. To pass a token, connect has "
        "--pat-file FILE and --pat-stdin. Or enter it at the prompt.",
    )


def _is_encoded(word: str) -> bool:
    """Whether base64 of a token, or of a user name and a token, stands in ``word``.

    A path or an option before it looks like base64 itself, so it may begin at any of the four
    positions of a group.
    """
    letters = word.rstrip("=").replace("-", "+").replace("_", "/")
    for start in range(4):
        length = len(letters) - start
        groups = letters[start : len(letters) - (length % 4 == 1)]
        text = base64.b64decode(groups + "=" * (-len(groups) % 4)).decode("latin-1")
        if re.search(_TOKEN, text):
            return True
    return False


def trim(text: str) -> str:
    """``text`` without white space and invisible characters at its ends."""
    start, end = 0, len(text)
    while start < end and _is_blank(text[start]):
        start += 1
    while start < end and _is_blank(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cf", "Zs")


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

    White space, one pair of quotes, a BOM and a leading colon are removed; a token is taken out of
    ``NAME=TOKEN`` and ``USER:TOKEN``. Raises ``UsageError`` for a character that no token has, by
    its position, and for what is known to be pasted in a token's place.
    """
    pasted = text.strip().strip("\ufeff").strip()
    for pattern, what in ((_ASSIGNMENT, "NAME=TOKEN"), (_CREDENTIALS, "USER:TOKEN")):
        if found := pattern.fullmatch(pasted):
            own = "" if pasted.startswith(":") else what
            return Secret(found[found.re.groups], own)
    _refuse_encoded(_AUTHORIZATION.sub("", pasted, count=1), where)
    _refuse_surrounded(pasted, where)
    secret = parse_secret(pasted, where, "personal access token")
    value = secret.reveal().removeprefix(":")
    if not value:
        raise _empty(where, "personal access token")
    _refuse_other_shapes(value, where)
    return Secret(value)


def _refuse_encoded(value: str, where: str) -> None:
    if _ENCODED.fullmatch(value) and _is_encoded(value):
        raise _not_alone(where, "the base64 of a token, as an Authorization header holds it")


def _refuse_surrounded(pasted: str, where: str) -> None:
    """Raise where a token has something around it, saying what."""
    tokens = _HOLDS_TOKEN.findall(pasted)
    if not tokens or pasted.strip(_AROUND) == tokens[0] or not _PLAIN.fullmatch(pasted):
        return
    what = "a token with other text around it"
    if len(tokens) > 1:
        what = "more than one token"
    elif header := _AUTHORIZATION.match(pasted):
        what = f"a token behind “{header[0].split()[-1].capitalize()}”, as a header has it"
    elif pasted[0] + pasted[-1] in _BRACKETS:
        what = "a token in brackets"
    elif len(pasted.splitlines()) > 1:
        what = "a token with further lines"
    elif "://" in pasted:
        what = "a URL with a token in it"
    raise _not_alone(where, what)


def _refuse_other_shapes(value: str, where: str) -> None:
    """Raise for what is known to be pasted in the place of a token."""
    if value.startswith("eyJ") and value.count(".") >= 2:
        raise UsageError(
            Reason.TOKEN_IS_ENTRA,
            f"What {where} holds is an Entra access token, not a personal access token.",
            remedy="Create a personal access token on the token page; `aspm-ado guide` shows how.",
        )
    half = value[: len(value) // 2]
    if value == half * 2 and _HOLDS_TOKEN.fullmatch(half):
        raise _not_alone(where, "the token twice")
    if _CUT.fullmatch(value):
        raise _not_alone(where, f"only {len(value)} of the 84 characters of a token")


def _not_alone(where: str, what: str) -> UsageError:
    return UsageError(
        Reason.TOKEN_MALFORMED,
        f"What {where} holds is {what}.",
        remedy="Copy the token again, whole and alone.",
    )


def parse_secret(text: str, where: str, what: str) -> Secret:
    """A secret of any service: trimmed, unquoted, one word of printable ASCII."""
    value = text.strip().strip("\ufeff").strip()
    if len(value) >= 2 and value[0] + value[-1] in _QUOTES:
        value = value[1:-1].strip()
    if not value:
        raise _empty(where, what)
    if UNEXPANDED.fullmatch(value):
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


def require_simulated(secret: Secret) -> None:
    """Raise ``UsageError`` for a secret that may be real: a simulation gets none."""
    from aspm_ado.domain.encodings import is_simulated

    if not is_simulated(secret.reveal()):
        raise UsageError(
            Reason.INPUT_INVALID,
            "This is a simulation, and the token is not a simulated one. aspm-ado did not send it.",
            remedy="Use a token that `aspm-ado demo` prints. For a real one, unset "
            "ASPM_ADO_SIMULATOR.",
        )


def _empty(where: str, what: str) -> UsageError:
    return UsageError(
        Reason.TOKEN_EMPTY,
        f"The {what} from {where} is empty.",
        remedy="Pass the token there, or omit the option.",
    )
