"""The tokens that options name, one for each organization: from files, or from variables; never from arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import PAT_FILE, PAT_VARIABLE
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean
from aspm_ado.domain.token import Secret, parse_pat
from aspm_ado.flows.taking.intake import PAT_VARIABLES, Taken, Tokens, tokens_given

if TYPE_CHECKING:
    from aspm_ado.domain.connection import Entry
    from aspm_ado.flows.asking import Asker
    from aspm_ado.flows.house import House

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,49}")
"""No token is that short: one that was given in place of a name is refused, and not repeated."""
HOW: Final = (
    "Give it: --pat-file ORGANIZATION=FILE or --pat-variable ORGANIZATION=NAME, once for each."
)


def own_tokens(house: House, entry: Entry) -> Tokens:
    """The token of each organization, by case-folded name. A token for all of them is what ends here: refused."""
    given = tokens_given(house.asker, house.sources)
    if given.shared is not None and given.shared.source not in PAT_VARIABLES:
        raise UsageError(
            Reason.USAGE,
            "A token is given without saying which organization it is for.",
            remedy=HOW,
        )
    if given.shared is not None:
        house.voice.note(
            f"{given.shared.source} is set and not used: each organization gets a token of its own."
        )
    own = dict(given.own)
    for organization, name in variables_named(house.asker):
        if organization.casefold() in own:
            raise UsageError(
                Reason.USAGE,
                f"Two tokens are given for {clean(organization, 60)}.",
                remedy="Name one file or one variable for each organization.",
            )
        taken = Taken(parse_pat(house.sources.variable(name), name), name, organization)
        own[organization.casefold()] = taken
    _demand_different(house, entry, list(own.values()))
    return Tokens(None, own)


def variables_named(asker: Asker) -> list[tuple[str, str]]:
    """The organizations and variables of ``--pat-variable``."""
    return list(asker.many(PAT_VARIABLE, parse_variable))


def parse_variable(text: str) -> tuple[str, str]:
    """``ORGANIZATION=NAME``. What is no name of a variable is never repeated: it may be a token."""
    organization, _, name = text.partition("=")
    if not organization.strip() or not _VARIABLE.fullmatch(name.strip()):
        raise UsageError(
            Reason.INPUT_INVALID,
            f"{PAT_VARIABLE.flag} does not name an organization and a variable.",
            remedy=f"Write {PAT_VARIABLE.flag} {PAT_VARIABLE.metavar}; NAME is the variable, never the token itself. "
            f"Or use {PAT_FILE.flag}.",
        )
    return organization.strip(), name.strip()


def _demand_different(house: House, entry: Entry, taken: Sequence[Taken]) -> None:
    """No token twice, and none that is stored for several organizations: before anything is asked of anybody."""
    if not taken:
        return
    seen: dict[Secret, str] = {}
    for one in taken:
        name = clean(one.organization or "", 60)
        if one.secret in seen:
            raise UsageError(
                Reason.USAGE,
                f"The same token is given for {seen[one.secret]} and for {name}.",
                remedy="Create one for each organization: aspm-ado guide -o ORGANIZATION --reach organization",
            )
        seen[one.secret] = name
    for key, credential in entry.credentials.items():
        old = house.vault.read(credential.service) if entry.is_shared(key) else None
        if old is not None and old in seen:
            raise UsageError(
                Reason.TOKEN_UNCHANGED,
                f"The token given for {seen[old]} is the one of all organizations that “{entry.name}” has already.",
                remedy=f"Create a new one: aspm-ado guide -o {seen[old]} --reach organization",
            )
