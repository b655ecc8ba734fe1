"""The canary sweep: every scenario, told in every way, and no piece of a token anywhere but where it was given."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor

import pytest

from aspm_ado.demo import SCENARIOS

from .stage import ABREAST, Canaries, Stage, where_flags

# -v tells all that is told without it, and more.
CONNECT, VALIDATE = (["-v"], ["--json"]), ([],)


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_trace_of_a_token(play, name):
    told = play(name)
    answers = told.story.scenario.answers
    file = told.stage.file("aspm-token", told.story.aspm_token)
    place = [*where_flags(told.story), *told.stage.token_flags(told.story.tokens)]
    connect = ["connect", *place, "--store", "none", "--aspm-url", answers.aspm_url, "--aspm-token-file", str(file)]
    if answers.expires:
        place += ["--pat-expires", answers.expires.isoformat()]
    commands = [[*connect, *way] for way in CONNECT] + [["validate", *place, *way] for way in VALIDATE]
    with ThreadPoolExecutor(ABREAST) as pool:
        runs = list(pool.map(lambda command: told.stage.run(*command), commands))
    found = told.canaries.in_files(*told.stage.folders)
    for command, run in zip(commands, runs, strict=True):
        what = f"{command[0]} {' '.join(command[-1:])}"
        found += told.canaries.in_bytes(run.stdout, f"stdout of {what}")
        found += told.canaries.in_bytes(run.stderr, f"stderr of {what}")
        assert b"Traceback" not in run.stderr, run.stderr.decode()
        assert run.returncode != 1, run.stderr.decode()
    assert not found
    assert told.simulator.requests, "nothing was asked, so nothing was tested"
    assert told.simulator.changes == []
    last4 = next(iter(told.story.tokens.values()))[-4:].encode()
    assert any(last4 in run.stdout for run in runs), "the end of the token is what a person knows it by"


def test_tokens_in_variables_stdin_and_refused_values(play):
    """The other ways in, and what is said of a value that is refused: its place, never its text."""
    told = play()
    token = told.token
    broken = {"line": f"{token[:40]}\n{token[40:]}", "bell": f"{token}\x07", "space": f"{token[:30]} {token[30:]}"}
    files = [told.stage.file(name, value) for name, value in broken.items()]
    refused = [["-o", "contoso", "--pat-file", str(path), "-v"] for path in files]
    variable = [["-o", "contoso", "-v"], ["-o", "contoso", "--json"]]
    # Where a name is expected: what is pasted into the wrong place is an ordinary word there, and must break nothing.
    wrong = [["-o", token], ["--purpose", token], ["--pat-file", token], ["-o", "contoso", "--reach", token], [token]]
    with ThreadPoolExecutor(ABREAST) as pool:
        turned_away = list(pool.map(lambda flags: told.stage.run("validate", *flags), refused))
        taken = list(
            pool.map(lambda flags: told.stage.run("validate", *flags, environment={"ASPM_ADO_PAT": token}), variable)
        )
        puzzled = list(pool.map(lambda flags: told.stage.run("validate", *flags, "--json"), wrong))
    assert [done.returncode for done in turned_away] == [2, 2, 2]
    assert [done.returncode for done in taken] == [0, 0]
    assert {done.returncode for done in puzzled} <= {2, 3, 4, 5}
    for done in (*turned_away, *taken):
        assert not told.canaries.in_bytes(done.stdout + done.stderr, "the output")
    assert not any(b"Traceback" in done.stderr for done in (*turned_away, *taken, *puzzled))
    assert not told.canaries.in_files(*told.stage.folders)


@pytest.mark.parametrize("form", ["raw", "utf-16", "base64 of :token", "piece"])
@pytest.mark.parametrize("hidden", ["output", "file", "name"])
def test_the_sweep_itself_finds_what_is_hidden(tmp_path, form, hidden):
    """A sweep that finds nothing is worth what it would have found."""
    secret = "Q7x" * 20 + "Zk" * 12
    written = {
        "raw": secret.encode(),
        "utf-16": secret.encode("utf-16"),
        "base64 of :token": base64.b64encode(f":{secret}".encode()),
        "piece": secret[58:70].encode(),
    }[form]
    canaries, stage = Canaries([secret]), Stage(tmp_path, "http://127.0.0.1:9")
    assert not canaries.in_files(*stage.folders)
    if hidden == "output":
        assert canaries.in_bytes(b"some words " + written + b" and more", "it")
    elif hidden == "file":
        (stage.home / "deep").mkdir()
        (stage.home / "deep" / "note").write_bytes(b"\x00" + written)
        assert canaries.in_files(*stage.folders)
    elif form in ("raw", "piece"):
        (stage.tmp / written.decode()).touch()
        assert canaries.in_files(*stage.folders)
