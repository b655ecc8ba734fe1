"""Programs that we start: what they may know of us."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_SECRETS: Final = ("ASPM_ADO_PAT", "AZURE_DEVOPS_EXT_PAT", "KONDUKTO_TOKEN", "SYSTEM_ACCESSTOKEN")
_SECRET_ENDINGS: Final = ("_PAT", "_ASPM_TOKEN")


def childs_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without every variable that may hold one of our tokens."""
    return {name: value for name, value in environment.items() if not _is_secret(name)}


def _is_secret(name: str) -> bool:
    return name.upper() in _SECRETS or name.upper().endswith(_SECRET_ENDINGS)
