"""A personal access token, what is demanded of it, and the result of its validation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.place import SERVICES, NamedRepository
from aspm_ado.domain.azure.retirement import Reach, ReachDemanded
from aspm_ado.domain.http import Credential
from aspm_ado.domain.report import OrganizationReport, TokenFacts
from aspm_ado.domain.rules.access import NO_HISTORY, Access, TokenHistory, access_kind, judge_access
from aspm_ado.domain.rules.classify import AnswerKind, answers_everywhere
from aspm_ado.domain.rules.reach import ReachSeen
from aspm_ado.domain.rules.scopes import ScopeContext
from aspm_ado.flows.answers import AUTO

if TYPE_CHECKING:
    from datetime import date

    from aspm_ado.domain.aspm.registration import Outcome
    from aspm_ado.domain.azure.place import Place, Site
    from aspm_ado.domain.azure.retirement import Calendar
    from aspm_ado.domain.documents import Identity, Repository
    from aspm_ado.domain.http import Reply
    from aspm_ado.domain.report import Check
    from aspm_ado.domain.secret import Secret


@dataclass(frozen=True, slots=True)
class Demand:
    """What a connection demands of its tokens, and options that apply to all of them."""

    purpose: Purpose = Purpose.ALM
    reach: ReachDemanded = ReachDemanded.AUTO
    on_record: bool = False
    """Whether ``reach`` is stored, and not from this run."""
    check_clone: str | NamedRepository = AUTO
    """``auto``, ``no`` or the repository to try."""
    read_only: bool = False
    end: date | None = None
    """When the tokens expire, if one date was given for all."""
    end_source: str | None = None
    username: str = ""
    """The username to send with the tokens for cloning, if they alone do not suffice."""

    def reaching(self, reach: ReachDemanded) -> Demand:
        """The same with the reach that a person chose in this run."""
        return replace(self, reach=reach, on_record=False)

    def for_another_token(self, username: str) -> Demand:
        """The same for one more token, which has its own expiry date and repositories."""
        check_clone = self.check_clone
        if isinstance(check_clone, NamedRepository):
            check_clone = AUTO
        return replace(self, end=None, username=username, check_clone=check_clone)


@dataclass(slots=True)
class Token:
    """One token and its organizations.

    From its source, it has at most the organization that it was passed for. ``meant_for`` adds
    the rest.
    """

    secret: Secret
    source: str
    """The source, as text to show."""
    places: tuple[Place, ...] = ()
    """Each organization once. If empty: all without a token of their own."""
    site: Site = SERVICES
    list_all: bool = False
    """Whether to validate it in every organization that it can access, too."""
    demand: Demand = Demand()
    end: date | None = None
    end_source: str | None = None
    end_asked: bool = False
    """Whether the user was prompted for it, and may not have known."""
    username: str = ""
    credential: str = ""
    """The key of the stored credential that holds it."""
    authorization_id: str = ""
    """Its id in the PAT Lifecycle API, if that created it."""
    past: TokenHistory = NO_HISTORY
    """What the last validation showed."""

    def meant_for(
        self, site: Site, places: Iterable[Place], demand: Demand, *, list_all: bool = False
    ) -> Token:
        """A copy to validate in ``places``.

        Missing values come from ``demand``.
        """
        meant = replace(
            self,
            places=each_once(places),
            site=site,
            list_all=list_all,
            demand=demand,
            username=self.username or demand.username,
        )
        if meant.end is None:
            meant.end, meant.end_source = demand.end, demand.end_source
        return meant

    def read_otherwise(self) -> Token:
        """A copy for the collection that its URL means in its other reading."""
        place = self.site.other_reading
        if place is None:
            return self
        return self.meant_for(place.site, (place,), self.demand, list_all=self.list_all)

    def bound(self, username: str = "") -> Credential:
        """The secret, bound to the origins of its deployment."""
        return Credential(self.secret, self.site.origins, username)


def each_once(places: Iterable[Place]) -> tuple[Place, ...]:
    """Each organization once, in the first spelling."""
    once: dict[str, Place] = {}
    for place in places:
        once.setdefault(place.key, place)
    return tuple(once.values())


NOT_SEEN: Final = ReachSeen(Reach.UNKNOWN, "no request could show it")
_NO_REPORT: Final = OrganizationReport("", None, TokenFacts(), ())


@dataclass(slots=True)
class OrganizationResult:
    """All answers of one organization, its checks, and the report on it."""

    place: Place
    first: Reply | None = None
    access: Access | None = None
    replies: dict[str, Reply] = field(default_factory=dict)
    control: Reply | None = None
    scopes: tuple[Check, ...] = ()
    clone: tuple[Check, ...] = ()
    repository: Repository | None = None
    username: str = ""
    """The username that was tried with the token."""
    unasked: bool = False
    """Whether this was skipped, since an answer elsewhere decided about the token."""
    report: OrganizationReport = _NO_REPORT
    """Made when the validation of the token is over."""
    outcome: Outcome | None = None
    """How far its registration is in this run, if known."""

    @property
    def identity(self) -> Identity | None:
        """The owner of the token here, if known."""
        if self.access is None:
            return None
        return self.access.identity

    @property
    def is_accepted(self) -> bool:
        """Whether the organization accepted the token."""
        return self.access is not None and self.access.is_accepted

    @property
    def is_accepted_somewhere(self) -> bool:
        """Whether some answer shows that the token is accepted somewhere."""
        return self.access is not None and self.access.is_accepted_somewhere

    @property
    def is_rejected(self) -> bool:
        """Whether the service rejected the token itself."""
        return self.access is not None and self.access.is_rejected

    @property
    def is_good(self) -> bool:
        """Whether the token passed here (registration aside)."""
        return self.report.is_good


def _tells(wide: Reply | None) -> bool:
    """Whether the root of a Server listed its collections, or named the user it denied."""
    if wide is None:
        return False
    return answers_everywhere(wide) or access_kind(wide) is AnswerKind.NOT_ALLOWED


@dataclass(slots=True)
class TokenResult:
    """The result for one token."""

    token: Token
    calendar: Calendar
    wide: Reply | None = None
    listed: tuple[Place, ...] | None = None
    """The organizations that the token reaches, where the service listed them."""
    left_off: int = 0
    """How many more it listed than are used."""
    version: str = ""
    unversioned: Reply | None = None
    """An inconclusive answer to the request for the version of a Server."""
    organizations: dict[str, OrganizationResult] = field(default_factory=dict)
    """By ``Place.key``."""
    reach_seen: ReachSeen = NOT_SEEN
    unlisted: Check | None = None
    """Set if all organizations were requested and could not be listed."""
    every_one: OrganizationResult | None = None
    """Stands for all organizations, if they could not be listed and none was named."""
    held: frozenset[str] = frozenset()
    """The stored credentials that hold this token."""

    def add(self, places: Iterable[Place]) -> None:
        """Add organizations to validate the token in."""
        for place in places:
            self.organizations.setdefault(place.key, OrganizationResult(place))

    @property
    def lead(self) -> OrganizationResult | None:
        """The organization that is checked first."""
        return next(iter(self.organizations.values()), None)

    @property
    def is_nowhere(self) -> bool:
        """Whether no Server or no collection was found at the URL."""
        answers = [self.wide]
        if self.lead is not None:
            answers.append(self.lead.first)
        on_server = self.token.site.deployment is Deployment.SERVER
        return on_server and any(one is not None and one.status == 404 for one in answers)

    @property
    def good(self) -> list[OrganizationResult]:
        """The organizations where the token passed."""
        return [one for one in self.organizations.values() if one.is_good]

    @property
    def is_rejected(self) -> bool:
        """Whether every organization rejects the token itself."""
        organizations = self.organizations.values()
        return bool(organizations) and all(here.is_rejected for here in organizations)

    @property
    def reported(self) -> tuple[OrganizationResult, ...]:
        """Its organizations in order, or the one that stands for all."""
        if self.every_one is not None:
            return (self.every_one,)
        return tuple(self.organizations.values())

    @property
    def reports(self) -> tuple[OrganizationReport, ...]:
        """The reports on its organizations."""
        return tuple(one.report for one in self.reported)

    def access(
        self,
        place: Place,
        first: Reply,
        elsewhere: Identity | None = None,
        *,
        is_late: bool = False,
    ) -> Access:
        """Judge whether ``place`` accepts the token, by its ``first`` answer there.

        All that is known of the token counts. ``elsewhere`` is its owner in another organization.
        ``is_late``: ``place`` accepted it before, so ``wide`` is out of date.
        """
        wide = None if is_late else self.wide
        if place.site.deployment is Deployment.SERVER and not _tells(wide):
            # A refusal at its root says nothing of the token: the web server may refuse.
            wide = None
        past = TokenHistory(self.token.past.was_good, self.token.past.reach, self.token.end)
        return judge_access(place, first, wide, self.calendar, elsewhere, history=past)

    def scope_context(self, here: OrganizationResult) -> ScopeContext:
        """The context in which to judge the answers of one organization."""
        demand = self.token.demand
        return ScopeContext(
            demand.purpose,
            here.place.site.deployment,
            self.version,
            here.control,
            demand.read_only,
            unversioned=self.unversioned,
        )
