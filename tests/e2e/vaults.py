"""Stand-ins for programs of vaults: each takes the arguments that its product documents, and no others."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from ..packaging.checkout import ROOT

PAGE = (ROOT / "docs" / "vaults.md").read_text(encoding="utf-8")
BLOCKS = [
    found.replace("\\\n", " ")
    for found in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
]

READING = {
    "vault": ("kv get -mount=secret -field=pat ado/{name}", "{token}"),
    "az": (
        "keyvault secret show --vault-name team-vault --name ado-pat-{name} --query value --output tsv",
        "{token}\\n",
    ),
    "op": ("read --no-newline op://Team/ado-pat-{name}/credential", "{token}"),
    "pass": ("show ado/{name}", "{token}\\n"),
    "kubectl": (
        "get secret ado-pat-{name} --namespace aspm --output go-template={{{{.data.pat|base64decode}}}}",
        "{token}",
    ),
}
"""By program: its arguments, and what it prints."""


def install(folder: Path, tokens: dict[str, str]) -> None:
    """Each program in ``folder``; ``tokens`` by organization."""
    for program, (arguments, printed) in READING.items():
        lines = ["#!/bin/sh"]
        for name, token in tokens.items():
            asked = shlex.quote(arguments.format(name=name))
            lines.append(f"[ \"$*\" = {asked} ] && printf '{printed.format(token=token)}' && exit")
        path = folder / program
        path.write_text("\n".join([*lines, f'echo "{program}: no $*" >&2', "exit 2", ""]))
        path.chmod(0o700)
