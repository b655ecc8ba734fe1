"""What a run that was killed had made and could not keep, or had replaced and not revoked: found, and ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aspm_ado.domain.lifecycle import is_our_name
from aspm_ado.domain.questions import YES, Question
from aspm_ado.domain.text import clean
from aspm_ado.flows.minting import ledger

if TYPE_CHECKING:
    from aspm_ado.domain.answers import Pat
    from aspm_ado.domain.ordered import Ordered
    from aspm_ado.flows.house import House
    from aspm_ado.flows.minting.mint import Counter, Living

END_LEFT: Final = Question("revoke-left", "Revoke it now?", "-y", YES.env)


def clear_left(house: House, desk: Counter, living: Living) -> None:
    """End the tokens that dead runs left in this organization, where that is agreed to (``-y``, or a person's yes)."""
    for one in ledger.abandoned(house, desk.place):
        name, kept = clean(one.display_name, 100), house.records.load().authorizations
        orphans = [
            key for key, pat in living.pats.items() if _is_meant(one, key, pat) and key not in kept
        ]
        if not orphans and one.owner != living.owner:
            house.voice.note(
                f"“{name}” is left of an interrupted run, and is not of whoever is signed in with `az` now: whether it "
                f"lives only its owner can see, on {desk.place.token_page}"
            )
            ledger.release(house, one.id)
        elif not orphans or _ended(house, desk, one, orphans):
            for key in orphans:
                del living.pats[key]
            ledger.close(house, one.id)
        else:
            ledger.release(house, one.id)
    _tell_strangers(house, desk, living)


def _is_meant(one: Ordered, key: str, pat: Pat) -> bool:
    return key == one.authorization_id if one.replaced else pat.display_name == one.display_name


def _ended(house: House, desk: Counter, one: Ordered, orphans: list[str]) -> bool:
    name = clean(one.display_name, 100)
    what = (
        "did not come to revoking it" if one.replaced else "could not keep it: nobody has its value"
    )
    house.voice.warn(f"“{name}” is left of a run that was interrupted ({one.at}), and {what}.")
    agreed = house.asker.switch(YES) or (
        house.asker.asks and house.asker.prompter.confirm(END_LEFT, default=True)
    )
    if agreed and all(desk.revoke(key) for key in orphans):
        house.voice.say(f"“{name}” is revoked.")
        return True
    told = "could not be revoked" if agreed else "still lives"
    house.voice.warn(
        f"“{name}” {told}. The next run asks again; its page is {desk.place.token_page}"
    )
    return False


def _tell_strangers(house: House, desk: Counter, living: Living) -> None:
    """Living tokens that look like ours and are not on record here: another machine's, or nobody's."""
    catalogue = house.records.load()
    known = {one.display_name for one in catalogue.ordered} | {
        made.order.display_name for made in house.made
    }
    found = sorted(
        clean(pat.display_name, 100)
        for key, pat in living.pats.items()
        if is_our_name(pat.display_name, desk.place)
        and key not in catalogue.authorizations
        and pat.display_name not in known
    )
    if found:
        named = ", ".join(f"“{name}”" for name in found[:3]) + (
            f" and {len(found) - 3} more" if found[3:] else ""
        )
        house.voice.note(
            f"Living tokens that aspm-ado made for {desk.place.name}, and that are not on record here: {named}. If no "
            f"other machine uses them, revoke them: {desk.place.token_page}"
        )
