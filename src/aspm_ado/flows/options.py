"""The options of a run, resolved once: from a flag, a variable, what is on record, or a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import Dialect, settings_for
from aspm_ado.domain.azure.deployment import Deployment, Purpose
from aspm_ado.domain.azure.place import parse_organization
from aspm_ado.domain.azure.retirement import Reach, ReachDemanded
from aspm_ado.domain.questions import (
    ALL_ORGANIZATIONS,
    ASPM_API,
    ASPM_URL,
    CHECK_CLONE,
    CLONE_USERNAME,
    COLLECTION,
    DRY_RUN,
    ORGANIZATION,
    PAT_EXPIRES,
    PURPOSE,
    REACH,
    READ_ONLY_PROBES,
    REGISTER,
    REGISTRATION_PROFILE,
    TEAM_LEADS_MAY,
    YES,
)
from aspm_ado.domain.reasons import Reason, StoreError, UsageError
from aspm_ado.domain.stored import Registration, RegistrationMode, StoredAspm
from aspm_ado.flows.answers import AUTO, one_of, parse_check_clone, parse_username
from aspm_ado.flows.registration.aspm import (
    LATER,
    NO_TEAM_LEADS,
    aspm_url_or_later,
    given_token,
    missing_aspm_token,
    parse_aspm_url,
)
from aspm_ado.flows.registration.delivery import profile_at
from aspm_ado.flows.registration.guided import HANDED_OFF
from aspm_ado.flows.storage.connection import UNNAMED, default_name, parse_name
from aspm_ado.flows.storage.transaction import prepare_storage, read_current, require_same_world
from aspm_ado.flows.target import (
    ask_target,
    collection_missing,
    site_meant,
    stored_by_key,
    target_given,
)
from aspm_ado.flows.tokens.creation import (
    REQUIRE,
    Creation,
    creation_asked,
    reached_by_person,
)
from aspm_ado.flows.tokens.prompt import warn_of_end
from aspm_ado.flows.tokens.retry import correct_absent
from aspm_ado.flows.tokens.sources import Tokens, end_given, missing_token, tokens_given
from aspm_ado.flows.validation.token import Demand, Token

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.api import Profile
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.secret import Secret
    from aspm_ado.domain.stored import Entry
    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.target import Target
    from aspm_ado.flows.tokens.sources import ApiToken
    from aspm_ado.flows.validation.token import TokenResult

API: Final = "api"
GUIDED: Final = "guided"
NONE: Final = "none"
_OR_LATER: Final = ASPM_URL.hinting(f"or “{LATER}”")


@dataclass(slots=True)
class AspmOptions:
    """Where and how organizations are registered. ``auto`` without a profile is ``guided``."""

    register: str = AUTO
    url: str | None = None
    api: str = AUTO
    toggles: tuple[str, ...] | None = None
    profile: str = ""

    @property
    def on_record(self) -> StoredAspm | None:
        """What is stored of it."""
        return StoredAspm(self.url, self.api, self.profile) if self.url else None

    @property
    def counts(self) -> bool:
        """Whether the registration is required, as one that is not a person's alone to claim."""
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

    def begun(
        self, known: Registration, *, brings: bool, is_unchanged: bool = False
    ) -> Registration:
        """What is on record of a token until Invicti ASPM answers, or a person does.

        A profile only creates: where it has registered another token, or other settings, a person
        enters the new ones.
        """
        if brings and self.hands_over:
            return HANDED_OFF
        if brings and known.mode is not RegistrationMode.API and not known.marker:
            return Registration(RegistrationMode.API)
        return known if is_unchanged else known.for_new_token

    def add_stored(self, entry: Entry) -> None:
        """Fill what was not said with what is on record."""
        self.toggles = self.toggles or entry.toggles or None
        if entry.aspm is not None:
            self.url = self.url or entry.aspm.url
            self.api = self.api or entry.aspm.api
            self.profile = self.profile or entry.aspm.profile


