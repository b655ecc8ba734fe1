"""More organizations: those that the token reaches are offered; others get a token of their own, one after another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.addresses import parse_organization
from aspm_ado.domain.questions import Choice, Question
from aspm_ado.domain.requirements import Deployment
from aspm_ado.domain.retirement import Reach
from aspm_ado.domain.text import clean
from aspm_ado.flows.proving.account import organizations_of
from aspm_ado.flows.taking.acquire import acquire
from aspm_ado.flows.taking.options import candidate, noun
from aspm_ado.flows.taking.until_good import prove_until_good

if TYPE_CHECKING:
    from aspm_ado.flows.house import House
    from aspm_ado.flows.proving.candidate import Proof

MORE: Final = Question("more", "The token reaches more. Which of them shall be connected too?")
ANOTHER: Final = Question("another", "Connect another organization, with a token of its own?")
WHICH: Final = Question(
    "another-organization", "Which organization? (its name, or any address in it)"
)


def more_organizations(house: House, proofs: list[Proof]) -> list[Proof]:
    """Offer what the tokens reach beside what was named; then, where they see one only, another with its own."""
    if not house.asker.asks or not any(
        made.is_good for proof in proofs for made in organizations_of(proof)
    ):
        return proofs
    taken = {here.place.key for proof in proofs for here in proof.places}
    offered = [_offer(house, proof, taken) for proof in proofs]
    if all(proof.sight is not None and proof.sight.reach is Reach.ALL for proof in offered):
        return offered
    while house.asker.prompter.confirm(ANOTHER, default=False):
        offered += _another(house, offered[0])
    return offered


def _offer(house: House, proof: Proof, taken: set[str]) -> Proof:
    """Those of the token's organizations that are not in yet."""
    if proof.sight is None or proof.sight.reach is not Reach.ALL:
        return proof
    others = [name for name in proof.listed or () if name.casefold() not in taken]
    if not others:
        return proof
    chosen = house.asker.prompter.choose_many(
        MORE, [Choice(name, clean(name, 60)) for name in others]
    )
    if not chosen:
        return proof
    taken.update(name.casefold() for name in chosen)
    wider = replace(proof.candidate, names=(*proof.candidate.names, *chosen))
    [again] = prove_until_good(house, [wider], [proof])
    return again


def _another(house: House, like: Proof) -> list[Proof]:
    """One more organization or collection, guided from its own token page."""
    site, brief = like.candidate.site, like.candidate.brief
    if site.deployment is Deployment.SERVICES:
        place = parse_organization(house.asker.prompter.text(WHICH, accept=parse_organization))
    else:
        place = site.place(
            house.asker.prompter.text(Question("another-collection", f"Which {noun(site)}")).strip()
        )
    token = acquire(house, place, brief, for_all=False)
    brief = replace(brief, expires=None, username=like.candidate.username)
    return prove_until_good(house, [candidate(token, site, (place.name,), brief)])
