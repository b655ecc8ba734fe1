"""A personal access token: the one form of it from its source to its record, and what it is for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aspm_ado.domain.azure.deployment import Purpose
from aspm_ado.domain.azure.named_repository import NamedRepository
from aspm_ado.domain.azure.place import SERVICES
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
    """What is demanded of the tokens of a connection, and what was said of all of them."""

    purpose: Purpose = Purpose.ALM
    reach: ReachDemanded = ReachDemanded.AUTO
    on_record: bool = False
    """Whether ``reach`` was demanded when the connection was made, and not by this run."""
    check_clone: str | NamedRepository = AUTO
    """``auto``, ``no`` or the repository to try."""
    read_only: bool = False
    end: date | None = None
    """When the tokens end, where one day is said for all of them."""
    end_source: str | None = None
    username: str = ""
    """What is sent beside the tokens for cloning, where they alone are not enough."""

    def for_one_organization(self) -> Demand:
        """The same of a token of one organization."""
        return replace(self, reach=ReachDemanded.ORGANIZATION, on_record=False)

    def for_another_token(self, username: str) -> Demand:
        """The same of one more token, which has an end and repositories of its own."""
        check_clone = self.check_clone
        if isinstance(check_clone, NamedRepository):
            check_clone = AUTO
        return replace(self, end=None, username=username, check_clone=check_clone)


@dataclass(slots=True)
class Token:
    """One token and the organizations that it is meant for.

    As it comes from its source it names at most the organization that it was given for;
    ``meant_for`` says the rest.
    """

    secret: Secret
    source: str
    """Where it came from, in words."""
    places: tuple[Place, ...] = ()
    """Each organization once. None: all that have no token of their own."""
    site: Site = SERVICES
    list_all: bool = False
    """Whether it is meant for every organization that it reaches, too."""
    demand: Demand = Demand()
    end: date | None = None
    end_source: str | None = None
    end_asked: bool = False
    """Whether a person was asked for it, who may not know."""
    username: str = ""
    credential: str = ""
    """The key of the credential on record that holds it."""
    authorization_id: str = ""
    """Its id in the PAT Lifecycle API, where that made it."""
    past: TokenHistory = NO_HISTORY
    """What was known of it when it was last validated."""

    def meant_for(
        self, site: Site, places: Iterable[Place], demand: Demand, *, list_all: bool = False
    ) -> Token:
        """A copy to be validated in ``places``.

        What is not known of it is taken from what was said of all.
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
        """The same for the collection that its address means when it is read the other way."""
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
