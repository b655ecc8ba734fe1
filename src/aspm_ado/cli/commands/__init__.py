"""Every command with what it takes, as data: the parser, help and completion are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aspm_ado.domain.questions import (
    ALLOW_OTHER_IDENTITY,
    ASPM,
    ASPM_TOKEN_FILE,
    CREATE_TOKEN,
    FAIL_ON_WARNING,
    KEEPING,
    MIGRATING,
    ORGANIZATION,
    PAT_FILE,
    PAT_VARIABLE,
    PLANNING,
    REGISTER,
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
    """A command. Its body is ``run`` in the module of the same name beside this one."""

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

    @property
    def options(self) -> tuple[Question, ...]:
        """Everything with a flag."""
        return (*self.own, *self.questions, *SHARED)


def _own(name: str, help_: str, *, switch: bool = True, metavar: str = "") -> Question:
    return Question(name, help_, f"--{name}", help=help_, switch=switch, metavar=metavar)


VERSION: Final = _own("version", "Print the version.")
INSTALL_COMPLETION: Final = _own(
    "install-completion", "Install completion for the shell that this runs in."
)
SHOW_COMPLETION: Final = _own(
    "show-completion", "Print the completion script for the shell that this runs in."
)
ROOT: Final = (VERSION, INSTALL_COMPLETION, SHOW_COMPLETION)
"""Options before a command, beside the shared ones."""

SCENARIO: Final = _own("scenario", "Which story to play (ready).", switch=False, metavar="NAME")

COMMANDS: Final = (
    CommandSpec(
        "connect",
        "Guide, prove, store and hand off: the wizard. With flags it asks only what is missing.",
        (*WHERE, *TOKEN, CREATE_TOKEN, *ASPM, *KEEPING),
        name="Name of the connection (default: the first organization, or the server's host).",
    ),
    CommandSpec(
        "validate",
        "Prove stored connections again, or any token. All are proven where none is named; "
        "with -o or --server-url a token, and nothing is stored.",
        (*WHERE, *TOKEN, WARN_DAYS, FAIL_ON_WARNING, SHOW_ALL),
        name="Stored connections.",
        many=True,
    ),
    CommandSpec(
        "guide",
        "How to create the token, box by box. For this deployment, purpose and day.",
        (*WHERE[:3], TOKEN[0], TOKEN[4], TOKEN[8], REQUEST),
        (
            _own("open", "Open the token page."),
            _own("greyed-out", "The same as --request creation: “+ New Token” is greyed out."),
        ),
    ),
    CommandSpec("list", "List what is stored. Offline, and without touching the keyring."),
    CommandSpec(
        "demo",
        "Play connect against a simulation on this machine. "
        "Nothing leaves it, and nothing is kept.",
        own=(
            SCENARIO,
            _own("list-scenarios", "Print the stories."),
            _own("serve", "Only serve the simulation, until Ctrl-C."),
            _own(
                "at",
                "Set the simulated clock, in UTC; it runs on from there.",
                switch=False,
                metavar="MOMENT",
            ),
        ),
    ),
    CommandSpec(
        "handoff",
        "Enter the values in Invicti ASPM, any day. "
        "Shows them, copies the token, and asks: saved, later or refused.",
        name="The connection (default: the only one; several are asked about).",
    ),
    CommandSpec(
        "rotate",
        "Put a new token in place of an old one. "
        "It is proven first, the same person's, and in force when Invicti ASPM has it.",
        (
            ORGANIZATION,
            *TOKEN[1:4],
            *TOKEN[5:7],
            CREATE_TOKEN,
            ALLOW_OTHER_IDENTITY,
            *ASPM[1:],
            YES,
        ),
        name="The connection.",
    ),
    CommandSpec(
        "migrate",
        "Go from one token of all organizations to one for each. "
        "Each is proven, stored and handed off by itself.",
        (
            *WHERE[::3],
            PAT_FILE,
            PAT_VARIABLE,
            *MIGRATING,
            CREATE_TOKEN,
            ALLOW_OTHER_IDENTITY,
            ASPM_TOKEN_FILE,
            REGISTER,
            *PLANNING,
        ),
        name="The connection.",
    ),
    CommandSpec(
        "disconnect",
        "Forget a connection: its record and its secrets. Says what is left to do elsewhere.",
        (YES,),
        name="The connection.",
    ),
    CommandSpec(
        "doctor",
        "Check this machine, when something does not work. "
        "Keyring, config folder, proxy, certificates, every host, clock, unfinished work.",
    ),
)
WORDS: Final = frozenset(command.word for command in COMMANDS)
