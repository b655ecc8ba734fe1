"""Ending tokens that were made here: the old one after its successor is in force, and those that nothing kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.errors import NotCreatedError, StoreError, UserError
from aspm_ado.domain.questions import STORE, YES, Question
from aspm_ado.flows.minting.create import NEVER, wanted
from aspm_ado.flows.minting.mint import Counter, counter

if TYPE_CHECKING:
    from aspm_ado.domain.connection import StoredCredential
    from aspm_ado.domain.place import Place
    from aspm_ado.flows.house import House

END_OLD: Final = Question("revoke", "Revoke the old token now, with `az`?", "-y", YES.env)


def revoke_old(house: House, place: Place, old: StoredCredential) -> bool:
    """Revoke a token that nothing here uses any more, if it was made by us and it is agreed to; whether it is done.

    With a new token that was given, and not made, `az` is not run unless a person says so.
    """
    if not old.authorization_id or wanted(house.asker) == NEVER:
        return False
    if house.entra is None or not house.entra.is_there:
        return False
    if house.asker.switch(YES):
        agreed = bool(house.made)
    else:
        agreed = house.asker.asks and house.asker.prompter.confirm(END_OLD, default=True)
    if not agreed:
        return False
    try:
        ended = counter(house, place).revoke(old.authorization_id)
    except NotCreatedError as error:
        house.voice.warn(f"The old token (…{old.last4}) could not be revoked. {error.problem} {error.remedy}")
        return False
    if ended:
        house.voice.say(f"The old token (…{old.last4}) is revoked.")
    else:
        house.voice.warn(f"The old token (…{old.last4}) could not be revoked.")
    return ended


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
    given = house.asker.given(STORE)
    if ended_well and given is not None and given.value == "none":
        return  # it is wherever the person has put it
    try:
        entries = house.records.load().connections.values()
    except StoreError:
        for one in house.made:
            house.voice.warn(f"Whether “{one.display_name}” was stored is not known; see {one.place.token_page}")
        return
    kept = {credential.authorization_id for entry in entries for credential in entry.known_credentials}
    for one in house.made:
        if one.authorization_id in kept:
            continue
        try:
            ended = Counter(house, one.place, one.tenant, house.clock.told_by()).revoke(one.authorization_id)
        except UserError:
            ended = False
        if ended:
            house.voice.say(f"The token “{one.display_name}” was not kept: it is revoked again.")
        else:
            house.voice.warn(
                f"The token “{one.display_name}” was not kept and could not be revoked. Do it here: "
                f"{one.place.token_page}"
            )
