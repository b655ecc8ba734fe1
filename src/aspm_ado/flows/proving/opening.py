"""The first answers to a token: who it is in one organization, how far it sees, and whether to go on.

Nothing follows where they show a dead token or no service.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.answers import Names, Profile
from aspm_ado.domain.checks import Status
from aspm_ado.domain.exchange import Call, Credential, Reply
from aspm_ado.domain.judgement.reach import not_listed
from aspm_ado.domain.judgement.saying import UNHEARD, Saying, saying
from aspm_ado.domain.judgement.scopes import Grant, granted
from aspm_ado.domain.judgement.version import server_version
from aspm_ado.domain.requirements import API_VERSIONS, Deployment
from aspm_ado.flows.proving.candidate import PlaceProof, Proof

if TYPE_CHECKING:
    from aspm_ado.flows.proving.crew import Errand

OPINIONS: Final = 8
"""Further organizations that are asked about a token which the first one rejects without saying why."""


def opening(proof: Proof, before: Proof | None) -> Errand[None]:
    """Who is it, and how far does it see. Fills ``wide``, ``version``, ``places`` and, where asked for, ``listed``.

    ``before`` is an earlier proof of the same token: what was good in it is not asked again.
    """
    yield from _first_round(proof, before)
    yield from _second_opinion(proof)
    yield from _version_elsewhere(proof)


def _first_round(proof: Proof, before: Proof | None) -> Errand[None]:
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
    proof.calendar = candidate.brief.clock.told_by(*replies, proof.wide)
    proof.version = API_VERSIONS[0]
    if not services:
        _learn_version(proof, replies[1] if len(replies) > 1 else None)
    proof.places = tuple(places)
    if before is not None:
        _remember(proof, before)
    if replies:
        proof.places[0].first = replies[0]
        if saying(replies[0]) in (Saying.SILENCE, Saying.EXPIRED):
            _spare(proof, proof.places[1:], replies[0])


def _greetings(proof: Proof, lead: Sequence[PlaceProof], credential: Credential) -> list[Call]:
    """The first calls to the first organization; a Server is asked for its version too."""
    caller = proof.candidate.brief.caller
    calls = [caller.connection_data(here.place, credential) for here in lead]
    if lead and lead[0].place.site.deployment is Deployment.SERVER:
        calls.append(caller.version(lead[0].place, credential))
    return calls


def _second_opinion(proof: Proof) -> Errand[None]:
    """A bare refusal does not tell a dead token from one of another organization: ask the others who it is, and no
    more. When none of them knows it either, the token is dead, and further ones are spared.
    """
    lead, *others = proof.places or (None,)
    if lead is None or lead.first is None or not proof.standing(lead.place, lead.first).is_dead:
        return
    asked = [here for here in others if not here.unasked][:OPINIONS]
    if not asked:
        return
    caller, credential = proof.candidate.brief.caller, proof.candidate.credential()
    replies = yield [caller.connection_data(here.place, credential) for here in asked]
    for here, reply in zip(asked, replies, strict=True):
        here.first = reply
    if all(
        proof.standing(here.place, reply).is_dead
        for here, reply in zip(asked, replies, strict=True)
    ):
        _spare(proof, others[len(asked) :], lead.first)


def _learn_version(proof: Proof, told: Reply | None) -> None:
    proof.version = server_version(told)
    proof.unversioned = told if told is not None and saying(told) in UNHEARD else None


def _version_elsewhere(proof: Proof) -> Errand[None]:
    """A collection that does not let the token in does not tell the version of its server, either: ask another one."""
    lead, *others = proof.places or (None,)
    if lead is None or lead.first is None or lead.place.site.deployment is Deployment.SERVICES:
        return
    if proof.standing(lead.place, lead.first).is_in:
        return
    left = [here for here in others if not here.unasked]
    taking = (
        here for here in left if here.first is None or proof.standing(here.place, here.first).is_in
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
        here.standing = proof.standing(here.place, answer)


def _remember(proof: Proof, before: Proof) -> None:
    """Keep the answers that were good, so that only what failed is asked again."""
    old = {here.place.key: here for here in before.places}
    for here in proof.places:
        if (was := old.get(here.place.key)) is not None:
            bench = before.bench(was)
            here.replies = {
                name: reply
                for name, reply in was.replies.items()
                if granted(reply, bench) is Grant.GRANTED
            }
            here.control = was.control
            if any(check.status is Status.PASS for check in was.clone):
                here.clone, here.repository = was.clone, was.repository
    proof.listed = proof.listed or before.listed
