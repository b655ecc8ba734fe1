"""Help: options under headings, examples, and one sentence on variables."""

from __future__ import annotations

from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

_HEADINGS: Final = ("Arguments", "Where", "Token", "Invicti ASPM", "Storage", "This run")
_VARIABLES: Final = (
    "Every option has a variable: ASPM_ADO_ and its name, such as ASPM_ADO_NO_INPUT; for "
    "--aspm-url it is INVICTI_ASPM_HOST. Tokens: ASPM_ADO_PAT and INVICTI_ASPM_TOKEN."
)


class ProgramHelp(TyperGroup):
    """The program: its commands, then examples, then the options that any command takes."""

    def format_options(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Write commands, examples and options."""
        self.format_commands(ctx, formatter)
        write_examples(formatter, self.epilog)
        with formatter.section("Options"):
            formatter.write_dl([one.get_help_record(ctx) for one in self.get_params(ctx)])

    def format_epilog(
        self,
        ctx: typer.Context,  # type: ignore[override] # noqa: ARG002 - Typer calls it so
        formatter: Any,
    ) -> None:
        """Write where to read on."""
        formatter.write_paragraph()
        formatter.write_text("For the options of a command, run: aspm-ado help COMMAND")


class GroupedCommand(TyperCommand):
    """A command whose options stand under the headings of their questions."""

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
        """Write the examples and the sentence on variables."""
        write_examples(formatter, self.epilog)
        formatter.write_paragraph()
        formatter.write_text(_VARIABLES)


def write_examples(formatter: Any, examples: str | None) -> None:
    """Write one example a line; it is not wrapped."""
    with formatter.section("Examples"):
        for example in (examples or "").splitlines():
            formatter.write(f"  {example}\n")
