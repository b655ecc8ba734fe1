"""The plan of a connection: what is stored and handed over, from where, and its changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import CREATE, FETCH, LABELS, Dialect
from aspm_ado.domain.azure.retirement import Reach, ReachDemanded
from aspm_ado.domain.azure.scopes import hint_of
from aspm_ado.domain.questions import (
    ALL_ORGANIZATIONS,
    ALLOW_HTTP,
    ASPM_API,
    ASPM_URL,
    CHECK_CLONE,
    CLONE_USERNAME,
    ORGANIZATION,
    PAT_EXPIRES,
    PURPOSE,
    REACH,
    READ_ONLY_PROBES,
    REGISTER,
    SERVER_URL,
    STORE,
    TEAM_LEADS_MAY,
    Choice,
    Question,
)
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.rules.token import age_hint
from aspm_ado.domain.text import FEW, clean
from aspm_ado.flows.answers import AUTO
from aspm_ado.flows.registration.aspm import parse_aspm_url
from aspm_ado.flows.tokens.creation import REQUIRE, creation_asked
from aspm_ado.flows.tokens.prompt import acquire, ask_end, warn_of_end
from aspm_ado.flows.tokens.retry import also_reached, validate_until_good

from ..domain.azure.place import Purpose
from ..domain.reasons import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aspm_ado.domain.aspm.api import Settings
    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.options import ConnectOptions
    from aspm_ado.flows.registration.aspm import AspmResult
    from aspm_ado.flows.validation.token import Demand, TokenResult

    Change = Callable[[Context, ConnectOptions, list[TokenResult]], list[TokenResult]]


_WHERE_GIVEN: Final = (
    ("All organizations", ALL_ORGANIZATIONS),
    ("Username for cloning", CLONE_USERNAME),
    ("Read-only probes", READ_ONLY_PROBES),
    ("http allowed", ALLOW_HTTP),
    ("API of Invicti ASPM", ASPM_API),
)
"""What is shown only where it was given: a variable that was forgotten is seen here."""


def tell_plan(
    context: Context,
    options: ConnectOptions,
    good: Sequence[TokenResult],
    settings: Settings,
    aspm: AspmResult | None,
) -> None:
    """Say the plan. ``aspm`` is set where something is handed over."""
    rehearsed = " (dry run: nothing is changed)" if options.dry_run else ""
    context.voice.heading(f"The plan{rehearsed}")
    for label, value in _rows(context, options, good, settings, aspm):
        context.voice.say(f"  {label}: {value}")


def _rows(
    context: Context,
    options: ConnectOptions,
    good: Sequence[TokenResult],
    settings: Settings,
    aspm: AspmResult | None,
) -> Iterator[tuple[str, str]]:
    asker = context.asker
    yield "Connection", options.name
    yield "Deployment", _with_source(asker, options.target.site.base_url, SERVER_URL)
    for result in good:
        yield from _organizations(asker, result)
    if others := also_reached(context, good, options.demand):
        names = [clean(place.name, 60) for place in islice(others.values(), FEW)]
        more = f", and {len(others) - FEW} more" if len(others) > FEW else ""
        yield "Not included", f"{', '.join(names)}{more} (the token reaches them, too)"
    yield "Purpose", _known(context, options, options.demand.purpose.value, PURPOSE)
    yield "Reach", _known(context, options, _reach(good[0]), REACH)
    for label, question in _WHERE_GIVEN:
        if (given := asker.given(question)) is not None:
            yield label, f"{', '.join(given.values)} (from {given.source})"
    if (given := asker.given(CHECK_CLONE)) is not None:
        yield "Repository to try", f"{options.demand.check_clone} (from {given.source})"
    yield "Secrets", _with_source(asker, _secret_store(context, options), STORE)
    yield from _brought(context, options, settings, aspm)


def _reach(result: TokenResult) -> str:
    """The reach that is demanded today."""
    token = result.token
    return result.calendar.demanded(token.demand.reach, token.site.deployment).value


def _brought(
    context: Context, options: ConnectOptions, settings: Settings, aspm: AspmResult | None
) -> Iterator[tuple[str, str]]:
    """Where it is brought to, and with which settings."""
    asker = context.asker
    if aspm is not None:
        how = "by your profile" if options.aspm.uses_profile else "by hand, in its UI"
        yield "Invicti ASPM", _with_source(asker, aspm.url, ASPM_URL)
        yield "Registration", _with_source(asker, how, REGISTER)
    elif options.aspm.url:
        yield "Invicti ASPM", f"{options.aspm.url}: no handoff"
    if aspm is not None and aspm.dialect is not Dialect.CORE:
        for label in settings.labels or ("none",):
            yield "Advanced Settings", _known(context, options, label, TEAM_LEADS_MAY)
    if settings.issue_manager:
        yield "Issue manager", "the checkbox in its form"


def _organizations(asker: Asker, result: TokenResult) -> Iterator[tuple[str, str]]:
    """A row for each organization of a token; many of them are one row."""
    token, places = result.token, [one.place for one in result.good]
    last4 = f" …{token.secret.last4}" if token.secret.last4 else ""
    label, names = places[0].noun.capitalize(), [place.name for place in places]
    if len(names) > FEW:
        label, names = f"{label}s ({len(names)})", [", ".join(names)]
    for name in names:
        named = _with_source(asker, name, ORGANIZATION)
        yield label, f"{named}: token{last4} (from {token.source}), {_end(result)}"


def _end(result: TokenResult) -> str:
    """When a token ends, and who says so."""
    token = result.token
    if token.end is not None:
        return f"expires {token.end} (from {token.end_source})"
    if hint := age_hint(token.secret, result.calendar):
        return f"expiry unknown. {hint}"
    return "expiry unknown"


def _secret_store(context: Context, options: ConnectOptions) -> str:
    """Where the secrets go; a rehearsal does not open the keyring to say its name."""
    if not options.keeps:
        return "not stored, as requested"
    return "the keyring of this system" if options.dry_run else context.vault.title


def _known(context: Context, options: ConnectOptions, value: str, question: Question) -> str:
    """A value that is never asked for: on record, given, changed, or the default."""
    source = context.asker.source(question)
    if options.stored is not None and source == "default":
        source = "stored"
    return f"{value} ({source})"


def _with_source(asker: Asker, value: str, question: Question) -> str:
    given = asker.given(question)
    return f"{value} (from {given.source})" if given else value


_WHAT: Final = Question("change", "Which answer do you want to change?")
_NONE: Final = Choice("none", "None: back to the plan")
PURPOSES: Final = (
    Choice("alm", "Read and scan code", hint_of(Purpose.ALM)),
    Choice(
        "alm+issue-manager",
        "Read code, and be the issue manager too",
        hint_of(Purpose.ALM_AND_ISSUE_MANAGER),
    ),
    Choice("issue-manager", "Issue manager only", hint_of(Purpose.ISSUE_MANAGER)),
)


def change_answer(
    context: Context, options: ConnectOptions, results: list[TokenResult]
) -> list[TokenResult]:
    """Ask one question again; the results after it."""
    choices = [Choice(one.name, label) for label, one in _offered(context, options, results)]
    answer = context.asker.prompter.choose(_WHAT, [*choices, _NONE], choices[0].value)
    if answer == _NONE.value:
        return results
    return _CHANGES[answer](context, options, results)


def _offered(
    context: Context, options: ConnectOptions, results: list[TokenResult]
) -> list[tuple[str, Question]]:
    """What can be changed. The purpose of a stored connection is that of all its tokens."""
    offered = [("Expiry date of the token", PAT_EXPIRES)]
    if options.stored is None:
        offered.insert(0, ("Purpose", PURPOSE))
    if _may_change_reach(context, options, results):
        offered.append(("Reach of the token", REACH))
    if options.aspm.is_wanted or context.asker.given(REGISTER) is None:
        offered.append(("URL of Invicti ASPM", ASPM_URL))
    if options.aspm.is_wanted and options.aspm.api != Dialect.CORE.value:
        offered.append(("Advanced Settings", TEAM_LEADS_MAY))
    return offered


def _may_change_reach(
    context: Context, options: ConnectOptions, results: list[TokenResult]
) -> bool:
    """Whether both kinds of token can be had: in the last days of global tokens."""
    soon = context.clock.calendar().ends_soon(options.target.site.deployment)
    is_new = options.stored is None and not any(one.token.credential for one in results)
    return soon and is_new and creation_asked(context.asker) != REQUIRE


def _change_purpose(
    context: Context, options: ConnectOptions, results: list[TokenResult]
) -> list[TokenResult]:
    """Another purpose needs other scopes: all is asked again."""
    before = options.demand.purpose
    answer = context.asker.prompter.choose(PURPOSE, PURPOSES, before.value)
    context.asker.change(PURPOSE, answer)
    purpose = Purpose(answer)
    if purpose is before:
        return results
    if not purpose.reads_code and options.aspm.toggles:
        options.aspm.toggles = tuple(one for one in options.aspm.toggles if one != FETCH)
    return _demand_anew(context, options, results, lambda one: replace(one, purpose=purpose))


def _change_reach(
    context: Context, options: ConnectOptions, results: list[TokenResult]
) -> list[TokenResult]:
    """Another reach; a global token is asked for where it is not one already."""
    calendar, deployment = context.clock.calendar(), options.target.site.deployment
    before = calendar.demanded(results[0].token.demand.reach, deployment)
    end = f"Microsoft announced their end for {calendar.global_end}"
    choices = [
        Choice(Reach.ORGANIZATION.value, "One token per organization", "works after that day"),
        Choice(Reach.ALL.value, "One token for all accessible organizations", end),
    ]
    answer = context.asker.prompter.choose(REACH, choices, before.value)
    if answer == before.value:
        return results
    reach = ReachDemanded(answer)
    warn_of_end(context, reach, deployment)
    if reach is ReachDemanded.ALL and any(one.reach_seen.reach is not Reach.ALL for one in results):
        demand = replace(options.demand, reach=reach)
        places = [place for result in results for place in result.token.places]
        try:
            token = acquire(context, places[0], demand, for_all=True)
        except UsageError as error:
            if error.reason is not Reason.DECLINED:
                raise
            return results
        results = validate_until_good(context, [token.meant_for(places[0].site, places, demand)])
        options.demand = demand
    else:
        results = _demand_anew(context, options, results, lambda one: replace(one, reach=reach))
    context.asker.change(REACH, answer)
    return results


def _demand_anew(
    context: Context,
    options: ConnectOptions,
    results: list[TokenResult],
    changed: Callable[[Demand], Demand],
) -> list[TokenResult]:
    """The results of the same tokens under another demand."""
    options.demand = changed(options.demand)
    for result in results:
        result.token.demand = changed(result.token.demand)
    return validate_until_good(context, [result.token for result in results])


def _change_end(
    context: Context, _options: ConnectOptions, results: list[TokenResult]
) -> list[TokenResult]:
    """The date of each token."""
    context.asker.change(PAT_EXPIRES)
    for result in results:
        if result.good:
            context.voice.say(f"The token of {result.good[0].place.name}:")
            ask_end(context, [result])
    return results


def _change_address(
    context: Context, options: ConnectOptions, results: list[TokenResult]
) -> list[TokenResult]:
    text = context.asker.prompter.text(ASPM_URL, options.aspm.url or "", accept=parse_aspm_url)
    context.asker.change(ASPM_URL, text)
    if not options.aspm.is_wanted:  # the first answer was “later”
        options.aspm.register = AUTO
    options.aspm.url = parse_aspm_url(text)
    return results


def _change_settings(
    context: Context, options: ConnectOptions, results: list[TokenResult]
) -> list[TokenResult]:
    """Advanced Settings; what one depends on is added."""
    reads_code = options.demand.purpose.reads_code
    offered = [
        Choice(toggle, label) for toggle, label in LABELS.items() if reads_code or toggle != FETCH
    ]
    chosen = tuple(context.asker.prompter.choose_many(TEAM_LEADS_MAY, offered))
    if FETCH in chosen and CREATE not in chosen:
        context.voice.note(f"“{LABELS[CREATE]}” is added: fetching depends on it.")
        chosen = (CREATE, *chosen)
    options.aspm.toggles = chosen
    context.asker.change(TEAM_LEADS_MAY, ",".join(chosen))
    return results


_CHANGES: Final[dict[str, Change]] = {
    PURPOSE.name: _change_purpose,
    REACH.name: _change_reach,
    PAT_EXPIRES.name: _change_end,
    ASPM_URL.name: _change_address,
    TEAM_LEADS_MAY.name: _change_settings,
}
