"""The terms of a validation: what is demanded, of which tokens, in which organizations."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.place import site_of
from aspm_ado.domain.questions import CHECK_CLONE, CLONE_USERNAME, PAT_EXPIRES, PURPOSE, REACH, READ_ONLY_PROBES, Choice
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.requirements import Purpose
from aspm_ado.domain.retirement import ReachDemanded, parse_day
from aspm_ado.domain.text import clean
from aspm_ado.flows.asking import one_of
from aspm_ado.flows.proving.candidate import AUTO, NO, Brief, Candidate
from aspm_ado.flows.taking.intake import missing_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aspm_ado.domain.connection import Entry
    from aspm_ado.domain.place import Site
    from aspm_ado.domain.token import Secret
    from aspm_ado.flows.asking import Asker
    from aspm_ado.flows.house import House
    from aspm_ado.flows.taking.intake import Taken, Tokens
    from aspm_ado.flows.taking.where import Where

PURPOSES = (
    Choice("alm", "Read and scan code", "Code Full, Work Items, Identity, User Profile"),
    Choice("alm+issue-manager", "Read code, and be the issue manager too", "Full access"),
    Choice("issue-manager", "Issue manager only", "Project and Team, Work Items"),
)


@dataclass(frozen=True, slots=True)
class Beside:
    """What goes beside a token: when it ends, and the username that scanners use."""

    expires: date | None = None
    expires_source: str | None = None
    username: str = ""


def brief_given(house: House, purpose: Purpose | None = None) -> Brief:
    """The demands that flags and variables make; ``alm`` where no purpose is said."""
    asker = house.asker
    return Brief(
        purpose=purpose or purpose_given(asker),
        caller=house.caller,
        clock=house.clock,
        reach=reach_given(asker),
        check_clone=asker.one(CHECK_CLONE, parse_check_clone) or AUTO,
        read_only=asker.switch(READ_ONLY_PROBES),
    )


def stored_terms(house: House, entry: Entry, reach: ReachDemanded | None = None) -> tuple[Site, Brief]:
    """Where a stored connection is, and what is demanded of its tokens: purpose and reach as on record, unless another
    ``reach`` is meant. How it is asked may be said anew.
    """
    reach = reach or ReachDemanded(entry.reach_demanded)
    return site_of(entry), replace(brief_given(house, Purpose(entry.purpose)), reach=reach)


def purpose_given(asker: Asker) -> Purpose:
    """The purpose that was said, or ``alm``."""
    return Purpose(asker.one(PURPOSE, one_of(PURPOSE)) or "alm")


def reach_given(asker: Asker) -> ReachDemanded:
    """The reach that was demanded, or ``auto``."""
    return ReachDemanded(asker.one(REACH, one_of(REACH)) or "auto")


def beside_given(asker: Asker) -> Beside:
    """Expiry and username as flags and variables say."""
    expires = asker.one(PAT_EXPIRES, lambda text: parse_day(text, PAT_EXPIRES.flag))
    given = asker.given(PAT_EXPIRES)
    return Beside(expires, given.source if given else None, asker.one(CLONE_USERNAME, parse_username) or "")


def candidates_of(where: Where, tokens: Tokens, brief: Brief, beside: Beside) -> list[Candidate]:
    """One candidate for each token: the shared one with every organization that has none of its own."""
    own: dict[Secret, tuple[Taken, list[str]]] = {}
    for name in where.names:
        if (taken := tokens.own.get(name.casefold())) is not None:
            own.setdefault(taken.secret, (taken, []))[1].append(name)
    rest = tuple(name for name in where.names if name.casefold() not in tokens.own)
    made = [candidate(taken, where.site, names, brief, beside) for taken, names in own.values()]
    if rest or where.list_all:
        if tokens.shared is None:
            raise missing_token()
        made.insert(0, candidate(tokens.shared, where.site, rest, brief, beside, list_all=where.list_all))
    return made


def candidate(
    taken: Taken, site: Site, names: Sequence[str], brief: Brief, beside: Beside, *, list_all: bool = False
) -> Candidate:
    """One token and where to prove it."""
    return Candidate(
        brief,
        site,
        taken.secret,
        tuple(names),
        taken.source,
        taken.expires or beside.expires,
        taken.expires_source if taken.expires else beside.expires_source,
        beside.username,
        list_all,
        stored=taken.stored,
        authorization_id=taken.authorization_id,
    )


def parse_check_clone(text: str) -> str:
    """``auto``, ``no`` or ``PROJECT/REPO``."""
    value = text.strip().strip("/")
    if value.lower() in (AUTO, NO):
        return value.lower()
    project, slash, repository = value.partition("/")
    if not (slash and project and repository) or "/" in repository or any(ord(c) < 0x20 for c in value):
        raise UsageError(
            Reason.INPUT_INVALID,
            f"“{clean(text, 80)}” does not name a repository.",
            remedy="Write PROJECT/REPO as in the address of the repository, or auto, or no.",
        )
    return value


def parse_username(text: str) -> str:
    """A user name for HTTP Basic: any text without a colon or control characters."""
    value = text.strip()
    if not value or ":" in value or any(ord(c) < 0x20 or ord(c) == 0x7F for c in value):
        raise UsageError(
            Reason.INPUT_INVALID,
            "A username has no colon and no control character, and is not empty.",
            remedy="Give the name that you sign in with, or any other: Azure DevOps Services takes any.",
        )
    return value
