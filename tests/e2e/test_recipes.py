"""What the pages show can be done: each command line goes through the real parser, each recipe runs as far as it can.

What runs elsewhere only (Azure Pipelines, GitHub, GitLab, Docker, Kubernetes, systemd) is read by a parser of its
format, and the commands in it by ours.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
import typer
import yaml

from aspm_ado.cli.app import parser
from aspm_ado.cli.commands import COMMANDS
from aspm_ado.domain.questions import SHARED
from aspm_ado.simulator import Simulator, samples
from aspm_ado.simulator.world import SignIn

from ..minting.az import FakeAz, drawn_sign_in
from ..packaging.checkout import ROOT, Shown, commands
from .stage import Stage, drawn_token, story

RECIPES = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", RECIPES, re.MULTILINE | re.DOTALL)
SHELL = [block for language, block in BLOCKS if language == "sh"]
GENERIC = ("[", "COMMAND")
"""How a synopsis begins what it stands for."""


def parsed(words: list[str]) -> dict[str, object]:
    """The values of a command line, or whatever the parser raises."""
    group = typer.main.get_command(parser(words))
    context = group.make_context("aspm-ado", list(words))
    rest = [*getattr(context, "_protected_args", []), *context.args]
    if not rest:
        return dict(context.params)
    name, command, arguments = group.resolve_command(context, rest)  # type: ignore[attr-defined]
    return {"command": name, **command.make_context(name, list(arguments), parent=context).params}


@pytest.mark.parametrize("shown", list(commands()), ids=str)
def test_every_command_line_of_a_page_can_be_read(shown: Shown) -> None:
    words = [word for word in shown.words if not word.startswith(GENERIC)]
    if words == ["help"]:
        return
    try:
        values = parsed(words)
    except typer.Exit:  # --help and --version
        return
    known = {option.name.replace("-", "_"): option for one in COMMANDS for option in one.options}
    known |= {option.name.replace("-", "_"): option for option in SHARED}
    for name, value in values.items():
        allowed = known[name].values if name in known else ()
        for each in value if isinstance(value, list | tuple) else [value]:
            if allowed and isinstance(each, str) and not (each.isupper() or each == "…"):
                assert each in allowed or ":" in each or "/" in each, (
                    f"{shown}: {name} cannot be {each}"
                )


@pytest.mark.parametrize(
    "example", [example for command in COMMANDS for example in command.examples]
)
def test_an_example_of_help_can_be_read(example: str) -> None:
    program, _, line = example.partition(" ")
    assert program == "aspm-ado"
    parsed(Shown("help", line).words)


@pytest.mark.parametrize(
    "words", [["validate", "--nonsense"], ["connekt"], ["guide", "--request"], ["list", "extra"]]
)
def test_what_cannot_be_read_is_found(words: list[str]) -> None:
    with pytest.raises(Exception, match=r"No such|requires|unexpected"):
        parsed(words)


def of(language: str) -> list[str]:
    return [block for each, block in BLOCKS if each == language]


def test_pipelines_and_cron_jobs_are_good_yaml() -> None:
    azure, github, gitlab, kubernetes = (yaml.safe_load(block) for block in of("yaml"))
    [prove] = [step for step in azure["steps"] if "aspm-ado validate" in step.get("script", "")]
    assert list(prove["env"]) == ["ASPM_ADO_PAT"]
    [job] = github["jobs"].values()
    assert github["permissions"] == {}
    assert job["steps"][-1]["env"] == {"ASPM_ADO_PAT": "${{ secrets.ADO_PAT_FOR_ASPM }}"}
    assert gitlab["token"]["script"][1] == 'chmod 600 "$ADO_PAT_FILE"'
    [container] = kubernetes["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert parsed(container["args"])["pat_file"] == ("/run/secrets/ado/pat",)
    [mount] = container["volumeMounts"]
    assert mount["readOnly"] is True
    assert "/run/secrets/ado/pat".startswith(mount["mountPath"] + "/")


def test_the_unit_of_systemd_names_the_credential_that_it_loads() -> None:
    [block] = of("ini")
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(block)
    service = unit["Service"]
    name, _, _ = service["LoadCredential"].partition(":")
    program, *words = shlex.split(service["ExecStart"])
    assert program == "aspm-ado"
    assert parsed(words)["pat_file"] == (f"%d/{name}",)


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_what_runs_in_a_container_can_be_read(engine: str) -> None:
    [line] = [block for block in SHELL if block.startswith(engine)]
    words = shlex.split(line)
    values = parsed(words[words.index("aspm-ado-image") + 1 :])
    assert values["pat_file"] == ("/run/secrets/ado-pat",)
    [dockerfile] = of("dockerfile")
    assert dockerfile.splitlines()[-1] == 'ENTRYPOINT ["aspm-ado"]'


# ----- what can be run here -----------------------------------------------------------------------------------------

posix = pytest.mark.skipif(sys.platform == "win32", reason="the recipes are for a POSIX shell")
KEYRING = """
import json, pathlib, sys, types
path = pathlib.Path({path!r})
class Keyring:
    priority = 5
    def _all(self): return json.loads(path.read_text()) if path.exists() else {{}}
    def _put(self, kept): path.write_text(json.dumps(kept))
    def get_password(self, service, username): return self._all().get(service)
    def set_password(self, service, username, password): self._put({{**self._all(), service: password}})
    def delete_password(self, service, username):
        kept = self._all(); del kept[service]; self._put(kept)
