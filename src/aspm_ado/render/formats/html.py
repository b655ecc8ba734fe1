"""``.html``: one page for people, complete in itself: no script, nothing loaded, one style."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

from aspm_ado import __version__
from aspm_ado.domain.text import clean
from aspm_ado.render.formats.overview import VERDICTS, overview

if TYPE_CHECKING:
    from aspm_ado.domain.report import Report


def render(report: Report) -> bytes:
    """The page. The template escapes every value that it is given."""
    style = _packaged("page.css")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.from_string(_packaged("page.html.jinja"))
    error = report.error
    return page.render(
        style=style,
        style_hash=b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        report=report,
        verdict=VERDICTS[report.verdict],
        problem=error and clean(error.problem, 600),
        remedy=error and clean(error.remedy, 600),
        rows=tuple(overview(report)),
        version=__version__,
    ).encode()


@cache
def _packaged(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