@dataclass(slots=True)
class ConnectOptions:
    """What is to be connected, resolved before the first token is validated.

    Two things are known later only, and these steps alone change it: its name, where every
    organization was asked for and none was named (``name_after``); and the ASPM, which is asked for
    when a token is good (``ask_aspm_url``) and says itself which API it has (``adopt_aspm``).
    """

    name: str
    target: Target
    demand: Demand
    tokens: Tokens
    aspm: AspmOptions
    stored: Entry | None
    """The connection as it is on record."""
    keeps: bool
    dry_run: bool
    yes: bool
    aspm_token: ApiToken | None = None
    profile: Profile | None = None
    corrected: bool = False
    """Whether a person named something else in place of what was named first."""

    @property
    def stores(self) -> bool:
        """Whether anything is stored in this run."""
        return self.keeps and not self.dry_run

    @property
    def replaced(self) -> Entry | None:
        """The connection on record, where this run stores a new one."""
        return self.stored if self.stores else None

    @property
    def aspm_before(self) -> StoredAspm | None:
        """The Invicti ASPM on record."""
        return self.stored.aspm if self.stored is not None else None

    @property
    def moves(self) -> bool:
        """Whether the connection goes to another Invicti ASPM than it did, or to its first."""
        before = self.aspm_before
        return self.aspm.url is not None and (before is None or before.url != self.aspm.url)

    def name_after(self, results: Sequence[TokenResult], stored: Mapping[str, Entry]) -> None:
        """Name the connection after the first organization listed, where it has no name yet.

        One that is on record without a name of its own keeps it, and one for something else is left
        alone.
        """
        first = next((result.lead.place for result in results if result.lead is not None), None)
        if first is None or self.stored is not None:
            return
        is_wrong = self.corrected and not any(result.token.credential for result in results)
        if self.name != UNNAMED and not is_wrong:
            return
        name = default_name(first.site, (first.name,))
        old = stored.get(name)
        meant = (first.site.base_url, self.demand.purpose)
        if old is None or (old.base_url, old.purpose) == meant:
            self.name, self.stored = name, old

    def adopt_places(self, results: Sequence[TokenResult]) -> None:
        """Take the organizations, or the server, that a person corrected."""
        if not results:
            return
        site, named = results[0].token.site, {place.key for place in self.target.places}
        left = {place.key for result in results for place in result.token.places}
        has_moved = site.base_url != self.target.site.base_url
        self.corrected = bool(left) and (has_moved or not named <= left)
        self.target = self.target.at(site)

    def ask_aspm_url(self, asker: Asker) -> None:
        """Ask for the address of the ASPM, where a registration is wanted and it is not known."""
        if self.aspm.url or not self.aspm.is_wanted:
            return
        if not asker.asks:
            raise _aspm_missing()
        self.aspm.url = asker.need(_OR_LATER, aspm_url_or_later)
        if self.aspm.url is None:
            self.aspm.register = NONE
            asker.change(ASPM_URL)

    def adopt_aspm(self, context: Context, url: str, api: str) -> None:
        """Take the address and the API that were found.

        AppSec Core has no team-lead settings: none are set there.
        """
        self.aspm.url = url
        if api == self.aspm.api:
            return
        self.aspm.api = api
        if api == Dialect.CORE.value and self.aspm.toggles:
            context.voice.warn(NO_TEAM_LEADS)
            self.aspm.toggles = None


def resolve_options(
    context: Context, name: str | None, stored: Mapping[str, Entry]
) -> ConnectOptions:
    """Everything before a token is needed.

    With nobody to ask, all that is missing is named at once.
    """
    asker = context.asker
    old = stored.get(parse_name(name)) if name else None
    given = target_given(asker)
    tokens = tokens_given(asker, context.sources, site_meant(given), _named(given, old))
    known = old
    if known is None and given is not None:
        known = stored.get(_name(name, given.adding(*tokens.named)))
    aspm, demand = aspm_options(asker, old), demand_given(context)
    aspm_token = given_token(context)
    profile = profile_at(context, aspm.profile) if aspm.uses_profile else None
    _check_toggles(asker, aspm, demand, known)
    if not asker.asks:
        refuse_missing(
            *missing_tokens(context, given, tokens, demand, known),
            *_missing_aspm(context, aspm, aspm_token),
        )
    if asker.keeps and not asker.switch(DRY_RUN):
        prepare_storage(context)
    target = _ask_target(context, given, tokens)
    if tokens.shared is None and target.list_all and _creates(context, target, demand):
        places = reached_by_person(context, target.site, target.places, demand)
        target = target.listed(places)
    name = _name(name, target)
    old = old or stored.get(name)
    if old is not None:
        require_same_world(context, [old])
        target = _at_the_same_server(target, old)
        if asker.switch(ALL_ORGANIZATIONS):  # no list is complete
            target = target.adding(*(target.site.place(one.name) for one in old.organizations))
    old, tokens = _with_stored(context, tokens, target, old)
    demand = _resolve_demand(context, demand, target.site.deployment, old)
    return ConnectOptions(
        name,
        target,
        demand,
        tokens,
        aspm,
        old,
        keeps=asker.keeps,
        dry_run=asker.switch(DRY_RUN),
        yes=asker.switch(YES),
        aspm_token=aspm_token,
        profile=profile,
    )


