"""Ending tokens that were made here: the old one after its successor is in force, and those that nothing kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.errors import NotCreatedError, StoreError, UserError
from aspm_ado.domain.questions import YES, Question
from aspm_ado.flows.tokens import lifecycle as ledger
from aspm_ado.flows.tokens.creation import NEVER, wanted
from aspm_ado.flows.tokens.lifecycle import Counter, counter

if TYPE_CHECKING:
    from aspm_ado.domain.azure.pat_lifecycle import Made
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.stored import StoredCredential
    from aspm_ado.flows.context import House

END_OLD: Final = Question("revoke", "Revoke the old token now, with `az`?", "-y", YES.env)


def revoke_old(house: House, place: Place, old: StoredCredential, *, by_az: bool) -> bool:
    """Revoke a token that nothing here uses any more, if it was made by us and it is agreed to; whether it is done.

    ``by_az`` says that the new one was made by us, too: where it was given, `az` is not run unless a person says so.
    """
    if not old.authorization_id:
        return False
    if not _is_agreed(house, by_az=by_az):
        ledger.close(house, old.authorization_id)
        return False
    try:
        ended = counter(house, place).revoke(old.authorization_id)
    except NotCreatedError as error:
        house.voice.warn(
            f"The old token (…{old.last4}) could not be revoked. {error.problem} {error.remedy}"
        )
        ledger.release(house, old.authorization_id)
        return False
    if ended:
        house.voice.say(f"The old token (…{old.last4}) is revoked.")
        ledger.close(house, old.authorization_id)
    else:
        house.voice.warn(
            f"The old token (…{old.last4}) could not be revoked; the next creation here tries again."
        )
        ledger.release(house, old.authorization_id)
    return ended


def _is_agreed(house: House, *, by_az: bool) -> bool:
    if wanted(house.asker) == NEVER or house.entra is None or not house.entra.is_there:
        return False
    if house.asker.switch(YES):
        return by_az
    return house.asker.asks and house.asker.prompter.confirm(END_OLD, default=True)


@contextmanager
def tidied(house: House) -> Iterator[None]:
    """Around a command: a token that it made and did not keep is revoked, however the command ends."""
    ended_well = False
    try:
        yield
        ended_well = True
    finally:
        if house.made:
            _tidy(house, ended_well=ended_well)
            house.made.clear()


def _tidy(house: House, *, ended_well: bool) -> None:
    if ended_well and not house.asker.keeps:
        return  # it is wherever the person has put it
    try:
        kept = house.records.load().authorizations
        for one in house.made:
            if one.authorization_id in kept or _ended(house, one):
                ledger.close(house, one.order.id)
            else:
                ledger.release(house, one.order.id)
    except StoreError:
        for one in house.made:
            house.voice.warn(
                f"Whether “{one.order.display_name}” was stored is not known; see {one.order.place.token_page}"
            )


def _ended(house: House, one: Made) -> bool:
    """Revoke what was made and not kept; whether nothing is left of it. What is left stays on record."""
    desk = Counter(house, one.order.place, one.tenant, house.clock.told_by())
    name, page = one.order.display_name, one.order.place.token_page
    try:
        if not one.authorization_id:  # no answer came, so that it may or may not be there
            ended = desk.end_all(one.order)
            if one.under_way and not ended:
                later = "The next creation there revokes it; its" if house.asker.keeps else "Its"
                house.voice.warn(f"“{name}” may still be created. {later} page is {page}")
                return False
            if all(ended):
                return True
        elif desk.revoke(one.authorization_id):
            house.voice.say(f"The token “{name}” was not kept: it is revoked again.")
            return True
    except UserError:
        pass
    house.voice.warn(
        f"The token “{name}” was not kept and could not be revoked. Do it here: {page}"
    )
    return False
