"""The order of questions: who is the token, where is it let in, how far does it go, can it clone.

Two round trips decide one organization. The first asks who the token is and how far it sees; when it shows a dead
token or no service, nothing follows. The second fires the scope probes at once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.answers import Names, Profile
from aspm_ado.domain.checks import Status
from aspm_ado.domain.exchange import Call, Credential, Reply
from aspm_ado.domain.judgement.reach import not_listed, see
from aspm_ado.domain.judgement.saying import Saying, saying
from aspm_ado.domain.judgement.scopes import Bench, Grant, granted, holds_profile, judge_scopes, reads_code
from aspm_ado.domain.judgement.standing import Standing, stand
from aspm_ado.domain.judgement.version import server_version
from aspm_ado.domain.probes import Probe, plan, summits
from aspm_ado.domain.requirements import API_VERSIONS, Deployment
from aspm_ado.domain.token import Secret
from aspm_ado.flows.proving.candidate import AUTO, Brief, Candidate, PlaceProof, Proof
from aspm_ado.flows.proving.clone import try_clone

if TYPE_CHECKING:
    from aspm_ado.domain.answers import Identity
    from aspm_ado.domain.place import Place
    from aspm_ado.flows.proving.crew import Crew, Errand

Steps = Generator[Sequence[Call], Sequence[Reply], None]

MOST_REQUESTS: Final = 11
"""For one organization before the clone check. A purpose with more probes asks the summit of each scope first."""

OPINIONS: Final = 8
"""Further organizations that are asked about a token which the first one rejects without saying why."""

_DIED: Final = frozenset({Saying.REFUSAL, Saying.EXPIRED, Saying.SIGN_IN})
"""Answers to a probe that speak of the token, not of a scope: it may have died under way."""


def _may_have_died(replies: Sequence[Reply]) -> bool:
    """Whether the token is to be asked for again: so it is, too, when not one scope is there (a revoked token and a
    missing scope get the same bare refusal).
    """
    heard = [saying(reply) for reply in replies]
    return any(kind in _DIED for kind in heard) or (bool(heard) and set(heard) == {Saying.BARE_REFUSAL})


def prove(
    candidates: Sequence[Candidate],
    crew: Crew,
    *,
    previous: Sequence[Proof | None] = (),
    on_done: Callable[[PlaceProof, int], None] | None = None,
) -> list[Proof]:
    """Prove every candidate. With the proofs of an earlier round, only what failed in it is asked again.

    No candidate waits for another one's first round: a host that is silent delays its own organizations alone.
    ``on_done`` is told of each organization, and of how many there are as far as is known by then.
    """
    proofs = [Proof(candidate, candidate.brief.clock.told_by()) for candidate in candidates]
    earlier: list[Proof | None] = [*previous] or [None] * len(proofs)
    firsts: dict[int, Proof] = {}
    for proof in sorted(proofs, key=lambda one: not one.candidate.names):  # stable: those that name theirs come first
        firsts.setdefault(id(proof.candidate.brief), proof)

    awaited = {id(proof): _awaited(proof) for proof in proofs}

    def opened(proof: Proof, before: Proof | None) -> Errand[Proof | PlaceProof]:
        yield from _first_round(proof, before)
        yield from _second_opinion(proof)
        return proof

    def explored(proof: Proof, here: PlaceProof) -> Errand[Proof | PlaceProof]:
        brief = proof.candidate.brief
        is_first = firsts[id(brief)] is proof and here is proof.places[0]
        yield from _explore(proof, here, brief.check_clone if is_first else _unnamed(brief))
        return here

    def follow(done: Proof | PlaceProof) -> Iterable[Errand[Proof | PlaceProof]]:
        if isinstance(done, Proof):
            awaited[id(done)] = _awaited(done)
            return (explored(done, here) for here in done.places if not here.unasked)
        if on_done is not None:
            on_done(done, sum(awaited.values()))
        return ()

    crew.conduct(map(opened, proofs, earlier), then=follow)
    for proof in proofs:
        _conclude(proof)
    return proofs


def _awaited(proof: Proof) -> int:
    """The organizations of one token that are asked; a guess before its first round is over."""
    return sum(not here.unasked for here in proof.places) if proof.places else max(1, len(proof.candidate.places))


def _first_round(proof: Proof, before: Proof | None) -> Steps:
    """Who is it, and how far does it see. Fills ``wide``, ``version``, ``places`` and, where asked for, ``listed``."""
    candidate, brief = proof.candidate, proof.candidate.brief
    caller, credential = brief.caller, candidate.credential()
    services = candidate.site.deployment is Deployment.SERVICES
    wide_call = (
        caller.profile(candidate.site, credential) if services else caller.collections(candidate.site, credential)
    )
    places = list(candidate.places)
    replies = yield [*_greetings(places[:1], brief, credential), wide_call]
    proof.wide = replies[-1]
    lister = proof.wide
    if isinstance(proof.wide.answer, Names):
        proof.listed = proof.wide.answer.names
    if candidate.list_all:
        if services:
            lister = yield from _list(proof, proof.wide)
        known = {place.key for place in places}
        places += [place for name in proof.listed or () if (place := candidate.site.place(name)).key not in known]
        if len(replies) == 1 and places:
            replies = [*(yield _greetings(places[:1], brief, credential)), proof.wide]
    proof.calendar = brief.clock.told_by(*replies)
    proof.version = API_VERSIONS[0] if services else server_version(replies[1] if len(replies) > 2 else None)
    proof.places = tuple(PlaceProof(place) for place in places)
    if before is not None:
        _remember(proof, before)
    if len(replies) > 1 and places:
        proof.places[0].first = replies[0]
        _stop_if_hopeless(proof)
    if candidate.list_all and not proof.listed:
        proof.unlisted = not_listed(lister, candidate.site.deployment)


def _greetings(places: Sequence[Place], brief: Brief, credential: Credential) -> list[Call]:
    """The first calls to the first organization; a Server is asked for its version too."""
    calls = [brief.caller.connection_data(place, credential) for place in places]
    if places and places[0].site.deployment is Deployment.SERVER:
        calls.append(brief.caller.version(places[0], credential))
    return calls


def _list(proof: Proof, wide: Reply) -> Generator[Sequence[Call], Sequence[Reply], Reply]:
    """The organizations of the token's owner, where the service tells (tokens of all organizations only); what told."""
    if not isinstance(wide.answer, Profile):
        return wide
    caller = proof.candidate.brief.caller
    [reply] = yield [caller.accounts(wide.answer.identity.id, proof.candidate.site, proof.candidate.credential())]
    proof.listed = reply.answer.names if isinstance(reply.answer, Names) else None
    return reply


