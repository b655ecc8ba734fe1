"""Certificates of every kind, hosts that are closed at the end, and the command as a person runs it."""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from aspm_ado.__main__ import main

from ..adapters.transport.servers import Server


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Fabrikam Trust")


@pytest.fixture(scope="session")
def bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def certificates(authority: trustme.CA) -> dict[str, ssl.SSLContext]:
    def context(issuer: trustme.CA, *names: str, **more: Any) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issuer.issue_cert(*names, **more).configure_cert(made)
        return made

    yesterday = datetime.now(UTC) - timedelta(days=1)
    return {
        "good": context(authority, "localhost", "dev.example", "127.0.0.1"),
        "unknown": context(trustme.CA(organization_name="Zscaler Inc."), "localhost"),
        "expired": context(authority, "localhost", not_after=yesterday),
        "other": context(authority, "tfs.fabrikam.example"),
    }


@pytest.fixture
def opened() -> Iterator[Callable[[Server], Server]]:
    """Closes the hosts that it was given."""
    with contextlib.ExitStack() as stack:
        yield lambda host: stack.enter_context(contextlib.closing(host))


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """Runs ``aspm-ado doctor``; the exit code, and the document or (``text=True``) what was printed."""

    def run(*arguments: str, text: bool = False) -> tuple[int, Any]:
        code = main(["doctor", *arguments, *(() if text else ("--json",))])
        out = capsys.readouterr().out
        return code, out if text else json.loads(out)

    return run


def rows(document: Any, id_: str) -> list[Any]:
    """The checks of one id."""
    return [check for check in document["checks"] if check["id"] == id_]


def row(document: Any, id_: str) -> Any:
    """The one check of this id."""
    (found,) = rows(document, id_)
    return found
