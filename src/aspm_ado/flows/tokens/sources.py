"""Taking tokens in: which source wins, which organization each is for, and nothing that is not a token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.scopes import Deployment
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

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aspm_ado.domain.azure.place import Site
    from aspm_ado.domain.ports import Sources
    from aspm_ado.flows.answers import Asker

PAT_VARIABLES: Final = ("ASPM_ADO_PAT", "AZURE_DEVOPS_EXT_PAT")
ASPM_VARIABLES: Final = ("INVICTI_ASPM_TOKEN", "KONDUKTO_TOKEN")


@dataclass(frozen=True, slots=True)
class Taken:
    """A secret and where it came from; ``organization`` when it is for that one alone.

    ``stored`` is the key of the credential that holds it already. The date is set where it is this token's own.
    """

    secret: Secret
    source: str
    organization: str | None = None
    stored: str = ""
    expires: date | None = None
    expires_source: str | None = None
    authorization_id: str = ""
    """Its id in the PAT Lifecycle API, where it was created or is on record."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that were given: one for everything, and those of single organizations (by case-folded name)."""

    shared: Taken | None
    own: dict[str, Taken]

    @property
    def named(self) -> tuple[str, ...]:
        """The organizations that have a token of their own."""
        return tuple(taken.organization for taken in self.own.values() if taken.organization)

    def lacks(self, names: Iterable[str], *, list_all: bool) -> bool:
        """Whether some of ``names``, or of all organizations, has no token."""
        return self.shared is None and (list_all or any(self.of(name) is None for name in names))

    def of(self, name: str) -> Taken | None:
        """The token for an organization."""
        return self.own.get(name.casefold(), self.shared)


def tokens_given(asker: Asker, sources: Sources) -> Tokens:
    """Every token that flags or variables give. An explicit source that is empty is refused; variables fall through.

    ``--create-token require`` takes none: a file beside it is refused, a variable is passed over.
    """
    if (create := asker.given(CREATE_TOKEN)) and create.value.strip().lower() == "require":
        if asker.given(PAT_FILE) or asker.switch(PAT_STDIN):
            raise UsageError(
                Reason.USAGE,
                "A token is given, and --create-token require asks for a new one.",
                remedy="Leave one of them out.",
            )
        return Tokens(None, {})
    shared: list[Taken] = []
    own: dict[str, Taken] = {}
    if asker.switch(PAT_STDIN):
        shared.append(Taken(parse_pat(decode(sources.file("-")), "stdin"), "stdin"))
    files = asker.given(PAT_FILE)
    for value in files.values if files else ():
        organization, path = _split(value)
        where = "stdin" if path == "-" else f"file {clean(path, 120)}"
        taken = Taken(parse_pat(decode(sources.file(path)), where), where, organization)
        if organization is None:
            shared.append(taken)
        elif organization.casefold() in own:
            raise UsageError(
                Reason.USAGE,
                f"Two tokens are given for {clean(organization, 60)}.",
                remedy="Give one --pat-file for each organization.",
            )
        else:
            own[organization.casefold()] = taken
    if len(shared) > 1:
        raise UsageError(
            Reason.USAGE,
            "More than one token is given for all organizations.",
            remedy="Give one, or name the organization of each: --pat-file ORGANIZATION=FILE.",
        )
    return Tokens(shared[0] if shared else _from_variables(sources), own)


def ask_token(asker: Asker, site: Site, name: str) -> Taken:
    """The token from a person, hidden; the hosts that it will be sent to are said above the prompt."""
    every = "every organization" if site.deployment is Deployment.SERVICES else "every collection"
    context = (
        f"The token for {name or every}. It will be sent to these hosts only: {', '.join(site.hosts)}.",
    )
    secret = asker.prompter.secret(PAT, context, accept=lambda text: parse_pat(text, "the prompt"))
    return Taken(secret, "prompt", name or None)


def missing_token(question: Question = PAT) -> UsageError:
    """What to say when there is no token and nobody to ask."""
    return UsageError(
        Reason.INPUT_MISSING,
        "A personal access token is needed, and there is nobody to ask.",
        remedy=question.how,
    )


def aspm_token_given(asker: Asker, sources: Sources) -> Taken | None:
    """The API token of Invicti ASPM, if a file or a variable gives one."""
    given = asker.given(ASPM_TOKEN_FILE)
    what = "API token of Invicti ASPM"
    if given:
        where = f"file {clean(given.value, 120)}"
        return Taken(parse_secret(decode(sources.file(given.value)), where, what), where)
    for name in ASPM_VARIABLES:
        if value := sources.variable(name).strip():
            return Taken(parse_secret(value, name, what), name)
    return None


def _from_variables(sources: Sources) -> Taken | None:
    for name in PAT_VARIABLES:
        if value := sources.variable(name).strip():
            return Taken(parse_pat(value, name), name)
    return None


def _split(value: str) -> tuple[str | None, str]:
    """``ORGANIZATION=FILE`` or ``FILE``. A name before ``=`` has no path separator; anything else is a path."""
    organization, equals, path = value.partition("=")
    if equals and organization and path and not any(mark in organization for mark in "/\\:"):
        return organization.strip(), path
    return None, value