def _stop_if_hopeless(proof: Proof) -> None:
    """When the first organization's host cannot be reached, or says that the token has expired, ask no other one."""
    lead = proof.places[0]
    if lead.first is not None and saying(lead.first) in (Saying.SILENCE, Saying.EXPIRED):
        _spare(proof, proof.places[1:], lead.first)


def _second_opinion(proof: Proof) -> Steps:
    """A bare refusal does not tell a dead token from one of another organization: ask the others who it is, and no
    more. When none of them knows it either, the token is dead, and further ones are spared.
    """
    lead, *others = proof.places or (None,)
    if lead is None or lead.first is None or not _standing(proof, lead.place, lead.first).is_dead:
        return
    asked = [here for here in others if not here.unasked and here.first is None][:OPINIONS]
    if not asked:
        return
    caller, credential = proof.candidate.brief.caller, proof.candidate.credential()
    replies = yield [caller.connection_data(here.place, credential) for here in asked]
    for here, reply in zip(asked, replies, strict=True):
        here.first = reply
    if all(_standing(proof, here.place, reply).is_dead for here, reply in zip(asked, replies, strict=True)):
        _spare(proof, [here for here in others if here.first is None], lead.first)


def _spare(proof: Proof, places: Sequence[PlaceProof], answer: Reply) -> None:
    """Ask these nothing: what the token's first organization said is true of it here too."""
    for here in places:
        here.unasked, here.first = True, answer
        here.standing = _standing(proof, here.place, answer)


def _remember(proof: Proof, before: Proof) -> None:
    """Keep the answers that were good, so that only what failed is asked again."""
    old = {here.place.key: here for here in before.places}
    for here in proof.places:
        if (was := old.get(here.place.key)) is not None:
            bench = _bench(before, was)
            here.replies = {
                name: reply for name, reply in was.replies.items() if granted(reply, bench) is Grant.GRANTED
            }
            here.control = was.control
            if any(check.status is Status.PASS for check in was.clone):
                here.clone, here.repository = was.clone, was.repository
    proof.listed = proof.listed or before.listed