Keyring.__module__ = "keyring.backends.SecretService"
module = types.ModuleType(Keyring.__module__)
module.Keyring = Keyring
sys.modules[Keyring.__module__] = module
"""
"""An unlocked Secret Service for a process that a shell starts."""


class Job:
    """A folder, a shell and a world; what the recipes call ``estate`` can be connected in it."""

    def __init__(self, folder: Path, simulator: Simulator, token: str) -> None:
        self.stage, self.token = Stage(folder, simulator.variable), token
        self.simulator = simulator
        program = self.stage.bin / "aspm-ado"
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m aspm_ado "$@"\n')
        program.chmod(0o700)
        site = folder / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(KEYRING.format(path=str(folder / "keyring.json")))
        self.environment = {**self.stage.environment, "PYTHONPATH": str(site)}
        self.environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.SecretService.Keyring"
        # No global end, as the stage has it, is not what the recipes are for; the day is the simulated one.
        self.secrets = folder / "secrets"
        self.secrets.mkdir(mode=0o700)

    def secret(self, name: str, value: str, mode: int = 0o600) -> None:
        for place in (self.secrets / name, self.stage.folder / name):
            place.write_text(value + "\n")
            place.chmod(mode)

    def sh(self, block: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A block as it stands on the page; only the places of its secrets are elsewhere."""
        for place in ("/run/secrets", "/mnt/c/Users/me"):
            block = block.replace(place, str(self.secrets))
        return subprocess.run(
            ["bash", "-c", block], env={**self.environment, **environment}, cwd=self.stage.folder, timeout=120,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def document(self, name: str) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.stage.folder / name).read_text())
        return found


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Callable[..., Job]]:
    running: list[Simulator] = []

    def begin(name: str = "global", **changes: object) -> Job:
        told = story(name)
        world = replace(told.world, **changes)  # type: ignore[arg-type]
        running.append(Simulator(told.scenario, world=world).start())
        made = Job(tmp_path / str(len(running)), running[-1], told.token)
        made.secret("ado-pat", told.token)
        made.secret("ado-pat.txt", told.token)
        made.secret("token.txt", told.token)
        return made

    yield begin
    for one in running:
        one.stop()


def block(beginning: str) -> str:
    """The one block of the shell that has this in it."""
    [found] = [each for each in SHELL if beginning in each]
    return found


needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not here")


