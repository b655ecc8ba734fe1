"""Proving tokens: what is asked of each, in which order, and what only all answers together tell.

Two round trips decide one organization. The first asks who the token is, and how far it sees; when it shows a dead
token or no service, nothing follows (``opening``). The second fires the scope probes at once (``explore``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from aspm_ado.domain.rules.reach import observe_reach
from aspm_ado.domain.rules.scopes import holds_profile
from aspm_ado.domain.text import clean
from aspm_ado.flows.validation.requests import explore, opening
from aspm_ado.flows.validation.result import AUTO, Brief, Candidate, PlaceProof, Proof

if TYPE_CHECKING:
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.scheduler import RequestPlan, Scheduler


def prove(
    candidates: Sequence[Candidate],
    scheduler: Scheduler,
    *,
    previous: Sequence[Proof | None] = (),
    on_done: Callable[[PlaceProof, int], None] | None = None,
) -> list[Proof]:
    """Prove every candidate. With the proofs of an earlier round, only what failed in it is asked again.

    No candidate waits for another one's first round: a host that is silent delays its own organizations alone.
    ``on_done`` is told of each organization, and of how many there are as far as is known by then.
    """
    proofs = [Proof(candidate, candidate.brief.clock.calendar()) for candidate in candidates]
    firsts: dict[int, Proof] = {}
    for proof in sorted(
        proofs, key=lambda one: not one.candidate.names
    ):  # stable: those that name theirs come first
        firsts.setdefault(id(proof.candidate.brief), proof)
    awaited = {
        id(proof): max(1, len(proof.candidate.places)) for proof in proofs
    }  # a guess until they are listed

    def opened(proof: Proof, before: Proof | None) -> RequestPlan[Proof | PlaceProof]:
        yield from opening(proof, before)
        return proof

    def explored(proof: Proof, here: PlaceProof) -> RequestPlan[Proof | PlaceProof]:
        brief = proof.candidate.brief
        is_first = firsts[id(brief)] is proof and here is proof.places[0]
        yield from explore(proof, here, brief.check_clone if is_first else _unnamed(brief))
        return here

    def follow(done: Proof | PlaceProof) -> Iterable[RequestPlan[Proof | PlaceProof]]:
        if isinstance(done, Proof):
            due = [here for here in done.places if not here.unasked]
            awaited[id(done)] = len(due)
            # Whoever is still to be greeted goes first, having one more round trip to go.
            return (
                explored(done, here)
                for here in sorted(due, key=lambda here: here.first is not None)
            )
        if on_done is not None:
            on_done(done, sum(awaited.values()))
        return ()

    scheduler.run_all(map(opened, proofs, previous or [None] * len(proofs)), then=follow)
    for proof in proofs:
        _conclude(proof)
    return proofs


def _conclude(proof: Proof) -> None:
    """What only all organizations together tell: a token that one rejects may be alive in another."""
    alive = next(
        (
            h.access.identity
            for h in proof.places
            if h.access is not None and h.access.is_accepted_somewhere
        ),
        None,
    )
    for here in proof.places:
        unnamed = here.access is not None and not here.access.is_accepted_somewhere
        if alive is not None and unnamed and here.first is not None:
            here.access = proof.access(here.place, here.first, alive)
    recognised = [
        here.place.name
        for here in proof.places
        if here.access is not None and here.access.is_accepted
    ]
    holds = any(holds_profile(here.scopes) for here in proof.places)
    proof.reach_seen = observe_reach(
        proof.candidate.site.deployment, proof.wide, recognised, holds_profile=holds
    )


def _unnamed(brief: Brief) -> str:
    """A repository named on the command line is the first organization's; the others get any one of theirs."""
    return AUTO if "/" in brief.check_clone else brief.check_clone


def prove_aloud(
    context: Context, candidates: Sequence[Candidate], previous: Sequence[Proof | None] = ()
) -> list[Proof]:
    """Prove, saying how far it has come."""
    total = sum(max(1, len(made.places)) for made in candidates)
    done = 0

    def tell(here: PlaceProof, asked: int) -> None:
        nonlocal done
        done += 1
        context.voice.progress(done, max(asked, done), clean(here.place.name, 60))

    for site in {made.site for made in candidates if made.site.is_unencrypted}:
        context.voice.warn(
            f"{site.base_url} has no TLS: the token travels in clear, as was accepted."
        )
    if candidates:
        context.voice.progress(0, total, "asking Azure DevOps")
    return prove(candidates, context.scheduler, previous=previous, on_done=tell)
