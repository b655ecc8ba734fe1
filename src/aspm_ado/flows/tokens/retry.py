"""On a terminal, until it is good: see what failed, edit the token, ask again only that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aspm_ado import __version__
from aspm_ado.domain.azure.place import parse_organization
from aspm_ado.domain.azure.retirement import Reach, ReachDemanded
from aspm_ado.domain.azure.scopes import Deployment
from aspm_ado.domain.checks import Check, CheckId, Status
from aspm_ado.domain.help.guide import Guide, guide
from aspm_ado.domain.help.ticket import Responsibility, responsibilities
from aspm_ado.domain.questions import CLONE_USERNAME, PAT_EXPIRES, Choice, Question
from aspm_ado.domain.reasons import ExitCode, Reason, Who
from aspm_ado.domain.report import FEW
from aspm_ado.domain.text import clean
from aspm_ado.flows.options.parts import candidate, noun, parse_username
from aspm_ado.flows.tokens.prompt import acquire, ask_expiry
from aspm_ado.flows.tokens.sources import Taken, ask_token
from aspm_ado.flows.validation.report import connection_report, not_good, organizations_of
from aspm_ado.flows.validation.run import prove_aloud

if TYPE_CHECKING:
    from aspm_ado.domain.report import ConnectionReport
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.result import Candidate, Proof

NEXT: Final = Question("next", "What now?")
AGAIN: Final = Choice("again", "Check again what failed", "after editing the token on its page")
OTHER: Final = Choice("other", "Give another token")
USERNAME: Final = Choice("username", "Try cloning with a username")
OPEN: Final = Choice("open", "Open the token page in the browser")
ONE_EACH: Final = Choice("one-each", "Accept it: one token for each organization")
TICKET: Final = Choice("ticket", "Show a text for whoever can mend it")
STOP: Final = Choice("keep", "Stop here; nothing is stored")
KEEP: Final = Choice("keep", "Keep what is good, and finish later")

_OTHERS: Final = frozenset({Who.ADMINISTRATOR, Who.NETWORK, Who.SERVICE})
"""Whom the person at the terminal has to write to."""


def prove_until_good(
    context: Context, candidates: Sequence[Candidate], previous: Sequence[Proof | None] = ()
) -> list[Proof]:
    """Prove; while a person is there and something failed, let them mend it. With nobody there: once."""
    proofs = prove_aloud(context, candidates, previous)
    while context.asker.asks:
        trouble = [check for proof in proofs for check in _trouble(proof)]
        if not trouble:
            context.voice.say(
                f"Proven: {', '.join(here.place.name for proof in proofs for here in proof.places)}."
            )
            break
        context.show(proofs)
        nothing = not any(made.is_good for proof in proofs for made in organizations_of(proof))
        choices = _choices(trouble, nothing_good=nothing)
        answer = context.asker.prompter.choose(NEXT, choices, choices[0].value)
        if answer == KEEP.value:
            break
        if answer == OPEN.value:
            _open_page(context, proofs)
            continue
        if answer == TICKET.value:
            _tell_tickets(context, proofs)
            continue
        proofs = _mended(context, proofs, answer)
    return proofs


def _shown(proof: Proof) -> ConnectionReport:
    tried = proof.candidate
    return connection_report(None, tried.site, tried.brief.purpose, organizations_of(proof))


def _findings(proofs: Sequence[Proof]) -> list[Responsibility]:
    """Whose problem each of the troubles is."""
    return [
        finding
        for proof in proofs
        if _trouble(proof)
        for finding in responsibilities(_shown(proof))
    ]


def _tell_tickets(context: Context, proofs: Sequence[Proof]) -> None:
    """What to send: what was asked, what was answered, what is concluded and what is not. No secret is in it."""
    at = context.stamp
    for finding in _findings(proofs):
        context.voice.heading("To paste into a ticket (no secret is in it)")
        for line in finding.ticket(at, __version__):
            context.voice.say(line)


def _open_page(context: Context, proofs: Sequence[Proof]) -> None:
    """The page of the first token that needs it."""
    pages = [here.place.token_page for proof in proofs if _trouble(proof) for here in proof.places]
    page = pages[0] if pages else proofs[0].candidate.site.base_url
    if not context.desktop.open(page):
        context.voice.say(f"No browser could be opened here. The page is {page}")


def _mended(context: Context, proofs: list[Proof], answer: str) -> list[Proof]:
    """Ask again what failed, after what the person chose to change."""
    before: list[Proof | None] = []
    candidates: list[Candidate] = []
    for proof in proofs:
        if not _trouble(proof):
            candidates.append(proof.candidate)
            before.append(proof)
        elif answer == OTHER.value:
            taken = ask_token(context.asker, proof.candidate.site, _whose(context, proof.candidate))
            suggested = proof.candidate.expires or guide_for(context, proof).expires
            taken = ask_expiry(context, taken, suggested)
            if context.asker.given(PAT_EXPIRES):
                end, source = proof.candidate.expires, proof.candidate.expires_source
                taken = replace(taken, expires=end, expires_source=source)
            candidates.append(_with_token(proof.candidate, taken))
            before.append(None)
        elif answer == ONE_EACH.value:
            brief = replace(proof.candidate.brief, reach=ReachDemanded.ORGANIZATION)
            candidates.append(replace(proof.candidate, brief=brief))
            before.append(proof)
        elif answer == USERNAME.value:
            username = context.asker.need(CLONE_USERNAME, parse_username)
            candidates.append(replace(proof.candidate, username=username))
            before.append(proof)
        else:
            candidates.append(proof.candidate)
            before.append(proof)
    again = [index for index, proof in enumerate(proofs) if _trouble(proof)]
    fresh = prove_aloud(context, [candidates[i] for i in again], [before[i] for i in again])
    merged = list(proofs)
    for index, proof in zip(again, fresh, strict=True):
        merged[index] = proof
    return merged


def _whose(context: Context, candidate: Candidate) -> str:
    """The organizations that a token is asked for, as it was asked for the first time; nothing where it is for all."""
    site = candidate.site
    wide = context.clock.calendar().demanded(candidate.brief.reach, site.deployment) is Reach.ALL
    return "" if wide or len(candidate.names) > FEW else ", ".join(candidate.names)


def _trouble(proof: Proof) -> list[Check]:
    """What stands in the way of this token."""
    return [check for organization in organizations_of(proof) for check in not_good(organization)]


def guide_for(context: Context, proof: Proof) -> Guide:
    """The guide to a token like the one that was proven."""
    candidate = proof.candidate
    place = next(iter(candidate.places), candidate.site.place("_"))
    return guide(place, candidate.brief.purpose, candidate.brief.reach, context.clock.calendar())


def _with_token(candidate: Candidate, taken: Taken) -> Candidate:
    return replace(
        candidate,
        secret=taken.secret,
        source=taken.source,
        expires=taken.expires,
        expires_source=taken.expires_source,
        stored="",
        authorization_id=taken.authorization_id,
    )


def _choices(trouble: Sequence[Check], *, nothing_good: bool) -> list[Choice]:
    """What can be done about it, the likeliest first."""
    ids = {check.id for check in trouble}
    dead = any(check.exit_code is ExitCode.REJECTED for check in trouble)
    unknown = all(check.status is Status.UNKNOWN for check in trouble)
    again = replace(AGAIN, hint="") if unknown else AGAIN  # no edit of the token mends a network
    choices = [OTHER, again, OPEN] if dead else [again, OPEN, OTHER]
    if CheckId.CLONE_TOKEN in ids:
        choices.append(USERNAME)
    if Reason.REACH_ORGANIZATION_ONLY in {check.reason for check in trouble}:
        choices.insert(1, ONE_EACH)
    if any(check.reason.who in _OTHERS for check in trouble if check.reason is not None):
        choices.append(TICKET)
    return [*choices, STOP if nothing_good else KEEP]


MORE: Final = Question("more", "The token reaches more. Which of them shall be connected too?")
ANOTHER: Final = Question("another", "Connect another organization, with a token of its own?")
WHICH: Final = Question(
    "another-organization", "Which organization? (its name, or any address in it)"
)


def more_organizations(context: Context, proofs: list[Proof]) -> list[Proof]:
    """Offer what the tokens reach beside what was named; then, where they see one only, another with its own."""
    if not context.asker.asks or not any(
        made.is_good for proof in proofs for made in organizations_of(proof)
    ):
        return proofs
    taken = {here.place.key for proof in proofs for here in proof.places}
    offered = [_offer(context, proof, taken) for proof in proofs]
    if all(
        proof.reach_seen is not None and proof.reach_seen.reach is Reach.ALL for proof in offered
    ):
        return offered
    while context.asker.prompter.confirm(ANOTHER, default=False):
        offered += _another(context, offered[0])
    return offered


def _offer(context: Context, proof: Proof, taken: set[str]) -> Proof:
    """Those of the token's organizations that are not in yet."""
    if proof.reach_seen is None or proof.reach_seen.reach is not Reach.ALL:
        return proof
    others = [name for name in proof.listed or () if name.casefold() not in taken]
    if not others:
        return proof
    chosen = context.asker.prompter.choose_many(
        MORE, [Choice(name, clean(name, 60)) for name in others]
    )
    if not chosen:
        return proof
    taken.update(name.casefold() for name in chosen)
    wider = replace(proof.candidate, names=(*proof.candidate.names, *chosen))
    [again] = prove_until_good(context, [wider], [proof])
    return again


def _another(context: Context, like: Proof) -> list[Proof]:
    """One more organization or collection, guided from its own token page."""
    site, brief = like.candidate.site, like.candidate.brief
    if site.deployment is Deployment.SERVICES:
        place = parse_organization(context.asker.prompter.text(WHICH, accept=parse_organization))
    else:
        place = site.place(
            context.asker.prompter.text(
                Question("another-collection", f"Which {noun(site)}")
            ).strip()
        )
    token = acquire(context, place, brief, for_all=False)
    brief = replace(brief, expires=None, username=like.candidate.username)
    return prove_until_good(context, [candidate(token, site, (place.name,), brief)])