def _named(given: Target | None, old: Entry | None) -> tuple[Place, ...]:
    """The organizations that are named, or on record of the connection that is."""
    places = given.places if given is not None else ()
    if old is None:
        return places
    return (*places, *(old.site.place(one.name) for one in old.organizations))


def _name(name: str | None, target: Target) -> str:
    if name:
        return parse_name(name)
    return default_name(target.site, target.names)


def _ask_target(context: Context, given: Target | None, tokens: Tokens) -> Target:
    """The target, asked for as far as it was not given.

    So is the collection of a server, or the organization of the token page.
    """
    asker = context.asker
    if asker.asks and given is None and not tokens.own:
        context.voice.heading("Where is your code?")
        context.voice.say("To name several organizations, put commas between them.")
    target = ask_target(asker, tokens.named)
    site = target.site
    if target.is_open:
        if not asker.asks:
            raise collection_missing(site)
        default = asker.default(COLLECTION, "DefaultCollection")
        return target.adding(site.place(asker.prompter.text(COLLECTION, default).strip()))
    if tokens.shared is not None or not asker.asks:
        return target
    if target.places:
        bare = [place for place in target.places if tokens.of(place) is None]
        instead = dict(zip(bare, correct_absent(context, bare), strict=True))
        places = [instead.get(place, place) for place in target.places]
        if places != list(target.places):
            asker.change(ORGANIZATION, ", ".join(place.name for place in places))
        return target.without(target.places).adding(*places)
    if creation_asked(asker) == REQUIRE:
        return target
    if site.deployment is Deployment.SERVICES:
        return target.adding(asker.need(ORGANIZATION, parse_organization))
    return target.adding(site.place(asker.prompter.text(COLLECTION)))


def _at_the_same_server(target: Target, old: Entry) -> Target:
    """The target, with the certificates on record; another server is refused."""
    if target.read_otherwise().site.base_url == old.base_url:
        target = target.read_otherwise()
    site = target.site
    if (old.deployment, old.base_url) != (site.deployment, site.base_url):
        raise UsageError(
            Reason.USAGE,
            f"The connection “{old.name}” belongs to {old.base_url}, not to {site.base_url}.",
            remedy="Give the new connection a name of its own: aspm-ado connect NAME …",
        )
    if not old.ca_bundle:
        return target
    return target.at(old.site)


# What is demanded of the tokens


def purpose_given(asker: Asker) -> Purpose:
    """The purpose that was said, or ``alm``."""
    return Purpose(asker.one(PURPOSE, one_of(PURPOSE)) or "alm")


def reach_given(asker: Asker) -> ReachDemanded:
    """The reach that was demanded, or ``auto``."""
    return ReachDemanded(asker.one(REACH, one_of(REACH)) or "auto")


def demand_given(
    context: Context,
    purpose: Purpose | None = None,
    reach: ReachDemanded | None = None,
    *,
    on_record: bool = False,
) -> Demand:
    """The demands that flags and variables make, but for what is meant already."""
    asker = context.asker
    purpose = purpose or purpose_given(asker)
    reach_said = reach_given(asker)  # refused where it is wrong, even if another is meant
    end = asker.given(PAT_EXPIRES)
    return Demand(
        purpose,
        reach or reach_said,
        on_record,
        check_clone=asker.one(CHECK_CLONE, parse_check_clone) or AUTO,
        read_only=asker.switch(READ_ONLY_PROBES),
        end=end_given(asker, context.clock.calendar().today),
        end_source=end.source if end else None,
        username=asker.one(CLONE_USERNAME, parse_username) or "",
    )


