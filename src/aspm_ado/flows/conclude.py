"""What is done with good tokens: the plan, a yes, storing, handing over, and the report of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.checks import Check, CheckId, Status, skip
from aspm_ado.domain.connection import UNREGISTERED, Entry, Registration, RegistrationMode, RegistrationState
from aspm_ado.domain.handoff import evidence_of
from aspm_ado.domain.questions import Question
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import ConnectionReport, OrganizationReport
from aspm_ado.domain.settings import Settings
from aspm_ado.domain.text import clean
from aspm_ado.flows.errand import Errand
from aspm_ado.flows.handing.aspm import AspmProof, secret_to_keep
from aspm_ado.flows.handing.delivery import Delivery, deliver, rehearse
from aspm_ado.flows.handing.handoff import HANDED_OFF, behind_aspm, registration_check
from aspm_ado.flows.handing.item import Item
from aspm_ado.flows.keeping.entry import (
    Proven,
    merged,
    needed_username,
    new_key,
    new_secrets,
    repository_of,
)
from aspm_ado.flows.keeping.keep import keep
from aspm_ado.flows.plan import tell_plan
from aspm_ado.flows.proving.account import connection_report, named, organizations_of, with_check
from aspm_ado.flows.proving.candidate import Proof
from aspm_ado.flows.taking.wishes import NONE

if TYPE_CHECKING:
    from aspm_ado.flows.house import House

GO = Question("go", "Store and hand off?")
GO_REGISTER = Question("go", "Store and register in Invicti ASPM?")
GO_STORE = Question("go", "Store?")
GO_UNSTORED = Question("go", "Hand off?")
GO_REGISTER_UNSTORED = Question("go", "Register in Invicti ASPM?")


def conclude(
    house: House, errand: Errand, proven: Sequence[Proven], settings: Settings, aspm: AspmProof | None
) -> Delivery:
    """Store the good ones, then register or hand them over. Behind an ASPM that is not good nothing is handed over."""
    wishes = errand.wishes
    good = [(one, made) for one in proven for made in one.good]
    brings = aspm is not None and aspm.is_good and wishes.register != NONE
    same = _unchanged(errand, good, settings)
    done = _done(house, errand, same, brings=brings)
    begun = {made.name.casefold(): _begun(errand, made.name, same, brings=brings) for _, made in good} | done
    items = [_item(house, errand, one, made, settings, begun) for one, made in good if made.name.casefold() not in done]
    tell_plan(house, errand, good, settings, aspm if brings else None)
    if wishes.dry_run:
        return Delivery({**done, **rehearse(house, aspm if brings else None, errand.profile, items)})
    if house.asker.asks and not wishes.yes and not _agreed(house, errand, brings=brings):
        kept = any(one.proof.candidate.stored for one in proven)
        there = house.records.load().connections.get(errand.name) if kept else None
        left = {one.name.casefold(): one.registration for one in there.organizations} if there is not None else {}
        return Delivery({key: left.get(key, UNREGISTERED) for key in begun}, kept=kept)
    if wishes.keeps:
        keep_proven(house, errand, proven, [new_key(house) for _ in proven], settings.toggles, begun, aspm)
    if not brings or aspm is None:
        return Delivery(begun, kept=wishes.keeps)
    made = deliver(house, aspm, errand.profile, items, keeps=wishes.keeps)
    return replace(made, states={**done, **made.states}, kept=wishes.keeps)


def _agreed(house: House, errand: Errand, *, brings: bool) -> bool:
    """A person's yes to the plan, in its words. To nothing at all nobody has to agree."""
    keeps, by_profile = errand.wishes.keeps, errand.wishes.uses_profile
    if not brings:
        return not keeps or house.asker.prompter.confirm(GO_STORE, default=True)
    stored, unstored = (GO_REGISTER, GO_REGISTER_UNSTORED) if by_profile else (GO, GO_UNSTORED)
    return house.asker.prompter.confirm(stored if keeps else unstored, default=True)


def _unchanged(
    errand: Errand, good: Sequence[tuple[Proven, OrganizationReport]], settings: Settings
) -> dict[str, Registration]:
    """What is on record of the organizations that would be given the very token and settings again."""
    old = errand.old
    if old is None or not errand.wishes.stores or errand.moves:
        return {}
    if (old.purpose, old.toggles) != (errand.brief.purpose.value, settings.toggles):
        return {}
    held = {made.name.casefold(): one.held for one, made in good}
    known = ((one.name.casefold(), one) for one in old.organizations)
    return {key: one.registration for key, one in known if one.credential in held.get(key, ())}


