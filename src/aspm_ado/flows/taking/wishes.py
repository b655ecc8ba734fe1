"""What else is wanted of a connection: where it goes in Invicti ASPM, with which settings, and what is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.origin import Origin, split_url
from aspm_ado.domain.questions import (
    ASPM_API,
    ASPM_URL,
    DRY_RUN,
    REGISTER,
    REGISTRATION_PROFILE,
    TEAM_LEADS_MAY,
    YES,
    Choice,
)
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.requirements import Purpose
from aspm_ado.domain.settings import CREATE, FETCH, LABELS, Settings, settings_for
from aspm_ado.flows.asking import one_of

if TYPE_CHECKING:
    from aspm_ado.domain.connection import Entry
    from aspm_ado.flows.asking import Asker
    from aspm_ado.flows.house import House

AUTO: Final = "auto"
API: Final = "api"
GUIDED: Final = "guided"
NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Wishes:
    """``register`` is what was asked for; ``auto`` without a profile is a guided hand-off."""

    register: str
    keeps: bool
    dry_run: bool
    yes: bool
    aspm_url: str | None
    aspm_api: str
    toggles: tuple[str, ...] | None
    profile: str | None = None

    @property
    def stores(self) -> bool:
        """Whether anything is stored: what is kept, and in no rehearsal."""
        return self.keeps and not self.dry_run

    @property
    def counts(self) -> bool:
        """Whether a registration was asked for that a person alone cannot claim done: then it is required."""
        return self.register in (AUTO, API)

    @property
    def hands_over(self) -> bool:
        """Whether a person enters the values."""
        return self.register == GUIDED or (self.register == AUTO and self.profile is None)

    @property
    def uses_profile(self) -> bool:
        """Whether an operator's profile registers."""
        return self.register == API or (self.register == AUTO and self.profile is not None)


def wishes_given(asker: Asker, entry: Entry | None) -> Wishes:
    """What flags, variables and the stored connection say."""
    register = asker.one(REGISTER, one_of(REGISTER)) or AUTO
    url = asker.one(ASPM_URL, parse_aspm_url) or (entry.aspm.url if entry and entry.aspm else None)
    toggles = asker.many(TEAM_LEADS_MAY, one_of(TEAM_LEADS_MAY))
    given = asker.one(REGISTRATION_PROFILE, str)
    stored = entry.aspm.profile if entry and entry.aspm else ""
    profile = str(Path(given).expanduser().absolute()) if given else stored
    if register == API and not profile:
        raise UsageError(
            Reason.INPUT_MISSING,
            "--register api needs a registration profile; none is shipped, since no API for it is published.",
            remedy=f"{REGISTRATION_PROFILE.how} Or use --register guided.",
        )
    return Wishes(
        register=register,
        keeps=asker.keeps,
        dry_run=asker.switch(DRY_RUN),
        yes=asker.switch(YES),
        aspm_url=None if register == NONE and not asker.given(ASPM_URL) else url,
        aspm_api=asker.one(ASPM_API, one_of(ASPM_API)) or (entry.aspm.api if entry and entry.aspm else AUTO),
        toggles=toggles or (entry.toggles if entry else None) or None,
        profile=profile or None,
    )


def aspm_missing() -> UsageError:
    """What to say when the ASPM is not named and nobody can be asked."""
    return UsageError(
        Reason.INPUT_MISSING,
        "The address of your Invicti ASPM is needed, and there is nobody to ask.",
        remedy=f"{ASPM_URL.how} Or pass --register none.",
    )


def ask_aspm(house: House, wishes: Wishes) -> Wishes:
    """The address of the ASPM, asked for when a registration is wanted and it is not known."""
    if wishes.aspm_url or wishes.register == NONE:
        return wishes
    if not house.asker.asks:
        raise aspm_missing()
    return replace(wishes, aspm_url=house.asker.need(ASPM_URL, parse_aspm_url))


def ask_settings(house: House, wishes: Wishes, purpose: Purpose) -> Settings:
    """Advanced Settings: given, or chosen by a person; dependencies are added for a person and refused for a script."""
    if wishes.toggles is not None or not house.asker.asks or wishes.register == NONE or wishes.aspm_api == "core":
        return settings_for(wishes.toggles or (), purpose, wishes.aspm_api)
    offered = [Choice(toggle, label) for toggle, label in LABELS.items() if purpose.reads_code or toggle != FETCH]
    chosen = house.asker.prompter.choose_many(TEAM_LEADS_MAY, offered)
    if FETCH in chosen and CREATE not in chosen:
        chosen = (CREATE, *chosen)
        house.voice.note(f"“{LABELS[CREATE]}” is added: fetching depends on it.")
    return settings_for(chosen, purpose, wishes.aspm_api)


def parse_aspm_url(text: str) -> str:
    """The origin of an Invicti ASPM. Any path is cut; http is refused, except to this machine itself."""
    pasted = text.strip()
    parts = split_url(pasted if "://" in pasted else f"https://{pasted}", "address of Invicti ASPM")
    origin = Origin.read(parts)
    if parts.username:
        raise UsageError(
            Reason.URL_INVALID, "The address of Invicti ASPM holds a user name.", remedy="Give the address alone."
        )
    if origin.scheme != "https" and not origin.is_loopback:
        raise UsageError(
            Reason.HTTP_REFUSED,
            "Invicti ASPM is reached over https only: its token would travel in clear.",
            remedy="Give the address with https://.",
        )
    return str(origin)
