"""The result of validating a token, as a whole and per organization."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.place import Deployment
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.report import OrganizationReport, TokenFacts
from aspm_ado.domain.rules.access import Access, TokenHistory, access_kind, judge_access
from aspm_ado.domain.rules.classify import AnswerKind, answers_everywhere
from aspm_ado.domain.rules.reach import ReachSeen
from aspm_ado.domain.rules.scopes import ScopeContext

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aspm_ado.domain.aspm.registration import Outcome
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.azure.retirement import Calendar
    from aspm_ado.domain.documents import Identity, Repository
    from aspm_ado.domain.http import Reply
    from aspm_ado.domain.report import Check
    from aspm_ado.flows.validation.token import Token


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

    def access(self, place: Place, first: Reply, elsewhere: Identity | None = None) -> Access:
        """Judge whether ``place`` accepts the token, by its ``first`` answer there.

        All that is known of the token counts. ``elsewhere`` is its owner in another organization.
        """
        wide = self.wide
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
