"""The plan of a connection: what is stored and handed over, and the source of each value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import Dialect
from aspm_ado.domain.questions import (
    ALL_ORGANIZATIONS,
    ALLOW_HTTP,
    ASPM_API,
    ASPM_URL,
    CHECK_CLONE,
    CLONE_USERNAME,
    ORGANIZATION,
    PURPOSE,
    REACH,
    READ_ONLY_PROBES,
    REGISTER,
    SERVER_URL,
    STORE,
    TEAM_LEADS_MAY,
    Question,
)
from aspm_ado.domain.rules.token import age_hint
from aspm_ado.domain.text import FEW, clean
from aspm_ado.flows.tokens.more import also_reached

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.api import Settings
    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.options import ConnectOptions
    from aspm_ado.flows.registration.aspm import AspmResult
    from aspm_ado.flows.validation.result import TokenResult

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
