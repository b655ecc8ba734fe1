"""One organization to the end: is the token let in, which scopes has it, can it clone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from aspm_ado.domain.answers import Names, Profile
from aspm_ado.domain.exchange import Credential, Reply
from aspm_ado.domain.judgement.saying import Saying, saying
from aspm_ado.domain.judgement.scopes import Grant, granted, judge_scopes, reads_code
from aspm_ado.domain.requirements import Deployment
from aspm_ado.domain.scopes import Probe, plan, summits
from aspm_ado.domain.token import Secret
from aspm_ado.flows.proving.candidate import PlaceProof, Proof
from aspm_ado.flows.proving.clone import try_clone
from aspm_ado.flows.proving.crew import Errand

MOST_REQUESTS: Final = 11
"""For one organization before the clone check. A purpose with more probes asks the summit of each scope first."""

_DIED: Final = frozenset({Saying.REFUSAL, Saying.EXPIRED, Saying.SIGN_IN})
"""Answers to a probe that speak of the token, not of a scope: it may have died under way."""


def _may_have_died(replies: Sequence[Reply]) -> bool:
    """Whether the token is to be asked for again: so it is, too, when not one scope is there (a revoked token and a
    missing scope get the same bare refusal).
    """
    heard = [saying(reply) for reply in replies]
    return any(kind in _DIED for kind in heard) or (
        bool(heard) and set(heard) == {Saying.BARE_REFUSAL}
    )


def explore(proof: Proof, here: PlaceProof, clone: str) -> Errand[None]:
    """One organization to the end: standing, scopes, clone."""
    brief = proof.candidate.brief
    credential, caller = proof.candidate.credential(), brief.caller
    if here.first is None:
        [here.first] = yield [caller.connection_data(here.place, credential)]
    standing = here.standing = proof.standing(here.place, here.first)
    if not standing.is_in or standing.identity is None:
        return
    me = standing.identity.id
    deployment = here.place.site.deployment
    probes = plan(brief.purpose, deployment, proof.version, read_only=brief.read_only)
    beside = 4 if deployment is Deployment.SERVER else 3
    wave = probes if len(probes) + beside <= MOST_REQUESTS else summits(probes)
    yield from _ask(proof, here, wave, me, lead=here is proof.places[0])
    bench = proof.bench(here)
    held = {name for name, reply in here.replies.items() if granted(reply, bench) is Grant.GRANTED}
    reached = {probe.scope for probe in wave if probe.name in held}
    below = [
        probe for probe in probes if probe.name not in here.replies and probe.scope not in reached
    ]
    if below:
        yield from _ask(proof, here, below, me, lead=False)
    if _may_have_died(tuple(here.replies.values())):
        [here.first] = yield [caller.connection_data(here.place, credential)]
        here.standing = proof.standing(here.place, here.first)
        if not here.standing.is_in:
            return
    here.scopes = judge_scopes(here.replies, probes, bench)
    # What was read to its end is kept without its body: of thousands of answers these would be most of the memory.
    here.first = replace(here.first, text="")
    here.replies |= {name: replace(here.replies[name], text="") for name in held}
    if not here.clone:
        yield from try_clone(proof, here, clone, code_is_read=reads_code(here.scopes))


def _ask(
    proof: Proof, here: PlaceProof, probes: Sequence[Probe], me: str, *, lead: bool
) -> Errand[None]:
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
