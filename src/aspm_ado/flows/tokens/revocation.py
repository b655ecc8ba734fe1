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
    from aspm_ado.flows.context import Context

END_OLD: Final = Question("revoke", "Revoke the old token now, with `az`?", "-y", YES.env)


def revoke_old(context: Context, place: Place, old: StoredCredential, *, by_az: bool) -> bool:
    """Revoke a token that nothing here uses any more, if it was made by us and it is agreed to; whether it is done.

    ``by_az`` says that the new one was made by us, too: where it was given, `az` is not run unless a person says so.
    """
    if not old.authorization_id:
        return False
    if not _is_agreed(context, by_az=by_az):
        ledger.close(context, old.authorization_id)
        return False
    try:
        ended = counter(context, place).revoke(old.authorization_id)
    except NotCreatedError as error:
        context.voice.warn(
            f"The old token (…{old.last4}) could not be revoked. {error.problem} {error.remedy}"
        )
        ledger.release(context, old.authorization_id)
        return False
    if ended:
        context.voice.say(f"The old token (…{old.last4}) is revoked.")
        ledger.close(context, old.authorization_id)
    else:
        context.voice.warn(
            f"The old token (…{old.last4}) could not be revoked; the next creation here tries again."
        )
        ledger.release(context, old.authorization_id)
    return ended


def _is_agreed(context: Context, *, by_az: bool) -> bool:
    if wanted(context.asker) == NEVER or context.entra is None or not context.entra.is_there:
        return False
    if context.asker.switch(YES):
        return by_az
    return context.asker.asks and context.asker.prompter.confirm(END_OLD, default=True)


@contextmanager
def tidied(context: Context) -> Iterator[None]:
    """Around a command: a token that it made and did not keep is revoked, however the command ends."""
    ended_well = False
    try:
        yield
        ended_well = True
    finally:
        if context.made:
            _tidy(context, ended_well=ended_well)
            context.made.clear()


def _tidy(context: Context, *, ended_well: bool) -> None:
    if ended_well and not context.asker.keeps:
        return  # it is wherever the person has put it
    try:
        kept = context.records.load().authorizations
        for one in context.made:
            if one.authorization_id in kept or _ended(context, one):
                ledger.close(context, one.order.id)
            else:
                ledger.release(context, one.order.id)
    except StoreError:
        for one in context.made:
            context.voice.warn(
                f"Whether “{one.order.display_name}” was stored is not known; see {one.order.place.token_page}"
            )


def _ended(context: Context, one: Made) -> bool:
    """Revoke what was made and not kept; whether nothing is left of it. What is left stays on record."""
    desk = Counter(context, one.order.place, one.tenant, context.clock.calendar())
    name, page = one.order.display_name, one.order.place.token_page
    try:
        if not one.authorization_id:  # no answer came, so that it may or may not be there
            ended = desk.end_all(one.order)
            if one.under_way and not ended:
                later = "The next creation there revokes it; its" if context.asker.keeps else "Its"
                context.voice.warn(f"“{name}” may still be created. {later} page is {page}")
                return False
            if all(ended):
                return True
        elif desk.revoke(one.authorization_id):
            context.voice.say(f"The token “{name}” was not kept: it is revoked again.")
            return True
    except UserError:
        pass
    context.voice.warn(
        f"The token “{name}” was not kept and could not be revoked. Do it here: {page}"
    )
    return False
