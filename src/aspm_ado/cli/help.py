"""Help of a command: its options under headings, examples, and one sentence on variables."""

from __future__ import annotations

from typing import Any, Final

import typer
from typer.core import TyperCommand

_HEADINGS: Final = ("Arguments", "Where", "Token", "Invicti ASPM", "Storage", "This run")
_VARIABLES: Final = (
    "Every option has a variable: ASPM_ADO_ and its name, such as ASPM_ADO_NO_INPUT; for "
    "--aspm-url it is INVICTI_ASPM_HOST. Tokens: ASPM_ADO_PAT and INVICTI_ASPM_TOKEN."
)


class GroupedCommand(TyperCommand):
    """A command whose options stand under the headings of their questions.

    Its epilog is its examples, one a line.
    """

    def format_options(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Write one section for each heading that has options."""
        sections: dict[str, list[tuple[str, str]]] = {heading: [] for heading in _HEADINGS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            heading = getattr(parameter, "rich_help_panel", None) or "This run"
            if record is not None:
                sections[heading].append(record)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)

    def format_epilog(
        self,
        ctx: typer.Context,  # type: ignore[override] # noqa: ARG002 - Typer calls it so
        formatter: Any,
    ) -> None:
        """Write the examples, which are not wrapped, and the sentence on variables."""
        with formatter.section("Examples"):
            for example in (self.epilog or "").splitlines():
                formatter.write(f"  {example}\n")
        formatter.write_paragraph()
        formatter.write_text(_VARIABLES)
