"""What came of the validation of a token, as a whole and in each organization."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.deployment import Deployment
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
    from aspm_ado.domain.checks import Check
    from aspm_ado.domain.documents import Repository
    from aspm_ado.domain.http import Reply
    from aspm_ado.domain.identity import Identity
    from aspm_ado.flows.validation.token import Token


NOT_SEEN: Final = ReachSeen(Reach.UNKNOWN, "no request could show it")
_NO_REPORT: Final = OrganizationReport("", None, TokenFacts(), ())


@dataclass(slots=True)
class OrganizationResult:
    """Everything that was answered in one organization, its checks, and the report on it."""

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
    report: OrganizationReport = _NO_REPORT
    """Made when the validation of the token is over."""
    outcome: Outcome | None = None
    """How far its registration is in this run; ``None``: nothing is known of it, or to be said."""

    @property
    def identity(self) -> Identity | None:
        """Who the token is here, where that was found out."""
        if self.access is None:
            return None
        return self.access.identity

    @property
    def is_accepted(self) -> bool:
        """Whether the organization took the token."""
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
        """Whether the token is good enough here (registration aside)."""
        return self.report.is_good


def _tells(wide: Reply | None) -> bool:
    """Whether the root of a Server listed its collections, or named whom it refused."""
    if wide is None:
        return False
    return answers_everywhere(wide) or access_kind(wide) is AnswerKind.NOT_ALLOWED


@dataclass(slots=True)
class TokenResult:
    """What came of one token."""

    token: Token
    calendar: Calendar
    wide: Reply | None = None
    listed: tuple[Place, ...] | None = None
    """The organizations that the token reaches, where the service listed them."""
    left_off: int = 0
    """How many more it listed than are taken."""
    version: str = ""
    unversioned: Reply | None = None
    """The answer that was to tell the version of a Server, where it did not come."""
    organizations: dict[str, OrganizationResult] = field(default_factory=dict)
    """By ``Place.key``."""
    reach_seen: ReachSeen = NOT_SEEN
    unlisted: Check | None = None
    """Set when every organization was asked for and they could not be listed."""
    every_one: OrganizationResult | None = None
    """Stands for all organizations, where they could not be listed and none was named."""
    held: frozenset[str] = frozenset()
    """The credentials on record that hold this very token."""

    def add(self, places: Iterable[Place]) -> None:
        """Organizations that the token is to be validated in, too."""
        for place in places:
            self.organizations.setdefault(place.key, OrganizationResult(place))

    @property
    def lead(self) -> OrganizationResult | None:
        """The organization that is asked first."""
        return next(iter(self.organizations.values()), None)

    @property
    def is_nowhere(self) -> bool:
        """Whether there is no Server, or no collection, at the address that was read."""
        answers = [self.wide]
        if self.lead is not None:
            answers.append(self.lead.first)
        on_server = self.token.site.deployment is Deployment.SERVER
        return on_server and any(one is not None and one.status == 404 for one in answers)

    @property
    def good(self) -> list[OrganizationResult]:
        """Those where the token is good enough."""
        return [one for one in self.organizations.values() if one.is_good]

    @property
    def is_rejected(self) -> bool:
        """Whether every organization rejects the token itself."""
        organizations = self.organizations.values()
        return bool(organizations) and all(here.is_rejected for here in organizations)

    @property
    def reported(self) -> tuple[OrganizationResult, ...]:
        """Its organizations in their order, or what stands for all of them."""
        if self.every_one is not None:
            return (self.every_one,)
        return tuple(self.organizations.values())

    @property
    def reports(self) -> tuple[OrganizationReport, ...]:
        """The reports on its organizations."""
        return tuple(one.report for one in self.reported)

    def access(self, place: Place, first: Reply, elsewhere: Identity | None = None) -> Access:
        """Whether the token is let in at ``place``, by its ``first`` answer there.

        All that is known of the token counts. ``elsewhere`` is who it is in another organization.
        """
        wide = self.wide
        if place.site.deployment is Deployment.SERVER and not _tells(wide):
            # A refusal at its root says nothing of the token: the web server may refuse.
            wide = None
        past = TokenHistory(self.token.past.was_good, self.token.past.reach, self.token.end)
        return judge_access(place, first, wide, self.calendar, elsewhere, history=past)

    def scope_context(self, here: OrganizationResult) -> ScopeContext:
        """By what the answers of one organization are judged."""
        demand = self.token.demand
        return ScopeContext(
            demand.purpose,
            here.place.site.deployment,
            self.version,
            here.control,
            demand.read_only,
            unversioned=self.unversioned,
        )
