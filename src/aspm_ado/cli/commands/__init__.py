"""Every command with what it takes, as data: the parser, help and completion are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aspm_ado.domain.questions import (
    ALLOW_HTTP,
    ALLOW_OTHER_IDENTITY,
    ASPM,
    ASPM_TOKEN_FILE,
    CHECK_CLONE,
    CLONE_USERNAME,
    COLLECTION,
    CREATE_TOKEN,
    FAIL_ON_WARNING,
    FROM,
    KEEPING,
    MIGRATING,
    ORGANIZATION,
    PAT_EXPIRES,
    PAT_SOURCES,
    PLANNING,
    PURPOSE,
    REACH,
    READ_ONLY_PROBES,
    REGISTER,
    REPORT,
    REQUEST,
    SHARED,
    SHOW_ALL,
    TOKEN,
    WARN_DAYS,
    WHERE,
    YES,
    Question,
)


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A command. Its body is ``run_WORD``, in the module of the same name beside this one."""

    word: str
    summary: str
    questions: tuple[Question, ...] = ()
    """Options that have a variable."""

    own: tuple[Question, ...] = ()
    """Options without a variable, which are arguments of ``run``."""

    name: str = ""
    """The help of NAME; empty where the command takes none."""

    many: bool = False
    """Whether NAME may be given several times."""

    examples: tuple[str, ...] = ()
    """Command lines as somebody would type them."""

    module: str = ""
    """The module, where it has another name."""

    @property
    def body(self) -> tuple[str, str]:
        """The module and the function that run it."""
        return f"{__name__}.{self.module or self.word}", f"run_{self.word}"

    @property
    def options(self) -> tuple[Question, ...]:
        """Everything with a flag."""
        return (*self.own, *self.questions, *SHARED)


def _own(name: str, help_: str, *, metavar: str = "", default: str = "") -> Question:
    switch = not metavar
    return Question(
        name, help_, f"--{name}", help=help_, switch=switch, metavar=metavar, default=default
    )


VERSION: Final = _own("version", "Print the version.")
INSTALL_COMPLETION: Final = _own(
    "install-completion", "Install completion for the shell that this runs in."
)
SHOW_COMPLETION: Final = _own(
    "show-completion", "Print the completion script for the shell that this runs in."
)
ROOT: Final = (VERSION, INSTALL_COMPLETION, SHOW_COMPLETION)
"""Options before a command, beside the shared ones."""

SCENARIO: Final = _own("scenario", "Scenario to play.", metavar="NAME", default="ready")

_ONLY_ONE: Final = "Connection (default: the only one; prompts if there are several)."

COMMANDS: Final = (
    CommandSpec(
        "connect",
        "Connect Azure DevOps to Invicti ASPM. Prompts only for values you omit.",
        (*WHERE, FROM, *TOKEN, CREATE_TOKEN, *ASPM, *KEEPING, REPORT, SHOW_ALL),
        name="Name of the connection (default: the first organization, or the server's host).",
        examples=(
            "aspm-ado connect",
            "aspm-ado connect -o contoso --aspm-url https://aspm.example.com",
        ),
    ),
    CommandSpec(
        "validate",
        "Verify stored connections, or any token. Without a name, it verifies all of them. "
        "With -o or --server-url, it verifies a token and stores nothing.",
        (*WHERE, *TOKEN, WARN_DAYS, FAIL_ON_WARNING, SHOW_ALL, REPORT),
        name="Stored connections (default: all).",
        many=True,
        examples=("aspm-ado validate", "aspm-ado validate -o contoso --pat-file token.txt"),
    ),
    CommandSpec(
        "guide",
        "Show how to create the token, step by step.",
        (*WHERE[:3], PURPOSE, REACH, ALLOW_HTTP, REQUEST),
        (
            _own("open", "Open the token page."),
            _own("greyed-out", "The same as --request creation: “+ New Token” is greyed out."),
        ),
        examples=("aspm-ado guide -o contoso --open", "aspm-ado guide --request lifespan"),
    ),
    CommandSpec(
        "list",
        "List the stored connections. Works offline and does not open the keyring.",
        examples=("aspm-ado list", "aspm-ado list --json"),
    ),
    CommandSpec(
        "demo",
        "Try connect with simulated services on this machine. "
        "Sends nothing to other machines and stores nothing.",
        own=(
            SCENARIO,
            _own("list-scenarios", "Print the scenarios."),
            _own("serve", "Only run the simulated services, until Ctrl-C."),
            _own("at", "Set the simulated clock, in UTC. It runs on from there.", metavar="MOMENT"),
        ),
        examples=("aspm-ado demo", "aspm-ado demo --scenario created-token"),
    ),
    CommandSpec(
        "handoff",
        "Show the values for Invicti ASPM again. "
        "Copies the token on request and records your answer: saved, later, or refused.",
        name=_ONLY_ONE,
        examples=("aspm-ado handoff", "aspm-ado handoff contoso"),
        module="stored",
    ),
    CommandSpec(
        "rotate",
        "Replace a token with a new one. aspm-ado verifies the new token first. The current "
        "token stays in use until Invicti ASPM has the new one.",
        (
            ORGANIZATION,
            *PAT_SOURCES,
            PAT_EXPIRES,
            REACH,
            CLONE_USERNAME,
            CHECK_CLONE,
            READ_ONLY_PROBES,
            CREATE_TOKEN,
            ALLOW_OTHER_IDENTITY,
            *ASPM[1:],
            YES,
            REPORT,
            SHOW_ALL,
        ),
        name=_ONLY_ONE,
        examples=("aspm-ado rotate contoso", "aspm-ado rotate contoso --create-token require"),
        module="stored",
    ),
    CommandSpec(
        "migrate",
        "Replace a global token with one token per organization.",
        (
            *WHERE[::3],
            *PAT_SOURCES[1:],
            *MIGRATING,
            CREATE_TOKEN,
            ALLOW_OTHER_IDENTITY,
            ASPM_TOKEN_FILE,
            REGISTER,
            *PLANNING,
            REPORT,
            SHOW_ALL,
        ),
        name=_ONLY_ONE,
        examples=("aspm-ado migrate --plan", "aspm-ado migrate contoso -o contoso -o fabrikam"),
        module="stored",
    ),
    CommandSpec(
        "token",
        "Write the token of a connection to a pipe. It is the token to enter in Invicti ASPM, "
        "without a line end.",
        (ORGANIZATION, COLLECTION, YES),
        name=_ONLY_ONE,
        examples=(
            "aspm-ado token contoso | vault kv put secret/aspm token=-",
            "aspm-ado token contoso -o fabrikam | ssh laptop pbcopy",
        ),
    ),
    CommandSpec(
        "disconnect",
        "Remove a connection and delete its secrets. "
        "Lists what is left to do in Azure DevOps and Invicti ASPM.",
        (YES,),
        name=_ONLY_ONE,
        examples=("aspm-ado disconnect contoso", "aspm-ado disconnect contoso --yes"),
        module="stored",
    ),
    CommandSpec(
        "doctor",
        "Diagnose problems on this machine. Checks the keyring, configuration, proxy, "
        "certificates, hosts, clock, and unfinished work.",
        examples=("aspm-ado doctor", "aspm-ado doctor --json"),
    ),
)
WORDS: Final = {command.word: command for command in COMMANDS}
