"""Finding one repository and reading its first page, with the token alone and with a username beside it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.scopes import API_VERSIONS, Deployment, Probe, highest_probes, probes_for
from aspm_ado.domain.checks import Status
from aspm_ado.domain.documents import Names, Profile, Projects, Repositories, Repository
from aspm_ado.domain.http import Call, Credential, Reply
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.rules.access import server_version
from aspm_ado.domain.rules.classify import INCONCLUSIVE, AnswerKind, classify
from aspm_ado.domain.rules.clone import (
    clone_inconclusive,
    clone_refused,
    clone_skipped,
    judge_clone,
)
from aspm_ado.domain.rules.reach import not_listed
from aspm_ado.domain.rules.scopes import ProbeResult, judge_probe, judge_scopes, reads_code
from aspm_ado.domain.secret import Secret
from aspm_ado.flows.validation.result import AUTO, NO, PlaceProof, Proof
from aspm_ado.flows.validation.scheduler import RequestPlan

if TYPE_CHECKING:
    from aspm_ado.domain.checks import Check

Steps = Generator[Sequence["Call"], Sequence["Reply"], None]

PROJECTS_TRIED: Final = 10
"""Projects of the first page that are looked into for an enabled repository, one after the other."""

REPOSITORIES_TRIED: Final = 3
"""Repositories of a project that are tried: servers before 2020 do not tell which ones are switched off."""


def try_clone(proof: Proof, here: PlaceProof, choice: str, *, code_is_read: bool) -> Steps:
    """Fill ``clone`` and ``repository`` of one organization."""
    if not proof.candidate.brief.purpose.reads_code:
        here.clone = clone_skipped("The issue manager clones nothing.", Reason.NOT_WANTED)
    elif choice == NO:
        here.clone = clone_skipped("Left out, as asked.", Reason.NOT_WANTED)
    elif not code_is_read:
        here.clone = clone_skipped("Not asked: Code is not as needed yet.")
    elif choice == AUTO:
        yield from _any(proof, here)
    else:
        project, _, name = choice.partition("/")
        yield from _read(proof, here, Repository("", name, project), asked_for=True)


def _any(proof: Proof, here: PlaceProof) -> Steps:
    """The first repository that can be tried, in the first projects. The list of a whole organization has no pages.

    The newest version that a server names may be a preview there (seen with Server 2020 and 2022), so a refused
    version is followed by the next older one.
    """
    credential, caller = proof.candidate.credential(), proof.candidate.brief.caller
    for version in API_VERSIONS[API_VERSIONS.index(proof.version) :]:
        [page] = yield [caller.projects(here.place, version, credential)]
        if page.status != 400:
            break
    if not isinstance(page.answer, Projects):
        here.clone = clone_inconclusive(page)
        return
    silent: list[Reply] = []
    looked = False
    for project in page.answer.projects[:PROJECTS_TRIED]:
        [reply] = yield [caller.repositories(here.place, project.name, version, credential)]
        if not isinstance(reply.answer, Repositories):
            silent.append(reply)
            continue
        looked = True
        for repository in [one for one in reply.answer.repositories if one.enabled][
            :REPOSITORIES_TRIED
        ]:
            yield from _read(proof, here, repository, asked_for=False)
            if any(one.status != 404 for check in here.clone for one in check.evidence):
                return
    if not here.clone:
        here.clone = _none_found(silent, looked=looked)


def _none_found(silent: Sequence[Reply], *, looked: bool) -> tuple[Check, Check]:
    """Why nothing was tried: a project did not answer, none may be looked into, or there is nothing in them."""
    unheard = next((reply for reply in silent if classify(reply) in INCONCLUSIVE), None)
    if unheard is not None:
        return clone_inconclusive(unheard)
    if silent and not looked:
        return clone_refused(silent[0])
    return clone_skipped("No enabled repository was found to try.", Reason.NO_REPOSITORY)


def _read(proof: Proof, here: PlaceProof, repository: Repository, *, asked_for: bool) -> Steps:
    """Both ways in one round trip."""
    account = (
        here.access.identity.account if here.access is not None and here.access.identity else ""
    )
    username = here.username = proof.candidate.username or ("" if ":" in account else account)
    ways = ("", username) if username else ("",)
    caller = proof.candidate.brief.caller
    replies = yield [
        caller.clone(here.place, repository, proof.candidate.credential(way)) for way in ways
    ]
    named = replies[1] if username else None
    here.repository = repository
    here.clone = judge_clone(repository, replies[0], named, username, asked_for=asked_for)


OPINIONS: Final = 8
"""Further organizations that are asked about a token which the first one rejects without saying why."""


def opening(proof: Proof, before: Proof | None) -> RequestPlan[None]:
    """Who is it, and how far does it see. Fills ``wide``, ``version``, ``places`` and, where asked for, ``listed``.

    ``before`` is an earlier proof of the same token: what was good in it is not asked again.
    """
    yield from _first_round(proof, before)
    yield from _second_opinion(proof)
    yield from _version_elsewhere(proof)


def _first_round(proof: Proof, before: Proof | None) -> RequestPlan[None]:
    candidate = proof.candidate
    site, caller, credential = candidate.site, candidate.brief.caller, candidate.credential()
    services = site.deployment is Deployment.SERVICES
    places = list(map(PlaceProof, candidate.places))
    wide = caller.profile(site, credential) if services else caller.collections(site, credential)
    replies = list((yield [*_greetings(proof, places[:1], credential), wide]))
    proof.wide = lister = replies.pop()
    if isinstance(proof.wide.answer, Names):
        proof.listed = proof.wide.answer.names
    if candidate.list_all:
        if isinstance(proof.wide.answer, Profile):  # a token of all organizations
            [lister] = yield [caller.accounts(proof.wide.answer.identity.id, site, credential)]
            proof.listed = lister.answer.names if isinstance(lister.answer, Names) else None
        known = {here.place.key for here in places}
        places += [
            PlaceProof(place)
            for place in map(site.place, proof.listed or ())
            if place.key not in known
        ]
        if not replies and places:
            replies = list((yield _greetings(proof, places[:1], credential)))
        if not proof.listed:
            proof.unlisted = not_listed(lister, site.deployment)
    proof.calendar = candidate.brief.clock.calendar(*replies, proof.wide)
    proof.version = API_VERSIONS[0]
    if not services:
        _learn_version(proof, replies[1] if len(replies) > 1 else None)
    proof.places = tuple(places)
    if before is not None:
        _remember(proof, before)
    if replies:
        proof.places[0].first = replies[0]
        if classify(replies[0]) in (AnswerKind.NO_ANSWER, AnswerKind.EXPIRED):
            _spare(proof, proof.places[1:], replies[0])


def _greetings(proof: Proof, lead: Sequence[PlaceProof], credential: Credential) -> list[Call]:
    """The first calls to the first organization; a Server is asked for its version too."""
    caller = proof.candidate.brief.caller
    calls = [caller.connection_data(here.place, credential) for here in lead]
    if lead and lead[0].place.site.deployment is Deployment.SERVER:
        calls.append(caller.version(lead[0].place, credential))
    return calls


def _second_opinion(proof: Proof) -> RequestPlan[None]:
    """A bare refusal does not tell a dead token from one of another organization: ask the others who it is, and no
    more. When none of them knows it either, the token is dead, and further ones are spared.
    """
    lead, *others = proof.places or (None,)
    if lead is None or lead.first is None or not proof.access(lead.place, lead.first).is_rejected:
        return
    asked = [here for here in others if not here.unasked][:OPINIONS]
    if not asked:
        return
    caller, credential = proof.candidate.brief.caller, proof.candidate.credential()
    replies = yield [caller.connection_data(here.place, credential) for here in asked]
    for here, reply in zip(asked, replies, strict=True):
        here.first = reply
    if all(
        proof.access(here.place, reply).is_rejected
        for here, reply in zip(asked, replies, strict=True)
    ):
        _spare(proof, others[len(asked) :], lead.first)


def _learn_version(proof: Proof, told: Reply | None) -> None:
    proof.version = server_version(told)
    proof.unversioned = told if told is not None and classify(told) in INCONCLUSIVE else None


def _version_elsewhere(proof: Proof) -> RequestPlan[None]:
    """A collection that does not let the token in does not tell the version of its server, either: ask another one."""
    lead, *others = proof.places or (None,)
    if lead is None or lead.first is None or lead.place.site.deployment is Deployment.SERVICES:
        return
    if proof.access(lead.place, lead.first).is_accepted:
        return
    left = [here for here in others if not here.unasked]
    taking = (
        here
        for here in left
        if here.first is None or proof.access(here.place, here.first).is_accepted
    )
    if (here := next(taking, None)) is not None:
        [told] = yield [
            proof.candidate.brief.caller.version(here.place, proof.candidate.credential())
        ]
        _learn_version(proof, told)


def _spare(proof: Proof, places: Sequence[PlaceProof], answer: Reply) -> None:
    """Ask these nothing: what the token's first organization said is true of it here too."""
    for here in places:
        here.unasked, here.first = True, answer
        here.access = proof.access(here.place, answer)


