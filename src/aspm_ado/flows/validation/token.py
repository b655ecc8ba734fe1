"""A personal access token from its source to its storage, and its purpose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aspm_ado.domain.azure.place import SERVICES, NamedRepository, Purpose
from aspm_ado.domain.azure.retirement import ReachDemanded
from aspm_ado.domain.http import Credential
from aspm_ado.domain.rules.access import NO_HISTORY, TokenHistory
from aspm_ado.flows.answers import AUTO

if TYPE_CHECKING:
    from datetime import date

    from aspm_ado.domain.azure.place import Place, Site
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

    def for_one_organization(self) -> Demand:
        """The same for a token of one organization."""
        return replace(self, reach=ReachDemanded.ORGANIZATION, on_record=False)

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
        return replace(self, site=place.site, places=(place,))

    def bound(self, username: str = "") -> Credential:
        """The secret, bound to the origins of its deployment."""
        return Credential(self.secret, self.site.origins, username)


def each_once(places: Iterable[Place]) -> tuple[Place, ...]:
    """Each organization once, in the first spelling."""
    once: dict[str, Place] = {}
    for place in places:
        once.setdefault(place.key, place)
    return tuple(once.values())
