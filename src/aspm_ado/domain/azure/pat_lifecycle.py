"""A token of the PAT Lifecycle API: what is ordered, and how what was granted differs from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.azure.retirement import Calendar, ReachDemanded
from aspm_ado.domain.azure.scopes import Box, boxes_of
from aspm_ado.domain.help.guide import guide
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aspm_ado.domain.azure.deployment import Purpose
    from aspm_ado.domain.azure.place import Place
    from aspm_ado.domain.documents import Pat

SHORTER: Final = (90, 30, 7)
"""Lives in days to try where a policy refuses a longer one."""

EXPIRES_SOURCE: Final = "Azure DevOps"
"""Who told the day on which a token ends: nobody else can be exact."""

_NAME: Final = re.compile(r"aspm-ado (.+) \d{8} [0-9a-f]{8}", re.IGNORECASE)
"""The name of an order, with that of its organization."""


@dataclass(frozen=True, slots=True)
class Order:
    """The token that is wanted: of one organization alone, until the beginning of a day (UTC)."""

    place: Place
    display_name: str
    boxes: tuple[Box, ...]
    scopes: tuple[str, ...]
    until: date
    id: str
    """Eight characters that no other order has; they are the end of its name."""

    def days(self, today: date) -> int:
        """How many days the token will live."""
        return (self.until - today).days

    def shorter(self, today: date) -> Iterator[Order]:
        """The same, then with each shorter life, the longest first."""
        yield self
        for days in SHORTER:
            until = today + timedelta(days=days)
            if until < self.until:
                yield Order(self.place, self.display_name, self.boxes, self.scopes, until, self.id)


def order_for(
    place: Place, purpose: Purpose, calendar: Calendar, drawn: str, until: date | None = None
) -> Order:
    """What a purpose needs; until the day of the guide unless one is named.

    The name holds nothing of a person, and the beginning of ``drawn``, a random UUID: so that it is
    like no other.
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
    """What was granted and not ordered, in sentences. A policy may shorten a life silently."""
    found = []
    if granted.valid_to is not None and granted.valid_to.date() < order.until:
        until = granted.valid_to.date()
        found.append(
            f"Azure DevOps gave the token until {until} ({(until - today).days} days), not until "
            f"{order.until}: a policy caps the life of tokens. Rotate it before: aspm-ado rotate "
            f"NAME. To ask for more: aspm-ado guide -o {order.place.name} --request lifespan"
        )
    if granted.scopes and granted.scopes != frozenset(order.scopes):
        found.append(
            "Azure DevOps granted other scopes than were asked for: "
            f"{clean(' '.join(sorted(granted.scopes)), 200)} and not "
            f"{' '.join(sorted(order.scopes))}. What is missing shows when the token is proven."
        )
    if granted.is_global:
        found.append(
            "Azure DevOps made a token of all organizations, although one of this organization was "
            "asked for."
        )
    return found


@dataclass(slots=True)
class CreatedToken:
    """A token that this run ordered, and where it is revoked. Its value is elsewhere."""

    order: Order
    tenant: str
    authorization_id: str = ""
    """Its id in the PAT Lifecycle API; it comes with the answer."""
    under_way: bool = False
    """Whether its answer is awaited: then it may appear after a look that did not find it."""
    handed_over: bool = False
    """Whether Invicti ASPM has it, or may have it, where it is stored nowhere else."""
