"""Orders on record: a run that is killed leaves word of the token that it created or replaced."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from aspm_ado.domain.stored import TokenOrder
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.azure.pats import Order
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.stored import Catalogue, StoredCredential
    from aspm_ado.flows.context import Context


def record_orders(context: Context, orders: Sequence[tuple[Order, str]]) -> None:
    """Put orders, each with its owner, on record and claim them for this run.

    Raises ``StoreError``: then they are not sent. Where nothing is stored, orders are not, either.
    """
    if context.asker.keeps:
        _enter(
            context,
            *(
                TokenOrder(one.id, one.place.name, one.display_name, owner, context.stamp)
                for one, owner in orders
            ),
        )


def record_replaced(context: Context, place: Place, old: StoredCredential) -> None:
    """Put on record that a token which was made here is about to be replaced, then revoked."""
    key = old.authorization_id
    if not key or _on_record(context, {key}):
        return
    name, owner = f"the old token …{old.last4}", old.identity_id.lower()
    _enter(context, TokenOrder(key, place.name, name, owner, context.stamp, key, replaced=True))


def with_answers(context: Context, catalogue: Catalogue) -> Catalogue:
    """The records with the ids of the tokens that this run created.

    By its id, the record of a token takes the order off. Until then the order finds it by its name.
    """
    ids = {one.order.id: one.authorization_id for one in context.created if one.authorization_id}
    return catalogue.with_orders(
        one.answered(ids[one.id]) if one.id in ids else one for one in catalogue.ordered
    )


def close_order(context: Context, key: str) -> None:
    """Take an order off the record: nothing is left to be done."""
    close_orders(context, [key])


def close_orders(context: Context, keys: Collection[str]) -> None:
    """Take orders off the record."""
    if context.asker.keeps and _on_record(context, keys):
        context.records.change(
            lambda old: old.with_orders(one for one in old.ordered if one.id not in keys)
        )
    for key in keys:
        release_order(context, key)


def release_stored_orders(context: Context) -> None:
    """Release the orders of tokens that are stored: a run may create hundreds."""
    stored = context.records.load().authorizations
    for one in [one for one in context.created if one.authorization_id in stored]:
        context.created.remove(one)
        release_order(context, one.order.id)


def release_order(context: Context, key: str) -> None:
    """Leave an order on record for another run."""
    if context.asker.keeps:
        context.records.release(_claim(key))


def abandoned_orders(context: Context, place: Place) -> Iterator[TokenOrder]:
    """The orders of an organization whose runs have died, each claimed until closed or released."""
    if not context.asker.keeps:
        return
    ours = {one.order.id for one in context.created}
    for one in context.records.load().ordered:
        if one.organization.casefold() != place.key or one.id in ours:
            continue
        if not context.records.claim(_claim(one.id)):
            context.voice.note(f"Another run is working on “{clean(one.display_name, 100)}”.")
        elif one in context.records.load().ordered:
            yield one
        else:  # closed by its run since we looked
            release_order(context, one.id)


def _on_record(context: Context, keys: Collection[str]) -> bool:
    return any(one.id in keys for one in context.records.load().ordered)


def _enter(context: Context, *orders: TokenOrder) -> None:
    with context.records.exclusive():
        for one in orders:
            context.records.claim(_claim(one.id))
        context.records.change(lambda old: old.with_orders((*old.ordered, *orders)))


def _claim(key: str) -> str:
    return f"order-{key}"
