"""``token``: one stored token into a pipe, and nowhere else."""

from __future__ import annotations

import contextlib
import io
import os
import sys

import pytest

from aspm_ado.cli import output
from aspm_ado.cli.commands import COMMANDS
from aspm_ado.cli.commands.token import run_token
from aspm_ado.cli.context import Invocation
from aspm_ado.domain.questions import Given
from aspm_ado.domain.reasons import UsageError, UserError
from aspm_ado.flows.connect import connect
from aspm_ado.flows.handoff import resume_handoff
from aspm_ado.flows.rotation.rotate import rotate
from aspm_ado.flows.token import stored_token
from aspm_ado.simulator import SCENARIOS

from ..aspm.stand import Stand
from .machine import NEW, PAT, Machine, Person, asked

BOTH = {"pat_file": ("contoso=pat", "fabrikam=new"), "reach": "organization"}


@pytest.fixture
def two_tokens(machine) -> Machine:
    """Two organizations, each with a token of its own, which a person still has to enter."""
    made = machine()
    made.token(reach="contoso")
    made.token(NEW, reach="fabrikam")
    connect(made.context(asked("contoso", "fabrikam", register="guided", **BOTH)), None)
    return made


def run(here: Machine, name: str | None = "contoso", *, to=None, environment=None, **flags: str):
    """What the command wrote into a pipe, or ``to`` another stdout; with the wiring of a real run."""
    here.context()
    output.forget_document()
    [spec] = [one for one in COMMANDS if one.word == "token"]
    given = {"config-dir": str(here.folder), **flags}
    simulator = {"ASPM_ADO_SIMULATOR": here.stand.simulator.variable}
    wiring = Invocation("token", spec.options, given, {**simulator, **(environment or {})})
    wiring.__dict__["vault"] = here.vault
    reader, writer = os.pipe()
    with contextlib.closing(wiring), os.fdopen(reader, "rb") as end:
        pipe = os.fdopen(writer, "w", encoding="ascii")
        with pipe, contextlib.redirect_stdout(to["stream"] if to else pipe):
            assert run_token(wiring, name) == 0
        return end.read()


def test_the_token_and_nothing_else_goes_into_the_pipe(handed_off, capsys):
    assert run(handed_off, None) == PAT.encode()
    said = " ".join(capsys.readouterr().err.split())
    assert (
        f"Token …{PAT[-4:]} of Ada Example <ada@contoso.example> for contoso, expires 2027-01-13."
        in said
    )
    assert PAT not in said


def test_a_pending_token_comes_before_the_one_in_force(saved):
    rotate(saved.context({"pat_file": "new"}, Person(handoff="later")), "contoso", [])
    assert (saved.in_force(), saved.waiting()) == (PAT, [NEW])
    found = stored_token(saved.context(), "contoso")
    assert found.secret.reveal() == NEW
    assert found.about.startswith(f"Pending token …{NEW[-4:]} of Ada")


def test_what_is_entered_already_is_not_what_the_hand_off_would_hand_over(two_tokens):
    both = Person(handoff=["saved", "later"])
    resume_handoff(two_tokens.context({}, both), "contoso")
    assert stored_token(two_tokens.context(), "contoso").secret.reveal() == NEW


def test_one_of_several_is_named_or_picked(two_tokens):
    with pytest.raises(UsageError) as caught:
        stored_token(two_tokens.context(), "contoso")
    assert "contoso, fabrikam" in caught.value.problem
    assert caught.value.remedy == "Name one: aspm-ado token contoso -o contoso"
    named = two_tokens.context({"organization": ["https://dev.azure.com/fabrikam/p"]})
    assert stored_token(named, "contoso").secret.reveal() == NEW
    with pytest.raises(UsageError, match="several tokens"):
        stored_token(two_tokens.context({"organization": ["contoso", "fabrikam"]}), "contoso")
    with pytest.raises(UsageError, match="no organization named other"):
        stored_token(two_tokens.context({"organization": ["other"]}), "contoso")
    entry = two_tokens.entry
    picked = Person(which_token=entry.organization("fabrikam").credential)
    assert stored_token(two_tokens.context({}, picked), "contoso").secret.reveal() == NEW


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("document", "A JSON document holds no token."),
        ("file", "Standard output is a file."),
        ("terminal", "Standard output is a terminal."),
        ("closed", "Standard output is closed."),
    ],
)
def test_a_token_is_neither_shown_nor_put_into_a_file(kind, words, handed_off, tmp_path):
    written, flags, stream = tmp_path / "out", {}, None
    with contextlib.ExitStack() as opened:
        if kind == "file":
            stream = opened.enter_context(written.open("w"))
        elif kind == "terminal":
            if sys.platform == "win32":
                pytest.skip("a pseudo-terminal is a POSIX thing")
            for end in os.openpty():
                stream = opened.enter_context(os.fdopen(end, "w"))
        elif kind == "document":
            flags, stream = {"json": True}, io.StringIO()
        with pytest.raises(UsageError) as caught:
            run(handed_off, to={"stream": stream}, **flags)
    assert words in caught.value.problem
    assert "aspm-ado token contoso | COMMAND" in caught.value.remedy
    assert kind != "file" or written.read_bytes() == b""


@pytest.mark.parametrize("variable", ["CI", "TF_BUILD", "GITHUB_ACTIONS"])
def test_a_pipeline_has_to_say_yes(variable, handed_off):
    with pytest.raises(UsageError, match=f"{variable} is set") as caught:
        run(handed_off, environment={variable: "True"})
    assert caught.value.reason == "confirmation-missing"
    assert "aspm-ado token contoso --yes | COMMAND" in caught.value.remedy
    assert run(handed_off, environment={variable: "True"}, yes=True) == PAT.encode()


def test_a_variable_that_says_no_is_no_pipeline(handed_off):
    assert run(handed_off, environment={"CI": "false", "TF_BUILD": ""}) == PAT.encode()


def test_a_token_that_is_gone_is_4(saved):
    saved.secrets.clear()
    with pytest.raises(UserError) as caught:
        stored_token(saved.context(), "contoso")
    assert (int(caught.value.exit_code), caught.value.remedy) == (
        4,
        "To enter a new one, run: aspm-ado rotate contoso",
    )


def test_of_a_server_a_collection_is_named(tmp_path):
    story = SCENARIOS["server"]
    with contextlib.closing(Stand(tmp_path, story)) as made:
        said = {
            "organization": "",
            "server_url": story.answers.server_url,
            "collection": story.answers.collections,
        }
        files = {"pat": story.answers.tokens[0][1]}
        connect(made.context(asked(register="guided", **said), files=files), "server")
        named = Given(("DefaultCollection",), "--organization")
        context = made.context()
        context.asker._given["organization"] = named
        with pytest.raises(UsageError, match="Azure DevOps Server") as caught:
            stored_token(context, "server")
        assert caught.value.remedy == "Pass --collection instead of --organization."
        context = made.context({"collection": "defaultcollection", "organization": "other"})
        assert stored_token(context, "server").secret.reveal() == files["pat"]
