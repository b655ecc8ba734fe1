"""Where tokens come from: which source wins, and which organization each is for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.place import SERVICES
from aspm_ado.domain.azure.retirement import parse_day
from aspm_ado.domain.questions import (
    ASPM_TOKEN_FILE,
    ASPM_VARIABLES,
    CREATE_TOKEN,
    PAT,
    PAT_COMMAND,
    PAT_EXPIRES,
    PAT_FILE,
    PAT_SOURCES,
    PAT_STDIN,
    PAT_VARIABLE,
    PAT_VARIABLES,
)
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.secret import Secret, decode, parse_pat, parse_secret
from aspm_ado.domain.text import clean
from aspm_ado.flows.validation.token import Token

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aspm_ado.domain.azure.place import Place, Site
    from aspm_ado.domain.ports import Sources
    from aspm_ado.flows.answers import Asker

COMMAND: Final = "command"
"""Where a token is from, as the report has it: the text of the command is shown nowhere."""

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,49}")
"""No token is that short: one that was given in place of a name is refused, and not repeated."""

PROMPT: Final = "prompt"
"""The source of what a person entered."""


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token of Invicti ASPM, and where it came from, in words."""

    secret: Secret
    source: str


@dataclass(slots=True)
class Tokens:
    """The tokens that were given: one for all, and those of single organizations.

    ``own`` is by ``Place.key``.
    """

    shared: Token | None = None
    own: dict[str, Token] = field(default_factory=dict)

    def add(self, token: Token, place: Place | None) -> None:
        """Add a token for one organization, or for all. Raises ``UsageError`` for a second one."""
        if place is None:
            if self.shared is not None:
                raise _several()
            self.shared = token
            return
        if place.key in self.own:
            raise _two_for(place.name)
        token.places = (place,)
        self.own[place.key] = token

    @property
    def named(self) -> tuple[Place, ...]:
        """The organizations that have a token of their own."""
        return tuple(place for token in self.own.values() for place in token.places)

    def lacks(self, places: Iterable[Place], *, list_all: bool) -> bool:
        """Whether some of ``places``, or of all organizations, has no token."""
        return self.shared is None and (list_all or any(self.of(place) is None for place in places))

    def of(self, place: Place) -> Token | None:
        """The token for an organization."""
        return self.own.get(place.key, self.shared)


def tokens_given(
    asker: Asker, sources: Sources, site: Site = SERVICES, named: Sequence[Place] = ()
) -> Tokens:
    """Every token that flags or variables give; ``named`` are the organizations of this run.

    An explicit source that is empty is refused; variables fall through.

    ``--create-token require`` takes none: a file beside it is refused, a variable is passed over.
    """
    create = asker.given(CREATE_TOKEN)
    if create is not None and create.value.strip().lower() == "require":
        if any(map(asker.given, PAT_SOURCES)):
            raise UsageError(
                Reason.USAGE,
                "A token is given, and --create-token require asks for a new one.",
                remedy="Leave one of them out.",
            )
        return Tokens()
    given = Tokens()
    if asker.switch(PAT_STDIN):
        given.add(_from_file(sources, "-"), None)
    for organization, path in asker.many(PAT_FILE, _split):
        place = site.place(organization) if organization else None
        given.add(_from_file(sources, path), place)
    for organization, name in asker.many(PAT_VARIABLE, _parse_variable):
        token = Token(parse_pat(sources.variable(name), name), name)
        given.add(token, site.place(organization))
    _run_commands(given, asker, sources, (*named, *given.named))
    given.shared = given.shared or _from_variables(sources)
    return given


def _several() -> UsageError:
    return UsageError(
        Reason.USAGE,
        "More than one token is given for all organizations.",
        remedy="Give one, or name the organization of each: --pat-file ORGANIZATION=FILE.",
    )


def _two_for(organization: str) -> UsageError:
    return UsageError(
        Reason.USAGE,
        f"Two tokens are given for {clean(organization, 60)}.",
        remedy="Name one file, one variable or one command for each organization.",
    )


def _run_commands(given: Tokens, asker: Asker, sources: Sources, named: Sequence[Place]) -> None:
    """Run each command, unless a file or a variable has the token already."""
    commands = [_prefixed(text, named) for text in asker.many(PAT_COMMAND, str)]
    if [place for place, _ in commands].count(None) > 1:
        raise _several()
    before = set(given.own)
    for place, command in commands:
        where = PAT_COMMAND.flag
        if place is None:
            if given.shared is not None:
                continue
        elif place.key in before:
            continue
        elif place.key in given.own:
            raise _two_for(place.name)
        else:
            where = f"{where} for {clean(place.name, 60)}"
        token = Token(parse_pat(decode(sources.command(command, where)), where), COMMAND)
        given.add(token, place)


