"""``aspm-ado doctor``: this machine's health, fit for a ticket."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from aspm_ado.cli.output import width_of_result, write_document, write_lines
from aspm_ado.domain.doctor import exit_code
from aspm_ado.domain.questions import CA_BUNDLE, NO_INPUT, STORE, VERBOSE
from aspm_ado.flows.doctor import Patient, diagnose

if TYPE_CHECKING:
    from aspm_ado.adapters.machine_folder import RecordsFolder
    from aspm_ado.cli.context import Wiring


def run(wiring: Wiring) -> int:
    """Find out, without a token and without changing anything; 7 for keyring or records, 5 for the network."""
    from aspm_ado.render.doctor import document, lines

    found = diagnose(_patient(wiring), wiring.voice.progress)
    wiring.voice.end_progress()
    homes = _homes(wiring)
    findings = tuple(finding.hiding(homes) for finding in found)
    if wiring.as_json:
        write_document(document(findings, wiring.now().strftime("%Y-%m-%dT%H:%M:%SZ")))
    else:
        write_lines(lines(findings, width_of_result() or 100))
    return int(exit_code(findings))


def _patient(wiring: Wiring) -> Patient:
    from aspm_ado.adapters.http.reachability import Reachability
    from aspm_ado.adapters.machine import software
    from aspm_ado.adapters.terminal.prompter import can_ask

    network = Reachability(
        wiring.environment,
        ca_bundle=wiring.text(CA_BUNDLE) or None,
        timeout=wiring.timeout,
        simulator=wiring.simulator,
        trace=wiring.voice.trace if wiring.on(VERBOSE) else None,
    )
    environment = wiring.environment
    end = environment.get("ASPM_ADO_GLOBAL_PAT_END", "").strip()
    _, nobody_asks = can_ask(environment, sys.stdin, sys.stderr, sys.stdout, wiring.on(NO_INPUT))
    return Patient(
        software=software,
        variables=[
            name
            for name, value in {**environment, **wiring.secret_variables}.items()
            if value.strip()
        ],
        nobody_asks=nobody_asks,
        global_end=wiring.clock.global_end,
        global_end_source="ASPM_ADO_GLOBAL_PAT_END" if end else "as Microsoft announced it",
        vault=wiring.vault,
        keeps_secrets=environment.get(STORE.env, "").strip().lower() != "none",
        folder=lambda: _folder(wiring),
        records=lambda: wiring.records,
        network=network,
        send=network.send,
        simulator=wiring.simulator,
        now=wiring.now,
        stopwatch=time.perf_counter,
    )


def _folder(wiring: Wiring) -> RecordsFolder:
    from aspm_ado.adapters.machine_folder import RecordsFolder

    return RecordsFolder(wiring.folder)


def _homes(wiring: Wiring) -> list[str]:
    """The home folder by every name that a path may begin with."""
    named = [wiring.environment.get(name, "") for name in ("HOME", "USERPROFILE")]
    with contextlib.suppress(RuntimeError):  # no home at all
        named.append(str(Path.home()))
    found = {name for home in named if home for name in (home, os.path.realpath(home))}
    return sorted(found, key=len, reverse=True)
