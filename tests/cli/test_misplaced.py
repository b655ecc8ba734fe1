"""A secret where something else is meant: exit 2, never repeated, never requested, never recorded."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from aspm_ado.simulator import Simulator

from .conftest import PAT, Run

SHAPES = {
    "today": PAT,
    "old": "simulatednotatoken".ljust(52, "7"),
    "base64": base64.b64encode(f":{PAT}".encode()).decode(),
    "cut at its end": PAT[:80],
    "cut at its beginning": PAT[4:],
}
HERE = ("-o", "contoso")
SERVER = ("--server-url", "https://tfs.example.test/tfs")
ROWS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "a file name": (("validate", *HERE, "--pat-file", "{}"), {}),
    "the file of one organization": (("validate", *HERE, "--pat-file", "contoso={}"), {}),
    "a file name in a variable": (("validate", *HERE), {"ASPM_ADO_PAT_FILE": "{}"}),
    "the file of an API token": (("connect", *HERE, "--aspm-token-file", "{}"), {}),
    "an organization": (("validate", "-o", "{}"), {}),
    "joined to -o": (("validate", "-o{}"), {}),
    "organizations in a variable": (("validate",), {"ASPM_ADO_ORGANIZATION": "contoso,{}"}),
    "a collection": (("validate", *SERVER, "--collection", "{}"), {}),
    "a purpose": (("validate", *HERE, "--purpose", "{}"), {}),
    "a repository": (("validate", *HERE, "--check-clone", "https://{}@dev.azure.com/c/p/_git/r"), {}),
    "a user name": (("validate", *HERE, "--clone-username", "{}"), {}),
    "a server": (("validate", "--server-url", "https://u:{}@tfs.example.test/tfs/My Collection"), {}),
    "a server with a broken port": (("validate", "--server-url", "https://u:{}@tfs.test:x/tfs"), {}),
    "an address with a space": (("validate", "-o", "https://any:{}@dev.azure.com/contoso/My Project/_git/w"), {}),
    "an Invicti ASPM": (("connect", *HERE, "--aspm-url", "https://{}@aspm.example.test"), {}),
    "the query of an Invicti ASPM": (("connect", *HERE, "--aspm-url", "https://a.test/?token={}"), {}),
    "behind a path": (("validate", "-o", "./{}"), {}),
    "the old variable of an ASPM": (("connect", *HERE), {"KONDUKTO_HOST": "https://x:{}@a.test"}),
    "a name": (("validate", "{}"), {}),
    "a name of connect": (("connect", "{}", *HERE), {}),
    "a scenario": (("demo", "--scenario", "{}"), {}),
    "a day": (("validate", *HERE, "--pat-expires", "{}"), {}),
    "a folder": (("list", "--config-dir", "/tmp/{}"), {}),
    "a switch in a variable": (("list",), {"ASPM_ADO_QUIET": "{}"}),
    "the end of global tokens": (("list",), {"ASPM_ADO_GLOBAL_PAT_END": "{}"}),
    "a simulator": (("list",), {"ASPM_ADO_SIMULATOR": "{}"}),
    "a simulator's key": (("list",), {"ASPM_ADO_SIMULATOR": "http://127.0.0.1:1/#{}"}),
    "a simulator's user": (("list",), {"ASPM_ADO_SIMULATOR": "http://{}@127.0.0.1:1/#k"}),
    "a command": (("{}",), {}),
    "an argument too many": (("list", "{}"), {}),
    "after a switch": (("validate", *HERE, "--pat-stdin={}"), {}),
    "an unknown option": (("validate", "--pat={}"), {}),
    "an option that reads so": (("validate", "--{}"), {}),
}  # fmt: skip


@pytest.mark.parametrize("token", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("row", ROWS)
def test_a_token_there_is_refused_and_never_repeated(
    row: str,
    token: str,
    run: Run,
    simulate: Callable[[str], Simulator],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    simulator = simulate("global")
    words, variables = ROWS[row]
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(token))
    for more in (("--json", "-v"), ()):
        done = run(*(word.format(token) for word in words), "--no-input", *more)
        assert done.code == 2
        said = done.out + done.err
        assert not any(token[at : at + 12] in said for at in range(0, len(token) - 12, 4))
        if more:
            assert done.reason == "secret-as-value"
    assert simulator.requests == []
    kept = [one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()]
    assert not any(token.encode() in one for one in kept)


@pytest.mark.parametrize(
    "words",
    [
        ("validate", *HERE, "--pat-file", "{}"),
        ("validate", *HERE, "--pat-file=contoso={}"),
        ("connect", *HERE, "--register", "none", "--pat-file", "{}"),
        ("connect", *HERE, "--aspm-url", "https://a.test", "--aspm-token-file", "{}", "--store", "none", "--pat-file", "{file}"),
        ("list", "{}"),
        ("{}",),
        ("validate", "--pat={}"),
        ("validate", "--pat-stdin={}"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "secret", ["correct-horse-battery-staple", "Zq8Vb3Xk5Rt7Lm9Nw2Yc4", "inv_a1/b2+c3/d4==e5f6g7h8"]
)
def test_a_long_word_that_may_be_another_secret_is_not_repeated(
    words: tuple[str, ...], secret: str, run: Run, token_file: Callable[..., str]
) -> None:
    file = token_file()
    done = run(*(word.format(secret, file=file) for word in words), "--json", "--no-input")
    assert done.code == 2
    assert secret not in done.out + done.err


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("validate", *HERE, "--pat-file", "/tmp/a-token-of-an-organization.txt"), "/tmp/a-token"),
        (("validate", *HERE, "--pat-file", "no-token.txt"), "no-token.txt"),
        (("list", "contoso"), "contoso"),
        (("validate", "--an-option-of-another-program"), "--an-option-of-another-program"),
    ],
)
def test_a_path_and_a_short_word_are_repeated(words: tuple[str, ...], shown: str, run: Run) -> None:
    done = run(*words, "--no-input")
    assert done.code == 2
    assert shown in done.err
