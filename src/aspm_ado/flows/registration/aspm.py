"""The Invicti ASPM of a connection: which API answers, with which token, and what that may do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import AspmCaller, Dialect, where_tokens_are_made
from aspm_ado.domain.http import Origin, split_url
from aspm_ado.domain.questions import (
    ASPM_API,
    ASPM_TOKEN_FILE,
    ASPM_URL,
    ASPM_VARIABLES,
    Choice,
    Question,
)
from aspm_ado.domain.reasons import CheckId, ExitCode, Reason, Status, StoreError, UsageError
from aspm_ado.domain.report import AspmReport, Check, Command, skip
from aspm_ado.domain.rules.aspm import (
    AspmAnswer,
    aspm_skipped,
    classify_aspm,
    dialects_to_retry,
    judge_projects,
    judge_reachable,
    judge_token,
    tool_accepted,
)
from aspm_ado.domain.secret import Secret, holds_token, parse_secret, secret_as_value
from aspm_ado.domain.text import typed_word
from aspm_ado.flows.answers import AUTO
from aspm_ado.flows.storage.connection import aspm_service
from aspm_ado.flows.tokens.sources import ApiToken, aspm_token_given
from aspm_ado.flows.validation.scheduler import one_call

if TYPE_CHECKING:
    from aspm_ado.domain.azure.deployment import Deployment
    from aspm_ado.domain.http import Reply
    from aspm_ado.domain.rules.aspm import DialectsFound
    from aspm_ado.domain.stored import Entry
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.scheduler import RequestPlan


@dataclass(frozen=True, slots=True)
class AspmTarget:
    """An Invicti ASPM to validate.

    ``api`` is the dialect that was asked for, ``hint`` the one that may be there: as recorded.
    """

    url: str
    api: str = AUTO
    hint: str = AUTO
    ca_bundle: str | None = None

    @property
    def likely_api(self) -> str:
        """What was asked for, else what is recorded."""
        if self.api == AUTO:
            return self.hint
        return self.api


@dataclass(frozen=True, slots=True)
class AspmResult:
    """What came of the validation of an ASPM."""

    url: str
    checks: tuple[Check, ...]
    token: ApiToken | None = None
    """The token that was tried."""
    caller: AspmCaller | None = None
    """Set when a dialect answered."""
    api_asked: str = AUTO
    is_left: bool = False
    """Whether a person finishes this later, who has no token yet that is needed."""

    @property
    def dialect(self) -> Dialect | None:
        """The dialect found."""
        return self.caller.dialect if self.caller is not None else None

    @property
    def api(self) -> str:
        """The dialect found, else what was asked for."""
        if self.caller is None:
            return self.api_asked
        return self.caller.dialect.value

    @property
    def is_good(self) -> bool:
        """Whether nothing stands in the way of handing over: all passed, or nothing was asked."""
        return not self.is_left and all(check.exit_code is ExitCode.DONE for check in self.checks)

    @property
    def accepts_token(self) -> bool:
        """Whether the token is proven, so that it is worth keeping."""
        return any(
            check.id is CheckId.ASPM_TOKEN and check.status is Status.PASS for check in self.checks
        )

    @property
    def report(self) -> AspmReport:
        """For the document."""
        return AspmReport(self.url, self.api, self.checks)


def validate_aspm(target: AspmTarget, token: ApiToken) -> RequestPlan[AspmResult]:
    """First without the token: which API is there. Then the token, where an API answered."""
    url, asked = target.url, target.api
    dialects = [Dialect.CORE, Dialect.STANDALONE]
    if asked != AUTO:
        dialects = [Dialect(asked)]
    callers = {dialect: AspmCaller(url, dialect, target.ca_bundle) for dialect in dialects}
    reachable = yield from _find_api(target, callers)
    if not reachable.dialects:
        behind = "Skipped: could not connect to the API of Invicti ASPM."
        rest = (skip(CheckId.ASPM_TOKEN, behind), skip(CheckId.ASPM_PROJECTS, behind))
        return AspmResult(url, (reachable.check, *rest), token, None, asked)
    tried: list[tuple[Dialect, Reply]] = []
    for dialect in reachable.dialects:
        [reply] = yield [callers[dialect].teams(token.secret)]
        accepted = judge_token(url, dialect, reply)
        if accepted.status is Status.PASS:
            [reply] = yield [callers[dialect].projects(token.secret)]
            checks = (reachable.check, accepted, judge_projects(url, dialect, reply))
            return AspmResult(url, checks, token, callers[dialect], asked)
        tried.append((dialect, reply))
    dialect, reply = tried[0]
    found = None if len(tried) > 1 else dialect  # nobody can tell which of them it is
    refusal = judge_token(url, found, reply)
    caller = callers[found] if found is not None else None
    why = "Skipped: Invicti ASPM did not accept the API token."
    if refusal.status is Status.UNKNOWN:
        why = "Skipped: could not determine whether Invicti ASPM accepts the API token."
    last = skip(CheckId.ASPM_PROJECTS, why)
    return AspmResult(url, (reachable.check, refusal, last), token, caller, asked)


def _find_api(
    target: AspmTarget, callers: Mapping[Dialect, AspmCaller]
) -> RequestPlan[DialectsFound]:
    """Which dialects answer, asked without the token."""
    replies = yield [caller.health() for caller in callers.values()]
    answers = dict(zip(callers, replies, strict=True))
    retried = dialects_to_retry(answers)
    if retried:
        replies = yield [callers[dialect].teams() for dialect in retried]
        again = zip(retried, replies, strict=True)
        answers |= {one: it for one, it in again if classify_aspm(it) is AspmAnswer.REFUSED}
    return judge_reachable(target.url, answers, _dialect(target.hint))


def _dialect(api: str) -> Dialect | None:
    return Dialect(api) if api != AUTO else None


def shown_since(context: Context, entry: Entry, aspm: AspmResult) -> set[str]:
    """What a person marked as saved, and Invicti ASPM shows only now; by ``Place.key``."""
    return {
        one.key
        for one in entry.organizations
        if one.registration.unseen and knows_tool(context, aspm, entry.deployment, one.repository)
    }


def knows_tool(
    context: Context, aspm: AspmResult, deployment: Deployment, repository: str
) -> bool | None:
    """Whether ``projects/check`` knows the tool; ``None`` where it cannot be asked or tell."""
    if aspm.caller is None or aspm.token is None or not (aspm.accepts_token and repository):
        return None
    call = aspm.caller.project_check(deployment, repository, aspm.token.secret)
    return tool_accepted(context.scheduler.run(one_call(call)))


def given_token(context: Context) -> ApiToken | None:
    """The token that a file or a variable gives; the old name of the variable is remarked on."""
    given = aspm_token_given(context.asker, context.sources)
    if given is not None and given.source == ASPM_VARIABLES[1]:
        context.voice.note(f"{ASPM_VARIABLES[1]} is deprecated; use {ASPM_VARIABLES[0]}.")
    return given


def given_for(context: Context, url: str) -> ApiToken | None:
    """The token given beside a stored connection, where it is plain that it is for its ASPM.

    A variable may be there for another ASPM: it counts only when the address that is given with it
    is this one.
    """
    address = context.asker.one(ASPM_URL, parse_aspm_url)
    if address == url or (address is None and context.asker.given(ASPM_TOKEN_FILE) is not None):
        return given_token(context)
    return None


def aspm_token(context: Context, url: str, given: ApiToken | None) -> ApiToken | None:
    """The token for the ASPM at ``url``: the one given, else the one stored for that origin."""
    if given is not None:
        return given
    _, secret = _read_stored(context, url)
    if secret is None:
        return None
    return ApiToken(secret, f"keyring ({context.vault.title})")


def _read_stored(context: Context, url: str) -> tuple[bool, Secret | None]:
    """Whether a token for that origin is on record, and the token.

    One that is gone is looked for again under what the records name now: another run may have
    replaced it.
    """
    service = None
    while (now := context.records.load().aspm_tokens.get(url)) not in (None, service):
        service = now
        secret = context.vault.read(now, url)
        if secret is not None:
            return True, secret
    return now is not None, None


def validate_stored_aspms(context: Context, entries: Iterable[Entry]) -> dict[str, AspmResult]:
    """The ASPM of each stored connection, by its name. One that several share is asked once."""
    targets: dict[tuple[str, str | None], AspmTarget] = {}
    used: dict[str, AspmTarget] = {}
    for entry in entries:
        if entry.aspm is not None:
            target = AspmTarget(entry.aspm.url, AUTO, entry.aspm.api, entry.ca_bundle)
            used[entry.name] = targets.setdefault((target.url, target.ca_bundle), target)
    results: dict[AspmTarget, AspmResult] = {}
    tokens: dict[AspmTarget, ApiToken] = {}
    for target in targets.values():
        found = _stored_token(context, target)
        if isinstance(found, AspmResult):
            results[target] = found
        else:
            tokens[target] = found
    plans = [validate_aspm(target, token) for target, token in tokens.items()]
    results.update(zip(tokens, context.scheduler.run_all(plans), strict=True))
    return {name: results[target] for name, target in used.items()}


def _stored_token(context: Context, target: AspmTarget) -> ApiToken | AspmResult:
    """The stored token of an ASPM, or the result where there is none to validate it with."""
    try:
        is_known, secret = _read_stored(context, target.url)
    except StoreError as error:
        check = Check(CheckId.ASPM_TOKEN, Status.FAIL, error.problem, error.reason, error.remedy)
        return _unread(target, check)
    if not is_known:
        return AspmResult(target.url, aspm_skipped(), api_asked=target.hint)
    if secret is not None:
        return ApiToken(secret, "keyring")
    check = Check(
        CheckId.ASPM_TOKEN,
        Status.FAIL,
        f"{context.vault.title} has no API token any more for {Origin.of(target.url).host}.",
        Reason.TOKEN_GONE,
        f"Give a new one: aspm-ado rotate --aspm-url {typed_word(target.url)} "
        "--aspm-token-file FILE",
        next=Command("rotate", aspm_url=target.url),
    )
    return _unread(target, check)


def _unread(target: AspmTarget, check: Check) -> AspmResult:
    behind = "Skipped: the API token is not available."
    checks = (skip(CheckId.ASPM_REACHABLE, behind), check, skip(CheckId.ASPM_PROJECTS, behind))
    return AspmResult(target.url, checks, api_asked=target.hint)


def secret_to_keep(
    context: Context, aspm: AspmResult | None
) -> tuple[dict[str, Secret], tuple[str, str] | None]:
    """The proven token, to be stored once for its origin (service → secret).

    Nothing where it is stored as it is.
    """
    if aspm is None or aspm.token is None or not aspm.accepts_token:
        return {}, None
    if _read_stored(context, aspm.url) == (True, aspm.token.secret):
        return {}, None
    fresh = aspm_service(aspm.url, context.caller.fresh)
    return {fresh: aspm.token.secret}, (aspm.url, fresh)


def api_asked(context: Context) -> str:
    """The dialect that was asked for now; what was stored is a hint and no more."""
    given = context.asker.given(ASPM_API)
    if given is None:
        return AUTO
    return given.value.strip().lower()


_TOKEN: Final = Question(
    "aspm-token", "API token of Invicti ASPM", "--aspm-token-file FILE", ASPM_VARIABLES[0]
)
_OFFERED: Final = _TOKEN.hinting("press Enter to skip")
_OR_LATER: Final = _TOKEN.hinting("press Enter to finish later")
_NEXT: Final = Question("aspm-next", "What now")
_AGAIN: Final = Choice("again", "Check Invicti ASPM again")
_ADDRESS: Final = Choice("address", "Correct the URL")
_OTHER: Final = Choice("other", "Enter another API token")
_WITHOUT: Final = Choice("without", "Continue without an API token", "the handoff works without it")
_FINISH: Final = Choice("finish", "Finish later")
NO_TEAM_LEADS: Final = (
    "This is Invicti AppSec Core, which has no team-lead integrations: those settings are left out."
)


def _ask_token(
    context: Context, url: str, question: Question = _TOKEN, dialect: Dialect | None = None
) -> ApiToken | None:
    """The token from a person; where it goes and where it is made are said above the prompt.

    ``None`` after Enter alone, where the question says what that means.
    """
    above = [
        f"The API token will be sent to {Origin.of(url).host} only.",
        where_tokens_are_made(dialect),
    ]
    if question is _OFFERED:
        above.insert(0, "With one, aspm-ado verifies Invicti ASPM. The handoff needs no API token.")
    may_skip = question is not _TOKEN

    def accept(typed: str) -> Secret | None:
        if may_skip and not typed.strip():
            return None
        return parse_secret(typed, "the prompt", "API token of Invicti ASPM")

    secret = context.asker.secret(question, above, accept)
    if secret is None:
        return None
    return ApiToken(secret, "prompt")


def _token_for(
    context: Context,
    target: AspmTarget,
    given: ApiToken | None,
    terms: AspmTerms,
    *,
    is_corrected: bool = False,
) -> ApiToken | None:
    """The token for an ASPM; ``is_corrected``: a person has just corrected its address."""
    token = given if terms.only_new else aspm_token(context, target.url, given)
    if token is not None:
        return token
    if terms.needs_token and not context.asker.asks:
        raise missing_aspm_token()
    if terms.needs_token and (terms.only_new or is_corrected):
        return _ask_token(context, target.url, dialect=_dialect(target.api))
    if terms.needs_token:
        return _ask_token(context, target.url, _OR_LATER)
    if terms.offers_token or is_corrected:
        return _ask_token(context, target.url, _OFFERED)
    return None


def missing_aspm_token() -> UsageError:
    """What to say when a registration needs the token and nobody can be asked."""
    return UsageError(
        Reason.INPUT_MISSING,
        "An API token of Invicti ASPM is required, and prompts are unavailable.",
        remedy=f"{_TOKEN.how} {where_tokens_are_made(None)}",
    )


@dataclass(frozen=True, slots=True)
class AspmTerms:
    """What is to be had from a person before an ASPM is validated."""

    needs_token: bool = False
    offers_token: bool = False
    """A person may give a token that is not needed."""
    only_new: bool = False
    """A stored token will not do."""
    may_move: bool = False
    """A person may correct the address."""


def resolve_aspm(
    context: Context, target: AspmTarget, given: ApiToken | None, terms: AspmTerms
) -> AspmResult:
    """Validate the ASPM; on a terminal until it is good, or the person goes on otherwise.

    Without a token its three checks are skipped.
    """
    token = _token_for(context, target, given, terms)
    if token is None:
        return AspmResult(
            target.url, aspm_skipped(), api_asked=target.likely_api, is_left=terms.needs_token
        )
    result = context.scheduler.run(validate_aspm(target, token))
    while context.asker.asks and not result.is_good:
        answer = _ask_what_next(context, result, terms)
        if answer == _FINISH.value:
            break
        if answer == _WITHOUT.value:
            return AspmResult(result.url, aspm_skipped(), api_asked=result.api_asked)
        if answer == _ADDRESS.value:
            target = _corrected(context, target)
            token = _token_for(context, target, given, terms, is_corrected=True)
        elif answer == _OTHER.value:
            token = _ask_token(context, target.url, dialect=result.dialect)
        if token is None:
            return AspmResult(target.url, aspm_skipped(), api_asked=target.api)
        result = context.scheduler.run(validate_aspm(target, token))
    return result


def _corrected(context: Context, target: AspmTarget) -> AspmTarget:
    """The ASPM at an address that a person has corrected."""
    asked = context.asker.prompter.text(ASPM_URL, target.url, accept=parse_aspm_url)
    return AspmTarget(parse_aspm_url(asked), target.api, target.hint, target.ca_bundle)


def _ask_what_next(context: Context, result: AspmResult, terms: AspmTerms) -> str:
    """Say what stands in the way, and ask what to do; the likeliest first."""
    for check in result.checks:
        if check.exit_code is not ExitCode.DONE:
            context.voice.warn(f"{check.detail} {check.remedy or ''}")
    choices = [_OTHER, _AGAIN]
    if terms.may_move and result.checks[0].status is not Status.PASS:
        choices.insert(0, _ADDRESS)
    if not terms.needs_token:
        choices.append(_WITHOUT)
    choices.append(_FINISH)
    return context.asker.prompter.choose(_NEXT, choices, choices[0].value)


LATER: Final = "later"


def aspm_url_or_later(text: str) -> str | None:
    """The origin of an Invicti ASPM, or ``None`` where a person wants to finish later."""
    if text.strip().lower() == LATER:
        return None
    return parse_aspm_url(text)


def parse_aspm_url(text: str) -> str:
    """The origin of an Invicti ASPM.

    Any path is cut; http is refused, except to this machine itself.
    """
    pasted = text.strip()
    if holds_token(pasted):
        raise secret_as_value("The URL of Invicti ASPM")
    parts = split_url(pasted if "://" in pasted else f"https://{pasted}", "URL of Invicti ASPM")
    origin = Origin.read(parts)
    if parts.username:
        raise UsageError(
            Reason.URL_INVALID,
            "The URL of Invicti ASPM has a user name in it.",
            remedy="Pass the URL alone.",
        )
    if origin.scheme != "https" and not origin.is_loopback:
        raise UsageError(
            Reason.HTTP_REFUSED,
            "The URL of Invicti ASPM must begin with https://, to protect its token.",
            remedy="Pass the URL with https://.",
        )
    return str(origin)
