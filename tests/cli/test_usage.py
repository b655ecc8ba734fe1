"""What is refused before any request: exit 2, and with --json exactly one valid document."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aspm_ado.cli.commands import WORDS
from aspm_ado.simulator import Simulator

from .conftest import PAT, Done, Run

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"
HERE = ("-o", "contoso")
SERVER = "https://tfs.example.test/tfs/Main"

# words · variables · reason ({file} is a file with a token)
ROWS: dict[str, tuple[tuple[str, ...], dict[str, str], str]] = {
    "unknown option": (("validate", "--nonsense"), {}, "usage"),
    "unknown short option": (("validate", "-Z"), {}, "usage"),
    "unknown command": (("frobnicate",), {}, "usage"),
    "an option without its value": (("validate", "--reach"), {}, "usage"),
    "an argument too many": (("list", "contoso"), {}, "usage"),
    "both deployments": (("validate", *HERE, "--server-url", SERVER), {}, "usage"),
    "a collection of nothing": (("validate", "--collection", "Main"), {}, "usage"),
    "names and a place": (("validate", "contoso", *HERE), {}, "usage"),
    "two tokens": (("validate", *HERE, "--pat-file", "{file}", "--pat-file", "{file}"), {}, "usage"),
    "$(NAME) in a flag": (("validate", "-o", "$(ORGANIZATION)"), {}, "variable-not-expanded"),
    "$(NAME) in a variable": (("validate",), {"ASPM_ADO_ORGANIZATION": "$(ORG)"}, "variable-not-expanded"),
    "$(NAME) as a token": (("validate", *HERE), {"ASPM_ADO_PAT": "$(PAT)"}, "variable-not-expanded"),
    "$(NAME) in a list": (
        ("validate", "-o", "contoso", "-o", "$(ORG)", "--pat-file", "{file}"),
        {},
        "variable-not-expanded",
    ),
    "a bad switch": (("validate", *HERE), {"ASPM_ADO_READ_ONLY_PROBES": "maybe"}, "input-invalid"),
    "a bad shared switch": (("list",), {"ASPM_ADO_QUIET": "2"}, "input-invalid"),
    "no such purpose": (("validate", *HERE, "--purpose", "alms", "--pat-file", "{file}"), {}, "input-invalid"),
    "no such reach": (("validate", *HERE, "--reach", "every", "--pat-file", "{file}"), {}, "input-invalid"),
    "no such day": (("validate", *HERE, "--pat-expires", "soon", "--pat-file", "{file}"), {}, "input-invalid"),
    "no repository": (("validate", *HERE, "--check-clone", "a/b/c", "--pat-file", "{file}"), {}, "input-invalid"),
    "no username": (("validate", *HERE, "--clone-username", "a:b", "--pat-file", "{file}"), {}, "input-invalid"),
    "no time": (("validate", *HERE, "--timeout", "0", "--pat-file", "{file}"), {}, "input-invalid"),
    "too much time": (("validate", *HERE, "--timeout", "soon", "--pat-file", "{file}"), {}, "input-invalid"),
    "a day that is none": (
        ("validate", *HERE, "--pat-file", "{file}"),
        {"ASPM_ADO_GLOBAL_PAT_END": "later"},
        "input-invalid",
    ),
    "a token file that is empty": (("validate", *HERE, "--pat-file", "{empty}"), {}, "token-empty"),
    "empty, though a variable is set": (
        ("validate", *HERE, "--pat-file", "{empty}"),
        {"ASPM_ADO_PAT": PAT},
        "token-empty",
    ),
    "a token file that is not there": (("validate", *HERE, "--pat-file", "/nowhere"), {}, "file-unreadable"),
    "a folder as a token file": (("validate", *HERE, "--pat-file", "/"), {}, "file-unreadable"),
    "a CA bundle that is not there": (
        ("validate", *HERE, "--pat-file", "{file}", "--ca-bundle", "/nowhere"),
        {},
        "file-unreadable",
    ),
    "an Entra token": (("validate", *HERE), {"ASPM_ADO_PAT": JWT}, "token-is-entra"),
    "a control character": (("validate", *HERE, "--pat-file", "{control}"), {}, "token-malformed"),
    "a token as a word": ((PAT,), {}, "secret-as-value"),
    "a password behind a space": (
        ("validate", "-o", "https://x y:hunter2@dev.azure.com/contoso"),
        {},
        "url-invalid",
    ),
    "a password where a port belongs": (
        ("validate", "--server-url", "https://tfs.example.test:hunter2/tfs"),
        {},
        "url-invalid",
    ),
    "a password behind the name of an organization": (
        ("validate", "-o", "contoso:hunter2"),
        {},
        "url-invalid",
    ),
    "a password before a broken port": (
        ("validate", "--server-url", "https://x:hunter2@tfs.example.test:99999/tfs"),
        {},
        "url-invalid",
    ),
    "another product": (("validate", "-o", "https://github.com/acme/web"), {}, "url-invalid"),
    "another product as a server": (("validate", "--server-url", "https://gitlab.com/acme"), {}, "url-invalid"),
    "a page where people sign in": (
        ("validate", "-o", "https://login.microsoftonline.com/common"),
        {},
        "url-invalid",
    ),
    "a look-alike": (("validate", "-o", "https://dev.azure.com.evil.example/contoso"), {}, "url-invalid"),
    "a password in an address": (("validate", "-o", "https://x:hunter2@dev.azure.com/contoso"), {}, "url-invalid"),
    "Services without TLS": (("validate", "-o", "http://dev.azure.com/contoso"), {}, "http-refused"),
    "a server without TLS": (("validate", "--server-url", "http://tfs.example.test/tfs/Main"), {}, "http-refused"),
    "an ASPM without TLS": (
        ("connect", *HERE, "--pat-file", "{file}", "--aspm-url", "http://aspm.example.test"),
        {},
        "http-refused",
    ),
    "an ASPM without TLS, though allowed": (
        ("connect", *HERE, "--pat-file", "{file}", "--aspm-url", "http://aspm.example.test", "--allow-http"),
        {},
        "http-refused",
    ),
    "no place": (("validate", "--all-organizations"), {}, "input-missing"),
    "no token": (("validate", *HERE), {}, "input-missing"),
    "no collection": (("validate", "--server-url", "https://tfs.test", "--pat-file", "{file}"), {}, "input-missing"),
    "no ASPM": (("connect", *HERE, "--pat-file", "{file}"), {}, "input-missing"),
    "nothing at all": (("connect",), {}, "input-missing"),
    "no profile": (
        ("connect", *HERE, "--pat-file", "{file}", "--aspm-url", "https://a.test", "--register", "api"),
        {},
        "input-missing",
    ),
    "a bad name": (("connect", "Con toso", *HERE, "--pat-file", "{file}", "--register", "none"), {}, "input-invalid"),
    "a setting without its other": (
        ("connect", *HERE, "--pat-file", "{file}", "--aspm-url", "https://a.test", "--store", "none",
         "--team-leads-may", "fetch-projects"),
        {},
        "input-invalid",
    ),
    "a setting of another API": (
        ("connect", *HERE, "--pat-file", "{file}", "--aspm-url", "https://a.test", "--store", "none",
         "--aspm-api", "core", "--team-leads-may", "create-instances"),
        {},
        "input-invalid",
    ),
    "nothing stored": (("validate",), {}, "nothing-stored"),
    "nothing stored of that name": (("validate", "contoso"), {}, "nothing-stored"),
    "no hand-off": (("handoff", "contoso"), {}, "nothing-stored"),
    "no such scenario": (("demo", "--scenario", "dream"), {}, "input-invalid"),
    "a guide for nothing": (("guide",), {}, "input-missing"),
    "a guide for a whole server": (("guide", "--server-url", "https://tfs.example.test/tfs"), {}, "input-missing"),
}  # fmt: skip
if sys.platform != "win32":  # which has no such modes
    ROWS["a token file that others may read"] = (
        ("validate", *HERE, "--pat-file", "{open}"),
        {},
        "file-not-private",
    )
    ROWS["the file of an API token that others may read"] = (
        ("connect", *HERE, "--pat-file", "{file}", "--aspm-url", "https://a.test", "--aspm-token-file", "{open}",
         "--store", "none"),
        {},
        "file-not-private",
    )  # fmt: skip


@pytest.fixture
def refused(
    run: Run,
    simulate: Callable[[str], Simulator],
    monkeypatch: pytest.MonkeyPatch,
    token_file: Callable[..., str],
) -> Callable[..., Done]:
    """Run a row with its variables, and assert that nobody was asked anything."""
    files = {
        "file": token_file(),
        "empty": token_file("\n", "empty.txt"),
        "control": token_file(PAT[:40] + "\x1b" + PAT[40:], "control.txt"),
        "open": token_file(PAT, "open.txt"),
    }
    Path(files["open"]).chmod(0o644)
    simulator = simulate("global")

    def refuse(words: tuple[str, ...], variables: dict[str, str], *more: str) -> Done:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        filled = [word.format(**files) if word.startswith("{") else word for word in words]
        done = run(*more, *filled)
        assert done.code == 2
        assert simulator.requests == []
        assert PAT not in done.out + done.err
        return done

    return refuse


@pytest.mark.parametrize("row", ROWS)
def test_with_json_it_is_one_valid_document(row: str, refused: Callable[..., Done]) -> None:
    words, variables, reason = ROWS[row]
    done = refused(words, variables, "--json", "--no-input")
    assert done.reason == reason
    document = done.document
    assert document["verdict"] == "unknown"
    assert document.get("day_source", "local") == "local"
    assert document["command"] == (words[0] if words[0] in WORDS else "")
    assert document.get("connections", []) == []


@pytest.mark.parametrize("row", [row for row in ROWS if row.startswith("a password")])
def test_a_password_is_never_repeated(row: str, refused: Callable[..., Done]) -> None:
    words, variables, _ = ROWS[row]
    for more in (("--json",), ("--verbose",)):
        done = refused(words, variables, *more, "--no-input")
        assert "hunter2" not in done.out + done.err


@pytest.mark.parametrize(
    "row", ["unknown option", "no token", "a look-alike", "nothing stored", "a bad switch"]
)
def test_without_json_it_is_a_sentence_on_stderr(row: str, refused: Callable[..., Done]) -> None:
    words, variables, _ = ROWS[row]
    done = refused(words, variables, "--no-input")
    assert done.out == ""
    assert done.err.strip()


@pytest.mark.parametrize("row", ["unknown option", "unknown command", "no token", "a bad switch"])
def test_the_variable_asks_for_a_document_too(
    row: str, refused: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASPM_ADO_JSON", "1")
    words, variables, reason = ROWS[row]
    assert refused(words, variables, "--no-input").reason == reason


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("no token", ("--pat-file", "--pat-stdin", "ASPM_ADO_PAT")),
        ("no ASPM", ("--aspm-url", "INVICTI_ASPM_HOST", "--register none")),
        ("no collection", ("--collection", "ASPM_ADO_COLLECTION")),
        (
            "nothing at all",
            ("--organization", "--server-url", "--pat-file", "--aspm-url", "INVICTI_ASPM_HOST"),
        ),
        ("a guide for a whole server", ("--collection", "ASPM_ADO_COLLECTION")),
        ("no profile", ("--registration-profile", "ASPM_ADO_REGISTRATION_PROFILE")),
    ],
)
def test_what_is_missing_is_named_by_option_and_variable(
    row: str, named: tuple[str, ...], refused: Callable[..., Done]
) -> None:
    words, variables, _ = ROWS[row]
    done = refused(words, variables, "--json", "--no-input")
    remedy = done.document["error"]["remedy"]
    assert all(name in remedy for name in named), remedy


def test_a_position_is_named_and_no_content(refused: Callable[..., Done]) -> None:
    words, variables, _ = ROWS["a control character"]
    done = refused(words, variables, "--json", "--no-input")
    assert "position 41 of 85" in done.document["error"]["problem"]


@pytest.mark.parametrize(
    "address",
    ["http://192.0.2.1:8080", "https://evil.example", "nonsense", "http://localhost.evil.example"],
)
def test_a_simulator_is_on_this_machine_or_refused(
    address: str, run: Run, token_file: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASPM_ADO_SIMULATOR", f"{address}/#key")
    done = run("validate", *HERE, "--pat-file", token_file(), "--json", "--no-input")
    assert done.code == 2
    assert done.document["error"]


def test_a_simulator_without_a_key_is_refused(
    run: Run, token_file: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASPM_ADO_SIMULATOR", "http://127.0.0.1:1/")
    done = run("validate", *HERE, "--pat-file", token_file(), "--json", "--no-input")
    assert (done.code, done.document["error"]["reason"]) == (2, "url-invalid")
    assert "/#KEY" in done.document["error"]["remedy"]


def test_records_that_cannot_be_had_are_7(
    run: Run, tmp_path: Path, token_file: Callable[..., str]
) -> None:
    (tmp_path / "config").mkdir(0o700)
    (tmp_path / "config" / "connections.json").mkdir()
    done = run("list --config-dir", token_file("x", "a-file"), "--json")
    assert done.code in (0, 7)
    if done.code:
        assert done.document["error"]["reason"].startswith("records-")


def test_a_variable_that_says_where_is_not_used_beside_a_name(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASPM_ADO_ORGANIZATION", "contoso")
    done = run("validate kept --json")
    assert (done.code, done.reason) == (2, "nothing-stored"), "it looked for what is stored"
    assert "ASPM_ADO_ORGANIZATION is ignored" in done.err


def test_only_validate_names_its_other_way_where_nothing_is_stored(run: Run) -> None:
    remedies = {
        word: run(word, "--json").document["error"]["remedy"] for word in ("validate", "handoff")
    }
    assert "with -o to validate" in remedies["validate"]
    assert remedies["handoff"] == "To create one, run `aspm-ado connect`."


@pytest.mark.parametrize(
    "value", ["nonsense", "ftp://127.0.0.1:1/#k", "http://127.0.0.1:0/#k", "http://a b/#k"]
)
def test_a_simulator_that_cannot_be_used_is_not_sought_in_a_browser(
    run: Run, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ASPM_ADO_SIMULATOR", value)
    done = run("list")
    assert done.code == 2
    assert "ASPM_ADO_SIMULATOR" in done.err
    assert "browser" not in done.err
