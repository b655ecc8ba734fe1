"""A token of the PAT Lifecycle API: what was ordered, and how the granted token differs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.retirement import Calendar, ReachDemanded, count_days
from aspm_ado.domain.azure.scopes import Box, boxes_of
from aspm_ado.domain.help.guide import guide
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aspm_ado.domain.azure.deployment import Purpose
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.documents import Pat

SHORTER: Final = (90, 30, 7)
"""Lifespans in days to try if a policy forbids a longer one."""

EXPIRES_SOURCE: Final = "Azure DevOps"
"""The source of an exact expiry date."""

_NAME: Final = re.compile(r"aspm-ado (.+) \d{8} [0-9a-f]{8}", re.IGNORECASE)
"""The name of an order, with that of its organization."""


@dataclass(frozen=True, slots=True)
class Order:
    """The requested token: for one organization, until the beginning of a day (UTC)."""

    place: Place
    display_name: str
    boxes: tuple[Box, ...]
    scopes: tuple[str, ...]
    until: date
    id: str
    """Eight characters that no other order has; they are the end of its name."""

    def days(self, today: date) -> int:
        """The lifespan in days."""
        return (self.until - today).days

    def shorter(self, today: date) -> Iterator[Order]:
        """Yield this order, then one per shorter lifespan, the longest first."""
        yield self
        for days in SHORTER:
            until = today + timedelta(days=days)
            if until < self.until:
                yield Order(self.place, self.display_name, self.boxes, self.scopes, until, self.id)


def order_for(
    place: Place, purpose: Purpose, calendar: Calendar, drawn: str, until: date | None = None
) -> Order:
    """Order the scopes of a purpose, until ``until`` or the date in the guide.

    The name contains no personal data. It ends with the beginning of ``drawn``, a random UUID, to
    be unique.
    """
    boxes = boxes_of(purpose)
    return Order(
        place,
        f"aspm-ado {place.name} {calendar.today:%Y%m%d} {drawn[:8]}",
        boxes,
        tuple(box.vso for box in boxes),
        until or guide(place, purpose, ReachDemanded.ORGANIZATION, calendar).expires,
        drawn[:8],
    )


def is_our_name(display_name: str, place: Place) -> bool:
    """Whether a token has a name that an order for this organization would give it."""
    found = _NAME.fullmatch(display_name)
    return found is not None and found[1].casefold() == place.key


def differences(order: Order, granted: Pat, today: date) -> list[str]:
    """Differences from the order, as sentences. A policy may shorten a lifespan silently."""
    found = []
    if granted.valid_to is not None and granted.valid_to.date() < order.until:
        until = granted.valid_to.date()
        found.append(
            f"The token expires on {until} ({count_days((until - today).days)}), not on "
            f"{order.until}: a policy limits the lifespan of tokens. Rotate it before: "
            "aspm-ado rotate NAME. To request a longer lifespan: aspm-ado guide "
            f"-o {order.place.name} --request lifespan"
        )
    if granted.scopes and granted.scopes != frozenset(order.scopes):
        found.append(
            "Azure DevOps granted other scopes than aspm-ado requested: "
            f"{clean(' '.join(sorted(granted.scopes)), 200)} instead of "
            f"{' '.join(sorted(order.scopes))}. The validation shows what is missing."
        )
    if granted.is_global:
        found.append(
            "Azure DevOps created a global token, although aspm-ado requested one for this "
            "organization only."
        )
    return found


@dataclass(slots=True)
class CreatedToken:
    """A token that this run ordered, and where to revoke it. Its value is elsewhere."""

    order: Order
    tenant: str
    authorization_id: str = ""
    """Its id in the PAT Lifecycle API; it comes with the answer."""
    under_way: bool = False
    """Whether its answer is pending. Then it may appear after a search that did not find it."""
    handed_over: bool = False
    """Whether Invicti ASPM has it, or may have it, where it is stored nowhere else."""
