"""The protocols of what a flow is given; each has a second implementation or a fake."""

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
"""Sends one call and always returns a reply: what goes wrong is in ``Reply.failure``."""


class Vault(Protocol):
    """Keeps secrets, each under a service name and with the origin that it may be sent to.

    An entry of the form before has no origin (``""``). Every method may raise ``StoreError``
    (exit 7).
    """

    @property
    def title(self) -> str:
        """Its name for a person: the class of the keyring in use."""
        ...

    def probe(self) -> None:
        """Raise if it cannot be used. This only reads."""
        ...

    def check_size(self, secret: Secret) -> None:
        """Raise if it could not store this secret, because of its size."""
        ...

    def write(self, service: str, secret: Secret, origin: str) -> None:
        """Store and read back: when this returns, ``read`` gives the same secret."""
        ...

    def read(self, service: str, origin: str) -> Secret | None:
        """The secret, or ``None`` where there is none for this origin."""
        ...

    def services(self) -> frozenset[str] | None:
        """The services of all entries, read without a secret; ``None`` where it lists none."""
        ...

    def bind(self, service: str, origin: str) -> bool:
        """Keep an entry of the form before with its origin; whether it is there so now."""
        ...

    def erase(self, service: str, origin: str) -> None:
        """Erase, and check that it is gone. Erasing twice is not an error."""
        ...


class Records(Protocol):
    """The records on disk: connections and the draft of an interrupted run, never a secret.

    Every method may raise ``StoreError`` (exit 7).
    """

    def load(self) -> Catalogue:
        """What is stored, read without the lock; an empty catalogue where nothing is."""
        ...

    def change(self, edit: Callable[[Catalogue], Catalogue]) -> Catalogue:
        """Load, edit and replace atomically under the lock; returns the new catalogue."""
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the lock over several changes and all between them."""
        ...

    def claim(self, name: str) -> bool:
        """Claim ``name`` for this run until it ends; false where another run has claimed it."""
        ...

    def release(self, name: str) -> None:
        """Give up the claim. Releasing twice is not an error."""
        ...

    def check(self) -> None:
        """Raise if the folder cannot be written."""
        ...

    def set_aside(self) -> Path | None:
        """Rename a damaged catalogue, to begin a new one; its new path, if there was one."""
        ...

    def load_draft(self) -> Draft | None:
        """The answers of an interrupted run."""
        ...

    def save_draft(self, draft: Draft | None) -> None:
        """Store the answers, or erase them (``None``)."""
        ...


class Prompter(Protocol):
    """Asks a person; raises ``UsageError`` with the option that answers where there is nobody.

    Ctrl-C and Ctrl-D raise ``InterruptedByUserError``.
    """

    @property
    def asks(self) -> bool:
        """Whether there is somebody to ask."""
        ...

    def text(
        self,
        question: Question,
        default: str = "",
        *,
        accept: Callable[[str], object] | None = None,
    ) -> str:
        """One line. It is asked again where ``accept`` raises, which is shown."""
        ...

    def secret(
        self, question: Question, context: Sequence[str] = (), *, accept: Callable[[str], T]
    ) -> T:
        """What ``accept`` returns for a hidden value; ``context`` is printed above the question."""
        ...

    def choose(self, question: Question, choices: Sequence[Choice], default: str = "") -> str:
        """One of the choices' values."""
        ...

    def choose_many(
        self, question: Question, choices: Sequence[Choice], *, marked: bool = False
    ) -> tuple[str, ...]:
        """Any of the choices' values; searchable when there are many. ``marked``: all at first."""
        ...

    def confirm(self, question: Question, default: bool) -> bool:
        """Yes or no."""
        ...


class Voice(Protocol):
    """Messages to a person, beside the result: on stderr, wrapped; none under ``--quiet``."""

    def say(self, line: str = "") -> None:
        """A line of the conversation."""
        ...

    def heading(self, line: str) -> None:
        """The title of a step."""
        ...

    def note(self, line: str) -> None:
        """Something to know that needs no action."""
        ...

    def warn(self, line: str) -> None:
        """Something to act on, also under ``--quiet``."""
        ...

    def progress(self, done: int, total: int, what: str) -> None:
        """The progress of a long step."""
        ...


class Sources(Protocol):
    """What secrets come from besides a person. Each method may raise ``UsageError`` (exit 2)."""

    def file(self, path: str) -> bytes:
        """The bytes of a file (``-`` is stdin)."""
        ...

    def command(self, command: str, where: str) -> bytes:
        """What a command prints; an error names ``where`` it was given, and nothing of it."""
        ...

    def variable(self, name: str) -> str:
        """The value of a variable; empty when it is unset."""
        ...


class Entra(Protocol):
    """Tokens of whoever is signed in to Microsoft Entra. Only ``token`` runs anything."""

    @property
    def is_there(self) -> bool:
        """Whether there is a program to ask. It is looked up and not run."""
        ...

    def token(self, tenant: str) -> Secret:
        """A token for Azure DevOps of one tenant (a GUID; empty: that of the account).

        It is valid for some minutes.

        Without a tenant, of the one that is signed in to. Raises ``NotCreatedError``.
        """
        ...


TERMINAL: Final = "terminal"
"""The clipboard of the terminal, reached by OSC 52: nobody can tell whether it took anything."""


class Desktop(Protocol):
    """The browser and the clipboard."""

    def open(self, url: str) -> bool:
        """Open a page; returns whether a browser took it."""
        ...

    def copy(self, secret: Secret) -> str | None:
        """Copy a secret; returns the clipboard, or ``None`` where none accepted it.

        It is the name of a tool, or ``TERMINAL``.
        """
        ...

    @property
    def can_copy(self) -> bool:
        """Whether there is a clipboard to try. Nothing is run."""
        ...

    @property
    def clears_after(self) -> float | None:
        """Seconds until the copied secret is removed; ``None`` where it cannot be."""
        ...

    def clear(self) -> None:
        """Remove the copied secret where the platform allows."""
        ...
