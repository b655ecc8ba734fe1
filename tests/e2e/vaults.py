"""Stand-ins for programs of vaults: each takes the arguments that its product documents, and no others."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from ..packaging.checkout import ROOT

PAGE = (ROOT / "docs" / "vaults.md").read_text(encoding="utf-8")
BLOCKS = [
    found.replace("\\\n", " ")
    for found in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
]

PROGRAMS = {
    "vault": {
        "kv get -mount=secret -field=pat ado/{name}": "cat {store}",
        "kv put -mount=secret ado/{name} pat=-": "cat > {store}",
    },
    "az": {
        "keyvault secret show --vault-name team-vault --name ado-pat-{name} --query value "
        "--output tsv": "cat {store}; echo",
        "keyvault secret set --vault-name team-vault --name ado-pat-{name} --file /dev/stdin "
        "--encoding utf-8 --output none": "cat /dev/stdin > {store}",
    },
    "op": {
        "read --no-newline op://Team/ado-pat-{name}/credential": "cat {store}",
        "item create --vault Team -": "jq -j '.fields[0].value' > {store}",
    },
    "pass": {
        "show ado/{name}": "cat {store}; echo",
        "insert --multiline --force ado/{name}": "cat > {store}",
    },
    "kubectl": {
        "get secret ado-pat-{name} --namespace aspm "
        "--output go-template={{{{.data.pat|base64decode}}}}": "cat {store}",
        "create secret generic ado-pat-{name} --namespace aspm --from-file=pat=/dev/stdin "
        "--dry-run=client --output yaml": "base64 < /dev/stdin",
        "apply --server-side --filename -": "base64 -d > {store}",
    },
}
"""By program: what it does with which arguments, for the secret of an organization."""


def store(folder: Path, program: str, name: str) -> Path:
    """Where a stand-in has the secret of an organization."""
    return folder / f"{program}-{name}"


def install(folder: Path, tokens: Mapping[str, str]) -> None:
    """Each program in ``folder``; ``tokens`` by organization."""
    for program, actions in PROGRAMS.items():
        lines = ["#!/bin/sh"]
        for name, token in tokens.items():
            place = store(folder, program, name)
            place.write_text(token)
            for arguments, action in actions.items():
                asked = shlex.quote(arguments.format(name=name))
                done = action.format(store=shlex.quote(str(place)))
                lines.append(f'if [ "$*" = {asked} ]; then {done}; exit; fi')
        path = folder / program
        path.write_text("\n".join([*lines, f'echo "{program}: no $*" >&2', "exit 2", ""]))
        path.chmod(0o700)
