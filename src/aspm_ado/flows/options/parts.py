"""The parts of a run's options: the target, what is demanded of its tokens, and what Invicti ASPM is to get."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import CREATE, FETCH, LABELS, Settings, settings_for
from aspm_ado.domain.azure.place import SERVICES, Site, parse_organization, parse_server
from aspm_ado.domain.azure.retirement import ReachDemanded, parse_day
from aspm_ado.domain.azure.scopes import Deployment, Purpose, hint_of
from aspm_ado.domain.errors import UsageError, UserError
from aspm_ado.domain.http import Origin, split_url
from aspm_ado.domain.questions import (
    ALL_ORGANIZATIONS,
    ALLOW_HTTP,
    ASPM_API,
    ASPM_URL,
    CHECK_CLONE,
    CLONE_USERNAME,
    COLLECTION,
    ORGANIZATION,
    PAT_EXPIRES,
    PURPOSE,
    REACH,
    READ_ONLY_PROBES,
    REGISTER,
    REGISTRATION_PROFILE,
    SERVER_URL,
    TEAM_LEADS_MAY,
    Choice,
)
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean
from aspm_ado.flows.answers import one_of
from aspm_ado.flows.tokens.sources import missing_token
from aspm_ado.flows.validation.token import AUTO, NO, Demand, each_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.secret import Secret
    from aspm_ado.domain.stored import Entry
    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.tokens.sources import Tokens
    from aspm_ado.flows.validation.token import Token

API: Final = "api"
GUIDED: Final = "guided"
NONE: Final = "none"

PURPOSES = (
    Choice("alm", "Read and scan code", hint_of(Purpose.ALM)),
    Choice(
        "alm+issue-manager",
        "Read code, and be the issue manager too",
        hint_of(Purpose.ALM_AND_ISSUE_MANAGER),
    ),
    Choice("issue-manager", "Issue manager only", hint_of(Purpose.ISSUE_MANAGER)),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment and the places meant there. ``list_all``: whatever else the token reaches, too."""

    site: Site
    places: tuple[Place, ...] = ()
    list_all: bool = False
    allow_http: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it is not said yet which collection of a server is meant."""
        return not self.places and not self.list_all

    def at(self, site: Site) -> Target:
        """The same with more known of its deployment."""
        places = tuple(site.place(place.name) for place in self.places)
        return replace(self, site=site, places=places)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its places."""
        return tuple(place.name for place in self.places)

    def adding(self, *places: Place) -> Target:
        """The same with more places, each once."""
        return replace(self, places=each_once((*self.places, *places)))


def target_given(asker: Asker) -> Target | None:
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
        return _server(
            server.value, collections.values if collections else (), everything, allow_http
        )
    if organizations:
        places = asker.many(ORGANIZATION, parse_organization)
        return Target(SERVICES, each_once(places), everything, allow_http)
    return Target(SERVICES, list_all=True, allow_http=allow_http) if everything else None


def target(asker: Asker, own: Sequence[Place] = ()) -> Target:
    """Where, asked for when it was not given: one address tells Services from a server.

    ``own`` are organizations that have a token of their own given (``--pat-file ORGANIZATION=FILE``): they are meant.
    """
    there = target_given(asker)
    if there is None and own:
        there = Target(SERVICES, allow_http=asker.switch(ALLOW_HTTP))
    there = there or asker.need(
        ORGANIZATION, lambda text: pasted(text, allow_http=asker.switch(ALLOW_HTTP))
    )
    return there.adding(*own)


def pasted(text: str, *, allow_http: bool = False) -> Target:
    """An organization of Services, or a server, from whatever address a person copied."""
    try:
        place = parse_organization(text)
    except UserError as refusal:
        if "/" not in text:
            remedy = "Give its name, or any address in it; of an on-premises server its address, with https://."
            raise UsageError(refusal.reason, refusal.problem, remedy=remedy) from None
        return _server(text, (), everything=False, allow_http=allow_http)
    return Target(SERVICES, (place,))


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


def _server(url: str, collections: tuple[str, ...], everything: bool, allow_http: bool) -> Target:
    site, names = parse_server(url, collections, everything=everything, allow_http=allow_http)
    return Target(site, each_once(map(site.place, names)), everything, allow_http)


@dataclass(frozen=True, slots=True)
class AspmOptions:
    """Where and how organizations are registered. ``auto`` without a profile is a guided hand-off."""

    register: str = AUTO
    url: str | None = None
    api: str = AUTO
    toggles: tuple[str, ...] | None = None
    profile: str = ""

    @property
    def counts(self) -> bool:
        """Whether a registration was asked for that a person alone cannot claim done: then it is required."""
        return self.register in (AUTO, API)

    @property
    def is_wanted(self) -> bool:
        """Whether anything is to be registered at all."""
        return self.register != NONE

    @property
    def hands_over(self) -> bool:
        """Whether a person enters the values."""
        return self.register == GUIDED or (self.register == AUTO and not self.profile)

    @property
    def uses_profile(self) -> bool:
        """Whether an operator's profile registers."""
        return self.register == API or (self.register == AUTO and bool(self.profile))


def aspm_options(asker: Asker, entry: Entry | None) -> AspmOptions:
    """What flags, variables and the stored connection say."""
    stored = entry.aspm if entry is not None else None
    made = AspmOptions(
        register=asker.one(REGISTER, one_of(REGISTER)) or AUTO,
        url=asker.one(ASPM_URL, parse_aspm_url) or (stored.url if stored else None),
        api=asker.one(ASPM_API, one_of(ASPM_API)) or (stored.api if stored else AUTO),
        toggles=asker.many(TEAM_LEADS_MAY, one_of(TEAM_LEADS_MAY))
        or (entry.toggles if entry else None)
        or None,
        profile=_profile_path(asker) or (stored.profile if stored else ""),
    )
    if made.register == API and not made.profile:
        raise UsageError(
            Reason.INPUT_MISSING,
            "--register api needs a registration profile; none is shipped, since no API for it is published.",
            remedy=f"{REGISTRATION_PROFILE.how} Or use --register guided.",
        )
    if made.register == NONE and not asker.given(ASPM_URL):
        return replace(made, url=None)
    return made


