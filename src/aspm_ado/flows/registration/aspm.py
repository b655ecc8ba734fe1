"""The Invicti ASPM of a connection: which API answers, whose token it takes, and what that token may do."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.aspm.api import AspmCaller, Dialect, where_tokens_are_made
from aspm_ado.domain.checks import Check, CheckId, Command, Status, skip
from aspm_ado.domain.errors import StoreError, UsageError
from aspm_ado.domain.http import Origin
from aspm_ado.domain.questions import ASPM_API, ASPM_TOKEN_FILE, ASPM_URL, Choice, Question
from aspm_ado.domain.reasons import ExitCode, Reason
from aspm_ado.domain.report import AspmReport
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
from aspm_ado.domain.secret import Secret, parse_secret
from aspm_ado.flows.options.parts import parse_aspm_url
from aspm_ado.flows.storage.connection import aspm_service
from aspm_ado.flows.tokens.sources import ASPM_VARIABLES, Taken, aspm_token_given
from aspm_ado.flows.validation.result import AUTO

if TYPE_CHECKING:
    from aspm_ado.domain.azure.scopes import Deployment
    from aspm_ado.domain.http import Call, Reply
    from aspm_ado.domain.stored import Entry
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.options.parts import AspmOptions

Steps = Generator[Sequence["Call"], Sequence["Reply"], "AspmProof"]


@dataclass(frozen=True, slots=True)
class AspmProof:
    """What was found out. ``aspm_caller`` is set when a dialect answered; ``token`` is the one that was tried, if any."""

    url: str
    checks: tuple[Check, ...]
    token: Taken | None = None
    aspm_caller: AspmCaller | None = None
    wished: str = AUTO

    @property
    def api(self) -> str:
        """The dialect found, else what was asked for."""
        return self.aspm_caller.dialect.value if self.aspm_caller is not None else self.wished

    @property
    def is_good(self) -> bool:
        """Whether nothing stands in the way of handing over: all passed, or nothing was asked."""
        return all(check.exit_code is ExitCode.DONE for check in self.checks)

    @property
    def takes_token(self) -> bool:
        """Whether the token is proven, so that it is worth keeping."""
        return any(
            check.id is CheckId.ASPM_TOKEN and check.status is Status.PASS for check in self.checks
        )

    @property
    def report(self) -> AspmReport:
        """For the document."""
        return AspmReport(self.url, self.api, self.checks)


def prove_aspm(
    url: str, token: Taken, wished: str = AUTO, hint: str = AUTO, ca_bundle: str | None = None
) -> Steps:
    """First without the token: which API is there. Then the token, and only where an API answered."""
    dialects = [Dialect.CORE, Dialect.STANDALONE] if wished == AUTO else [Dialect(wished)]
    aspm_callers = {dialect: AspmCaller(url, dialect, ca_bundle) for dialect in dialects}
    replies = yield [aspm_caller.health() for aspm_caller in aspm_callers.values()]
    heard = dict(zip(dialects, replies, strict=True))
    if hidden := dialects_to_retry(heard):
        replies = yield [aspm_callers[dialect].teams() for dialect in hidden]
        heard |= {
            one: reply
            for one, reply in zip(hidden, replies, strict=True)
            if classify_aspm(reply) is AspmAnswer.REFUSED
        }
    found = judge_reachable(url, heard, Dialect(hint) if hint != AUTO else None)
    if not found.dialects:
        behind = "Not asked: the API of Invicti ASPM was not reached."
        rest = (skip(CheckId.ASPM_TOKEN, behind), skip(CheckId.ASPM_PROJECTS, behind))
        return AspmProof(url, (found.check, *rest), token, None, wished)
    tried = []
    for dialect in found.dialects:
        [reply] = yield [aspm_callers[dialect].teams(token.secret)]
        tried.append((aspm_callers[dialect], judge_token(url, dialect, reply)))
        if tried[-1][1].status is Status.PASS:
            break
    aspm_caller, taken = next((one for one in tried if one[1].status is Status.PASS), tried[0])
    certain = taken.status is Status.PASS or len(found.dialects) == 1
    if taken.status is not Status.PASS:
        if not certain and taken.reason is Reason.ASPM_TOKEN_REJECTED:
            taken = replace(taken, remedy=f"Give another token. {where_tokens_are_made(None)}")
        last = skip(CheckId.ASPM_PROJECTS, "Not asked: the API token is not accepted.")
        return AspmProof(
            url, (found.check, taken, last), token, aspm_caller if certain else None, wished
        )
    [reply] = yield [aspm_caller.projects(token.secret)]
    return AspmProof(
        url,
        (found.check, taken, judge_projects(url, aspm_caller.dialect, reply)),
        token,
        aspm_caller,
        wished,
    )


def accepted(
    context: Context, proof: AspmProof | None, deployment: Deployment, repository: str
) -> bool | None:
    """Whether ``projects/check`` knows the tool; ``None`` where it cannot be asked or does not tell."""
    if (
        proof is None
        or proof.aspm_caller is None
        or proof.token is None
        or not proof.takes_token
        or not repository
    ):
        return None
    call = proof.aspm_caller.project_check(deployment, repository, proof.token.secret)

    def ask() -> Generator[Sequence[Call], Sequence[Reply], bool | None]:
        [reply] = yield [call]
        return tool_accepted(reply)

    return context.scheduler.run(ask())


def given_token(context: Context) -> Taken | None:
    """The token that a file or a variable gives; the old name of the variable is remarked on."""
    taken = aspm_token_given(context.asker, context.sources)
    if taken is not None and taken.source == ASPM_VARIABLES[1]:
        context.voice.note(f"{ASPM_VARIABLES[1]} is deprecated; use {ASPM_VARIABLES[0]}.")
    return taken


def aspm_token(context: Context, url: str, given: Taken | None) -> Taken | None:
    """The token for the ASPM at ``url``: the one given, else the one stored for exactly that origin."""
    if given is not None:
        return given
    service = context.records.load().aspm_tokens.get(url)
    secret = context.vault.read(service) if service else None
    return Taken(secret, f"keyring ({context.vault.title})") if secret is not None else None


def prove_stored(context: Context, entries: Iterable[Entry]) -> dict[str, AspmProof]:
    """The ASPM of each stored connection (by its name), with the token stored for it; one that several share, once."""
    made: dict[tuple[str, str | None], AspmProof] = {}
    errands: dict[tuple[str, str | None], Steps] = {}
    keys: dict[str, tuple[str, str | None]] = {}
    tokens = context.records.load().aspm_tokens
    for entry in entries:
        if entry.aspm is None:
            continue
        url, api = entry.aspm.url, entry.aspm.api
        key = keys[entry.name] = (url, entry.ca_bundle)
        if key in made or key in errands:
            continue
        service = tokens.get(url)
        if service is None:
            made[key] = AspmProof(url, aspm_skipped(), wished=api)
            continue
        try:
            secret = context.vault.read(service)
        except StoreError as error:
            made[key] = _unread(url, api, error.reason, error.problem, error.remedy)
            continue
        if secret is None:
            gone = f"{context.vault.title} has no API token any more for {Origin.of(url).host}."
            remedy = f"Give a new one: aspm-ado rotate --aspm-url {url} --aspm-token-file FILE"
            made[key] = _unread(url, api, Reason.TOKEN_GONE, gone, remedy)
            continue
        errands[key] = prove_aspm(url, Taken(secret, "keyring"), AUTO, api, entry.ca_bundle)
    made.update(zip(errands, context.scheduler.run_all(errands.values()), strict=True))
    return {name: made[key] for name, key in keys.items()}


def _unread(url: str, api: str, reason: Reason, problem: str, remedy: str) -> AspmProof:
    behind = "Not asked: the API token could not be had."
    follows = Command("rotate", aspm_url=url) if reason is Reason.TOKEN_GONE else None
    token = Check(CheckId.ASPM_TOKEN, Status.FAIL, problem, reason, remedy, next=follows)
    checks = (skip(CheckId.ASPM_REACHABLE, behind), token, skip(CheckId.ASPM_PROJECTS, behind))
    return AspmProof(url, checks, wished=api)


def given_for(context: Context, url: str) -> Taken | None:
    """The token given beside a stored connection, only where it is plain that it belongs to that connection's ASPM.

    A variable may be there for another ASPM: it counts only when the address that is given with it is this one.
    """
    address = context.asker.one(ASPM_URL, parse_aspm_url)
    if address == url or (address is None and context.asker.given(ASPM_TOKEN_FILE) is not None):
        return given_token(context)
    return None


def secret_to_keep(
    context: Context, aspm: AspmProof | None
) -> tuple[dict[str, Secret], tuple[str, str] | None]:
    """The proven token, to be stored once for its origin (service → secret); nothing when it is stored as it is."""
    if aspm is None or aspm.token is None or not aspm.takes_token:
        return {}, None
    service = context.records.load().aspm_tokens.get(aspm.url)
    if service is not None and context.vault.read(service) == aspm.token.secret:
        return {}, None
    fresh = aspm_service(aspm.url, context.caller.fresh)
    return {fresh: aspm.token.secret}, (aspm.url, fresh)


def wished_api(context: Context) -> str:
    """The dialect that was asked for now; what was stored is a hint and no more."""
    given = context.asker.given(ASPM_API)
    return given.value.strip().lower() if given is not None else AUTO


TOKEN: Final = Question(
    "aspm-token", "API token of Invicti ASPM", "--aspm-token-file FILE", "INVICTI_ASPM_TOKEN"
)
OFFERED: Final = replace(TOKEN, prompt="API token of Invicti ASPM (Enter: go on without)")
NEXT: Final = Question("aspm-next", "What now")
AGAIN: Final = Choice("again", "Ask Invicti ASPM again")
ADDRESS: Final = Choice("address", "Correct the address")
OTHER: Final = Choice("other", "Give another API token")
WITHOUT: Final = Choice("without", "Go on without an API token", "a guided hand-off needs none")
FINISH: Final = Choice("finish", "Finish later")
NO_TEAM_LEADS: Final = (
    "This is Invicti AppSec Core, which has no team-lead integrations: those settings are left out."
)


def ask_aspm_token(context: Context, url: str, dialect: Dialect | None = None) -> Taken:
    """The token from a person, hidden; where it goes and where it is made are said above the prompt."""
    above = (f"It will be sent to {Origin.of(url).host} only.", where_tokens_are_made(dialect))
    secret = context.asker.prompter.secret(TOKEN, above, accept=_parse)
    return Taken(secret, "prompt")


def offer_aspm_token(context: Context, url: str) -> Taken | None:
    """The token from a person, or ``None`` after Enter alone: a guided hand-off needs none."""
    above = (
        "Not needed to hand the values over; with it, Invicti ASPM is proven, too.",
        f"It will be sent to {Origin.of(url).host} only.",
        where_tokens_are_made(None),
    )
    secret = context.asker.prompter.secret(
        OFFERED, above, accept=lambda typed: _parse(typed) if typed.strip() else None
    )
    return Taken(secret, "prompt") if secret is not None else None


def missing_aspm_token() -> UsageError:
    """What to say when a registration needs the token and nobody can be asked."""
    return UsageError(
        Reason.INPUT_MISSING,
        "An API token of Invicti ASPM is needed, and there is nobody to ask.",
        remedy=f"{TOKEN.how} {where_tokens_are_made(None)}",
    )


def settle_aspm(
    context: Context,
    url: str,
    given: Taken | None,
    *,
    wished: str = AUTO,
    hint: str = AUTO,
    needs_token: bool = False,
    offers: bool = False,
    ca_bundle: str | None = None,
    new_only: bool = False,
    may_move: bool = False,
) -> AspmProof:
    """Prove the ASPM; on a terminal until it is good, or the person goes on otherwise. Without a token: three skips.

    ``offers``: a person may give a token that is not needed. ``new_only``: a stored token will not do. ``may_move``: a
    person may correct the address.
    """
    token = given if new_only else aspm_token(context, url, given)
    if token is None and needs_token:
        if not context.asker.asks:
            raise missing_aspm_token()
        token = ask_aspm_token(context, url, Dialect(wished) if wished != AUTO else None)
    elif token is None and offers:
        token = offer_aspm_token(context, url)
    if token is None:
        return AspmProof(url, aspm_skipped(), wished=hint if wished == AUTO else wished)
    proof = context.scheduler.run(prove_aspm(url, token, wished, hint, ca_bundle))
    while context.asker.asks and not proof.is_good:
        for check in proof.checks:
            if check.exit_code is not ExitCode.DONE:
                context.voice.warn(f"{check.detail} {check.remedy or ''}")
        lost = may_move and proof.checks[0].status is not Status.PASS
        choices = [
            *([ADDRESS] if lost else []),
            OTHER,
            AGAIN,
            *([] if needs_token else [WITHOUT]),
            FINISH,
        ]
        answer = context.asker.prompter.choose(NEXT, choices, choices[0].value)
        if answer == FINISH.value:
            break
        if answer == WITHOUT.value:
            return replace(proof, checks=aspm_skipped(), token=None, aspm_caller=None)
        if answer == ADDRESS.value:
            url = parse_aspm_url(context.asker.prompter.text(ASPM_URL, url, accept=parse_aspm_url))
            token = aspm_token(context, url, given) or (
                ask_aspm_token if needs_token else offer_aspm_token
            )(context, url)
            if token is None:
                return AspmProof(url, aspm_skipped(), wished=proof.wished)
        if answer == OTHER.value:
            token = ask_aspm_token(
                context, url, proof.aspm_caller.dialect if proof.aspm_caller else None
            )
        proof = context.scheduler.run(prove_aspm(url, token, wished, hint, ca_bundle))
    return proof


def as_found(context: Context, options: AspmOptions, aspm: AspmProof | None) -> AspmOptions:
    """With the address and the dialect that were found. AppSec Core has no team-lead settings, so none are asked or set
    there.
    """
    if aspm is None:
        return options
    options = replace(options, url=aspm.url)
    if aspm.api == options.api:
        return options
    if aspm.api == Dialect.CORE.value and options.toggles:
        context.voice.warn(NO_TEAM_LEADS)
        options = replace(options, toggles=None)
    return replace(options, api=aspm.api)


def _parse(text: str) -> Secret:
    return parse_secret(text, "the prompt", "API token of Invicti ASPM")
