"""``aspm-ado doctor``: this machine's health, fit for a ticket."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from aspm_ado.cli.output import result_width, write_document, write_lines
from aspm_ado.domain.doctor import MachineFacts, exit_code
from aspm_ado.domain.questions import CA_BUNDLE, STORE
from aspm_ado.flows.doctor import Machine, diagnose

if TYPE_CHECKING:
    from aspm_ado.cli.context import Invocation


def run_doctor(invocation: Invocation) -> int:
    """Find out, without a token and without changing anything.

    7 for the keyring or our records, 5 for the network.
    """
    from aspm_ado.render.doctor import doctor_document, doctor_lines

    found = diagnose(_machine(invocation), invocation.voice.progress)
    invocation.voice.end_progress()
    homes = _homes(invocation)
    findings = [finding.without_home(homes) for finding in found]
    if invocation.as_json:
        write_document(doctor_document(findings, invocation.at))
    else:
        write_lines(doctor_lines(findings, result_width() or 100))
    return int(exit_code(findings))


def _machine(invocation: Invocation) -> Machine:
    from aspm_ado.adapters.http.reachability import Reachability
    from aspm_ado.adapters.machine import RecordsFolder

    invocation.demand_simulator_key()
    network = Reachability(
        invocation.environment,
        ca_bundle=invocation.text(CA_BUNDLE) or None,
        timeout=invocation.timeout,
        simulator=invocation.simulator,
        trace=invocation.trace,
        note=invocation.voice.note,
    )
    return Machine(
        facts=_facts(invocation),
        vault=invocation.vault,
        folder=lambda: RecordsFolder(invocation.folder),
        records=lambda: invocation.records,
        network=network,
        now=invocation.now,
    )


def _facts(invocation: Invocation) -> MachineFacts:
    from aspm_ado.adapters.machine import installed_software

    environment = invocation.environment
    source = "as Microsoft announced it"
    if environment.get("ASPM_ADO_GLOBAL_PAT_END", "").strip():
        source = "ASPM_ADO_GLOBAL_PAT_END"
    given = {**environment, **invocation.secret_variables}
    return MachineFacts(
        software=installed_software(),
        variables=[name for name, value in given.items() if value.strip()],
        nobody_asks=invocation.nobody_asks,
        global_end=invocation.clock.global_end,
        global_end_source=source,
        keeps_secrets=environment.get(STORE.env, "").strip().lower() != "none",
        simulator=invocation.simulator,
    )


def _homes(invocation: Invocation) -> list[str]:
    """The home folder by every name that a path may begin with."""
    named = [invocation.environment.get(name, "") for name in ("HOME", "USERPROFILE")]
    with contextlib.suppress(RuntimeError):  # no home at all
        named.append(str(Path.home()))
    found = {name for home in named if home for name in (home, os.path.realpath(home))}
    return sorted(found, key=len, reverse=True)
