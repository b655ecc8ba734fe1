"""Everything that a flow is given, in one place: made by the wiring, or by a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from aspm_ado.domain.stored import RegistrationState

if TYPE_CHECKING:
    from aspm_ado.domain.aspm.api import Profile
    from aspm_ado.domain.azure.pats import CreatedToken
    from aspm_ado.domain.azure.requests import Caller
    from aspm_ado.domain.azure.retirement import Clock
    from aspm_ado.domain.ports import Desktop, Entra, Records, Sources, Vault, Voice
    from aspm_ado.flows.answers import Asker
    from aspm_ado.flows.validation.scheduler import RequestPlan, Scheduler
    from aspm_ado.flows.validation.token import TokenResult

T = TypeVar("T")
_MAY_HAVE_IT: Final = (RegistrationState.REGISTERED, RegistrationState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Context:
    """What a command is given.

    ``vault`` keeps secrets; whether anything is kept at all is the flow's to decide (``--store
    none``).
    """

    asker: Asker
    voice: Voice
    records: Records
    vault: Vault
    sources: Sources
    desktop: Desktop
    scheduler: Scheduler
    caller: Caller
    clock: Clock
    now: Callable[[], datetime]
    show: Callable[[Sequence[TokenResult]], None]
    """Paint for the person what has come of the proofs so far."""
    ca_bundle: str | None = None
    load_profile: Callable[[str], Profile] | None = None
    """Read a registration profile from a file. Raises ``UsageError``."""
    entra: Entra | None = None
    is_simulated: bool = False
    """Whether every request goes to the simulator."""
    outlives_run: bool = True
    """Whether other commands find what this run stores."""
    created: list[CreatedToken] = field(default_factory=list)
    """What this run created; what is not on record in the end is revoked (``revoking_unkept``)."""

    told: list[str] = field(default_factory=list)
    """The organizations of which a text for a ticket was shown in this run."""

    waiting: dict[Callable[..., None], list[Any]] = field(default_factory=dict)
    """What plans want done ``together``."""

    def together(self, work: Callable[[Context, list[T]], None], item: T) -> RequestPlan[None]:
        """Do ``work`` once for the items of all plans that wait for it.

        Writing the records takes longer than a request, whether for one token or for ten.
        """
        self.waiting.setdefault(work, []).append(item)
        yield []
        if items := self.waiting.pop(work, None):  # the first plan to go on does it for all
            work(self, items)

    def note_handed_over(self, authorization_id: str, state: RegistrationState) -> None:
        """Note whether Invicti ASPM has a token that is stored nowhere: else it is revoked."""
        for one in self.created:
            if authorization_id and one.authorization_id == authorization_id:
                one.handed_over = state in _MAY_HAVE_IT

    @property
    def stamp(self) -> str:
        """Now, as it is put on record: UTC, to the second."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def shown(self) -> str:
        """The same as a person is shown it: on the day that Azure DevOps told."""
        told = self.clock.told
        if told is None or told.date() == self.now().date():
            return self.stamp
        return told.strftime("%Y-%m-%dT%H:%M:%SZ")
