"""Whom this machine believes: the system's certificates, and one file more if somebody names it.

``SSL_CERT_FILE`` replaces the system's store for OpenSSL and for ``ssl.create_default_context``;
the contract of the command line says that it adds to it. So the context starts empty here and the
places are loaded one by one.
"""

from __future__ import annotations

import contextlib
import os
import re
import ssl
import stat
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Final

from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.domain.text import clean

VARIABLES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Variables that name a file or folder of certificates, the first readable one wins."""

_HASHED: Final = re.compile(r"[0-9a-f]{8}\.\d+")
_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, the BSDs
)
"""Where distributions keep the bundle; a Python from elsewhere (uv, conda) has other paths."""


class _EmptyError(ValueError):
    """A folder without a hashed name."""


@dataclass(frozen=True, slots=True)
class Trust:
    """A context that verifies chain and host name, and where its certificates came from."""

    context: ssl.SSLContext
    sources: tuple[str, ...]


def load_trust(
    environment: Mapping[str, str],
    ca_bundle: Path | None,
    note: Callable[[str], None],
    *,
    platform: str = sys.platform,
) -> Trust:
    """Build the context, once for a process: loading a system's bundle costs some 20 ms.

    Raises ``UsageError`` when ``ca_bundle`` or OpenSSL cannot be used; a variable that cannot is a
    note, and so is a file that others can change.
    """
    try:
        context, sources = _linux() if platform == "linux" else _native()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    except ssl.SSLError as error:
        said = getattr(error, "reason", "") or "no reason is given"
        raise UsageError(
            Reason.INPUT_INVALID,
            f"OpenSSL cannot start: {clean(said.replace('_', ' ').lower(), 80)}.",
            remedy="Check the settings of OpenSSL: OPENSSL_CONF and OPENSSL_MODULES.",
        ) from None
    if ca_bundle is not None:
        sources.append(_add_named(context, ca_bundle))
        _note_writable(ca_bundle, "--ca-bundle", note)
    else:
        sources.extend(_add_from(context, environment, note))
    return Trust(context, tuple(sources))


def system_stores(
    paths: ssl.DefaultVerifyPaths, bundles: Iterable[str] = _BUNDLES
) -> tuple[Path, ...]:
    """The system's file and its folder of hashed certificates; empty in slim containers.

    Only the compile-time paths count: the other two fields have ``SSL_CERT_FILE`` and
    ``SSL_CERT_DIR`` mixed in.
    """
    own = tuple(filter(_holds, map(Path, (paths.openssl_cafile, paths.openssl_capath))))
    return own or tuple(filter(_holds, map(Path, bundles)))[:1]


def _holds(path: Path) -> bool:
    """Whether there may be certificates."""
    try:
        return path.is_file() or (path.is_dir() and _is_hashed(path))
    except OSError:
        return False


def _is_hashed(folder: Path) -> bool:
    """Whether OpenSSL finds anything there: it looks for names such as 5ad8a5d6.0 alone.

    Raises ``OSError`` where it cannot be listed.
    """
    return any(_HASHED.fullmatch(entry.name) for entry in folder.iterdir())


def _linux() -> tuple[ssl.SSLContext, list[str]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # As Python's own default since 3.13: a company's intermediate or a server's own certificate may
    # be the anchor.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    loaded = []
    for store in system_stores(ssl.get_default_verify_paths()):
        # A damaged or forbidden store is the same as none.
        with contextlib.suppress(OSError, ValueError):
            _load(context, store)
            loaded.append(str(store))
    if loaded:
        return context, [f"the system's store ({', '.join(loaded)})"]
    import certifi  # comes with requests, and is needed on few machines

    context.load_verify_locations(cafile=certifi.where())
    return context, ["the certificates of the Python package certifi"]


def _native() -> tuple[ssl.SSLContext, list[str]]:
    import truststore  # installed where the system keeps its own store

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ["the system's store"]


def _add_named(context: ssl.SSLContext, bundle: Path) -> str:
    try:
        _load(context, bundle)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise UsageError(
            Reason.FILE_UNREADABLE,
            f"The CA bundle {clean(bundle)} cannot be read as certificates.",
            remedy="Pass a file with one or more certificates in PEM form "
            "(-----BEGIN CERTIFICATE-----).",
        ) from None
    return f"--ca-bundle {clean(bundle)}"


def _add_from(
    context: ssl.SSLContext, environment: Mapping[str, str], note: Callable[[str], None]
) -> list[str]:
    for name in VARIABLES:
        value = environment.get(name, "").strip()
        if not value:
            continue
        try:
            _load(context, Path(value))
        except _EmptyError:
            note(
                f"{name} is a folder without hashed names, so aspm-ado ignores it. Hash the "
                "names (openssl rehash FOLDER), or set a file."
            )
        except (OSError, ValueError):
            note(f"{name} is set but cannot be read, so aspm-ado ignores it.")
        else:
            _note_writable(Path(value), name, note)
            return [f"{name} ({clean(value)})"]
    return []


def _note_writable(place: Path, name: str, note: Callable[[str], None]) -> None:
    """Say where others can change whom we believe: the file, its folder, or that of the file meant.

    In a sticky folder (``/tmp``) others cannot replace it.
    """
    if not hasattr(os, "geteuid"):
        return
    real = place.resolve()
    for one in dict.fromkeys((real, real.parent, place.absolute().parent)):
        found = one.stat()
        is_sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
        if found.st_uid not in (0, os.geteuid()):
            problem = f"belongs to another user: {clean(one)}"
        elif found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not is_sticky:
            problem = f"can be changed by other users. Run: chmod go-w {quote(clean(one))}"
        else:
            continue
        note(f"Other users can choose which servers are trusted: the path in {name} {problem}")
        return


def _load(context: ssl.SSLContext, place: Path) -> None:
    if place.is_dir():
        if not _is_hashed(place):
            raise _EmptyError
        context.load_verify_locations(capath=str(place))
    elif place.is_file():
        context.load_verify_locations(cafile=str(place))
    else:  # missing; or a pipe, which may have nobody at its other end
        raise FileNotFoundError
