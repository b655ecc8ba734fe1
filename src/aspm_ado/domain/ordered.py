"""Tokens of ours that nothing holds: ordered and not kept yet, or replaced and not revoked yet.

They are on record, so that a run that is killed leaves no orphan.
"""

from __future__ import annotations

from collections.abc import Iterable

from aspm_ado.domain.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Ordered:
    """One order, from before it is sent until its token is kept, or known not to be there. Or a token that is replaced,
    from before that until it is revoked.

    The id of an order is a part of the token's name, which is thereby like no other: where the answer never came, the
    name finds the token. ``owner`` is whose it is: only the owner's list tells that a token is not there.
    """

    id: str
    organization: str
    display_name: str
    owner: str
    at: str
    authorization_id: str = ""
    """What the answer said, once there was one."""
    replaced: bool = False


def still_open(orders: Iterable[Ordered], kept: Iterable[str]) -> tuple[Ordered, ...]:
    """The orders whose token is not among those ``kept`` (by their ids in the PAT Lifecycle API)."""
    done = frozenset(kept) - {""}
    return tuple(one for one in orders if one.authorization_id not in done)
