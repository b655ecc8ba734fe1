"""The wizard and its flags, one path: where, what for, token, proof, more organizations, Invicti ASPM, settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.errors import NotCreatedError, UsageError
from aspm_ado.domain.judgement.aspm import aspm_skipped
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import OrganizationReport, Report
from aspm_ado.domain.retirement import Reach
from aspm_ado.domain.settings import Settings
from aspm_ado.flows.begin import whole_records
from aspm_ado.flows.conclude import conclude, concluded, keep_proven
from aspm_ado.flows.errand import Errand, named_by, settle
from aspm_ado.flows.handing.aspm import AspmProof, wished_api
from aspm_ado.flows.handing.delivery import Delivery
from aspm_ado.flows.handing.register_all import demand_dialect
from aspm_ado.flows.handing.settle_aspm import as_found, settle_aspm
from aspm_ado.flows.keeping.entry import new_key, parse_name, proven_of
from aspm_ado.flows.keeping.successor import tell_revoking
from aspm_ado.flows.minting.create import creates_unasked
from aspm_ado.flows.minting.uncreated import uncreated
from aspm_ado.flows.proving.account import report
from aspm_ado.flows.proving.candidate import Proof
from aspm_ado.flows.resume import resume_handoff, unfinished
from aspm_ado.flows.stored import validate_stored
from aspm_ado.flows.taking.acquire import acquire
from aspm_ado.flows.taking.intake import Tokens
from aspm_ado.flows.taking.more import more_organizations
from aspm_ado.flows.taking.terms import candidate, candidates_of
from aspm_ado.flows.taking.until_good import prove_until_good
from aspm_ado.flows.taking.where import where_given
from aspm_ado.flows.taking.wishes import AUTO, ask_aspm, ask_settings

if TYPE_CHECKING:
    from aspm_ado.flows.house import House


def connect(house: House, name: str | None) -> Report:
    """Connect organizations, or add them to a connection that is there."""
    catalogue = whole_records(house)
    old = catalogue.connections.get(parse_name(name)) if name else None
    if old is not None and where_given(house.asker) is None:
        if unfinished(old, asks=house.asker.asks):
            house.voice.note(f"The registration of “{old.name}” is not finished: it goes on where it stopped.")
            return resume_handoff(house, old.name, command="connect")
        names = ", ".join(one.name for one in old.organizations)
        house.voice.note(
            f"“{old.name}” is connected already, and nothing of it is changed: {names} on {old.base_url}, for "
            f"{old.purpose}, with {old.aspm.url if old.aspm else 'no Invicti ASPM'}. Add organizations with -o NAME."
        )
        return validate_stored(house, [old.name], command="connect")
    errand = settle(house, name, old, catalogue.connections)
    proofs, refused = _prove(house, errand)
    errand = errand if name else named_by(errand, proofs, catalogue.connections)
    keeps = errand.wishes.stores
    proven = proven_of(house, proofs, errand.old if keeps else None)
    if proven:
        errand = replace(errand, wishes=ask_aspm(house, errand.wishes))
    aspm = _aspm(house, errand, reads=bool(proven) or errand.wishes.dry_run)
    errand = replace(errand, wishes=as_found(house, errand.wishes, aspm))
    settings = ask_settings(house, errand.wishes, errand.brief.purpose) if proven else Settings()
    delivery = conclude(house, errand, proven, settings, aspm) if proven else Delivery()
    if errand.old is not None and keeps and proven:
        tell_revoking(house, errand.old, house.records.load().connections.get(errand.name, errand.old))
    return report(house, "connect", proofs, [concluded(house, errand, proofs, refused, delivery, aspm)])


def _aspm(house: House, errand: Errand, *, reads: bool) -> AspmProof | None:
    """What is to be known of the ASPM before anything is stored or handed over. Not contacted where nothing is good."""
    wishes, old = errand.wishes, errand.old
    if wishes.aspm_url is None:
        return None
    if not reads:
        told = "Not asked: no organization is good yet." if errand.aspm_token else None
        checks = aspm_skipped(told, Reason.NOT_ASKED) if told else aspm_skipped()
        return AspmProof(wishes.aspm_url, checks, wished=wishes.aspm_api)
    known = old.aspm if old is not None else None
    made = settle_aspm(
        house,
        wishes.aspm_url,
        errand.aspm_token,
        wished=wished_api(house),
        hint=known.api if known is not None else AUTO,
        needs_token=wishes.uses_profile,
        offers=errand.moves and wishes.hands_over and house.asker.asks and not wishes.yes,
        ca_bundle=errand.where.site.ca_bundle,
        may_move=True,
    )
    if errand.profile is not None:
        demand_dialect(made, errand.profile)
    return made


def _prove(house: House, errand: Errand) -> tuple[list[Proof], list[OrganizationReport]]:
    """Prove the tokens that are there; ask for the others, one page after the other. Where none could be created is
    told beside the proofs.
    """
    there, tokens, brief = errand.where, errand.tokens, errand.brief
    bare = [name for name in there.names if tokens.of(name) is None]
    proofs, refused = list[Proof](), list[OrganizationReport]()
    if bare and (house.asker.asks or creates_unasked(house, there.site.place(bare[0]), brief)):
        wide = house.clock.told_by().demanded(brief.reach, there.site.deployment) is Reach.ALL
        if wide:
            tokens = Tokens(acquire(house, there.site.place(bare[0]), brief, for_all=True), tokens.own)
        else:
            proofs, refused = _one_by_one(house, errand, bare)
            there = there.without(bare)
    if there.names or there.list_all:
        proofs = prove_until_good(house, candidates_of(there, tokens, brief, errand.beside)) + proofs
    return more_organizations(house, proofs), refused


def _one_by_one(house: House, errand: Errand, names: Sequence[str]) -> tuple[list[Proof], list[OrganizationReport]]:
    """A token of its own for each organization. What is proven is kept at once, so that a person can stop anywhere.

    One that lets no token be created does not keep the others from theirs.
    """
    keeps = errand.wishes.stores
    proofs, refused = list[Proof](), list[OrganizationReport]()
    if keeps and len(names) > 1:
        house.voice.note(
            f"Each token is stored as soon as it is proven; stop when you like, and go on with: "
            f"aspm-ado connect {errand.name} -o {' -o '.join(names)}"
        )
    for name in names:
        try:
            taken = acquire(house, errand.where.site.place(name), errand.brief, for_all=False)
        except (NotCreatedError, UsageError) as error:
            if len(names) == 1:
                raise
            refused.append(uncreated(house, name, error))
            continue
        made = candidate(taken, errand.where.site, (name,), errand.brief, errand.beside)
        proved = prove_until_good(house, [made])
        if keeps and len(names) > 1:
            proved = [_kept(house, errand, proof) for proof in proved]
        proofs += proved
    return proofs, refused


def _kept(house: House, errand: Errand, proof: Proof) -> Proof:
    """The proof of a token that is stored now, if it is good."""
    proven = proven_of(house, [proof], errand.old)
    if not proven:
        return proof
    key = min(proven[0].held, default=new_key(house))
    keep_proven(house, errand, proven, [key], errand.wishes.toggles or (), {}, None)
    return replace(proof, candidate=replace(proof.candidate, stored=key))
