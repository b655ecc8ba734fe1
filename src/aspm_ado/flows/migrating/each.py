"""One organization: its own token taken in, proven, and stored at once; the token of all organizations stays."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.checks import Check, CheckId, Status
from aspm_ado.domain.connection import UNREGISTERED, Entry, Registration, RegistrationMode
from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.errors import NotCreatedError, UsageError
from aspm_ado.domain.questions import ALLOW_OTHER_IDENTITY, YES, Choice, Question
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.report import OrganizationReport
from aspm_ado.domain.retirement import Reach, ReachDemanded
from aspm_ado.domain.text import clean
from aspm_ado.flows.handing.handoff import HANDED_OFF
from aspm_ado.flows.keeping.entry import Proven, merged, new_key, service_of
from aspm_ado.flows.keeping.keep import changed_meanwhile, keep, update
from aspm_ado.flows.keeping.successor import compared, keep_successor, losses
from aspm_ado.flows.minting.create import REQUIRE, wanted
from aspm_ado.flows.minting.uncreated import uncreated
from aspm_ado.flows.proving.account import not_good, with_check
from aspm_ado.flows.proving.candidate import Proof
from aspm_ado.flows.taking.acquire import acquire
from aspm_ado.flows.taking.options import candidate, stored_terms
from aspm_ado.flows.taking.until_good import prove_until_good

if TYPE_CHECKING:
    from aspm_ado.flows.house import House
    from aspm_ado.flows.taking.intake import Taken
    from aspm_ado.flows.taking.options import AspmOptions

STEP: Final = Question("migrate-step", "What about this organization?")
NOW: Final = Choice("now", "Create its token now")
SKIP: Final = Choice("skip", "Leave this organization out for now")
STOP: Final = Choice("stop", "Stop here; what is proven is kept")


class Came(Enum):
    """What came of one organization."""

    OWN = auto()
    NOT_GOOD = auto()
    LEFT = auto()
    STOPPED = auto()


@dataclass(frozen=True, slots=True)
class Result:
    """``made`` is the report of the token that was tried, ``proof`` what it rests on."""

    came: Came
    made: OrganizationReport | None = None
    proof: Proof | None = None


def migrate_one(
    house: House, entry: Entry, name: str, taken: Taken | None, options: AspmOptions, position: str
) -> Result:
    """Get, prove and store the token of one organization. A person may try until it is good, or leave it out."""
    last = Result(Came.LEFT)
    agreed = house.asker.switch(YES) and wanted(house.asker) == REQUIRE
    while True:
        if taken is None and house.asker.asks and not agreed:
            house.voice.heading(f"{clean(name, 60)} ({position})")
            answer = house.asker.prompter.choose(STEP, [NOW, SKIP, STOP], NOW.value)
            if answer != NOW.value:
                return replace(last, came=Came.STOPPED if answer == STOP.value else last.came)
        last = _tried(house, entry, name, taken, options)
        if last.came is Came.OWN or not house.asker.asks:
            return last
        taken, agreed = None, False


def _tried(
    house: House, entry: Entry, name: str, taken: Taken | None, options: AspmOptions
) -> Result:
    site, brief = stored_terms(house, entry, ReachDemanded.ORGANIZATION)
    stored = next(
        (one for one in entry.organizations if one.name.casefold() == name.casefold()), None
    )
    brief = replace(brief, username=brief.username or (stored.username if stored else ""))
    try:
        taken = taken or acquire(house, site.place(name), brief, for_all=False)
    except (NotCreatedError, UsageError) as error:
        return Result(Came.NOT_GOOD, uncreated(house, name, error))
    [proof] = prove_until_good(house, [candidate(taken, site, (name,), brief)])
    made = _judged(house, entry, proof, name if stored else "")
    stands = not_good(made)
    if stands or not made.is_good:
        for check in stands if house.asker.asks else ():
            house.voice.warn(f"{check.title}: {check.detail}")
            house.voice.say(f"  {check.remedy or ''}")
        house.voice.warn(
            f"Nothing was changed for {clean(name, 60)}: the old token stays in force."
        )
        return Result(Came.NOT_GOOD, made, proof)
    for line in losses([made], entry):
        house.voice.warn(line)
    if (
        stored is not None
        and house.vault.read(entry.credentials[stored.credential].service) == proof.candidate.secret
    ):
        _keep_in_force(house, entry, stored.name)
    elif stored is not None:
        keep_successor(house, entry, proof, [made], [stored.name])
    else:
        _keep_new(house, entry, Proven(proof, (made,)), options)
    house.voice.say(
        f"{clean(name, 60)} has a token of its own now (…{proof.candidate.secret.last4}): stored."
    )
    return Result(Came.OWN, made, proof)


def _judged(house: House, entry: Entry, proof: Proof, stored: str) -> OrganizationReport:
    """The report of the new token: the same person's as the old one, and of this organization alone."""
    olds = [stored] if stored else [one.name for one in entry.organizations]
    [made] = compared(proof, entry, olds, allow_other=house.asker.switch(ALLOW_OTHER_IDENTITY))
    if proof.sight is None or proof.sight.reach is not Reach.ALL:
        return made
    check = Check(
        CheckId.REACH,
        Status.FAIL,
        f"The new token reaches all organizations, too: {proof.sight.because}.",
        Reason.REACH_TOO_WIDE,
        f"On the token page choose {clean(made.name, 60)} as its organization, not “All accessible organizations”.",
    )
    return with_check(made, check)


def _keep_in_force(house: House, entry: Entry, name: str) -> None:
    """Its own token is in force already: what waits to replace it is given up."""
    update(
        house, entry.name, lambda current: replace(current, successors=current.unawaited([name]))
    )


def _keep_new(house: House, entry: Entry, proven: Proven, options: AspmOptions) -> None:
    """An organization that the connection did not have yet: in force at once, since no other token serves it here."""
    key = new_key(house)
    now = house.stamp
    name = proven.good[0].name.casefold()

    def onto(current: Entry | None) -> Entry:
        if current is None:
            raise changed_meanwhile(entry.name)
        begun = {name: _begun(current, options)}
        same = replace(options, url=None)  # its Invicti ASPM stays as it is on record
        return merged(
            current,
            entry.name,
            [proven],
            [key],
            same,
            current.toggles,
            begun,
            now=now,
            allow_http=current.allow_http,
        )

    keep(house, entry.name, onto, {service_of(entry.name, key): proven.proof.candidate.secret})


def _begun(entry: Entry, options: AspmOptions) -> Registration:
    """What is on record of a new organization until Invicti ASPM answers, or a person does."""
    if entry.aspm is None or not options.is_wanted:
        return UNREGISTERED
    return HANDED_OFF if options.hands_over else Registration(RegistrationMode.API)
