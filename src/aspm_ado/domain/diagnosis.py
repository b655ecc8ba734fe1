"""What ``doctor`` says: the checks of this machine, their public ids, and the exit code as a function of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.reasons import ExitCode
from aspm_ado.domain.report import GRAVITY, Verdict, verdict_of
from aspm_ado.domain.text import clean

if TYPE_CHECKING:
    from aspm_ado.domain.reasons import Reason

_NAMED: Final = 5
"""How many names one sentence lists."""


class Health(StrEnum):
    """How a check of this machine ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Subject(StrEnum):
    """The public ids of the checks, in the order in which they are shown. Those of a host repeat for each host."""

    PROGRAM = "machine.program"
    PYTHON = "machine.python"
    PLATFORM = "machine.platform"
    OPENSSL = "machine.openssl"
    DEPENDENCIES = "machine.dependencies"
    VARIABLES = "machine.variables"
    TERMINAL = "machine.terminal"
    RETIREMENT = "machine.retirement"
    KEYRING = "keyring.class"
    PROBE = "keyring.read"
    FOLDER = "records.folder"
    SPACE = "records.space"
    WRITABLE = "records.writable"
    LOCK = "records.lock"
    ASIDE = "records.aside"
    CATALOGUE = "records.catalogue"
    PENDING = "records.pending"
    SUCCESSORS = "records.successors"
    ERASING = "records.erasing"
    ORDERED = "records.ordered"
    HANDOFF = "records.handoff"
    DRAFT = "records.draft"
    PROXY = "network.proxy"
    TRUST = "network.trust"
    DNS = "network.dns"
    CONNECT = "network.connect"
    TLS = "network.tls"
    CLOCK = "network.clock"

    @property
    def area(self) -> str:
        """What comes before the dot."""
        return self.value.partition(".")[0]


TITLES: Final[Mapping[Subject, str]] = {
    Subject.PROGRAM: "aspm-ado",
    Subject.PYTHON: "Python",
    Subject.PLATFORM: "Platform",
    Subject.OPENSSL: "OpenSSL",
    Subject.DEPENDENCIES: "Dependencies",
    Subject.VARIABLES: "Variables set",
    Subject.TERMINAL: "Questions",
    Subject.RETIREMENT: "End of global tokens",
    Subject.KEYRING: "Class in use",
    Subject.PROBE: "Reading",
    Subject.FOLDER: "Config folder",
    Subject.SPACE: "Free space",
    Subject.WRITABLE: "Writing",
    Subject.LOCK: "Lock",
    Subject.ASIDE: "Damaged records set aside",
    Subject.CATALOGUE: "Connections",
    Subject.PENDING: "Interrupted writes",
    Subject.SUCCESSORS: "New tokens that wait",
    Subject.ERASING: "Secrets to be erased",
    Subject.ORDERED: "Tokens to be revoked",
    Subject.HANDOFF: "Steps left in Invicti ASPM",
    Subject.DRAFT: "Draft of an interrupted run",
    Subject.PROXY: "Proxy",
    Subject.TRUST: "Trusted certificates",
    Subject.DNS: "Name",
    Subject.CONNECT: "Connection",
    Subject.TLS: "TLS",
    Subject.CLOCK: "Clock of this machine",
}

AREAS: Final[Mapping[str, tuple[str, ExitCode]]] = {
    "machine": ("This machine", ExitCode.DONE),
    "keyring": ("Keyring", ExitCode.STORE),
    "records": ("Our records", ExitCode.STORE),
    "network": ("Network", ExitCode.COULD_NOT_FIND_OUT),
}
"""The heading of each area, and the exit code of a failure in it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: a sentence fit for a ticket. Every ``warn`` and ``fail`` has a remedy; ``about`` names the host."""

    subject: Subject
    health: Health
    detail: str
    reason: Reason | None = None
    remedy: str | None = None
    milliseconds: int | None = None
    about: str = ""

    def __post_init__(self) -> None:
        if self.health in (Health.WARN, Health.FAIL) and not self.remedy:
            raise ValueError(f"{self.subject} is {self.health} without a remedy")

    @property
    def title(self) -> str:
        """What a person reads."""
        return f"{self.about}: {TITLES[self.subject]}" if self.about else TITLES[self.subject]

    @property
    def exit_code(self) -> ExitCode:
        """What it counts as: the code of its area when it failed. Warnings never count."""
        return AREAS[self.subject.area][1] if self.health is Health.FAIL else ExitCode.DONE

    def hiding(self, homes: Iterable[str]) -> Finding:
        """The same with the home folder as ``~``."""
        detail, remedy = (
            tilde(self.detail, homes),
            tilde(self.remedy, homes) if self.remedy else None,
        )
        return replace(self, detail=detail, remedy=remedy, about=tilde(self.about, homes))


def exit_code(findings: Iterable[Finding]) -> ExitCode:
    """The gravest of them."""
    codes = {finding.exit_code for finding in findings}
    return next((code for code in GRAVITY if code in codes), ExitCode.DONE)


def verdict(findings: Iterable[Finding]) -> Verdict:
    """The exit code as a word, and whether there are warnings."""
    rows = tuple(findings)
    return verdict_of(exit_code(rows), warned=any(row.health is Health.WARN for row in rows))


def tilde(text: str, homes: Iterable[str]) -> str:
    """``text`` with each of ``homes`` as ``~``, wherever it is a whole path or the beginning of one."""
    for home in homes:
        bare = home.rstrip("/\\")
        if len(bare) > 1:
            text = re.sub(rf"(?<![\w.~-]){re.escape(bare)}(?![\w-]|\.\w)", "~", text)
    return text


def listed(names: Iterable[str], most: int = _NAMED) -> str:
    """Names for a sentence: the first few, and how many more."""
    rows = [clean(name, 60) for name in names]
    more = f" and {len(rows) - most} more" if len(rows) > most else ""
    return ", ".join(rows[:most]) + more
