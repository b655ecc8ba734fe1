"""``.json``: the document of ``--json``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aspm_ado.render.json import dump, report_document

if TYPE_CHECKING:
    from aspm_ado.domain.report import Report


def render(report: Report) -> bytes:
    """The bytes that stdout would get."""
    return dump(report_document(report))
