"""Programs that we start: what they may know of our environment, and how they are ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_SECRETS: Final = (
    "ASPM_ADO_PAT",
    "ASPM_ADO_PAT_COMMAND",
    "AZURE_DEVOPS_EXT_PAT",
    "KONDUKTO_TOKEN",
    "SYSTEM_ACCESSTOKEN",
)
_SECRET_ENDINGS: Final = ("_PAT", "_ASPM_TOKEN")
_GRACE: Final = 2.0
"""Seconds for what was killed to be gone."""


def childs_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without every variable that may hold one of our tokens."""
    return {
        name: value
        for name, value in environment.items()
        if name.upper() not in _SECRETS and not name.upper().endswith(_SECRET_ENDINGS)
    }


def end_group(
    child: subprocess.Popen[bytes], platform: str, environment: Mapping[str, str]
) -> None:
    """End a child that leads a process group, with all that it started and that holds its pipes."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        if platform == "win32":
            system = Path(environment.get("SYSTEMROOT", r"C:\Windows")) / "System32"
            subprocess.run(  # noqa: S603 - the system's own tool, by its full path
                [str(system / "taskkill.exe"), "/F", "/T", "/PID", str(child.pid)],
                capture_output=True,
                timeout=_GRACE,
                check=False,
            )
        else:
            os.killpg(child.pid, signal.SIGKILL)
    child.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=_GRACE)