def _remember(proof: Proof, before: Proof) -> None:
    """Keep the answers that were good, so that only what failed is asked again."""
    old = {here.place.key: here for here in before.places}
    for here in proof.places:
        if (was := old.get(here.place.key)) is not None:
            scope_context = before.scope_context(was)
            here.replies = {
                name: reply
                for name, reply in was.replies.items()
                if judge_probe(reply, scope_context) is ProbeResult.GRANTED
            }
            here.control = was.control
            if any(check.status is Status.PASS for check in was.clone):
                here.clone, here.repository = was.clone, was.repository
    proof.listed = proof.listed or before.listed


MOST_REQUESTS: Final = 11
"""For one organization before the clone check. A purpose with more probes asks the summit of each scope first."""

_DIED: Final = frozenset({AnswerKind.REFUSAL, AnswerKind.EXPIRED, AnswerKind.SIGN_IN})
"""Answers to a probe that speak of the token, not of a scope: it may have died under way."""


def _may_have_died(replies: Sequence[Reply]) -> bool:
    """Whether the token is to be asked for again: so it is, too, when not one scope is there (a revoked token and a
    missing scope get the same bare refusal).
    """
    heard = [classify(reply) for reply in replies]
    return any(kind in _DIED for kind in heard) or (
        bool(heard) and set(heard) == {AnswerKind.BARE_REFUSAL}
    )


