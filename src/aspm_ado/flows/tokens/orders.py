"""Orders on record: a run that is killed leaves word of the token that it created or replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from aspm_ado.domain.stored import TokenOrder
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.azure.pat_lifecycle import Order
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.stored import Catalogue, StoredCredential
    from aspm_ado.flows.context import Context


def record_order(context: Context, order: Order, owner: str) -> None:
    """Put an order on record and claim it for this run.

    Raises ``StoreError``: then it is not sent. Where nothing is stored, orders are not, either.
    """
    if context.asker.keeps:
        place, name = order.place.name, order.display_name
        _enter(context, TokenOrder(order.id, place, name, owner, context.stamp))


def record_replaced(context: Context, place: Place, old: StoredCredential) -> None:
    """Put on record that a token which was made here is about to be replaced, then revoked."""
    key = old.authorization_id
    if not key or _on_record(context, key):
        return
    name, owner = f"the old token …{old.last4}", old.identity_id.lower()
    _enter(context, TokenOrder(key, place.name, name, owner, context.stamp, key, replaced=True))


def record_answer(context: Context, order: Order, authorization_id: str) -> None:
    """Put the id of the created token on record. The record of the token takes the order off."""
    _edit(context, order.id, lambda one: [one.answered(authorization_id)])


def close_order(context: Context, key: str) -> None:
    """Take an order off the record: nothing is left to be done."""
    _edit(context, key, lambda _: [])
    release_order(context, key)


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


def _on_record(context: Context, key: str) -> bool:
    return any(one.id == key for one in context.records.load().ordered)


def _enter(context: Context, one: TokenOrder) -> None:
    context.records.claim(_claim(one.id))
    context.records.change(lambda catalogue: catalogue.with_orders((*catalogue.ordered, one)))


def _edit(context: Context, key: str, become: Callable[[TokenOrder], list[TokenOrder]]) -> None:
    if not context.asker.keeps or not _on_record(context, key):
        return

    def edit(catalogue: Catalogue) -> Catalogue:
        ordered: list[TokenOrder] = []
        for one in catalogue.ordered:
            if one.id == key:
                ordered += become(one)
            else:
                ordered.append(one)
        return catalogue.with_orders(ordered)

    context.records.change(edit)


def _claim(key: str) -> str:
    return f"order-{key}"
