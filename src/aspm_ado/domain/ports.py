"""The protocols that a flow depends on. Each has a second implementation or a fake."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

    from aspm_ado.domain.http import Call, Reply
    from aspm_ado.domain.questions import Choice, Question
    from aspm_ado.domain.secret import Secret
    from aspm_ado.domain.stored import Catalogue, Draft

T = TypeVar("T")

Send = Callable[["Call"], "Reply"]
"""Sends one call and always returns a reply. ``Reply.failure`` is what went wrong."""


class Vault(Protocol):
    """Stores secrets, each under a service name and with the origin that it may be sent to.

    An entry of an earlier format has no origin (``""``). Every method may raise ``StoreError``
    (exit 7).
    """

    @property
    def title(self) -> str:
        """The name of the keyring for a person."""
        ...

    def probe(self) -> None:
        """Raise if it is unusable. This only reads."""
        ...

    def check_size(self, secret: Secret) -> None:
        """Raise if the secret is too large."""
        ...

    def write(self, service: str, secret: Secret, origin: str) -> None:
        """Store a secret, and read it back."""
        ...

    def read(self, service: str, origin: str) -> Secret | None:
        """The secret for this origin, or ``None``."""
        ...

    def services(self) -> frozenset[str] | None:
        """The services of all entries, or ``None`` if the keyring does not list them."""
        ...

    def bind(self, service: str, origin: str) -> bool:
        """Store the origin with an entry of an earlier format; whether it has one now."""
        ...

    def erase(self, service: str, origin: str) -> None:
        """Delete a secret, and check that it is gone. A missing one is no error."""
        ...


class Records(Protocol):
    """The records on disk: connections and the draft of an interrupted run, never a secret.

    Every method may raise ``StoreError`` (exit 7).
    """

    def load(self) -> Catalogue:
        """What is stored, read without the lock."""
        ...

    def change(self, edit: Callable[[Catalogue], Catalogue]) -> Catalogue:
        """Load, edit and replace the catalogue under the lock. Return the new one."""
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the lock over several changes."""
        ...

    def claim(self, name: str) -> bool:
        """Claim ``name`` until this run ends. False if another run has claimed it."""
        ...

    def release(self, name: str) -> None:
        """Release the claim, if there is one."""
        ...

    def check(self) -> None:
        """Raise if the folder is not writable."""
        ...

    def set_aside(self) -> Path | None:
        """Rename a damaged catalogue. Return its new path, if there was one."""
        ...

    def load_draft(self) -> Draft | None:
        """The answers of an interrupted run."""
        ...

    def save_draft(self, draft: Draft | None) -> None:
        """Store the answers, or delete them (``None``)."""
        ...


class Prompter(Protocol):
    """Prompts a person. Without a terminal, raises ``UsageError`` that names the option.

    Ctrl-C and Ctrl-D raise ``InterruptedByUserError``.
    """

    @property
    def asks(self) -> bool:
        """Whether the program can prompt."""
        ...

    def text(
        self,
        question: Question,
        default: str = "",
        *,
        accept: Callable[[str], object] | None = None,
    ) -> str:
        """One line. If ``accept`` raises, show that and prompt again."""
        ...

    def secret(
        self, question: Question, context: Sequence[str] = (), *, accept: Callable[[str], T]
    ) -> T:
        """What ``accept`` returns for a hidden value. ``context`` is printed above the prompt."""
        ...

    def choose(self, question: Question, choices: Sequence[Choice], default: str = "") -> str:
        """The value of one choice."""
        ...

    def choose_many(
        self, question: Question, choices: Sequence[Choice], *, marked: bool = False
    ) -> tuple[str, ...]:
        """The values of any choices. ``marked``: all are selected at first."""
        ...

    def confirm(self, question: Question, default: bool) -> bool:
        """Yes or no."""
        ...


class Voice(Protocol):
    """Messages to a person on stderr, wrapped. None with ``--quiet``."""

    def say(self, line: str = "") -> None:
        """A line of the conversation."""
        ...

    def heading(self, line: str) -> None:
        """The title of a step."""
        ...

    def note(self, line: str) -> None:
        """Information that needs no action."""
        ...

    def warn(self, line: str) -> None:
        """A warning, even with ``--quiet``."""
        ...

    def progress(self, done: int, total: int, what: str) -> None:
        """The progress of a long step."""
        ...


class Sources(Protocol):
    """The sources of secrets other than a person. Each may raise ``UsageError`` (exit 2)."""

    def file(self, path: str) -> bytes:
        """The bytes of a file (``-`` is stdin)."""
        ...

    def command(self, command: str, where: str) -> bytes:
        """The output of a command. An error names only ``where`` the command is from."""
        ...

    def variable(self, name: str) -> str:
        """The value of a variable, or an empty text."""
        ...


class Entra(Protocol):
    """Tokens of the account signed in to Microsoft Entra. Only ``token`` runs a program."""

    @property
    def is_there(self) -> bool:
        """Whether the program exists. It is not run."""
        ...

    def token(self, tenant: str) -> Secret:
        """A token for Azure DevOps, valid for some minutes. Raises ``NotCreatedError``.

        ``tenant`` is a GUID, or empty for the tenant of the account. A failure is remembered.
        """
        ...

    def forget_failures(self) -> None:
        """Let the next ``token`` run the program again where it failed."""
        ...


TERMINAL: Final = "terminal"
"""The clipboard of the terminal (OSC 52). It does not confirm what it accepts."""


class Desktop(Protocol):
    """The browser and the clipboard."""

    def open(self, url: str) -> bool:
        """Open a page. Return whether a browser accepted it."""
        ...

    def copy(self, secret: Secret) -> str | None:
        """Copy a secret. Return the clipboard that accepted it: a tool, ``TERMINAL``, or none."""
        ...

    @property
    def can_copy(self) -> bool:
        """Whether there is a clipboard to try."""
        ...

    @property
    def clears_after(self) -> float | None:
        """Seconds until the copied secret is removed, or ``None`` if it stays."""
        ...

    def clear(self) -> None:
        """Remove the copied secret, if the platform allows it."""
        ...