def explore(proof: Proof, here: PlaceProof, clone: str) -> RequestPlan[None]:
    """One organization to the end: standing, scopes, clone."""
    brief = proof.candidate.brief
    credential, caller = proof.candidate.credential(), brief.caller
    if here.first is None:
        [here.first] = yield [caller.connection_data(here.place, credential)]
    access = here.access = proof.access(here.place, here.first)
    if not access.is_accepted or access.identity is None:
        return
    me = access.identity.id
    deployment = here.place.site.deployment
    probes = probes_for(brief.purpose, deployment, proof.version, read_only=brief.read_only)
    beside = 4 if deployment is Deployment.SERVER else 3
    wave = probes if len(probes) + beside <= MOST_REQUESTS else highest_probes(probes)
    yield from _ask(proof, here, wave, me, lead=here is proof.places[0])
    scope_context = proof.scope_context(here)
    held = {
        name
        for name, reply in here.replies.items()
        if judge_probe(reply, scope_context) is ProbeResult.GRANTED
    }
    reached = {probe.scope for probe in wave if probe.name in held}
    below = [
        probe for probe in probes if probe.name not in here.replies and probe.scope not in reached
    ]
    if below:
        yield from _ask(proof, here, below, me, lead=False)
    if _may_have_died(tuple(here.replies.values())):
        [here.first] = yield [caller.connection_data(here.place, credential)]
        here.access = proof.access(here.place, here.first)
        if not here.access.is_accepted:
            return
    here.scopes = judge_scopes(here.replies, probes, scope_context)
    # What was read to its end is kept without its body: of thousands of answers these would be most of the memory.
    here.first = replace(here.first, text="")
    here.replies |= {name: replace(here.replies[name], text="") for name in held}
    if not here.clone:
        yield from try_clone(proof, here, clone, code_is_read=reads_code(here.scopes))


def _ask(
    proof: Proof, here: PlaceProof, probes: Sequence[Probe], me: str, *, lead: bool
) -> RequestPlan[None]:
    """One round trip of probes, with what else is worth knowing at the same time."""
    credential, caller = proof.candidate.credential(), proof.candidate.brief.caller
    due = [probe for probe in probes if probe.name not in here.replies]
    calls = [caller.probe(here.place, probe, proof.version, me, credential) for probe in due]
    wants_control = (
        here.place.site.deployment is Deployment.SERVER and here.control is None and bool(probes)
    )
    if wants_control:
        nobody = Credential(Secret(caller.fresh().replace("-", "")), here.place.site.origins)
        calls.append(caller.probe(here.place, probes[0], proof.version, me, nobody))
    profile = (
        proof.wide.answer if lead and proof.wide is not None and proof.listed is None else None
    )
    wants_accounts = isinstance(profile, Profile)
    if isinstance(profile, Profile):
        calls.append(caller.accounts(profile.identity.id, here.place.site, credential))
    if not calls:
        return
    replies = list((yield calls))
    if wants_accounts:
        answer = replies.pop().answer
        proof.listed = answer.names if isinstance(answer, Names) else None
    if wants_control:
        here.control = replies.pop()
    here.replies.update(zip((probe.name for probe in due), replies, strict=True))
