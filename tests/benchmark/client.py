"""One way to ask the service of the benchmark, in a process of its own: ``client.py WAY PORT CA COUNT [CALLS]``.

``ours`` runs the flow of ``validate`` for COUNT organizations, ``company`` the one of ``connect`` that creates a token
in each, stored in a folder of its own and a keyring in memory, ``urllib3`` sends as many calls over the same number of
threads with nothing around them, the first two before all others, ``naive`` is what one writes first. Prints wall and
CPU seconds as JSON. Every name of Azure DevOps leads to PORT on loopback.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import tempfile
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

WAY, PORT, AUTHORITY, COUNT = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
CALLS = int(sys.argv[5]) if len(sys.argv) > 5 else 0
TOKEN = "B" * 84
SIGN_IN = "a-sign-in-of-entra-that-is-none"
URL = "https://dev.azure.com/org0/_apis/connectionData"
THREADS = 16
FIRST = 2
"""Calls of the round trip that goes before all others: nothing follows when it shows a dead token."""
_look_up = socket.getaddrinfo


def _to_loopback(host: str, port: Any, *more: Any, **named: Any) -> Any:
    return _look_up("127.0.0.1", PORT, *more, **named)


socket.getaddrinfo = _to_loopback  # type: ignore[assignment]


def ours() -> None:
    """The flow of ``validate``, wired as the command wires it."""
    os.environ |= {
        "ASPM_ADO_PAT": TOKEN,
        "SSL_CERT_FILE": AUTHORITY,
        "ASPM_ADO_GLOBAL_PAT_END": "never",
    }
    import aspm_ado.adapters.http.services  # imports are not what is measured here
    import aspm_ado.adapters.http.transport  # noqa: F401
    from aspm_ado.cli.context import Invocation
    from aspm_ado.domain.questions import CHECK_CLONE, ORGANIZATION, QUIET
    from aspm_ado.flows.validate import Terms, validate_ad_hoc

    names = [f"org{number}" for number in range(COUNT)]
    flags = {ORGANIZATION.name: names, CHECK_CLONE.name: "no", QUIET.name: True}
    wiring = Invocation("validate", (ORGANIZATION, CHECK_CLONE, QUIET), flags)
    context = wiring.context()
    began, worked = time.perf_counter(), time.process_time()
    report = validate_ad_hoc(context, Terms())
    _tell(began, worked)
    wiring.close()
    [connection] = report.connections
    assert len(connection.organizations) == COUNT
    assert int(report.exit_code) == 0, report


def company() -> None:
    """The flow of ``connect --all-organizations --create-token require --yes``, without `az` and a keyring."""
    os.environ |= {"SSL_CERT_FILE": AUTHORITY}
    import aspm_ado.adapters.http.services
    import aspm_ado.adapters.http.transport  # noqa: F401
    from aspm_ado.adapters.keyring.vault import MemoryVault
    from aspm_ado.cli.context import Invocation
    from aspm_ado.domain import questions as ask
    from aspm_ado.domain.secret import Secret
    from aspm_ado.flows.connect import connect
    from aspm_ado.flows.tokens.creation import revoking_unkept

    with tempfile.TemporaryDirectory() as folder:
        flags = {
            ask.ALL_ORGANIZATIONS: True, ask.CREATE_TOKEN: "require", ask.YES: True, ask.QUIET: True,
            ask.REACH: "organization", ask.REGISTER: "none", ask.CONFIG_DIR: folder,
        }  # fmt: skip
        wiring = Invocation("connect", [*flags], {one.name: value for one, value in flags.items()})
        signed_in = SimpleNamespace(is_there=True, token=lambda _: Secret(SIGN_IN))
        context = replace(wiring.context(), vault=MemoryVault(), entra=signed_in)
        began, worked = time.perf_counter(), time.process_time()
        with revoking_unkept(context):
            report = connect(context, None)
        _tell(began, worked)
        wiring.close()
        [connection] = report.connections
        assert len(connection.organizations) == COUNT
        assert int(report.exit_code) == 0, report


def urllib3() -> None:
    """The same round trips with nothing around them: the yardstick for what a call costs."""
    import ssl
    from concurrent.futures import ThreadPoolExecutor

    import urllib3 as library

    context = ssl.create_default_context(cafile=AUTHORITY)
    pool = library.PoolManager(maxsize=THREADS, ssl_context=context)
    headers = library.make_headers(basic_auth=f":{TOKEN}")
    began, worked = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(THREADS) as scheduler:
        answers = []
        for calls in (FIRST, CALLS - FIRST):
            answers += scheduler.map(
                lambda _: pool.request("GET", URL, headers=headers).status, range(calls)
            )
    _tell(began, worked)
    assert answers == [200] * CALLS


def naive() -> None:
    """Every library at once, one request after the other, each on a connection of its own."""
    import keyring  # noqa: F401
    import pydantic  # noqa: F401
    import questionary  # noqa: F401
    import requests
    import rich.console  # noqa: F401
    import typer  # noqa: F401

    began, worked = time.perf_counter(), time.process_time()
    for _ in range(CALLS):
        assert requests.get(URL, auth=("", TOKEN), verify=AUTHORITY, timeout=30).status_code == 200
    _tell(began, worked)


def _tell(began: float, worked: float) -> None:
    told = {
        "wall": time.perf_counter() - began,
        "cpu": time.process_time() - worked,
        "peak": _peak(),
    }
    sys.stdout.write(json.dumps(told) + "\n")


def _peak() -> float | None:
    try:
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123  (pathlib takes time to import)
            found = re.search(r"VmHWM:\s+(\d+)", status.read())
    except OSError:
        return None
    return int(found[1]) / 1024 if found else None


if __name__ == "__main__":
    {"ours": ours, "company": company, "urllib3": urllib3, "naive": naive}[WAY]()
