"""The options of ``connect``: everything that is known, or can be asked, before the first token is proven."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import settings_for
from aspm_ado.domain.azure.place import SERVICES, parse_organization
from aspm_ado.domain.azure.retirement import Reach, ReachDemanded
from aspm_ado.domain.azure.scopes import Deployment, Purpose
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.questions import COLLECTION, DRY_RUN, ORGANIZATION, PURPOSE, REACH, YES
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.stored import Entry
from aspm_ado.flows.options.parts import (
    PURPOSES,
    AspmOptions,
    Target,
    aspm_missing,
    aspm_options,
    collection_missing,
    demand_given,
    target,
    target_given,
)
from aspm_ado.flows.registration.api import profile_at
from aspm_ado.flows.registration.aspm import given_token, missing_aspm_token
from aspm_ado.flows.storage.connection import UNNAMED, default_name, parse_name
from aspm_ado.flows.storage.transaction import prepare_storage
from aspm_ado.flows.tokens.creation import REQUIRE, creates_unasked, creation_asked
from aspm_ado.flows.tokens.prompt import choose_reach
from aspm_ado.flows.tokens.sources import ApiToken, Tokens, missing_token, tokens_given
from aspm_ado.flows.validation.token import Demand, Token

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.profile import Profile
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.result import TokenResult


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """What is to be connected, resolved before the first token is proven."""

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

    @property
    def stores(self) -> bool:
        """Whether anything is stored in this run."""
        return self.keeps and not self.dry_run

    @property
    def moves(self) -> bool:
        """Whether the connection goes to another Invicti ASPM than it did, or to one for the first time."""
        known = self.stored.aspm if self.stored is not None else None
        return self.aspm.url is not None and (known is None or known.url != self.aspm.url)


def resolve_options(context: Context, name: str | None, stored: dict[str, Entry]) -> ConnectOptions:
    """Everything before a token is needed. With nobody to ask, all that is missing is named at once."""
    asker = context.asker
    old = stored.get(parse_name(name)) if name else None
    given = target_given(asker)
    tokens = tokens_given(asker, context.sources, given.site if given else SERVICES)
    known = old or (stored.get(_name(name, given.adding(*tokens.named))) if given else None)
    aspm, demand = aspm_options(asker, old), demand_given(asker)
    aspm_token = given_token(context)
    profile = profile_at(context, aspm.profile) if aspm.uses_profile else None
    _check_toggles(context, aspm, demand, known)
    if not asker.asks:
        require(missing(context, given, tokens, demand, known, aspm, aspm_token))
    if asker.keeps and not asker.switch(DRY_RUN):
        prepare_storage(context)
    there = _opened(context, given, tokens)
    chosen = _name(name, there)
    old = old or stored.get(chosen)
    there = _of_the_same_server(there, old)
    return ConnectOptions(
        chosen,
        there,
        _demand(context, demand, old, there),
        _with_stored(context, tokens, there, old),
        aspm,
        old,
        keeps=asker.keeps,
        dry_run=asker.switch(DRY_RUN),
        yes=asker.switch(YES),
        aspm_token=aspm_token,
        profile=profile,
    )


def _check_toggles(
    context: Context, aspm: AspmOptions, demand: Demand, known: Entry | None
) -> None:
    if aspm.toggles is None:
        return
    purpose = demand.purpose
    if known is not None and not context.asker.given(PURPOSE):
        purpose = Purpose(known.purpose)
    settings_for(aspm.toggles, purpose, aspm.api)


def _of_the_same_server(there: Target, old: Entry | None) -> Target:
    """The target, with the certificates on record; another server is refused."""
    if old is None:
        return there
    if (old.deployment, old.base_url) != (there.site.deployment.value, there.site.base_url):
        raise UsageError(
            Reason.USAGE,
            f"The connection “{old.name}” belongs to {old.base_url}, not to {there.site.base_url}.",
            remedy="Give the new connection a name of its own: aspm-ado connect NAME …",
        )
    if not old.ca_bundle:
        return there
    return there.at(replace(there.site, ca_bundle=old.ca_bundle))


def _name(name: str | None, there: Target) -> str:
    return parse_name(name) if name else default_name(there.site, there.names)


def named_by(
    options: ConnectOptions, results: Sequence[TokenResult], stored: dict[str, Entry]
) -> ConnectOptions:
    """Where every organization was asked for and none was named, the connection is named after the first one listed.

    A connection that is on record without a name of its own keeps it, and one for something else is left alone.
    """
    first = next((result.lead.place for result in results if result.lead is not None), None)
    if options.name != UNNAMED or options.stored is not None or first is None:
        return options
    name = default_name(first.site, (first.name,))
    old = stored.get(name)
    if old is not None and (old.base_url, old.purpose) != (
        first.site.base_url,
        options.demand.purpose.value,
    ):
        return options
    return replace(options, name=name, stored=old)


def _opened(context: Context, given: Target | None, tokens: Tokens) -> Target:
    """The target, with the collection of a server or the organization of the token page where none is named."""
    asker = context.asker
    if asker.asks and given is None and not tokens.own:
        context.voice.heading("Where is your code?")
    there = target(asker, tokens.named)
    if there.is_open:
        if not asker.asks:
            raise collection_missing(there.site)
        default = asker.default(COLLECTION, "DefaultCollection")
        name = asker.prompter.text(COLLECTION, default).strip()
        return there.adding(there.site.place(name))
    if asker.asks and not there.places and tokens.shared is None:
        if there.site.deployment is Deployment.SERVICES:
            return there.adding(asker.need(ORGANIZATION, parse_organization))
        return there.adding(there.site.place(asker.prompter.text(COLLECTION)))
    return there


def _with_stored(context: Context, tokens: Tokens, there: Target, old: Entry | None) -> Tokens:
    """With the tokens that are stored already, for organizations that no new one is given for.

    Those of the connection have theirs; a new organization takes the one that reaches all, if there is one.
    """
    if old is None or tokens.shared is not None:
        return tokens
    own = dict(tokens.own)
    held = {there.site.place(one.name).key: one.credential for one in old.organizations}
    wide = next((key for key, one in old.credentials.items() if one.reach == Reach.ALL.value), None)
    wide = None if creation_asked(context.asker) == REQUIRE else wide
    for place in there.places:
        key = held.get(place.key, wide)
        if place.key in own or key is None:
            continue
        credential = old.credentials[key]
        secret = context.vault.read(credential.service)
        if secret is not None:
            own[place.key] = Token(
                secret,
                "keyring",
                (place,),
                end=credential.ends,
                end_source=credential.expires_source,
                credential=key,
                authorization_id=credential.authorization_id,
            )
    return Tokens(tokens.shared, own)


def _demand(context: Context, given: Demand, old: Entry | None, there: Target) -> Demand:
    asker = context.asker
    if old is not None and asker.given(REACH) is None:
        given = replace(given, reach=ReachDemanded(old.reach_demanded))
    if asker.given(PURPOSE) is None:
        if old is not None:
            given = replace(given, purpose=Purpose(old.purpose))
        elif asker.asks:
            given = replace(given, purpose=Purpose(asker.pick(PURPOSE, PURPOSES, "alm")))
    return choose_reach(context, given, there.site.deployment)


@dataclass(frozen=True, slots=True)
class Missing:
    """A value that is given nowhere: what to say of it alone, and in few words beside others."""

    short: str
    alone: UsageError | None = None


_WHERE: Final = Missing("--organization (or --server-url)")
_PAT: Final = "--pat-file or --pat-stdin (or ASPM_ADO_PAT)"
_ASPM: Final = "--aspm-url (or INVICTI_ASPM_HOST), or --register none"


def missing(
    context: Context,
    there: Target | None,
    tokens: Tokens,
    demand: Demand,
    known: Entry | None,
    aspm: AspmOptions | None = None,
    aspm_token: ApiToken | None = None,
) -> Iterator[Missing]:
    """Everything that a run with nobody to ask would have to ask for."""
    if there is not None and there.is_open and not tokens.named:
        raise collection_missing(there.site)
    if there is None and not tokens.named:
        yield _WHERE
    if _lacks_token(there, tokens, known) and not _creates(context, demand, there):
        yield Missing(_PAT, missing_token())
    if aspm is None:
        return
    if aspm.is_wanted and not aspm.url:
        yield Missing(_ASPM, aspm_missing())
    elif (
        aspm.uses_profile
        and aspm_token is None
        and aspm.url not in context.records.load().aspm_tokens
    ):
        yield Missing("--aspm-token-file (or INVICTI_ASPM_TOKEN)", missing_aspm_token())


def require(found: Iterator[Missing]) -> None:
    """Refuse where something is missing, before the first request."""
    every = list(found)
    if len(every) == 1 and every[0].alone is not None:
        raise every[0].alone
    if every:
        raise UsageError(
            Reason.INPUT_MISSING,
            "Something is missing, and there is nobody to ask.",
            remedy=f"Give {'; and '.join(one.short for one in every)}.",
        )


def _creates(context: Context, demand: Demand, there: Target | None) -> bool:
    """Whether tokens that are missing are made: the organizations have to be named for that."""
    if there is None or there.list_all or not there.places:
        return False
    return creates_unasked(context, there.places[0], demand)


def _lacks_token(there: Target | None, tokens: Tokens, known: Entry | None) -> bool:
    """Whether an organization has no token: neither given, nor stored with the connection."""
    places = (*(there.places if there else ()), *tokens.named)
    if known is not None and there is not None and not there.list_all:
        if any(one.reach == Reach.ALL.value for one in known.credentials.values()):
            return False
        held = {there.site.place(one.name).key for one in known.organizations}
        places = tuple(place for place in places if place.key not in held)
        return tokens.lacks(places, list_all=False)
    return tokens.lacks(places, list_all=not places or (there is not None and there.list_all))
