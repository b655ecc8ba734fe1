"""The formats of ``--report``: each a function of the report and nothing else, by its ending.

A module is imported when a report is written so, and its library with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from aspm_ado.domain.report import Report


@dataclass(frozen=True, slots=True)
class Format:
    """One format: the function beside this that renders it, and the library that this takes."""

    function: str
    library: str = ""

    @property
    def is_available(self) -> bool:
        """Whether its library is installed."""
        return not self.library or find_spec(self.library) is not None

    def render(self, report: Report) -> bytes:
        """The whole file."""
        made: Callable[[Report], bytes] = resolve_name(f"aspm_ado.render.{self.function}")
        return made(report)


FORMATS: Final = {
    ".html": Format("formats.pages:render_html", "jinja2"),
    ".md": Format("formats.pages:render_markdown"),
    ".xml": Format("formats.junit:render_junit"),
    ".ics": Format("formats.icalendar:render_calendar", "icalendar"),
    ".prom": Format("formats.prometheus:render_metrics", "prometheus_client"),
    ".json": Format("json:report_bytes"),
}
"""By the ending of a file."""
EXTRA: Final = "report"
"""The extra of this distribution that brings every library of theirs."""
