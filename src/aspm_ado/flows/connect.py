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
from aspm_ado.flows.handing.aspm import AspmProof, wished_api
from aspm_ado.flows.handing.delivery import Delivery
from aspm_ado.flows.handing.register_all import demand_dialect
from aspm_ado.flows.handing.settle_aspm import as_found, settle_aspm
from aspm_ado.flows.keeping.entry import new_key, parse_name, proven_of
from aspm_ado.flows.keeping.successor import tell_revoking
from aspm_ado.flows.minting.create import creates_unasked
from aspm_ado.flows.minting.uncreated import uncreated
from aspm_ado.flows.options import ConnectOptions, named_by, resolve_options
from aspm_ado.flows.proving.account import report
from aspm_ado.flows.proving.candidate import AUTO, Proof
from aspm_ado.flows.resume import resume_handoff, unfinished
from aspm_ado.flows.stored import validate_stored
from aspm_ado.flows.taking.acquire import acquire
from aspm_ado.flows.taking.intake import Tokens
from aspm_ado.flows.taking.more import more_organizations
from aspm_ado.flows.taking.options import (
    ask_aspm_url,
    ask_settings,
    candidate,
    candidates_of,
    target_given,
)
from aspm_ado.flows.taking.until_good import prove_until_good

if TYPE_CHECKING:
    from aspm_ado.flows.house import House


def connect(house: House, name: str | None) -> Report:
    """Connect organizations, or add them to a connection that is there."""
    catalogue = whole_records(house)
    old = catalogue.connections.get(parse_name(name)) if name else None
    if old is not None and target_given(house.asker) is None:
        if unfinished(old, asks=house.asker.asks):
            house.voice.note(
                f"The registration of “{old.name}” is not finished: it goes on where it stopped."
            )
            return resume_handoff(house, old.name, command="connect")
        names = ", ".join(one.name for one in old.organizations)
        house.voice.note(
            f"“{old.name}” is connected already, and nothing of it is changed: {names} on {old.base_url}, for "
            f"{old.purpose}, with {old.aspm.url if old.aspm else 'no Invicti ASPM'}. Add organizations with -o NAME."
        )
        return validate_stored(house, [old.name], command="connect")
    options = resolve_options(house, name, catalogue.connections)
    proofs, refused = _prove(house, options)
    options = options if name else named_by(options, proofs, catalogue.connections)
    keeps = options.stores
    proven = proven_of(house, proofs, options.stored if keeps else None)
    options, aspm = _with_aspm(house, options, any_good=bool(proven))
    settings = ask_settings(house, options.aspm, options.brief.purpose) if proven else Settings()
    delivery = conclude(house, options, proven, settings, aspm) if proven else Delivery()
    if options.stored is not None and keeps and proven:
        tell_revoking(
            house,
            options.stored,
            house.records.load().connections.get(options.name, options.stored),
        )
    return report(
        house, "connect", proofs, [concluded(house, options, proofs, refused, delivery, aspm)]
    )


def _with_aspm(
    house: House, options: ConnectOptions, *, any_good: bool
) -> tuple[ConnectOptions, AspmProof | None]:
    """The options with the ASPM that was asked for and found; it is contacted where something is good."""
    if any_good:
        options = replace(options, aspm=ask_aspm_url(house, options.aspm))
    aspm = _aspm(house, options, reads=any_good or options.dry_run)
    return replace(options, aspm=as_found(house, options.aspm, aspm)), aspm


def _aspm(house: House, options: ConnectOptions, *, reads: bool) -> AspmProof | None:
    """What is to be known of the ASPM before anything is stored or handed over. Not contacted where nothing is good."""
    old = options.stored
    if options.aspm.url is None:
        return None
    if not reads:
        told = "Not asked: no organization is good yet." if options.aspm_token else None
        checks = aspm_skipped(told, Reason.NOT_ASKED) if told else aspm_skipped()
        return AspmProof(options.aspm.url, checks, wished=options.aspm.api)
    known = old.aspm if old is not None else None
    made = settle_aspm(
        house,
        options.aspm.url,
        options.aspm_token,
        wished=wished_api(house),
        hint=known.api if known is not None else AUTO,
        needs_token=options.aspm.uses_profile,
        offers=options.moves and options.aspm.hands_over and house.asker.asks and not options.yes,
        ca_bundle=options.target.site.ca_bundle,
        may_move=True,
    )
    if options.profile is not None:
        demand_dialect(made, options.profile)
    return made


def _prove(house: House, options: ConnectOptions) -> tuple[list[Proof], list[OrganizationReport]]:
    """Prove the tokens that are there; ask for the others, one page after the other. Where none could be created is
    told beside the proofs.
    """
    there, tokens, brief = options.target, options.tokens, options.brief
    bare = [name for name in there.names if tokens.of(name) is None]
    proofs, refused = list[Proof](), list[OrganizationReport]()
    if bare and (house.asker.asks or creates_unasked(house, there.site.place(bare[0]), brief)):
        wide = house.clock.told_by().demanded(brief.reach, there.site.deployment) is Reach.ALL
        if wide:
            tokens = Tokens(
                acquire(house, there.site.place(bare[0]), brief, for_all=True), tokens.own
            )
        else:
            proofs, refused = _one_by_one(house, options, bare)
            there = there.without(bare)
    if there.names or there.list_all:
        proofs = prove_until_good(house, candidates_of(there, tokens, brief)) + proofs
    return more_organizations(house, proofs), refused


def _one_by_one(
    house: House, options: ConnectOptions, names: Sequence[str]
) -> tuple[list[Proof], list[OrganizationReport]]:
    """A token of its own for each organization. What is proven is kept at once, so that a person can stop anywhere.

    One that lets no token be created does not keep the others from theirs.
    """
    keeps = options.stores
    proofs, refused = list[Proof](), list[OrganizationReport]()
    if keeps and len(names) > 1:
        house.voice.note(
            f"Each token is stored as soon as it is proven; stop when you like, and go on with: "
            f"aspm-ado connect {options.name} -o {' -o '.join(names)}"
        )
    for name in names:
        try:
            taken = acquire(house, options.target.site.place(name), options.brief, for_all=False)
        except (NotCreatedError, UsageError) as error:
            if len(names) == 1:
                raise
            refused.append(uncreated(house, name, error))
            continue
        made = candidate(taken, options.target.site, (name,), options.brief)
        proved = prove_until_good(house, [made])
        if keeps and len(names) > 1:
            proved = [_kept(house, options, proof) for proof in proved]
        proofs += proved
    return proofs, refused


def _kept(house: House, options: ConnectOptions, proof: Proof) -> Proof:
    """The proof of a token that is stored now, if it is good."""
    proven = proven_of(house, [proof], options.stored)
    if not proven:
        return proof
    key = min(proven[0].held, default=new_key(house))
    keep_proven(house, options, proven, [key], options.aspm.toggles or (), {}, None)
    return replace(proof, candidate=replace(proof.candidate, stored=key))
