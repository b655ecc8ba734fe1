"""A stand-in for the Azure CLI: a real program whose sign-in works only in the simulation."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote
from typing import Final

_SCRIPT: Final = """\
import json, sys
if sys.argv[1:3] != ["account", "get-access-token"]:
    sys.exit("This az is simulated. It supports only: az account get-access-token")
print(json.dumps({answer!r}))
"""
_ENDS: Final = 4070908800  # in the year 2099


def install(folder: Path, sign_in: str) -> None:
    """Put an `az` that is signed in by ``sign_in`` into ``folder``, for a PATH."""
    answer = {"accessToken": sign_in, "expires_on": _ENDS, "tokenType": "Bearer"}
    (folder / "az-of-a-simulation").touch()
    script = folder / "az.py"
    script.write_text(_SCRIPT.format(answer=answer), encoding="utf-8")
    if sys.platform == "win32":
        (folder / "az.cmd").write_text(f'@"{sys.executable}" -IS "{script}" %*\n', encoding="utf-8")
        return
    program = folder / "az"
    program.write_text(
        f'#!/bin/sh\nexec {quote(sys.executable)} -IS {quote(str(script))} "$@"\n', encoding="utf-8"
    )
    program.chmod(0o700)
