"""``rotate``: one new token for a connection, or for some of its organizations; or for an ASPM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import where_tokens_are_made
from aspm_ado.domain.azure.deployment import Deployment
from aspm_ado.domain.azure.retirement import Reach
from aspm_ado.domain.questions import ASPM_URL, ASPM_VARIABLES, PAT_VARIABLES, YES, Choice, Question
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.report import MIGRATE, Command, Report
from aspm_ado.domain.rules.global_tokens import stored_demand_note
from aspm_ado.domain.text import clean
from aspm_ado.flows.handoff import resumable
from aspm_ado.flows.options import aspm_options, demand_renewed
from aspm_ado.flows.registration.aspm import (
    AspmTarget,
    AspmTerms,
    api_asked,
    aspm_token,
    given_token,
    missing_aspm_token,
    parse_aspm_url,
    resolve_aspm,
    secret_to_keep,
)
from aspm_ado.flows.rotation.renewal import (
    Renewal,
    demand_tokens,
)
from aspm_ado.flows.storage.connection import report_on_record
from aspm_ado.flows.storage.successor import revoke_replaced, without_lost
from aspm_ado.flows.storage.transaction import (
    prepare_storage,
    read_token,
    require_same_world,
    store_aspm_token,
)
from aspm_ado.flows.target import known_name, stored_entries
from aspm_ado.flows.tokens.creation import REQUIRE, Creation, creation_asked, revoking_unkept
from aspm_ado.flows.tokens.sources import (
    Tokens,
    missing_token,
    tokens_given,
)
from aspm_ado.flows.validation.report import (
    entry_report,
    report,
    with_registration,
)

if TYPE_CHECKING:
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.report import OrganizationReport
    from aspm_ado.domain.stored import Entry
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.tokens.sources import ApiToken
    from aspm_ado.flows.validation.token import Demand, Token


WHICH_TOKEN = Question(
    "which-token", "Which token do you want to replace?", "-o NAME", "ASPM_ADO_ORGANIZATION"
)


def rotate(context: Context, name: str, organizations: Sequence[str]) -> Report:
    """Replace the token of a connection, or that of the organizations named alone."""
    with revoking_unkept(context):
        return _rotated(context, name, organizations)


def _rotated(context: Context, name: str, organizations: Sequence[str]) -> Report:
    [entry] = stored_entries(context, [name])
    options = aspm_options(context.asker, entry)
    stored = [entry.site.place(one.name) for one in entry.organizations]
    given = tokens_given(context.asker, context.sources, entry.site, stored)
    demand, note = demand_renewed(context, entry), ""
    group = _meant(context, entry, organizations or [place.name for place in given.named])
    if demand.on_record:
        note = stored_demand_note(entry, context.clock.calendar())
    if note:
        context.voice.note(note)
    if _has_one_each(context, entry, given, demand, group):
        groups = tuple((place,) for place in sorted(group, key=partial(_end_of, entry)))
        return _each_rotated(Renewal(context, "rotate", entry, groups, demand, options), given)
    renewal = Renewal(context, "rotate", entry, (group,), demand, options)
    with resumable(context, entry.name, partial(_how_to_continue, renewal)):
        return _one_rotated(renewal, group, given)


def _has_one_each(
    context: Context, entry: Entry, given: Tokens, demand: Demand, group: Sequence[Place]
) -> bool:
    """Whether each organization of a group has a token of its own, and gets a new one."""
    if len(group) < 2 or not all(entry.has_own(place.name) for place in group):
        return False
    if needs_one_each(context, entry, demand, [place.name for place in group]):
        return True
    return len({id(given.of(place)) for place in group}) > 1


def _end_of(entry: Entry, place: Place) -> date:
    """When the token of an organization expires; unknown comes last."""
    stored = entry.organization(place.name)
    ends = entry.credentials[stored.credential].ends if stored is not None else None
    return ends or date.max


def _how_to_continue(renewal: Renewal, now: Entry) -> tuple[str, str]:
    """What is stored when a person stops, and the command that goes on."""
    before, [group] = renewal.entry, renewal.groups
    newest = {now.newest_key(place.name) for place in renewal.meant(group)} - {""}
    if newest & now.successors.keys():
        said = "The new token is stored. The current token stays in use until Invicti ASPM has it."
        return said, f"aspm-ado handoff {now.name}"
    if newest - before.credentials.keys():
        return "The new token is stored and in use.", f"aspm-ado handoff {now.name}"
    names: list[str] = []
    if len(before.credentials) > 1 or len(group) < len(before.organizations):
        names = [place.name for place in group]
    command = Command("rotate", tuple(names)).text(now.name)
    return "No new token is stored. The current token stays in use.", command


def _each_rotated(renewal: Renewal, given: Tokens) -> Report:
    """A new token for each organization that has its own. Those that wait already stay."""
    context, places = renewal.context, [place for (place,) in renewal.groups]
    for place in places:
        token = given.of(place)
        if token is not None and renewal.places_with_token([place], token):
            raise renewal.unchanged(token)
    prepare_storage(context)
    renewal.entry = entry = without_lost(context, renewal.entry)
    waiting = {place.key for place in places if entry.successor_of(place.name)}
    lacking = [place for place in places if place.key not in waiting or given.of(place)]
    demand_tokens(context, lacking, renewal.demand, given)
    if len(lacking) < len(places):
        context.voice.note(
            f"Pending tokens already verified: {len(places) - len(lacking)} of {len(places)}."
        )
    renewal.groups = [(place,) for place in lacking]
    return renewal.renew_all(given, places)


def _one_rotated(renewal: Renewal, group: tuple[Place, ...], given: Tokens) -> Report:
    """One new token for all of the group."""
    context, entry = renewal.context, renewal.entry
    token = _one_token(given, group, entry.name)
    waits = token is None and entry.successor_of(group[0].name) is not None
    if token is None and not waits:
        _demand_obtainable(renewal, group)
    prepare_storage(context)
    if waits and (covered := _covered(renewal, group)):
        return _handed_on(renewal, entry, covered)
    group, token = _obtained(renewal, group, token)
    result, is_stored = renewal.renew(group, token)
    if not is_stored:
        context.voice.warn("Nothing changed. The current token stays in use.")
        return report(context, "rotate", [entry_report(entry, result.reports)])
    entry = context.records.load().connections[entry.name]
    return _handed_on(renewal, entry, renewal.meant(group), result.reports)


def needs_one_each(context: Context, entry: Entry, demand: Demand, names: Sequence[str]) -> bool:
    """Whether a new token would now be of one organization alone, and these are several."""
    if len(names) < 2:
        return False
    if creation_asked(context.asker) == REQUIRE:
        return True
    demanded = context.clock.calendar().demanded(demand.reach, entry.deployment)
    return demanded is Reach.ORGANIZATION


def _is_obtainable(renewal: Renewal, group: Sequence[Place]) -> bool:
    """Whether a token can be had that was not given: from a person, or from `az`."""
    if renewal.context.asker.asks:
        return True
    return len(group) == 1 and Creation(renewal.context, group[0], renewal.demand).is_unasked


def _demand_obtainable(renewal: Renewal, group: Sequence[Place]) -> None:
    names = [place.name for place in group]
    entry = renewal.entry
    if needs_one_each(renewal.context, entry, renewal.demand, names):
        remedy = MIGRATE.text(entry.name)
        if entry.deployment is Deployment.SERVER:  # migrate is for Services
            remedy = Command("rotate", (names[0],)).text(entry.name)
        raise UsageError(
            Reason.USAGE,
            f"One new token does not serve all of {clean(', '.join(names), 120)}: "
            "each needs its own.",
            remedy=remedy,
        )
    if not _is_obtainable(renewal, group):
        raise missing_token()


def _one_token(given: Tokens, group: Sequence[Place], name: str) -> Token | None:
    """The new token, if one is given: the same for all of the group."""
    token = given.of(group[0])
    if any(given.of(place) is not token for place in group):
        names = ", ".join(place.name for place in group)
        raise UsageError(
            Reason.USAGE,
            f"Different tokens are given for {clean(names, 120)}.",
            remedy=f"Replace one after the other: aspm-ado rotate {name} -o ORGANIZATION "
            "--pat-file FILE",
        )
    return token


def _covered(renewal: Renewal, group: Sequence[Place]) -> list[Place]:
    """The organizations of the pending token; none where the keyring has lost it."""
    context, entry = renewal.context, renewal.entry
    key = entry.successor_of(group[0].name) or ""
    waiting = entry.successors[key]
    if read_token(context, entry, key) is not None:
        context.voice.note("A pending token is already verified and waits for Invicti ASPM.")
        covered = {name.casefold() for name in waiting.organizations}
        return [place for place in group if place.key in covered]
    context.voice.warn("The pending token is no longer in the keyring. Create another one.")
    if not _is_obtainable(renewal, group):
        raise missing_token()
    return []


def _meant(context: Context, entry: Entry, organizations: Sequence[str]) -> tuple[Place, ...]:
    """The organizations whose token is replaced.

    Those named, or all that share the one token meant.
    """
    site = entry.site
    if organizations:
        names = dict.fromkeys(known_name(entry, text) for text in organizations)
        return tuple(site.place(name) for name in names)
    held: dict[str, list[Place]] = {}
    for key in entry.credentials:
        places = [site.place(one.name) for one in entry.organizations if one.credential == key]
        if places:
            held[key] = places
    key = next(iter(held))
    if len(held) > 1:
        key = _which_token(context, entry, held)
    return tuple(held.get(key) or map(site.place, (one.name for one in entry.organizations)))


_EVERY: Final = Choice("", "All of them")


def _which_token(context: Context, entry: Entry, held: Mapping[str, Sequence[Place]]) -> str:
    """The key of one token, the first to expire above; none is every token.

    With nobody there it is every token where tokens are created.
    """
    asker = context.asker
    if creation_asked(asker) == REQUIRE and (asker.switch(YES) or not asker.asks):
        return _EVERY.value
    choices = []
    for key in sorted(held, key=lambda key: _end_of(entry, held[key][0])):
        names = clean(", ".join(place.name for place in held[key]), 60)
        known = entry.credentials[key]
        ends = f"expires {known.expires}" if known.expires else "expiry unknown"
        choices.append(Choice(key, f"…{known.last4} of {names} ({ends})"))
    return asker.prompter.choose(WHICH_TOKEN, [*choices, _EVERY], choices[0].value)


def _obtained(
    renewal: Renewal, group: Sequence[Place], given: Token | None
) -> tuple[tuple[Place, ...], Token]:
    """The new token, and the organizations of the group that do not have it yet.

    It is the one given, or taken in as connect does it: again, until it is new to one of them.
    Raises ``UsageError`` where it is not, and a person has not to be asked for another one.
    """
    context, token = renewal.context, given
    while True:
        if token is None:
            token = renewal.obtain(group)
        known = renewal.places_with_token(group, token)
        left = tuple(place for place in group if place not in known)
        if left:
            if known:
                names = ", ".join(place.name for place in known)
                context.voice.note(f"{names} has this token already.")
            if given is not None:
                context.voice.note(f"Source of the new token: {given.source}.")
            return left, token
        unchanged = renewal.unchanged(token)
        from_variable = token.source in PAT_VARIABLES
        if given is not None and not (from_variable and context.asker.asks):
            raise unchanged
        context.voice.warn(unchanged.problem)
        given = token = None


def _handed_on(
    renewal: Renewal,
    entry: Entry,
    group: Sequence[Place],
    reports: Sequence[OrganizationReport] = (),
) -> Report:
    """Bring the new token to Invicti ASPM, and use it where that has it."""
    context, brought = renewal.context, renewal.bring(entry, group)
    now = context.records.load().connections.get(entry.name, entry)
    revoke_replaced(context, entry, now)
    keys = {place.key for place in group}
    by_name = {one.name.casefold(): one for one in reports}
    organizations = []
    for stored in now.organizations:
        if stored.key in keys:
            made = by_name.get(stored.key) or report_on_record(now, stored)
            facts = brought.facts(now, stored.name, renewal.aspm)
            organizations.append(with_registration(made, facts))
    shown = entry_report(now, organizations, brought.unread)
    return report(context, "rotate", [shown])


def rotate_aspm(context: Context, url: str = "") -> Report:
    """Validate the new API token and store it. If it does not pass, the current one stays."""
    url = url or context.asker.need(ASPM_URL, parse_aspm_url)
    users = _users(context, url)
    given = given_token(context)
    if given is None and not context.asker.asks:
        raise missing_aspm_token()
    prepare_storage(context)
    given = _new_only(context, url, given, users[0])
    hint = users[0].aspm.api if users[0].aspm else "auto"
    target = AspmTarget(url, api_asked(context), hint, users[0].ca_bundle)
    result = resolve_aspm(context, target, given, AspmTerms(needs_token=True, only_new=True))
    secrets, record = secret_to_keep(context, result)
    if result.is_good and record is not None:
        store_aspm_token(context, record, secrets)
    elif not result.is_good:
        context.voice.warn("Nothing changed. The current API token stays in use.")
    connections = [entry_report(entry, aspm=result.report) for entry in users]
    return report(context, "rotate", connections)


def _users(context: Context, url: str) -> list[Entry]:
    """The connections that use an ASPM. Raises ``UsageError`` where none does."""
    stored = context.records.load().connections.values()
    users = [entry for entry in stored if entry.aspm and entry.aspm.url == url]
    if not users:
        raise UsageError(
            Reason.NOTHING_STORED,
            f"No stored connection uses {url}.",
            remedy="See `aspm-ado list`. For a new connection, pass --aspm-token-file FILE to "
            "connect.",
        )
    require_same_world(context, users)
    return users


def _new_only(context: Context, url: str, given: ApiToken | None, user: Entry) -> ApiToken | None:
    """The token given, but for the one that is stored already.

    Raises ``UsageError`` where a person has not to be asked for another one.
    """
    old = aspm_token(context, url, None)
    if given is None or old is None or given.secret != old.secret:
        return given
    unchanged = UsageError(
        Reason.TOKEN_UNCHANGED,
        f"This API token is already stored for {url}. Create a new one.",
        remedy=f"{where_tokens_are_made(None)} To verify the current one, run: aspm-ado validate "
        f"{user.name}",
    )
    if given.source not in ASPM_VARIABLES or not context.asker.asks:
        raise unchanged
    context.voice.warn(unchanged.problem)
    return None