def demand_stored(context: Context, entry: Entry, reach: ReachDemanded | None = None) -> Demand:
    """What is demanded of the tokens of a stored connection.

    Purpose and reach are as on record, unless another ``reach`` is meant. How it is asked may be
    said anew.
    """
    demanded = reach or reach_on_record(context, entry)
    return demand_given(context, entry.purpose, demanded, on_record=reach is None)


def demand_renewed(context: Context, entry: Entry) -> Demand:
    """The same of a new token for the connection, for which ``--reach`` may be said anew."""
    if context.asker.given(REACH) is None:
        return demand_stored(context, entry)
    reach = reach_given(context.asker)
    warn_of_end(context, reach, entry.deployment)
    return demand_stored(context, entry, reach)


def reach_on_record(context: Context, entry: Entry) -> ReachDemanded:
    """The reach that the record of a connection demands today."""
    return context.clock.calendar().on_record(entry.reach_demanded, entry.deployment)


def _resolve_demand(
    context: Context, given: Demand, deployment: Deployment, old: Entry | None
) -> Demand:
    """The demands of ``connect``, with what is on record, or was answered before, filled in."""
    asker, purpose, reach = context.asker, given.purpose, given.reach
    is_near = context.clock.calendar().ends_soon(deployment)
    if asker.given(REACH) is None:
        if old is not None:
            reach = reach_on_record(context, old)
        elif asker.asks and is_near and creation_asked(asker) != REQUIRE:
            reach = ReachDemanded(asker.default(REACH, reach))
            context.voice.note("For one global token, pass --reach all, or change it at the plan.")
    if asker.given(PURPOSE) is None:
        if old is not None:
            purpose = old.purpose
        elif asker.asks:
            purpose = Purpose(asker.default(PURPOSE, purpose))
    warn_of_end(context, reach, deployment)
    return demand_given(context, purpose, reach)


# The tokens


def _with_stored(
    context: Context, given: Tokens, target: Target, old: Entry | None
) -> tuple[Entry | None, Tokens]:
    """The connection as it is on record by now, and its tokens where no new one is given.

    A new organization takes the stored token that reaches all, if there is one.
    """
    if old is None or given.shared is not None:
        return old, given
    creates = creation_asked(context.asker) == REQUIRE
    bare = [place for place in target.places if place.key not in given.own]

    def keys(entry: Entry) -> dict[str, str]:
        held = {one.key: one.credential for one in entry.organizations}
        wide = (key for key, one in entry.credentials.items() if one.reach is Reach.ALL)
        of_all = None if creates else next(wide, None)
        found = {place.key: held.get(place.key, of_all) for place in bare}
        return {place: key for place, key in found.items() if key is not None}

    read = read_current(context, old, lambda entry: dict.fromkeys(keys(entry).values()))
    if read is None:
        return None, given
    entry, secrets, check = read
    if check.reason not in (None, Reason.TOKEN_GONE):
        raise StoreError(check.reason, check.detail, remedy=check.remedy or "")
    used = keys(entry)
    own = {
        place.key: _stored_token(context, place, entry, key, secrets[key])
        for place in bare
        if (key := used.get(place.key, "")) in secrets
    }
    return entry, Tokens(own=given.own | own)


def _stored_token(context: Context, place: Place, entry: Entry, key: str, secret: Secret) -> Token:
    credential = entry.credentials[key]
    given = context.asker.given(PAT_EXPIRES)  # it corrects the record
    return Token(
        secret,
        "keyring",
        (place,),
        end=None if given else credential.ends,
        end_source=None if given else credential.expires_source,
        credential=key,
        authorization_id=credential.authorization_id,
    )


def distribute(tokens: Tokens, target: Target, demand: Demand) -> list[Token]:
    """Each token with its organizations: the shared one with all that have none of their own."""
    own: dict[Secret, tuple[Token, list[Place]]] = {}
    rest = []
    for place in target.places:
        if (token := tokens.own.get(place.key)) is None:
            rest.append(place)
        else:
            own.setdefault(token.secret, (token, []))[1].append(place)
    found = [token.meant_for(target.site, places, demand) for token, places in own.values()]
    if rest or target.list_all:
        if tokens.shared is None:
            raise missing_token()
        shared = tokens.shared.meant_for(target.site, rest, demand, list_all=target.list_all)
        found.insert(0, shared)
    return found


# Invicti ASPM