@posix
def test_a_token_in_a_mounted_file(job: Callable[..., Job]) -> None:
    """The shape of it; with the values for Invicti ASPM; by a pipe; all organizations. Nothing is kept."""
    here = job()
    done = here.sh(block("--pat-file /run/secrets/ado-pat --no-input --json > report.json"))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert here.document("report.json")["verdict"] == "ready"
    done = here.sh(block("--store none --register guided"))
    assert done.returncode == 0, done.stderr
    assert "https://dev.azure.com/contoso" in done.stderr
    done = here.sh(block("cat /mnt/c/Users/me/ado-pat.txt"))
    assert (
        json.loads(done.stdout)["connections"][0]["organizations"][0]["token"]["source"] == "stdin"
    )
    done = here.sh(block("validate --all-organizations"))
    assert len(json.loads(done.stdout)["connections"][0]["organizations"]) == 2
    assert here.stage.records() == set()
    assert here.stage.draft() == {}


@posix
@needs_jq
def test_the_document_is_read_by_a_parser(job: Callable[..., Job]) -> None:
    here = job("missing-scope")
    here.sh(block("--pat-file /run/secrets/ado-pat --no-input --json > report.json") + " || true")
    told = here.sh(block('select(.status=="fail"'))
    assert told.stdout.split("\t")[:3] == ["contoso", "scope.code", "code-scope-missing"], (
        told.stderr
    )
    assert here.sh(block("days_left // 999")).returncode == 0
    report = here.document("report.json")
    report["connections"][0]["organizations"][0]["token"]["days_left"] = 3  # type: ignore[index]
    (here.stage.folder / "report.json").write_text(json.dumps(report))
    assert here.sh(block("days_left // 999")).returncode == 1