def _prefixed(text: str, named: Sequence[Place]) -> tuple[Place | None, str]:
    """``ORGANIZATION=COMMAND`` for one of ``named``, or ``COMMAND``."""
    organization, equals, command = text.partition("=")
    for place in named:
        if equals and place.key == organization.strip().casefold():
            return place, command
    return None, text


def _from_file(sources: Sources, path: str) -> Token:
    source = f"file {clean(path, 120)}"
    if path == "-":
        source = "stdin"
    return Token(parse_pat(decode(sources.file(path)), source), source)


def ask_token(asker: Asker, site: Site, name: str) -> Token:
    """The token from a person, hidden; the hosts that it is sent to are said above the prompt."""
    secret = asker.secret(PAT, _above(site, name), _parse)
    return Token(secret, PROMPT)


def offer_token(asker: Asker, site: Site, name: str) -> Token | None:
    """The token from a person, or ``None`` after Enter alone, which asks what else to do."""
    above = (
        *_above(site, name),
        "Paste it. Or press Enter to open the page, to get help, or to stop.",
    )
    secret = asker.secret(PAT, above, lambda typed: _parse(typed) if typed.strip() else None)
    if secret is None:
        return None
    return Token(secret, PROMPT)


def _above(site: Site, name: str) -> tuple[str, ...]:
    """What the token is for, and the hosts that it is sent to."""
    every = "every organization" if site.deployment is Deployment.SERVICES else "every collection"
    return (
        f"The token for {name or every}. It will be sent to these hosts only: "
        f"{', '.join(site.hosts)}.",
    )


def _parse(typed: str) -> Secret:
    return parse_pat(typed, "the prompt")


def missing_token() -> UsageError:
    """What to say when there is no token and nobody to ask."""
    return UsageError(
        Reason.INPUT_MISSING,
        "A personal access token is required, and prompts are unavailable.",
        remedy=PAT.how,
    )


def aspm_token_given(asker: Asker, sources: Sources) -> ApiToken | None:
    """The API token of Invicti ASPM, if a file or a variable gives one."""
    given = asker.given(ASPM_TOKEN_FILE)
    what = "API token of Invicti ASPM"
    if given:
        where = f"file {clean(given.value, 120)}"
        return ApiToken(parse_secret(decode(sources.file(given.value)), where, what), where)
    for name in ASPM_VARIABLES:
        if value := sources.variable(name).strip():
            return ApiToken(parse_secret(value, name, what), name)
    return None


def _from_variables(sources: Sources) -> Token | None:
    for name in PAT_VARIABLES:
        if value := sources.variable(name).strip():
            return Token(parse_pat(value, name), name)
    return None


def _parse_variable(text: str) -> tuple[str, str]:
    """``ORGANIZATION=NAME``. What is no name of a variable is never repeated: it may be a token."""
    organization, _, name = text.partition("=")
    if not organization.strip() or not _VARIABLE.fullmatch(name.strip()):
        raise UsageError(
            Reason.INPUT_INVALID,
            f"{PAT_VARIABLE.flag} does not name an organization and a variable.",
            remedy=f"Write {PAT_VARIABLE.flag} {PAT_VARIABLE.metavar}; NAME is the variable, never "
            "the token itself. "
            f"Or use {PAT_FILE.flag}.",
        )
    return organization.strip(), name.strip()


def _split(value: str) -> tuple[str | None, str]:
    """``ORGANIZATION=FILE`` or ``FILE``.

    A name before ``=`` has no path separator; anything else is a path.
    """
    organization, equals, path = value.partition("=")
    if equals and organization and path and not any(mark in organization for mark in "/\\:"):
        return organization.strip(), path
    return None, value


def end_given(asker: Asker, today: date) -> date | None:
    """The day that ``--pat-expires`` says. Raises ``UsageError`` where it is over."""
    return asker.one(PAT_EXPIRES, partial(day_to_come, today=today, where=PAT_EXPIRES.flag))


def day_to_come(text: str, today: date, where: str) -> date:
    """A day as it is written. Raises ``UsageError`` where it is over."""
    day = parse_day(text, where)
    if day < today:
        raise UsageError(
            Reason.INPUT_INVALID,
            f"{where} is in the past: {day}. Today is {today}.",
            remedy="Look up the expiry date on the token page.",
        )
    return day
