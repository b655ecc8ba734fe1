"""What can be seen of a machine: the facts that a diagnosis rests on, and the variables that steer this program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from aspm_ado.domain import questions
from aspm_ado.domain.dataclass import dataclass
from aspm_ado.domain.questions import Question

if TYPE_CHECKING:
    from datetime import datetime

    from aspm_ado.domain.origin import Origin
    from aspm_ado.domain.reasons import Reason

PREFIX: Final = "ASPM_ADO_"
OURS: Final = frozenset({"ASPM_ADO_PAT", "ASPM_ADO_SIMULATOR", "ASPM_ADO_GLOBAL_PAT_END"}) | {
    row.env
    for row in vars(questions).values()
    if isinstance(row, Question) and row.env.startswith(PREFIX)
}
"""Every variable of ours. Any other that begins as they do is a slip of the pen."""

OLD_NAMES: Final[Mapping[str, str]] = {
    "KONDUKTO_HOST": "INVICTI_ASPM_HOST",
    "KONDUKTO_TOKEN": "INVICTI_ASPM_TOKEN",
}
_PREFIXES: Final = (PREFIX, "AZURE_DEVOPS_", "INVICTI_", "KONDUKTO_")
_OTHERS: Final = frozenset({
    "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "PYTHON_KEYRING_BACKEND", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION",
    "CI", "TF_BUILD", "GITHUB_ACTIONS", "NO_COLOR", "TERM", "PYTHONPATH", "PYTHONHOME",
})  # fmt: skip


def telling(names: Iterable[str]) -> list[str]:
    """Those of the variables set that change what this program does. Names alone: a value may be a secret."""
    return sorted(name for name in names if name.upper() in _OTHERS or name.startswith(_PREFIXES))


def unknown(names: Iterable[str]) -> list[str]:
    """Those that look like ours and are not."""
    return sorted(name for name in names if name.startswith(PREFIX) and name not in OURS)


@dataclass(frozen=True, slots=True)
class Software:
    """What runs here. ``dependencies`` are names and versions; no version where one is missing."""

    program: str
    python: str
    platform: str
    openssl: str
    dependencies: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """Our folder, fit to be used; ``mode`` is unknown where it is not there yet, or modes mean nothing (Windows)."""

    path: str
    exists: bool
    mode: int | None = None
    free: int | None = None
    aside: tuple[str, ...] = ()
    """The names of damaged records that were set aside there."""


@dataclass(frozen=True, slots=True)
class Target:
    """A host in use. ``base_url`` is the Azure DevOps there, empty for Invicti ASPM; ``ca_bundle`` is recorded."""

    origin: Origin
    base_url: str = ""
    ca_bundle: str | None = None

    @property
    def name(self) -> str:
        """What a person calls it; the port where it is not the scheme's own."""
        return str(self.origin).partition("://")[2]


@dataclass(frozen=True, slots=True)
class Way:
    """How a host is reached: directly or by a proxy, and which variable says so. No sign-in of a proxy is in it."""

    proxy: str = ""
    variable: str = ""
    usable: bool = True
    signs_in: bool = False
    exempt: str = ""
    """The variable that exempts this host from a proxy that is set."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """The places that trusted certificates came from, and what was said of places that could not be read."""

    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the way to a host: how long it took and what it showed, or why it failed."""

    milliseconds: int
    said: str = ""
    failure: Reason | None = None
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """How far we came with a host. A step that is ``None`` was not taken: one before it failed, or it has none."""

    target: Target
    name: Step
    connect: Step | None = None
    tls: Step | None = None

    @property
    def reached(self) -> bool:
        """Whether a request could be sent."""
        last = self.tls if self.target.origin.scheme == "https" else self.connect
        return last is not None and last.failure is None


@dataclass(frozen=True, slots=True)
class Reading:
    """The ``Date`` of an answer, when it came, and whom it was asked of."""

    asked: str
    here: datetime
    there: datetime | None
    problem: str = ""
