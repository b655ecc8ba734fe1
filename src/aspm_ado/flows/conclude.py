"""What is done with good tokens: the plan, a yes, storing, handing over, and the report of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.checks import Check, CheckId, Status, skip
from aspm_ado.domain.connection import (
    UNREGISTERED,
    Entry,
    Registration,
    RegistrationMode,
    RegistrationState,
)
from aspm_ado.domain.handoff import evidence_of
from aspm_ado.domain.judgement.registration import (
    NewToken,
    RegistrationFacts,
    judge_registration,
    token_of,
)
from aspm_ado.domain.questions import Question
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import ConnectionReport, OrganizationReport
from aspm_ado.domain.settings import Settings
from aspm_ado.domain.text import clean
from aspm_ado.flows.handing.aspm import AspmProof, secret_to_keep
from aspm_ado.flows.handing.delivery import Delivery, deliver, rehearse
from aspm_ado.flows.handing.handoff import HANDED_OFF
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
from aspm_ado.flows.options import ConnectOptions
from aspm_ado.flows.plan import tell_plan
from aspm_ado.flows.proving.account import connection_report, named, organizations_of, with_check
from aspm_ado.flows.proving.candidate import Proof

if TYPE_CHECKING:
    from aspm_ado.flows.house import House

GO = Question("go", "Store and hand off?")
GO_REGISTER = Question("go", "Store and register in Invicti ASPM?")
GO_STORE = Question("go", "Store?")
GO_UNSTORED = Question("go", "Hand off?")
GO_REGISTER_UNSTORED = Question("go", "Register in Invicti ASPM?")


def conclude(
    house: House,
    options: ConnectOptions,
    proven: Sequence[Proven],
    settings: Settings,
    aspm: AspmProof | None,
) -> Delivery:
    """Store the good ones, then register or hand them over. Behind an ASPM that is not good nothing is handed over."""
    good = [(one, made) for one in proven for made in one.good]
    brings = aspm is not None and aspm.is_good and options.aspm.is_wanted
    same = _unchanged(options, good, settings)
    done = _done(house, options, same, brings=brings)
    begun = {
        made.name.casefold(): _begun(options, made.name, same, brings=brings) for _, made in good
    } | done
    items = [
        _item(house, options, one, made, settings, begun)
        for one, made in good
        if made.name.casefold() not in done
    ]
    tell_plan(house, options, good, settings, aspm if brings else None)
    if options.dry_run:
        return Delivery(
            {**done, **rehearse(house, aspm if brings else None, options.profile, items)}
        )
    if house.asker.asks and not options.yes and not _agreed(house, options, brings=brings):
        kept = any(one.proof.candidate.stored for one in proven)
        there = house.records.load().connections.get(options.name) if kept else None
        left = (
            {one.name.casefold(): one.registration for one in there.organizations}
            if there is not None
            else {}
        )
        return Delivery({key: left.get(key, UNREGISTERED) for key in begun}, kept=kept)
    if options.keeps:
        keep_proven(
            house, options, proven, [new_key(house) for _ in proven], settings.toggles, begun, aspm
        )
    if not brings or aspm is None:
        return Delivery(begun, kept=options.keeps)
    made = deliver(house, aspm, options.profile, items, keeps=options.keeps)
    return replace(made, states={**done, **made.states}, kept=options.keeps)


def _agreed(house: House, options: ConnectOptions, *, brings: bool) -> bool:
    """A person's yes to the plan, in its words. To nothing at all nobody has to agree."""
    keeps, by_profile = options.keeps, options.aspm.uses_profile
    if not brings:
        return not keeps or house.asker.prompter.confirm(GO_STORE, default=True)
    stored, unstored = (GO_REGISTER, GO_REGISTER_UNSTORED) if by_profile else (GO, GO_UNSTORED)
    return house.asker.prompter.confirm(stored if keeps else unstored, default=True)


def _unchanged(
    options: ConnectOptions, good: Sequence[tuple[Proven, OrganizationReport]], settings: Settings
) -> dict[str, Registration]:
    """What is on record of the organizations that would be given the very token and settings again."""
    old = options.stored
    if old is None or not options.stores or options.moves:
        return {}
    if (old.purpose, old.toggles) != (options.brief.purpose.value, settings.toggles):
        return {}
    held = {made.name.casefold(): one.held for one, made in good}
    known = ((one.name.casefold(), one) for one in old.organizations)
    return {key: one.registration for key, one in known if one.credential in held.get(key, ())}