@posix
def test_every_night_with_and_without_a_keyring(job: Callable[..., Job]) -> None:
    """A stored connection, its rotation without a person, and a job in a session that has no keyring."""
    new = drawn_token()
    known = samples.token(new)
    told = story("global")
    today = datetime.now(UTC).date()  # a date that is past by this machine's clock is refused
    here = job(tokens=(known, *told.world.tokens), today=today)
    here.secret("ado-pat", new)
    connect = f"aspm-ado connect estate -o contoso --pat-file ado-pat --pat-expires {today + timedelta(days=17)}"
    connect += " --register guided --no-input"
    connect += " --aspm-url https://aspm.example.com"
    done = here.sh(connect)
    assert done.returncode == 0, done.stderr
    if shutil.which("jq"):
        night = here.sh(block("exit $code"))
        assert (night.returncode, night.stdout) == (0, "estate\tcontoso\t17\n"), night.stderr
    alone = here.sh(block("exit $code"), PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring")
    assert alone.returncode == 7
    here.secret("contoso.pat", new)
    same = here.sh(block("aspm-ado rotate estate"))
    assert same.returncode == 2, "it is the token that is in force"


@posix
def test_a_new_token_beside_the_old_one(job: Callable[..., Job]) -> None:
    first, second = samples.token(drawn_token()), samples.token(drawn_token())
    here = job(tokens=(first, second))
    here.secret("first", first.value)
    here.secret("contoso.pat", second.value)
    connect = "aspm-ado connect estate -o contoso --pat-file first --register guided --no-input --aspm-url https://a.example"
    assert here.sh(connect).returncode == 0
    done = here.sh(block("aspm-ado rotate estate"))
    assert done.returncode == 8, done.stderr
    assert here.document("rotated.json")["verdict"] == "ready-with-warnings"


@posix
def test_one_token_for_each_organization(job: Callable[..., Job]) -> None:
    """Ad hoc, and taken across by a migration: one from a file, one from a variable of the pipeline's own."""
    whole = samples.token(drawn_token())
    own = {
        name: replace(samples.token(drawn_token()), reach=name) for name in ("Contoso", "Fabrikam")
    }
    here = job(tokens=(whole, *own.values()))
    here.secret("whole", whole.value)
    for name, token in own.items():
        here.secret(f"{name.lower()}.pat", token.value)
    done = here.sh(block("validate -o contoso -o fabrikam --pat-file contoso=contoso.pat"))
    assert done.returncode == 0, done.stderr
    connect = "aspm-ado connect estate -o contoso -o fabrikam --pat-file whole --register guided --no-input"
    assert here.sh(connect + " --aspm-url https://aspm.example.com").returncode == 0
    done = here.sh(block("aspm-ado migrate estate"), FABRIKAM_PAT=own["Fabrikam"].value)
    assert done.returncode == 0, done.stderr


@posix
def test_a_token_in_every_organization(job: Callable[..., Job]) -> None:
    """Created with the sign-in of `az`, which is run twice: to list, and for the tenant. Nothing is shown."""
    sign_in = drawn_sign_in()
    places = (samples.CONTOSO, samples.FABRIKAM)
    signed = (SignIn(sign_in, samples.ADA, samples.TENANT),)
    here = job(tokens=(), organizations=places, sign_ins=signed)
    az = FakeAz(here.stage.bin, sign_in)
    here.environment["ASPM_ADO_CREATE_TOKEN"] = ""
    done = here.sh(block("--create-token require --yes"))
    assert done.returncode == 0, done.stderr
    made = [one for one in here.simulator.world.tokens if one.authorization]
    assert sorted(str(one.reach).casefold() for one in made) == ["contoso", "fabrikam"]
    asked = [call["argv"] for call in az.calls]
    assert ["--tenant" in words for words in asked] == [False, True]
    for secret in (sign_in, *(one.value for one in made)):
        assert secret not in done.stdout + done.stderr


@posix
def test_a_server_behind_a_proxy_with_an_authority_of_its_own(job: Callable[..., Job]) -> None:
    here = job("server")
    trustme.CA(organization_name="Corporate").cert_pem.write_to_path(
        str(here.stage.folder / "corporate-ca.pem")
    )
    line = block("HTTPS_PROXY=").replace("https://tfs.example.com/tfs", samples.TFS.url)
    done = here.sh(line)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["connections"][0]["base_url"] == samples.TFS.url


@posix
@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid"), reason="modes of POSIX")
def test_a_container_and_a_timer(job: Callable[..., Job]) -> None:
    """No home, no keyring, no session: nothing but PATH; and the credential of systemd, in a folder that cannot be
    written to. A file that others may read is refused, and no byte of it is shown.
    """
    here = job()
    credentials = here.secrets / "credentials"
    credentials.mkdir()
    (credentials / "ado-pat").write_text(here.token)
    (credentials / "ado-pat").chmod(0o400)
    credentials.chmod(0o500)
    bare = {name: here.environment[name] for name in ("PATH", "ASPM_ADO_SIMULATOR")}
    [unit] = of("ini")
    service = next(
        line.partition("=")[2] for line in unit.splitlines() if line.startswith("ExecStart")
    )
    for words in (
        service.replace("%d", '"$CREDENTIALS_DIRECTORY"'),
        'aspm-ado connect -o contoso --pat-file "$CREDENTIALS_DIRECTORY/ado-pat" --register none --store none --json',
    ):
        done = subprocess.run(
            ["sh", "-c", words], env={**bare, "CREDENTIALS_DIRECTORY": str(credentials)}, cwd=here.secrets, timeout=60,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["connections"][0]["organizations"]
    assert sorted(path.name for path in here.secrets.rglob("*")) == [
        "ado-pat",
        "ado-pat",
        "ado-pat.txt",
        "credentials",
        "token.txt",
    ]
    here.secret("open", here.token, 0o644)
    refused = here.sh("aspm-ado validate -o contoso --pat-file open --no-input --json")
    assert refused.returncode == 2
    assert json.loads(refused.stdout)["error"]["reason"] == "file-not-private"
    assert here.token[:12] not in refused.stdout + refused.stderr


def test_every_block_is_run_or_read() -> None:
    """A recipe that is added gets a test."""
    source = Path(__file__).read_text(encoding="utf-8")
    source += Path(__file__).with_name("test_connections_file.py").read_text(encoding="utf-8")
    named = re.findall(r"block\((['\"])(.*?)\1\)", source)
    left = [each for each in SHELL if not any(beginning in each for _, beginning in named)]
    assert [each.split()[0] for each in left] == ["docker", "podman"]
    assert {language for language, _ in BLOCKS} == {"sh", "yaml", "dockerfile", "ini", "toml"}