def _done(house: House, errand: Errand, same: Mapping[str, Registration], *, brings: bool) -> dict[str, Registration]:
    """What Invicti ASPM has already, with the very token and settings that it would be given again: it stays as it is.

    What a profile registered is looked at by the profile, where one is used.
    """
    looks = brings and errand.wishes.uses_profile
    done = {
        key: state
        for key, state in same.items()
        if state.state is RegistrationState.REGISTERED and not (looks and state.mode is RegistrationMode.API)
    }
    for one in errand.old.organizations if errand.old is not None else ():
        if one.name.casefold() in done:
            house.voice.note(f"{clean(one.name, 60)} is unchanged: Invicti ASPM has this token already.")
    return done


def keep_proven(
    house: House,
    errand: Errand,
    proven: Sequence[Proven],
    keys: Sequence[str],
    toggles: Sequence[str],
    begun: dict[str, Registration],
    aspm: AspmProof | None,
) -> None:
    """Put the good organizations on record, upon whatever is on record by then."""
    now = house.stamp

    def onto(current: Entry | None) -> Entry:
        return merged(
            current,
            errand.name,
            proven,
            keys,
            errand.wishes,
            toggles,
            begun,
            now=now,
            allow_http=errand.where.allow_http,
            ca_bundle=house.ca_bundle,
        )

    beside, record = secret_to_keep(house, aspm)
    keep(house, errand.name, onto, {**new_secrets(errand.name, proven, keys), **beside}, record)


def _begun(errand: Errand, name: str, same: Mapping[str, Registration], *, brings: bool) -> Registration:
    """What is on record until Invicti ASPM answers, or a person does. What a profile registered before is not lost.

    A profile only creates: where it has registered another token, or other settings, a person enters the new ones.
    """
    if brings and errand.wishes.hands_over:
        return HANDED_OFF
    known = errand.old.organizations if errand.old is not None and not errand.moves else ()
    prior = next((one.registration for one in known if one.name.casefold() == name.casefold()), UNREGISTERED)
    if brings and prior.mode is not RegistrationMode.API and not prior.marker:
        return Registration(RegistrationMode.API)
    return same.get(name.casefold(), prior.of_older)


def _item(
    house: House,
    errand: Errand,
    one: Proven,
    made: OrganizationReport,
    settings: Settings,
    begun: dict[str, Registration],
) -> Item:
    candidate = one.proof.candidate
    return Item(
        errand.name,
        candidate.site.place(made.name),
        candidate.brief.purpose,
        settings,
        candidate.secret,
        needed_username(made) or candidate.username,
        repository_of(one.proof, made.name),
        evidence_of(made.checks, house.now().strftime("%Y-%m-%d"), made.token.reach),
        begun[made.name.casefold()],
    )


def concluded(
    house: House,
    errand: Errand,
    proofs: Sequence[Proof],
    refused: Sequence[OrganizationReport],
    delivery: Delivery,
    aspm: AspmProof | None,
) -> ConnectionReport:
    """The connection with the state of each organization, and what was proven of its ASPM; ``refused`` has no token."""
    counts, organizations, stored = errand.wishes.counts, [], _stored(house, errand, delivery)
    for proof in proofs:
        for made in organizations_of(proof):
            key = made.name.casefold()
            state = delivery.states.get(key) if made.is_good else None
            if state is None:
                check = skip(CheckId.REGISTRATION, "Not asked: this organization is not good yet.")
            elif key in delivery.checks:
                check = replace(delivery.checks[key], required=counts)
            elif aspm is not None and not aspm.is_good and errand.wishes.register != NONE:
                check = behind_aspm(errand.name)
            else:
                brought, keeps = errand.wishes.register != NONE, errand.wishes.keeps
                check = registration_check(state, errand.name, required=counts, stored=keeps, brought=brought)
            shown = named(made, errand.name if delivery.kept else None)
            organizations.append(replace(with_check(shown, check), registration=state or UNREGISTERED))
    made_report = connection_report(errand.name, errand.where.site, errand.brief.purpose, [*organizations, *refused])
    return replace(made_report, aspm=aspm.report if aspm is not None else None, checks=(*made_report.checks, stored))


def _stored(house: House, errand: Errand, delivery: Delivery) -> Check:
    """``store.secrets``: where the tokens are now."""
    if not errand.wishes.stores:
        return skip(CheckId.SECRETS, "Nothing is stored, as asked.", Reason.NOTHING_KEPT)
    if not delivery.kept:
        return skip(CheckId.SECRETS, "Nothing was stored.", Reason.NOTHING_KEPT)
    return Check(CheckId.SECRETS, Status.PASS, f"Stored in {house.vault.title}, and read back.")
