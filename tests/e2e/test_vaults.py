"""Tokens in a vault: every recipe of the page runs with stand-ins, and nothing of a command is shown or stored."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aspm_ado.simulator import Simulator, samples

from . import vaults
from .stage import drawn_token, story
from .test_recipes import Job

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")
ASPM = "--register guided --aspm-url https://aspm.example.com --no-input --json"


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """Two organizations, each with a token of its own in every vault, and a newer one for contoso."""
    tokens = {name: drawn_token() for name in ("contoso", "fabrikam", "newer")}
    own = [
        replace(samples.token(value), reach={"fabrikam": "Fabrikam"}.get(name, "Contoso"))
        for name, value in tokens.items()
    ]
    told = story("global")
    world = replace(told.world, tokens=tuple(own))
    with Simulator(told.scenario, world=world) as simulator:
        made = Job(tmp_path, simulator, tokens["contoso"])
        made.tokens = tokens  # type: ignore[attr-defined]
        made.environment["ASPM_ADO_REACH"] = "organization"
        vaults.install(made.stage.bin, tokens)
        yield made


BOTH_WAYS = [block.splitlines() for block in vaults.BLOCKS if "aspm-ado validate" in block]


@pytest.mark.parametrize("line", [lines[0] for lines in BOTH_WAYS], ids=list(vaults.PROGRAMS))
def test_a_token_comes_from_each_vault(job: Job, line: str) -> None:
    done = job.sh(line)
    assert done.returncode == 0, done.stderr
    [connection] = json.loads(done.stdout)["connections"]
    [organization] = connection["organizations"]
    assert organization["token"]["source"] == "command"
    assert organization["token"]["last4"] == job.token[-4:]
    words = shlex.split(line)
    program, *arguments = words[words.index("--pat-command") + 1].split()
    assert program in vaults.PROGRAMS
    assert " ".join(arguments[:2]) not in done.stdout + done.stderr
    refused = job.sh(line.replace("contoso", "nobody"))
    assert refused.returncode == 2
    assert json.loads(refused.stdout)["error"]["reason"] == "token-command-failed"
    assert f"{program}: no" not in refused.stdout + refused.stderr


@pytest.mark.parametrize(
    ("program", "line"),
    list(zip(vaults.PROGRAMS, [lines[1] for lines in BOTH_WAYS], strict=True)),
    ids=list(vaults.PROGRAMS),
)
def test_a_token_goes_into_each_vault_and_nowhere_else(job: Job, program: str, line: str) -> None:
    if " jq " in line and shutil.which("jq") is None:
        pytest.skip("jq is not here")
    job.secret("ado-pat", job.token)
    connect = "aspm-ado connect -o contoso --pat-file ado-pat --register none --no-input"
    assert job.sh(connect).returncode == 0
    place = vaults.store(job.stage.bin, program, "contoso")
    place.write_text("before")
    done = job.sh(f"set -o pipefail; {line}")
    assert done.returncode == 0, done.stderr
    assert place.read_text() == job.token
    assert job.token not in done.stdout + done.stderr


def test_each_organization_has_a_command_and_none_is_stored(job: Job) -> None:
    """By options, then by lines of the variable; a rotation takes what the vault has now."""
    [connect] = [block for block in vaults.BLOCKS if "aspm-ado connect" in block]
    done = job.sh(f"{connect.strip()} {ASPM}")
    assert done.returncode == 0, done.stderr
    organizations = json.loads(done.stdout)["connections"][0]["organizations"]
    tokens = job.tokens  # type: ignore[attr-defined]
    assert {one["name"]: one["token"]["last4"] for one in organizations} == {
        name: tokens[name][-4:] for name in ("contoso", "fabrikam")
    }
    for path in job.stage.folder.rglob("*"):
        if path.is_file() and path.parent != job.stage.bin:
            assert b"kv get" not in path.read_bytes(), path
    lines = "contoso=pass show ado/contoso\nop read --no-newline op://Team/ado-pat-fabrikam/credential\n"
    adhoc = "aspm-ado validate -o contoso -o fabrikam --no-input --json"
    done = job.sh(adhoc, ASPM_ADO_PAT_COMMAND=lines, ASPM_ADO_PAT="x" * 30)
    assert done.returncode == 0, done.stderr
    assert "pass show" not in done.stdout + done.stderr
    stored = job.sh("aspm-ado validate --no-input", ASPM_ADO_PAT_COMMAND=lines)
    assert "ASPM_ADO_PAT_COMMAND is set and not used" in stored.stderr
    assert "pass show" not in stored.stdout + stored.stderr
    [rotate] = [block for block in vaults.BLOCKS if "aspm-ado rotate" in block]
    vaults.install(job.stage.bin, {"contoso": tokens["newer"]})
    done = job.sh(rotate.replace("rotate contoso", "rotate contoso -o contoso"))
    assert done.returncode == 8, done.stderr
    [organization] = json.loads(done.stdout)["connections"][0]["organizations"]
    assert organization["token"]["last4"] == tokens["newer"][-4:]


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (["--pat-command", "other=pass show ado/contoso"], {}),
        (["--pat-command", "nowhere"], {}),
        ([], {"ASPM_ADO_PAT_COMMAND": "pass show nothing", "ASPM_ADO_PAT": "x" * 30}),
    ],
)
def test_a_command_that_fails_ends_the_run_before_any_request(
    job: Job, words: list[str], environment: dict[str, str]
) -> None:
    line = shlex.join(
        ["aspm-ado", "validate", "-o", "contoso", *words, "--no-input", "--json", "-v"]
    )
    done = job.sh(line, **environment)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["reason"] == "token-command-failed"
    assert "GET" not in done.stderr
    for shown in ("pass show", "nowhere"):
        assert shown not in done.stdout + done.stderr