def _explore(proof: Proof, here: PlaceProof, clone: str) -> Steps:
    """One organization to the end: standing, scopes, clone."""
    brief = proof.candidate.brief
    credential, caller = proof.candidate.credential(), brief.caller
    if here.first is None:
        [here.first] = yield [caller.connection_data(here.place, credential)]
    standing = here.standing = _standing(proof, here.place, here.first)
    if not standing.is_in or standing.identity is None:
        return
    me = standing.identity.id
    deployment = here.place.site.deployment
    probes = plan(brief.purpose, deployment, proof.version, read_only=brief.read_only)
    beside = 4 if deployment is Deployment.SERVER else 3
    wave = probes if len(probes) + beside <= MOST_REQUESTS else summits(probes)
    yield from _ask(proof, here, wave, me, lead=here is proof.places[0])
    bench = _bench(proof, here)
    held = {name for name, reply in here.replies.items() if granted(reply, bench) is Grant.GRANTED}
    reached = {probe.scope for probe in wave if probe.name in held}
    below = [probe for probe in probes if probe.name not in here.replies and probe.scope not in reached]
    if below:
        yield from _ask(proof, here, below, me, lead=False)
    if _may_have_died(tuple(here.replies.values())):
        [here.first] = yield [caller.connection_data(here.place, credential)]
        here.standing = _standing(proof, here.place, here.first)
        if not here.standing.is_in:
            return
    here.scopes = judge_scopes(here.replies, probes, bench)
    if not here.clone:
        yield from try_clone(proof, here, clone, code_is_read=reads_code(here.scopes))


def _ask(proof: Proof, here: PlaceProof, probes: Sequence[Probe], me: str, *, lead: bool) -> Steps:
    """One round trip of probes, with what else is worth knowing at the same time."""
    credential, caller = proof.candidate.credential(), proof.candidate.brief.caller
    due = [probe for probe in probes if probe.name not in here.replies]
    calls = [caller.probe(here.place, probe, proof.version, me, credential) for probe in due]
    wants_control = here.place.site.deployment is Deployment.SERVER and here.control is None and bool(probes)
    if wants_control:
        nobody = Credential(Secret(caller.fresh().replace("-", "")), here.place.site.origins)
        calls.append(caller.probe(here.place, probes[0], proof.version, me, nobody))
    profile = proof.wide.answer if lead and proof.wide is not None and proof.listed is None else None
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


def _standing(proof: Proof, place: Place, first: Reply, elsewhere: Identity | None = None) -> Standing:
    wide = proof.wide
    if place.site.deployment is Deployment.SERVER and not (wide is not None and isinstance(wide.answer, Names)):
        wide = None  # a refusal at the root of a Server says nothing of the token: the web server in front may refuse
    past = replace(proof.candidate.past, expires=proof.candidate.expires)
    return stand(place, first, wide, proof.calendar, elsewhere, past=past)


def _conclude(proof: Proof) -> None:
    """What only all organizations together tell: a token that one rejects may be alive in another."""
    alive = next((h.standing.identity for h in proof.places if h.standing is not None and h.standing.is_alive), None)
    for here in proof.places:
        unnamed = here.standing is not None and not here.standing.is_alive
        if alive is not None and unnamed and here.first is not None:
            here.standing = _standing(proof, here.place, here.first, alive)
    recognised = [here.place.name for here in proof.places if here.standing is not None and here.standing.is_in]
    holds = any(holds_profile(here.scopes) for here in proof.places)
    proof.sight = see(proof.candidate.site.deployment, proof.wide, recognised, holds_profile=holds)


def _bench(proof: Proof, here: PlaceProof) -> Bench:
    brief = proof.candidate.brief
    return Bench(brief.purpose, here.place.site.deployment, proof.version, here.control, brief.read_only)


def _unnamed(brief: Brief) -> str:
    """A repository named on the command line is the first organization's; the others get any one of theirs."""
    return AUTO if "/" in brief.check_clone else brief.check_clone
