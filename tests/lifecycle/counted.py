"""The real command with its costs counted: ``python counted.py KEPT COUNTS ARGUMENT…``.

KEPT is a JSON object of the secrets by service, in place of a keyring. COUNTS is written at the end: round trips by
organization, connections opened, loads of certificates, reads of secrets, and the most memory that the process had.
"""

import json
import ssl
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from aspm_ado.__main__ import main
from aspm_ado.adapters.http import transport
from aspm_ado.adapters.http.wire import Addresses
from aspm_ado.adapters.keyring.vault import KeyringVault
from aspm_ado.flows.validation.scheduler import Scheduler

AZURE = ("dev.azure.com", "vssps.dev.azure.com", "vsaex.dev.azure.com")
kept, counts = Path(sys.argv[1]), Path(sys.argv[2])
rounds: Counter[str] = Counter()
reads: Counter[str] = Counter()
opened: list[str] = []
loads: list[str] = []


class Kept:
    """A keyring out of a file."""

    def __init__(self) -> None:
        self._secrets = json.loads(kept.read_text())

    def get_password(self, service, username):
        """Count, and give."""
        reads[service] += 1
        return self._secrets.get(service)


def whose(call):
    """The organization that a call is about, or the host where it is about none."""
    parts = urlsplit(call.url)
    return parts.path.split("/")[1].lower() if parts.hostname in AZURE else parts.hostname


def walked(errand):
    """The errand, each of its round trips counted for whom it asks about; the account host has no organization."""
    replies = None
    while True:
        try:
            calls = errand.send(replies)
        except StopIteration as end:
            return end.value
        for one in {whose(call) for call in calls} - {"app.vssps.visualstudio.com"}:
            rounds[one] += 1
        replies = yield calls


def watch():
    """Put the counters in."""
    KeyringVault.__init__.__kwdefaults__["opener"] = lambda environment, platform: Kept()
    run_all, connect = Scheduler.run_all, Addresses.connect
    load = ssl.SSLContext.load_verify_locations
    Scheduler.run_all = lambda self, errands, then=None: run_all(
        self, map(walked, errands), then and (lambda done: map(walked, then(done)))
    )
    Addresses.connect = lambda self, host, *rest: (opened.append(host), connect(self, host, *rest))[
        1
    ]
    ssl.SSLContext.load_verify_locations = lambda self, **places: (
        loads.append(""),
        load(self, **places),
    )[1]
    transport.back_off = lambda attempt, jitter: 0.0  # how long it waits is another test's business


watch()
code = main(sys.argv[3:])
peak = next(
    (
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ),
    "0 0",
)
counts.write_text(
    json.dumps(
        {
            "rounds": rounds,
            "opened": len(opened),
            "loads": len(loads),
            "reads": reads,
            "peak_kib": int(peak.split()[1]),
        }
    )
)
sys.exit(code)