def aspm_options(asker: Asker, entry: Entry | None) -> AspmOptions:
    """What flags, variables and the stored connection say."""
    options = AspmOptions(
        asker.one(REGISTER, one_of(REGISTER)) or AUTO,
        asker.one(ASPM_URL, parse_aspm_url),
        asker.one(ASPM_API, one_of(ASPM_API)) or "",
        asker.many(TEAM_LEADS_MAY, one_of(TEAM_LEADS_MAY)) or None,
        asker.one(REGISTRATION_PROFILE, lambda path: path and str(Path(path).absolute())) or "",
    )
    if entry is not None:
        options.add_stored(entry)
    options.api = options.api or AUTO
    if options.register == API and not options.profile:
        raise UsageError(
            Reason.INPUT_MISSING,
            "--register api needs a registration profile; none is shipped, since no API for it is "
            "published.",
            remedy=f"{REGISTRATION_PROFILE.how} Or use --register guided.",
        )
    if options.register == NONE and not asker.given(ASPM_URL):
        options.url = None
    return options


def _check_toggles(asker: Asker, aspm: AspmOptions, demand: Demand, known: Entry | None) -> None:
    """Refuse Advanced Settings that do not go together, before anything is asked of anybody."""
    if aspm.toggles is None:
        return
    purpose = demand.purpose
    if known is not None and not asker.given(PURPOSE):
        purpose = known.purpose
    settings_for(aspm.toggles, purpose, aspm.api)


# What is missing


@dataclass(frozen=True, slots=True)
class Missing:
    """A value that is given nowhere, in few words; and what to say where it alone is missing."""

    short: str
    alone: UsageError | None = None


def missing_tokens(
    context: Context, target: Target | None, tokens: Tokens, demand: Demand, known: Entry | None
) -> Iterator[Missing]:
    """What is to be validated, and with which token, as far as it would have to be asked for."""
    if target is not None and target.is_open and not tokens.named:
        raise collection_missing(target.site)
    if target is None and not tokens.named:
        yield Missing("--organization (or --server-url)")
    if _lacks_token(target, tokens, known) and not _creates(context, target, demand):
        yield Missing("--pat-file or --pat-stdin (or ASPM_ADO_PAT)", missing_token())


def _missing_aspm(context: Context, aspm: AspmOptions, token: ApiToken | None) -> Iterator[Missing]:
    if aspm.is_wanted and not aspm.url:
        short = "--aspm-url (or INVICTI_ASPM_HOST), or --register none"
        yield Missing(short, _aspm_missing())
    elif not aspm.uses_profile or token is not None:
        return
    elif aspm.url not in context.records.load().aspm_tokens:
        yield Missing("--aspm-token-file (or INVICTI_ASPM_TOKEN)", missing_aspm_token())


def refuse_missing(*missing: Missing) -> None:
    """Refuse where something is missing, before the first request: one error names all of it."""
    if len(missing) == 1 and missing[0].alone is not None:
        raise missing[0].alone
    if missing:
        raise UsageError(
            Reason.INPUT_MISSING,
            "A required value is missing, and prompts are unavailable.",
            remedy=f"Pass {', and '.join(one.short for one in missing)}.",
        )


def _aspm_missing() -> UsageError:
    return UsageError(
        Reason.INPUT_MISSING,
        "The URL of your Invicti ASPM is required, and prompts are unavailable.",
        remedy=f"{ASPM_URL.how} Or pass --register none.",
    )


def _creates(context: Context, target: Target | None, demand: Demand) -> bool:
    """Whether missing tokens are created: on demand, or with nobody there to create them."""
    if target is None or target.is_open:
        return False
    place = next(iter(target.places), target.site.place("*"))
    return creation_asked(context.asker) == REQUIRE or Creation(context, place, demand).is_unasked


def _lacks_token(target: Target | None, tokens: Tokens, known: Entry | None) -> bool:
    """Whether an organization has no token: neither given, nor stored with the connection."""
    if target is None:
        return tokens.lacks(tokens.named, list_all=not tokens.named)
    places = (*target.places, *tokens.named)
    if known is None or target.list_all:
        return tokens.lacks(places, list_all=target.list_all or not places)
    if any(one.reach is Reach.ALL for one in known.credentials.values()):
        return False
    held = stored_by_key(known)
    return tokens.lacks([place for place in places if place.key not in held], list_all=False)
