"""Which deployment, and which of its organizations or collections: from flags, or from one pasted address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.addresses import parse_organization, parse_server
from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.errors import UsageError, UserError
from aspm_ado.domain.place import SERVICES, Site
from aspm_ado.domain.questions import ALL_ORGANIZATIONS, ALLOW_HTTP, COLLECTION, ORGANIZATION, SERVER_URL
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.requirements import Deployment

if TYPE_CHECKING:
    from aspm_ado.flows.asking import Asker


@dataclass(frozen=True, slots=True)
class Where:
    """A deployment and the names meant there. ``list_all``: whatever else the token reaches, too."""

    site: Site
    names: tuple[str, ...]
    list_all: bool = False
    allow_http: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it is not said yet which collection of a server is meant."""
        return not self.names and not self.list_all

    def without(self, names: Iterable[str]) -> Where:
        """The same without some of its names."""
        left_out = {name.casefold() for name in names}
        return replace(self, names=tuple(name for name in self.names if name.casefold() not in left_out))

    def adding(self, *names: str) -> Where:
        """The same with more names, each once whatever the spelling."""
        once = {name.casefold(): name for name in reversed((*self.names, *names))}
        return replace(self, names=tuple(reversed(once.values())))


def where_given(asker: Asker) -> Where | None:
    """What flags and variables say; ``None`` when they say nothing. Contradictions are exit 2."""
    organizations = asker.given(ORGANIZATION)
    server, collections = asker.given(SERVER_URL), asker.given(COLLECTION)
    everything, allow_http = asker.switch(ALL_ORGANIZATIONS), asker.switch(ALLOW_HTTP)
    if organizations and server and organizations.is_flag != server.is_flag:
        organizations, server = (organizations, None) if organizations.is_flag else (None, server)
        collections = collections if server else None
    if organizations and server:
        raise UsageError(
            Reason.USAGE,
            "--organization names an organization of Services, --server-url an on-premises server: not both.",
            remedy="Leave one out; on a server, name collections with --collection.",
        )
    if collections and not server:
        raise UsageError(
            Reason.USAGE,
            "--collection needs --server-url.",
            remedy="Give the address of the server with --server-url, or name an organization with --organization.",
        )
    if server:
        return _server(server.value, collections.values if collections else (), everything, allow_http)
    if organizations:
        places = asker.many(ORGANIZATION, parse_organization)
        return Where(SERVICES, (), everything, allow_http).adding(*(place.name for place in places))
    return Where(SERVICES, (), list_all=True, allow_http=allow_http) if everything else None


def where(asker: Asker, own: Iterable[str] = ()) -> Where:
    """Where, asked for when it was not given: one address tells Services from a server.

    ``own`` are organizations that have a token of their own given (``--pat-file ORGANIZATION=FILE``): they are meant.
    """
    there = where_given(asker)
    names = tuple(own)
    if there is None and names:
        there = Where(SERVICES, (), allow_http=asker.switch(ALLOW_HTTP))
    there = there or asker.need(ORGANIZATION, lambda text: pasted(text, allow_http=asker.switch(ALLOW_HTTP)))
    return there.adding(*names)


def pasted(text: str, *, allow_http: bool = False) -> Where:
    """An organization of Services, or a server, from whatever address a person copied."""
    try:
        place = parse_organization(text)
    except UserError as refusal:
        if "/" not in text:
            remedy = "Give its name, or any address in it; of an on-premises server its address, with https://."
            raise UsageError(refusal.reason, refusal.problem, remedy=remedy) from None
        return _server(text, (), everything=False, allow_http=allow_http)
    return Where(SERVICES, (place.name,))


def collection_missing(site: Site) -> UsageError:
    """What to say when a server's root was given, and nobody can choose a collection."""
    return UsageError(
        Reason.INPUT_MISSING,
        f"{site.base_url} is the root of a server; which collection is meant?",
        remedy="Pass --collection NAME (or set ASPM_ADO_COLLECTION), or --all-organizations for every collection.",
    )


def noun(site: Site) -> str:
    """``organization`` or ``collection``."""
    return "organization" if site.deployment is Deployment.SERVICES else "collection"


def _server(url: str, collections: tuple[str, ...], everything: bool, allow_http: bool) -> Where:
    site, names = parse_server(url, collections, everything=everything, allow_http=allow_http)
    return Where(site, (), everything, allow_http).adding(*names)
