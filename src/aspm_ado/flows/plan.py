"""What is about to happen, before it does: each value with its source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.questions import (
    ALL_ORGANIZATIONS,
    ALLOW_HTTP,
    ASPM_API,
    ASPM_URL,
    CHECK_CLONE,
    CLONE_USERNAME,
    ORGANIZATION,
    PAT_EXPIRES,
    PURPOSE,
    REACH,
    READ_ONLY_PROBES,
    REGISTER,
    SERVER_URL,
    STORE,
    TEAM_LEADS_MAY,
    Question,
)
from aspm_ado.domain.report import FEW

if TYPE_CHECKING:
    from aspm_ado.domain.report import OrganizationReport
    from aspm_ado.domain.settings import Settings
    from aspm_ado.flows.handing.aspm import AspmProof
    from aspm_ado.flows.house import House
    from aspm_ado.flows.keeping.entry import Proven
    from aspm_ado.flows.options import ConnectOptions


_BESIDE: Final = (
    ("All organizations", ALL_ORGANIZATIONS),
    ("End of the token", PAT_EXPIRES),
    ("Username for cloning", CLONE_USERNAME),
    ("Repository to try", CHECK_CLONE),
    ("Read-only probes", READ_ONLY_PROBES),
    ("http accepted", ALLOW_HTTP),
    ("API of Invicti ASPM", ASPM_API),
)
"""What is shown where it was given, and left out where it was not: a variable that was forgotten is seen here."""


def tell_plan(
    house: House,
    options: ConnectOptions,
    good: Sequence[tuple[Proven, OrganizationReport]],
    settings: Settings,
    aspm: AspmProof | None,
) -> None:
    """The plan, on stderr."""
    voice = house.voice
    voice.heading("The plan" + (" (nothing of it is done: a rehearsal)" if options.dry_run else ""))
    rows = [
        ("Connection", options.name),
        ("Deployment", _sourced(house, options.target.site.base_url, SERVER_URL)),
    ]
    rows += _places(house, good)
    rows.append(("Purpose", _sourced(house, options.brief.purpose.value, PURPOSE)))
    rows.append(("Reach", _sourced(house, options.brief.reach.value, REACH)))
    given = [(label, house.asker.given(question)) for label, question in _BESIDE]
    rows += [
        (label, f"{', '.join(one.values)} (from {one.source})")
        for label, one in given
        if one is not None
    ]
    rows.append(("Secrets", _sourced(house, _kept_in(house, options), STORE)))
    if aspm is not None:
        how = "by your profile" if options.aspm.uses_profile else "by hand, in its UI"
        rows.append(("Invicti ASPM", _sourced(house, aspm.url, ASPM_URL)))
        rows.append(("Registration", _sourced(house, how, REGISTER)))
    elif options.aspm.url:
        rows.append(("Invicti ASPM", f"{options.aspm.url}: nothing is handed over"))
    rows += [
        ("Advanced Settings", _sourced(house, label, TEAM_LEADS_MAY)) for label in settings.labels
    ]
    if settings.issue_manager:
        rows.append(("Issue manager", "the checkbox in its form"))
    for label, value in rows:
        voice.say(f"  {label}: {value}")


def _places(
    house: House, good: Sequence[tuple[Proven, OrganizationReport]]
) -> Iterator[tuple[str, str]]:
    """A row for each organization; many that share a token are one row."""
    for _, group in groupby(good, lambda one: id(one[0].proof)):
        shared = list(group)
        candidate = shared[0][0].proof.candidate
        last4 = f" …{candidate.secret.last4}" if candidate.secret.last4 else ""
        names, label = (
            [made.name for _, made in shared],
            candidate.site.place(shared[0][1].name).noun.capitalize(),
        )
        if len(names) > FEW:
            label, names = f"{label}s ({len(names)})", [", ".join(names)]
        for name in names:
            yield (
                label,
                f"{_sourced(house, name, ORGANIZATION)}: token{last4} (from {candidate.source})",
            )


def _kept_in(house: House, options: ConnectOptions) -> str:
    """Where the secrets go; a rehearsal does not open the keyring to say its name."""
    if not options.keeps:
        return "stored nowhere, as asked"
    return "the keyring of this system" if options.dry_run else house.vault.title


def _sourced(house: House, value: str, question: Question) -> str:
    given = house.asker.given(question)
    return f"{value} (from {given.source})" if given else value
