"""A token to be proven, where, and what for: the input of every validation, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.retirement import ReachDemanded
from aspm_ado.domain.azure.scopes import Deployment
from aspm_ado.domain.documents import Names
from aspm_ado.domain.http import Credential
from aspm_ado.domain.rules.access import NO_HISTORY, Access, TokenHistory, judge_access
from aspm_ado.domain.rules.scopes import ScopeContext

if TYPE_CHECKING:
    from datetime import date

    from aspm_ado.domain.azure.place import Place, Site
    from aspm_ado.domain.azure.requests import Caller
    from aspm_ado.domain.azure.retirement import Calendar, Clock
    from aspm_ado.domain.azure.scopes import Purpose
    from aspm_ado.domain.checks import Check
    from aspm_ado.domain.documents import Identity, Repository
    from aspm_ado.domain.http import Reply
    from aspm_ado.domain.rules.reach import ReachSeen
    from aspm_ado.domain.secret import Secret

AUTO: Final = "auto"
NO: Final = "no"


@dataclass(frozen=True, slots=True)
class Brief:
    """What is demanded of the tokens of one connection."""

    purpose: Purpose
    caller: Caller
    clock: Clock
    reach: ReachDemanded = ReachDemanded.AUTO
    check_clone: str = AUTO
    read_only: bool = False
    expires: date | None = None
    """When the tokens end, where one day is said for all of them."""
    expires_source: str | None = None
    username: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One token and the organizations it is to be proven for. ``source`` says where it came from, in words."""

    brief: Brief
    site: Site
    secret: Secret
    names: tuple[str, ...]
    source: str = ""
    expires: date | None = None
    expires_source: str | None = None
    username: str = ""
    list_all: bool = False
    past: TokenHistory = NO_HISTORY
    """What was known of a stored token before."""
    stored: str = ""
    """The key of the credential that holds the token already."""
    authorization_id: str = ""
    """Where the PAT Lifecycle API made it: its id there."""

    @property
    def places(self) -> tuple[Place, ...]:
        """Its organizations, each once whatever the spelling."""
        once = {name.casefold(): name for name in reversed(self.names)}
        return tuple(self.site.place(name) for name in reversed(once.values()))

    def credential(self, username: str = "") -> Credential:
        """The secret bound to the origins of its deployment."""
        return Credential(self.secret, self.site.origins, username)


@dataclass(slots=True)
class PlaceProof:
    """Everything that was heard in one organization, and its checks."""

    place: Place
    first: Reply | None = None
    access: Access | None = None
    replies: dict[str, Reply] = field(default_factory=dict)
    control: Reply | None = None
    scopes: tuple[Check, ...] = ()
    clone: tuple[Check, ...] = ()
    repository: Repository | None = None
    username: str = ""
    """The username that was tried beside the token."""
    unasked: bool = False
    """Whether nothing was asked here, since an answer elsewhere decided about the token."""


@dataclass(slots=True)
class Proof:
    """What came of one candidate."""

    candidate: Candidate
    calendar: Calendar
    wide: Reply | None = None
    listed: tuple[str, ...] | None = None
    """The organizations that the token reaches, where the service listed them."""
    version: str = ""
    unversioned: Reply | None = None
    """The answer that was to tell the version of a Server, where it was not heard."""
    places: tuple[PlaceProof, ...] = ()
    reach_seen: ReachSeen | None = None
    unlisted: Check | None = None
    """Set when every organization was asked for and they could not be listed."""

    def access(self, place: Place, first: Reply, elsewhere: Identity | None = None) -> Access:
        """Whether the token is let in at ``place``, by its first answer there and all that is known of the token.

        ``elsewhere`` is who it is in another organization.
        """
        wide = self.wide
        if place.site.deployment is Deployment.SERVER and not (
            wide is not None and isinstance(wide.answer, Names)
        ):
            wide = None  # a refusal at the root of a Server says nothing of the token: the web server may refuse
        past = replace(self.candidate.past, expires=self.candidate.expires)
        return judge_access(place, first, wide, self.calendar, elsewhere, past=past)

    def scope_context(self, here: PlaceProof) -> ScopeContext:
        """By what the answers of one organization are judged."""
        brief = self.candidate.brief
        site, unversioned = here.place.site, self.unversioned
        return ScopeContext(
            brief.purpose,
            site.deployment,
            self.version,
            here.control,
            brief.read_only,
            unversioned=unversioned,
        )
