"""What was ordered, on record from before it is sent: a run that is killed leaves word of the token that it made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from aspm_ado.domain.ordered import Ordered
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.catalogue import Catalogue
    from aspm_ado.domain.connection import StoredCredential
    from aspm_ado.domain.lifecycle import Order
    from aspm_ado.domain.place import Place
    from aspm_ado.flows.house import House


def begin(house: House, order: Order, owner: str) -> None:
    """Put an order on record, and say that this run is at it. Raises ``StoreError``: then it is not sent.

    Where nothing is stored, the orders are not, either.
    """
    if not house.asker.keeps:
        return
    _enter(house, Ordered(order.id, order.place.name, order.display_name, owner, house.stamp))


def replacing(house: House, place: Place, old: StoredCredential) -> None:
    """Put on record that a token which was made here is about to be replaced, and is then to be revoked."""
    key = old.authorization_id
    if not key or any(one.id == key for one in house.records.load().ordered):
        return
    name, owner = f"the old token …{old.last4}", old.identity_id.lower()
    _enter(house, Ordered(key, place.name, name, owner, house.stamp, key, replaced=True))


def answered(house: House, order: Order, authorization_id: str) -> None:
    """The id of the token that came of an order: what puts it on record takes the order off, in one replace."""
    _edit(house, order.id, lambda one: (replace(one, authorization_id=authorization_id),))


def close(house: House, key: str) -> None:
    """An order of which nothing is left to be done."""
    _edit(house, key, lambda _: ())
    release(house, key)


def release(house: House, key: str) -> None:
    """Say that this run is not at it any more; the order stays as it is on record."""
    if house.asker.keeps:
        house.records.release(_claim(key))


def abandoned(house: House, place: Place) -> Iterator[Ordered]:
    """The orders for an organization whose runs are no more; this run is at each, until it is closed or released."""
    ours = {made.order.id for made in house.made}
    for one in house.records.load().ordered if house.asker.keeps else ():
        if one.organization.casefold() != place.key or one.id in ours:
            continue
        if not house.records.claim(_claim(one.id)):
            house.voice.note(f"Another run is at “{clean(one.display_name, 100)}” just now.")
        elif one in house.records.load().ordered:
            yield one
        else:  # closed by its run since we looked
            release(house, one.id)


def _enter(house: House, one: Ordered) -> None:
    house.records.claim(_claim(one.id))
    house.records.change(lambda catalogue: replace(catalogue, ordered=(*catalogue.ordered, one)))


def _edit(house: House, key: str, become: Callable[[Ordered], tuple[Ordered, ...]]) -> None:
    if not house.asker.keeps or not any(one.id == key for one in house.records.load().ordered):
        return

    def edit(catalogue: Catalogue) -> Catalogue:
        found = [become(one) if one.id == key else (one,) for one in catalogue.ordered]
        return replace(catalogue, ordered=tuple(one for each in found for one in each))

    house.records.change(edit)


def _claim(key: str) -> str:
    return f"order-{key}"