def _profile_path(asker: Asker) -> str:
    given = asker.one(REGISTRATION_PROFILE, str)
    return str(Path(given).expanduser().absolute()) if given else ""


def aspm_missing() -> UsageError:
    """What to say when the ASPM is not named and nobody can be asked."""
    return UsageError(
        Reason.INPUT_MISSING,
        "The address of your Invicti ASPM is needed, and there is nobody to ask.",
        remedy=f"{ASPM_URL.how} Or pass --register none.",
    )


def ask_aspm_url(context: Context, options: AspmOptions) -> AspmOptions:
    """With the address of the ASPM, asked for when a registration is wanted and it is not known."""
    if options.url or not options.is_wanted:
        return options
    if not context.asker.asks:
        raise aspm_missing()
    return replace(options, url=context.asker.need(ASPM_URL, parse_aspm_url))


def ask_settings(context: Context, options: AspmOptions, purpose: Purpose) -> Settings:
    """Advanced Settings: given, or chosen by a person; dependencies are added for a person and refused for a script."""
    if (
        options.toggles is not None
        or not context.asker.asks
        or not options.is_wanted
        or options.api == "core"
    ):
        return settings_for(options.toggles or (), purpose, options.api)
    offered = [
        Choice(toggle, label)
        for toggle, label in LABELS.items()
        if purpose.reads_code or toggle != FETCH
    ]
    chosen = context.asker.prompter.choose_many(TEAM_LEADS_MAY, offered)
    if FETCH in chosen and CREATE not in chosen:
        chosen = (CREATE, *chosen)
        context.voice.note(f"“{LABELS[CREATE]}” is added: fetching depends on it.")
    return settings_for(chosen, purpose, options.api)


def parse_aspm_url(text: str) -> str:
    """The origin of an Invicti ASPM. Any path is cut; http is refused, except to this machine itself."""
    pasted = text.strip()
    parts = split_url(pasted if "://" in pasted else f"https://{pasted}", "address of Invicti ASPM")
    origin = Origin.read(parts)
    if parts.username:
        raise UsageError(
            Reason.URL_INVALID,
            "The address of Invicti ASPM holds a user name.",
            remedy="Give the address alone.",
        )
    if origin.scheme != "https" and not origin.is_loopback:
        raise UsageError(
            Reason.HTTP_REFUSED,
            "Invicti ASPM is reached over https only: its token would travel in clear.",
            remedy="Give the address with https://.",
        )
    return str(origin)


def demand_given(asker: Asker, purpose: Purpose | None = None) -> Demand:
    """The demands that flags and variables make; ``alm`` where no purpose is said."""
    return Demand(
        purpose=purpose or purpose_given(asker),
        reach=reach_given(asker),
        check_clone=asker.one(CHECK_CLONE, parse_check_clone) or AUTO,
        read_only=asker.switch(READ_ONLY_PROBES),
        end=asker.one(PAT_EXPIRES, lambda text: parse_day(text, PAT_EXPIRES.flag)),
        end_source=_source_of_the_end(asker),
        username=asker.one(CLONE_USERNAME, parse_username) or "",
    )


def demand_stored(asker: Asker, entry: Entry, reach: ReachDemanded | None = None) -> Demand:
    """What is demanded of the tokens of a stored connection: purpose and reach as on record, unless another ``reach`` is
    meant. How it is asked may be said anew.
    """
    reach = reach or ReachDemanded(entry.reach_demanded)
    return replace(demand_given(asker, Purpose(entry.purpose)), reach=reach)


def purpose_given(asker: Asker) -> Purpose:
    """The purpose that was said, or ``alm``."""
    return Purpose(asker.one(PURPOSE, one_of(PURPOSE)) or "alm")


def reach_given(asker: Asker) -> ReachDemanded:
    """The reach that was demanded, or ``auto``."""
    return ReachDemanded(asker.one(REACH, one_of(REACH)) or "auto")


def _source_of_the_end(asker: Asker) -> str | None:
    given = asker.given(PAT_EXPIRES)
    return given.source if given else None


def distribute(tokens: Tokens, target: Target, demand: Demand) -> list[Token]:
    """Each token with its organizations: the shared one with all that have none of their own."""
    own: dict[Secret, tuple[Token, list[Place]]] = {}
    rest = []
    for place in target.places:
        if (token := tokens.own.get(place.key)) is None:
            rest.append(place)
        else:
            own.setdefault(token.secret, (token, []))[1].append(place)
    made = [token.meant_for(target.site, places, demand) for token, places in own.values()]
    if rest or target.list_all:
        if tokens.shared is None:
            raise missing_token()
        shared = tokens.shared.meant_for(target.site, rest, demand, list_all=target.list_all)
        made.insert(0, shared)
    return made


def parse_check_clone(text: str) -> str:
    """``auto``, ``no`` or ``PROJECT/REPO``."""
    value = text.strip().strip("/")
    if value.lower() in (AUTO, NO):
        return value.lower()
    project, slash, repository = value.partition("/")
    if (
        not (slash and project and repository)
        or "/" in repository
        or any(ord(c) < 0x20 for c in value)
    ):
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