def _done(
    house: House, options: ConnectOptions, same: Mapping[str, Registration], *, brings: bool
) -> dict[str, Registration]:
    """What Invicti ASPM has already, with the very token and settings that it would be given again: it stays as it is.

    What a profile registered is looked at by the profile, where one is used.
    """
    looks = brings and options.aspm.uses_profile
    done = {
        key: state
        for key, state in same.items()
        if state.state is RegistrationState.REGISTERED
        and not (looks and state.mode is RegistrationMode.API)
    }
    for one in options.stored.organizations if options.stored is not None else ():
        if one.name.casefold() in done:
            house.voice.note(
                f"{clean(one.name, 60)} is unchanged: Invicti ASPM has this token already."
            )
    return done


def keep_proven(
    house: House,
    options: ConnectOptions,
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
            options.name,
            proven,
            keys,
            options.aspm,
            toggles,
            begun,
            now=now,
            allow_http=options.target.allow_http,
            ca_bundle=house.ca_bundle,
        )

    beside, record = secret_to_keep(house, aspm)
    keep(house, options.name, onto, {**new_secrets(options.name, proven, keys), **beside}, record)


def _begun(
    options: ConnectOptions, name: str, same: Mapping[str, Registration], *, brings: bool
) -> Registration:
    """What is on record until Invicti ASPM answers, or a person does. What a profile registered before is not lost.

    A profile only creates: where it has registered another token, or other settings, a person enters the new ones.
    """
    if brings and options.aspm.hands_over:
        return HANDED_OFF
    known = options.stored.organizations if options.stored is not None and not options.moves else ()
    prior = next(
        (one.registration for one in known if one.name.casefold() == name.casefold()), UNREGISTERED
    )
    if brings and prior.mode is not RegistrationMode.API and not prior.marker:
        return Registration(RegistrationMode.API)
    return same.get(name.casefold(), prior.of_older)


def _item(
    house: House,
    options: ConnectOptions,
    one: Proven,
    made: OrganizationReport,
    settings: Settings,
    begun: dict[str, Registration],
) -> Item:
    candidate = one.proof.candidate
    return Item(
        options.name,
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
    options: ConnectOptions,
    proofs: Sequence[Proof],
    refused: Sequence[OrganizationReport],
    delivery: Delivery,
    aspm: AspmProof | None,
) -> ConnectionReport:
    """The connection with the state of each organization, and what was proven of its ASPM; ``refused`` has no token."""
    organizations, stored = [], _stored(house, options, delivery)
    entry = house.records.load().connections.get(options.name) if delivery.kept else None
    for proof in proofs:
        for made in organizations_of(proof):
            key = made.name.casefold()
            state = delivery.states.get(key) if made.is_good else None
            brought = options.aspm.is_wanted
            check = judge_registration(
                RegistrationFacts(
                    options.name,
                    made.name,
                    on_record=state or UNREGISTERED,
                    answer=state if brought else None,
                    token=_token(entry, made.name, state),
                    outcome=delivery.checks.get(key),
                    aspm_is_good=aspm is None or aspm.is_good or not brought,
                    brought=brought,
                    stored=options.keeps,
                    required=options.aspm.counts,
                )
            )
            shown = named(made, options.name if delivery.kept else None)
            organizations.append(
                replace(with_check(shown, check), registration=state or UNREGISTERED)
            )
    made_report = connection_report(
        options.name, options.target.site, options.brief.purpose, [*organizations, *refused]
    )
    return replace(
        made_report,
        aspm=aspm.report if aspm is not None else None,
        checks=(*made_report.checks, stored),
    )


def _token(entry: Entry | None, name: str, state: Registration | None) -> NewToken:
    """What stands with the token that was proven; ``entry`` is the connection as it is stored by now.

    A new one may still wait beside it. That is said, but for a refusal: it is of the one that was brought.
    """
    if state is None:
        return NewToken.NOT_GOOD
    if entry is None or state.state is RegistrationState.FAILED:
        return NewToken.IN_FORCE
    return token_of(entry, name)


def _stored(house: House, options: ConnectOptions, delivery: Delivery) -> Check:
    """``store.secrets``: where the tokens are now."""
    if not options.stores:
        return skip(CheckId.SECRETS, "Nothing is stored, as asked.", Reason.NOTHING_KEPT)
    if not delivery.kept:
        return skip(CheckId.SECRETS, "Nothing was stored.", Reason.NOTHING_KEPT)
    return Check(CheckId.SECRETS, Status.PASS, f"Stored in {house.vault.title}, and read back.")
