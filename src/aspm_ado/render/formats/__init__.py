"""The formats of ``--report``: each a function of the report and nothing else, by its ending.

A module is imported when a report is written so, and its library with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from aspm_ado.domain.report import Report


@dataclass(frozen=True, slots=True)
class Format:
    """One format: the module beside this one that renders it, and the library that this takes."""

    module: str
    library: str = ""

    @property
    def is_available(self) -> bool:
        """Whether its library is installed."""
        return not self.library or find_spec(self.library) is not None

    def render(self, report: Report) -> bytes:
        """The whole file."""
        module = import_module(f"{__name__}.{self.module}")
        made: Callable[[Report], bytes] = module.render
        return made(report)


FORMATS: Final = {
    ".html": Format("html", "jinja2"),
    ".md": Format("markdown"),
    ".xml": Format("junit"),
    ".ics": Format("icalendar", "icalendar"),
    ".prom": Format("prometheus", "prometheus_client"),
    ".json": Format("json"),
}
"""By the ending of a file."""
EXTRA: Final = "report"
"""The extra of this distribution that brings every library of theirs."""
