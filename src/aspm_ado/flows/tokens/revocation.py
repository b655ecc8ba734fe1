"""Tokens that nothing keeps: those created here are revoked, those that a person typed are told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.questions import YES, Question
from aspm_ado.domain.reasons import (
    InterruptedByUserError,
    NotCreatedError,
    Reason,
    StoreError,
    UsageError,
    UserError,
)
from aspm_ado.flows.tokens.creation import NEVER, creation_asked
from aspm_ado.flows.tokens.lifecycle import PatLifecycle, lifecycle_of
from aspm_ado.flows.tokens.orders import close_order, close_orders, release_order

if TYPE_CHECKING:
    from aspm_ado.domain.azure.pats import CreatedToken
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.stored import StoredCredential
    from aspm_ado.flows.context import Context
    from aspm_ado.flows.validation.scheduler import RequestPlan

_END_OLD: Final = Question("revoke", "Revoke the old token now, with `az`?", "-y", YES.env)


def revoke_old(context: Context, place: Place, old: StoredCredential, *, by_az: bool) -> bool:
    """Revoke a token that nothing here uses any more, if we created it and that is agreed to.

    Returns whether it is done. ``by_az`` says that the new one was created here, too: where it was
    given, `az` is not run unless a person says so.
    """
    if not old.authorization_id:
        return False
    if not _is_agreed(context, by_az=by_az):
        close_order(context, old.authorization_id)
        return False
    failed = f"The old token (…{old.last4}) could not be revoked"
    try:
        if context.scheduler.run(_revoked(context, place, old.authorization_id)):
            context.voice.say(f"The old token (…{old.last4}) is revoked.")
            close_order(context, old.authorization_id)
            return True
        context.voice.warn(f"{failed}; the next creation here tries again.")
    except NotCreatedError as error:
        context.voice.warn(f"{failed}. {error.problem} {error.remedy}")
    release_order(context, old.authorization_id)
    return False


def _revoked(context: Context, place: Place, authorization_id: str) -> RequestPlan[bool]:
    service = yield from lifecycle_of(context, place)
    return all((yield from service.revoke(authorization_id)))


def _is_agreed(context: Context, *, by_az: bool) -> bool:
    asker, entra = context.asker, context.entra
    if creation_asked(asker) == NEVER or entra is None or not entra.is_there:
        return False
    if asker.switch(YES):
        return by_az
    return asker.asks and asker.prompter.confirm(_END_OLD, default=True)


@contextmanager
def revoking_unkept(context: Context) -> Iterator[None]:
    """Around a command: what it created and did not keep is revoked, however the command ends.

    A person who leaves it is told that a token that they entered is not stored.
    """
    try:
        yield
    except (InterruptedByUserError, KeyboardInterrupt):
        _tell_unstored(context)
        raise
    except UsageError as error:
        if error.reason is Reason.DECLINED:
            _tell_unstored(context)
        raise
    finally:
        if context.created:
            _revoke_unkept(context)
            context.created.clear()


def _tell_unstored(context: Context) -> None:
    asker = context.asker
    if asker.keeps and asker.unstored:
        token, copy = ("token", "copy") if asker.unstored == 1 else ("tokens", "copies")
        verb = "is" if asker.unstored == 1 else "are"
        context.voice.warn(
            f"The {token} that you entered {verb} not stored. Keep your {copy}: Azure DevOps shows "
            "a token only once."
        )


def _revoke_unkept(context: Context) -> None:
    try:
        kept = context.records.load().authorizations
        unkept = [
            one for one in context.created if not (one.handed_over or one.authorization_id in kept)
        ]
        ended = context.scheduler.run_all([_end(context, one) for one in unkept])
        alive = {one.order.id for one, is_over in zip(unkept, ended, strict=True) if not is_over}
        close_orders(context, {one.order.id for one in context.created} - alive)
        for key in alive:
            release_order(context, key)
    except StoreError:
        for one in context.created:
            context.voice.warn(
                f"aspm-ado could not check whether “{one.order.display_name}” was stored. See "
                f"{one.order.place.token_page}"
            )


def _end(context: Context, one: CreatedToken) -> RequestPlan[bool]:
    """Revoke a token; whether nothing is left of it. What is left stays on record."""
    service = PatLifecycle(context, one.order.place, one.tenant, context.clock.calendar())
    name, page = one.order.display_name, one.order.place.token_page
    try:
        if not one.authorization_id:  # no answer came, so that it may or may not be there
            ended = yield from service.revoke_ordered(one.order)
            if one.under_way and not ended:
                later = "The next creation there revokes it; its" if context.asker.keeps else "Its"
                context.voice.warn(f"“{name}” may still be created. {later} page is {page}")
                return False
            if all(ended):
                return True
        elif all((yield from service.revoke(one.authorization_id))):
            context.voice.say(f"The token “{name}” was not stored. aspm-ado revoked it.")
            return True
    except UserError:
        pass
    context.voice.warn(
        f"The token “{name}” was not stored and could not be revoked. Revoke it: {page}"
    )
    return False
