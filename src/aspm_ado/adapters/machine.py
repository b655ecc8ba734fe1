"""What runs here: this program, its Python, its libraries and the system below."""

from __future__ import annotations

import platform
import re
import ssl
import sys
from importlib import metadata
from typing import Final

from aspm_ado import __version__
from aspm_ado.domain.doctor import Software
from aspm_ado.domain.text import clean

_PACKAGE: Final = "aspm-ado"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def software() -> Software:
    """Versions and places; nothing of it names the person or the machine."""
    kind = (
        "in an environment of its own"
        if sys.prefix != sys.base_prefix
        else "not in a virtual environment"
    )
    python = (
        f"{platform.python_implementation()} {platform.python_version()} ({sys.executable}), {kind}"
    )
    return Software(
        __version__, clean(python), clean(platform.platform()), ssl.OPENSSL_VERSION, dependencies()
    )


def dependencies(package: str = _PACKAGE) -> tuple[tuple[str, str | None], ...]:
    """What this package asks for, and the versions found; none where it was not installed as a package.

    What is asked for on some platforms only is listed where it is there, and missed nowhere.
    """
    try:
        required = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return ()
    found = []
    for line in required:
        name, _, condition = line.partition(";")
        match = _NAME.match(name.strip())
        if match is None or "extra" in condition:
            continue
        version = _version(match[0])
        if version is not None or not condition:
            found.append((match[0], version))
    return tuple(found)


def _version(name: str) -> str | None:
    try:
        return clean(metadata.version(name), 40)
    except metadata.PackageNotFoundError:
        return None
