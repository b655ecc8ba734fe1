"""``connect --from FILE.toml``: each connection as if typed, one that fails keeps no other, and no secret in the file."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from aspm_ado.cli.commands.connect import read_connections
from aspm_ado.domain.questions import CONNECTION_KEYS, PAT_EXPIRES
from aspm_ado.domain.reasons import Reason, UsageError
from aspm_ado.simulator import Simulator, samples

from ..packaging.checkout import ROOT
from . import vaults
from .stage import drawn_token, story
from .test_recipes import BLOCKS, Job, block

posix = pytest.mark.skipif(sys.platform == "win32", reason="the recipe is for a POSIX shell")
[EXAMPLE] = [text for language, text in BLOCKS if language == "toml"]
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "connections.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
ONE = '[[connection]]\norganization = "contoso"\n'


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """What the example of the page names, in a world where all of it is good."""
    tokens = {name: drawn_token() for name in ("contoso", "fabrikam", "mirror")}
    reaches = {"contoso": "Contoso", "fabrikam": "Fabrikam", "mirror": "Contoso"}
    own = [replace(samples.token(tokens[name]), reach=reaches[name]) for name in tokens]
    told = story("global")
    with Simulator(told.scenario, world=replace(told.world, tokens=tuple(own))) as simulator:
        made = Job(tmp_path, simulator, tokens["contoso"])
        made.secret("contoso.pat", tokens["contoso"])
        made.environment["MIRROR_PAT"] = tokens["mirror"]
        vaults.install(made.stage.bin, tokens)
        file = made.stage.folder / "connections.toml"
        soon = (datetime.now(UTC) + timedelta(days=30)).date()
        example = EXAMPLE.replace("2027-03-31", soon.isoformat())
        file.write_text(example.replace("/run/secrets", str(made.secrets)))
        yield made


def catalog(job: Job) -> str:
    [records] = job.stage.folder.rglob("catalog.json")
    return records.read_text()


def stored(job: Job) -> Any:
    """Everything on record but the moment of the last validation, and every secret."""
    text = re.sub(r'"validated": "[^"]*"', "", catalog(job))
    return text, json.loads((job.stage.folder / "keyring.json").read_text())


@posix
def test_the_example_is_connected_and_a_second_run_changes_nothing(job: Job) -> None:
    plan, make = block("connect --from").splitlines()
    done = job.sh(plan)
    assert done.returncode == 0, done.stderr
    assert job.stage.records() == set()
    for name in ("web (1 of 2)", "mirror (2 of 2)", "fabrikam"):
        assert name in done.stderr
    done = job.sh(make)
    assert done.returncode == 0, done.stderr
    connections = job.document("connected.json")["connections"]
    assert [one["name"] for one in connections] == ["web", "mirror"]  # type: ignore[union-attr,index]
    before = stored(job)
    assert len(before[1]) == 3
    assert job.sh(make).returncode == 0
    assert stored(job) == before
    for secret in (job.token, job.environment["MIRROR_PAT"]):
        assert secret not in done.stderr + before[0]


@posix
def test_one_that_fails_keeps_no_other_from_being_made(job: Job) -> None:
    """For want of a file, for a token that is none, for an address; the last is good, and the gravest code wins.

    A 2 that did not end the run is less grave than what was found out, and keeps no report from being written.
    """
    lines = [
        'name = "a"\norganization = "contoso"\npat-file = "gone.pat"',
        'name = "b"\norganization = "nobody"\npat-variable = "nobody=MIRROR_PAT"',
        'name = "c"\nserver-url = "ftp://tfs"\npat-file = "contoso.pat"',
        'name = "d"\norganization = "contoso"\npat-file = "contoso.pat"\nca-bundle = "gone.pem"',
        'name = "e"\norganization = "contoso"\npat-file = "contoso.pat"',
        'name = "F!"\norganization = "contoso"\npat-file = "contoso.pat"',
        'name = "g"\norganization = "contoso"\npat-file = "contoso.pat"\nstore = "x"',
    ]
    text = "".join(
        f'[[connection]]\nregister = "none"\nreach = "organization"\n{one}\n' for one in lines
    )
    (job.stage.folder / "f.toml").write_text(text)
    line = "aspm-ado connect --from f.toml --no-input --json --report r.json"
    done = job.sh(line)
    document = json.loads(done.stdout)
    assert (done.returncode, document["exit_code"], document["error"]) == (3, 3, None)
    assert job.document("r.json") == document
    found = {
        one["name"]: [check["reason"] for check in one["organizations"][0]["checks"]]
        for one in document["connections"]
    }
    assert list(found) == ["a", "b", "c", "d", "e", "F!", "g"]
    assert found["F!"] == found["g"] == ["input-invalid"]
    unreadable = ["file-unreadable"]
    assert (found["a"], found["c"], found["d"]) == (unreadable, ["url-invalid"], unreadable)
    assert list(json.loads(catalog(job))["connections"]) == ["e"]
    for name in "abcdg":
        assert f"Warning: {name}: " in done.stderr or name == "b"
    assert "Check its name" not in done.stderr, "what to do is said once, at the end"
    for kept, code, has_news in (("ae", 2, True), ("a", 2, False), ("e", 0, True)):
        (job.stage.folder / "r.json").write_text("{}")
        chosen = "".join(
            f'[[connection]]\nregister = "none"\nreach = "organization"\n{one}\n'
            for one in lines
            if one[8] in kept
        )
        (job.stage.folder / "f.toml").write_text(chosen)
        assert job.sh(line).returncode == code
        assert bool(job.document("r.json")) == has_news


@posix
def test_what_is_typed_holds_for_each_connection_that_does_not_say_otherwise(job: Job) -> None:
    file = job.stage.folder / "f.toml"
    file.write_text('[[connection]]\norganization = "contoso"\n[[connection]]\nname = "other"\n'
                    'organization = "contoso"\nstore = "keyring"\npat-file = "contoso.pat"\n')  # fmt: skip
    line = "aspm-ado connect --from f.toml --reach organization --register none --store none --no-input"
    environment = {
        "ASPM_ADO_ORGANIZATION": "fabrikam",
        "ASPM_ADO_PAT_COMMAND": "vault kv get -mount=secret -field=pat ado/contoso",
    }
    done = job.sh(line, **environment)
    assert done.returncode == 0, done.stderr
    assert list(json.loads(catalog(job))["connections"]) == ["other"]
    assert "fabrikam" not in done.stderr
    for words in ("NAME", "-o contoso", "--pat-file contoso.pat", "--all-organizations"):
        refused = job.sh(f"aspm-ado connect {words} --from f.toml --no-input --json")
        assert json.loads(refused.stdout)["error"]["reason"] in ("usage", "input-invalid")


@posix
def test_who_leaves_has_the_finished_connections_in_the_document(job: Job) -> None:
    one = 'register = "none"\nreach = "organization"\norganization = "contoso"\n'
    (job.stage.folder / "f.toml").write_text(
        f'[[connection]]\nname = "a"\n{one}pat-file = "contoso.pat"\n'
        f'[[connection]]\nname = "b"\n{one}pat-command = "sleep 60"\n'
    )
    words = "connect --from f.toml --no-input --json --report r.json"
    with subprocess.Popen(
        [job.stage.bin / "aspm-ado", *words.split()], env=job.environment, cwd=job.stage.folder,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        assert run.stderr
        assert any("b (2 of 2)" in line for line in run.stderr)
        run.send_signal(signal.SIGINT)
        document = json.loads(run.communicate(timeout=60)[0])
    assert (run.returncode, document["exit_code"]) == (130, 130)
    assert document["error"]["reason"] == "interrupted"
    assert [one["name"] for one in document["connections"]] == ["a"]
    assert job.document("r.json") == document


TOKEN = drawn_token()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.INPUT_INVALID),
        ("connection = []", Reason.INPUT_INVALID),
        ("connection = 3", Reason.INPUT_INVALID),
        ("[connection]", Reason.INPUT_INVALID),
        ("connection = [1]", Reason.INPUT_INVALID),
        (f"other = 1\n{ONE}", Reason.INPUT_INVALID),
        (f"{ONE}hush", Reason.INPUT_INVALID),
        (f"{ONE}a = {'[' * 3000}", Reason.INPUT_INVALID),
        (f"{ONE}pat = 'hush'", Reason.INPUT_INVALID),
        (f"{ONE}aspm-token = 'hush'", Reason.INPUT_INVALID),
        (f"{ONE}pat_file = 'hush'", Reason.INPUT_INVALID),
        (f"{ONE}pat-stdin = true", Reason.INPUT_INVALID),
        (f"{ONE}dry-run = true", Reason.INPUT_INVALID),
        (f"{ONE}from = 'hush'", Reason.INPUT_INVALID),
        (f"{ONE}'hush hush' = 1", Reason.INPUT_INVALID),
        (f"{ONE}pat-file = 1", Reason.INPUT_INVALID),
        (f"{ONE}pat-file = [['hush']]", Reason.INPUT_INVALID),
        (f"{ONE}purpose = ['alm']", Reason.INPUT_INVALID),
        (f"{ONE}allow-http = 'yes'", Reason.INPUT_INVALID),
        (f"{ONE}pat-expires = 2026-12-31T00:00:00", Reason.INPUT_INVALID),
        (f"{ONE}pat-expires = 10:00:00", Reason.INPUT_INVALID),
        (f"{ONE}pat-expires = '2026-12-31T00:00:00Z'", Reason.INPUT_INVALID),
        (f"{ONE}pat-expires = 'hush'", Reason.INPUT_INVALID),
        (f"{ONE}name = 1", Reason.INPUT_INVALID),
        (f"{ONE}name = 'D!'", Reason.INPUT_INVALID),
        (f"{ONE}name = ''", Reason.INPUT_INVALID),
        (f"{ONE}reach = 'both'", Reason.INPUT_INVALID),
        (f"{ONE}team-leads-may = ['fetch-projects', 'x']", Reason.INPUT_INVALID),
        (f"{ONE}pat-file = '$(HUSH)'", Reason.VARIABLE_NOT_EXPANDED),
        (f"{ONE}pat-file = '{TOKEN}'", Reason.SECRET_AS_VALUE),
        (f"{ONE}pat-command = 'echo {TOKEN}'", Reason.SECRET_AS_VALUE),
        (f"{ONE}# {TOKEN}", Reason.SECRET_AS_VALUE),
        (f"{ONE}{TOKEN} = 1", Reason.SECRET_AS_VALUE),
        (f'{ONE}pat-file = "\\u{ord(TOKEN[0]):04x}{TOKEN[1:]}"', Reason.SECRET_AS_VALUE),
    ],
)
def test_what_is_no_file_of_connections_is_refused_before_anything_of_it_is_used(
    tmp_path: Path, text: str, reason: Reason
) -> None:
    path = tmp_path / "f.toml"
    path.write_text(text)
    error = refusal(path)
    assert error.reason is reason
    said = f"{error.problem} {error.remedy}"
    assert "hush" not in said
    assert TOKEN[1:] not in said
    if reason is Reason.INPUT_INVALID:
        with pytest.raises((jsonschema.ValidationError, tomllib.TOMLDecodeError, RecursionError)):
            VALIDATOR.validate(document(text))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f"{ONE}purpose = 3", ", connection 1 (line 3): “purpose” is not text."),
        (f"{ONE}\n{ONE}collection = {{a = 1}}", ", connection 2 (line 6): “collection” is not"),
        (f"{ONE}organisation = 'x'", ", connection 1 (line 3): “organisation” is not a valid key"),
        (
            f"{ONE}pat-expires = 2026-12-31T00:00:00",
            ", connection 1 (line 3): “pat-expires” is not a date",
        ),
        (f"{ONE}purpose = '$(PURPOSE)'", ", connection 1 (line 3): --purpose is “$(PURPOSE)”: a"),
        (
            f"{ONE}store = 'x'\n{ONE}",
            ", connection 1 (line 3): “x” is not an answer for --store.",
        ),
        (
            f"{ONE}\n{ONE}name = 'D!'",
            ", connection 2 (line 6): “D!” cannot be the name of a connection.",
        ),
        (
            f"{ONE}pat-expires = '31.12.2026'",
            ", connection 1 (line 3): --pat-expires is not a date.",
        ),
        *(
            (
                f'{ONE}{key} = "a\\u0000b"',
                f", connection 1 (line 3): --{key}: a path cannot contain",
            )
            for key in ("pat-file", "ca-bundle", "aspm-token-file", "registration-profile")
        ),
        (f"{ONE}'purpose'=1.5", ", connection 1 (line 3): “purpose” is not text."),
        (
            f"\ufeff{ONE}reach = 1".replace("\n", "\r\n"),
            ", connection 1 (line 3): “reach” is not text.",
        ),
        (
            f'{ONE}name = "a"\n{ONE}name = "a"',
            ", connection 2 (line 6): Another connection has the name “a”",
        ),
        (f"{ONE}organization = 'x'\n", ": The file is not valid TOML at line 3, column "),
        (f"{ONE}purpose = {'9' * 5000}", ": The file is not valid TOML."),
        (f"{ONE}purpose = \x00", ": The file is not valid TOML at line 3, column "),
    ],
)
def test_a_refusal_is_one_sentence_with_the_line(tmp_path: Path, text: str, where: str) -> None:
    path = tmp_path / "f.toml"
    path.write_bytes(text.encode())
    error = refusal(path)
    assert error.exit_code == 2
    assert error.problem.startswith(f"--from {path}{where}")


def refusal(path: Path) -> UsageError:
    """What the file, or else one connection of it, is refused for."""
    try:
        found = read_connections(str(path), pytest.fail)
    except UsageError as error:
        return error
    [mistake] = [one.mistake for one in found if one.mistake is not None]
    return mistake


def document(text: str) -> object:
    """The TOML as an editor hands it to a schema: days and moments are text."""
    return json.loads(json.dumps(tomllib.loads(text), default=str))


def test_the_file_may_be_absent_or_no_text(tmp_path: Path) -> None:
    for raw in (None, b"\xff\xfe[", b"#" * (1024 * 1024 + 1)):
        path = tmp_path / "f.toml"
        if raw is not None:
            path.write_bytes(raw)
        with pytest.raises(UsageError) as caught:
            read_connections(str(path), pytest.fail)
        assert caught.value.exit_code == 2


def test_every_key_of_the_schema_is_read_as_its_option_would_be(tmp_path: Path) -> None:
    properties = SCHEMA["properties"]["connection"]["items"]["properties"]
    assert set(properties) == {"name", *(one.name for one in CONNECTION_KEYS)}
    VALIDATOR.check_schema(SCHEMA)
    VALIDATOR.validate(document(EXAMPLE))
    path = tmp_path / "f.toml"
    for question in CONNECTION_KEYS:
        first = "2027-03-31" if question is PAT_EXPIRES else "/x"
        value = json.dumps(next(iter(question.values), first))
        forms = [(value, 1), (f"[{value}, {value}]", 2)] if question.repeat else [(value, 1)]
        for text, number in [("true", 1), ("false", 0)] if question.switch else forms:
            written = f'[[connection]]\nname = "n"\n{question.name} = {text}\n'
            VALIDATOR.validate(document(written))
            path.write_bytes(b"\xef\xbb\xbf" + written.encode())
            [one] = read_connections(str(path), pytest.fail)
            assert one.name == "n"
            assert len(one.answers[question.name].values if number else ()) == number
            assert question.name in one.keys
