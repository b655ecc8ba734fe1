"""The Azure CLI."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from aspm_ado.adapters.processes import childs_environment, end_group
from aspm_ado.domain.azure.pats import GUID, RESOURCE, az_failed
from aspm_ado.domain.reasons import NotCreatedError, Reason, UserError
from aspm_ado.domain.secret import Secret, parse_secret
from aspm_ado.domain.text import system_words

SPARE: Final = 300.0
"""Seconds that a token must still serve to be used again."""

_STAND_IN: Final = "az-of-a-simulation"
"""A file beside the stand-in, which the simulator writes."""


class AzureCli:
    """Finds `az` on the PATH; runs it when a token is asked for, and not before."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        seconds: Callable[[], float] = lambda: 30.0,
        platform: str = sys.platform,
        now: Callable[[], float] = time.time,
        is_simulated: bool = False,
    ) -> None:
        """``seconds`` is the longest that `az` may take, asked for when it runs.

        ``is_simulated``: only the stand-in of the simulation is run.
        """
        self._is_simulated = is_simulated
        self._environment, self._platform = childs_environment(environment), platform
        self._seconds, self._now = seconds, now
        self._held: dict[str, tuple[Secret, float]] = {}

    @property
    def is_there(self) -> bool:
        """Whether `az` is on the PATH."""
        return self._program() is not None

    def token(self, tenant: str) -> Secret:
        """A token for Azure DevOps in one tenant or in that of the account, while it serves.

        Without a tenant, in the one that `az` is signed in to. Raises ``NotCreatedError``.
        """
        if tenant and not GUID.fullmatch(tenant):
            # It becomes an argument, on Windows of a batch file.
            raise ValueError("a tenant is a GUID")
        held = self._held.get(tenant)
        if held is None or held[1] - self._now() < SPARE:
            held = self._held[tenant] = self._fetched(tenant)
        return held[0]

    def _fetched(self, tenant: str) -> tuple[Secret, float]:
        program = self._program()
        if program is None:
            raise NotCreatedError(
                Reason.AZ_ABSENT,
                "The Azure CLI (az) is not on the PATH.",
                remedy="Create the token by hand. Or install it (https://aka.ms/installazurecli) "
                "and sign in: az login",
            )
        which = f"--tenant {tenant} " if tenant else ""
        words = f"account get-access-token {which}--resource {RESOURCE} --output json"
        code, out, said = self._run([program, *words.split()])
        if code != 0:
            raise az_failed(said, tenant)
        return _read(out, self._now())

    def _run(self, command: list[str]) -> tuple[int, bytes, str]:
        """Exit code, output and what it said.

        It is ended, with all that it started, when its time is over.
        """
        limit = self._seconds()
        try:
            child = subprocess.Popen(  # noqa: S603 - a known program, by its full path
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
                start_new_session=True,
            )
        except OSError as error:
            raise NotCreatedError(
                Reason.AZ_FAILED,
                f"`az` could not start ({system_words(error)}).",
                remedy="To check whether it runs, run: az version",
            ) from None
        with child:
            try:
                out, said = child.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                end_group(child, self._platform, self._environment)
                raise NotCreatedError(
                    Reason.TIMED_OUT,
                    f"`az` did not answer within {limit:.0f} seconds, and was ended.",
                    remedy="Pass a longer --timeout SECONDS. To check whether it answers, run: "
                    "az account show",
                ) from None
            except BaseException:
                end_group(child, self._platform, self._environment)
                raise
        return child.returncode, out, said.decode("utf-8", "replace")

    def _program(self) -> str | None:
        """`az` with its full path, and in a simulation never the real one."""
        program = self._first()
        if program and self._is_simulated and not Path(program).with_name(_STAND_IN).is_file():
            return None
        return program

    def _first(self) -> str | None:
        """The first one on the PATH.

        Never one of the current folder, where anybody may have put it.
        """
        path = self._environment.get("PATH", "")
        if self._platform == "win32":
            places = (Path(folder) / "az.cmd" for folder in path.split(os.pathsep))
            return next((str(az) for az in places if az.is_absolute() and az.is_file()), None)
        found = shutil.which("az", path=path)
        if found and Path(found).is_absolute():
            return found
        return None


def _read(out: bytes, now: float) -> tuple[Secret, float]:
    """The token in the answer of `az`, and when it ends, in seconds.

    Older versions lack ``expires_on``.
    """
    try:
        document = json.loads(out.decode("utf-8-sig"))
        secret = parse_secret(str(document["accessToken"]), "az", "Entra access token")
        ends = document.get("expires_on")
        if ends is None:
            ends = now + float(document.get("expires_in") or 0)
        return secret, float(ends)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, UserError):
        raise NotCreatedError(
            Reason.AZ_FAILED,
            "`az` succeeded, but its output is not in the documented form.",
            remedy="Update the Azure CLI: az upgrade",
        ) from None
