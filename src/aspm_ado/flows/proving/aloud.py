"""Proving while a person waits: how far it has come, and what they should know before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aspm_ado.domain.text import clean
from aspm_ado.flows.proving.prove import prove

if TYPE_CHECKING:
    from aspm_ado.flows.house import House
    from aspm_ado.flows.proving.candidate import Candidate, PlaceProof, Proof


def prove_aloud(
    house: House, candidates: Sequence[Candidate], previous: Sequence[Proof | None] = ()
) -> list[Proof]:
    """Prove, saying how far it has come."""
    total = sum(max(1, len(made.places)) for made in candidates)
    done = 0

    def tell(here: PlaceProof, asked: int) -> None:
        nonlocal done
        done += 1
        house.voice.progress(done, max(asked, done), clean(here.place.name, 60))

    for site in {made.site for made in candidates if made.site.is_in_clear}:
        house.voice.warn(
            f"{site.base_url} has no TLS: the token travels in clear, as was accepted."
        )
    if candidates:
        house.voice.progress(0, total, "asking Azure DevOps")
    return prove(candidates, house.crew, previous=previous, on_done=tell)
