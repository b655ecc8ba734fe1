"""Where tokens come from: which source wins, and which organization each is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.place import SERVICES
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import (
    ASPM_TOKEN_FILE,
    CREATE_TOKEN,
    PAT,
    PAT_FILE,
    PAT_STDIN,
    Question,
)
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.secret import Secret, decode, parse_pat, parse_secret
from aspm_ado.domain.text import clean
from aspm_ado.flows.validation.token import Token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aspm_ado.domain.azure.place import Place, Site
    from aspm_ado.domain.ports import Sources
    from aspm_ado.flows.answers import Asker

PAT_VARIABLES: Final = ("ASPM_ADO_PAT", "AZURE_DEVOPS_EXT_PAT")
PROMPT: Final = "prompt"
"""The source of what a person entered."""
ASPM_VARIABLES: Final = ("INVICTI_ASPM_TOKEN", "KONDUKTO_TOKEN")


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token of Invicti ASPM, and where it came from, in words."""

    secret: Secret
    source: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that were given: one for all, and those of single organizations.

    ``own`` is by ``Place.key``.
    """

    shared: Token | None
    own: dict[str, Token]

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


def tokens_given(asker: Asker, sources: Sources, site: Site = SERVICES) -> Tokens:
    """Every token that flags or variables give.

    An explicit source that is empty is refused; variables fall through.

    ``--create-token require`` takes none: a file beside it is refused, a variable is passed over.
    """
    create = asker.given(CREATE_TOKEN)
    if create is not None and create.value.strip().lower() == "require":
        if asker.given(PAT_FILE) or asker.switch(PAT_STDIN):
            raise UsageError(
                Reason.USAGE,
                "A token is given, and --create-token require asks for a new one.",
                remedy="Leave one of them out.",
            )
        return Tokens(None, {})
    shared, own = _from_files(asker, sources, site)
    if len(shared) > 1:
        raise UsageError(
            Reason.USAGE,
            "More than one token is given for all organizations.",
            remedy="Give one, or name the organization of each: --pat-file ORGANIZATION=FILE.",
        )
    if shared:
        return Tokens(shared[0], own)
    return Tokens(_from_variables(sources), own)


def _from_files(asker: Asker, sources: Sources, site: Site) -> tuple[list[Token], dict[str, Token]]:
    """The tokens for all organizations, and those of single ones."""
    shared: list[Token] = []
    own: dict[str, Token] = {}
    if asker.switch(PAT_STDIN):
        shared.append(_from_file(sources, "-"))
    for organization, path in asker.many(PAT_FILE, _split):
        token = _from_file(sources, path)
        if organization is None:
            shared.append(token)
            continue
        place = site.place(organization)
        if place.key in own:
            raise UsageError(
                Reason.USAGE,
                f"Two tokens are given for {clean(organization, 60)}.",
                remedy="Give one --pat-file for each organization.",
            )
        token.places = (place,)
        own[place.key] = token
    return shared, own


def _from_file(sources: Sources, path: str) -> Token:
    source = f"file {clean(path, 120)}"
    if path == "-":
        source = "stdin"
    return Token(parse_pat(decode(sources.file(path)), source), source)


def ask_token(asker: Asker, site: Site, name: str) -> Token:
    """The token from a person, hidden; the hosts that it is sent to are said above the prompt."""
    secret = asker.prompter.secret(PAT, _above(site, name), accept=_parse)
    return Token(secret, PROMPT)


def offer_token(asker: Asker, site: Site, name: str) -> Token | None:
    """The token from a person, or ``None`` after Enter alone, which asks what else to do."""
    above = (
        *_above(site, name),
        "Paste it, or press Enter to open the page, to stop, or if something is missing.",
    )
    secret = asker.prompter.secret(
        PAT, above, accept=lambda typed: _parse(typed) if typed.strip() else None
    )
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


def missing_token(question: Question = PAT) -> UsageError:
    """What to say when there is no token and nobody to ask."""
    return UsageError(
        Reason.INPUT_MISSING,
        "A personal access token is needed, and there is nobody to ask.",
        remedy=question.how,
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


def _split(value: str) -> tuple[str | None, str]:
    """``ORGANIZATION=FILE`` or ``FILE``.

    A name before ``=`` has no path separator; anything else is a path.
    """
    organization, equals, path = value.partition("=")
    if equals and organization and path and not any(mark in organization for mark in "/\\:"):
        return organization.strip(), path
    return None, value
