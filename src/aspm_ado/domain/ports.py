"""What a flow is given: one protocol for each outside thing that has a second real implementation or a fake."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

    from aspm_ado.domain.http import Call, Reply
    from aspm_ado.domain.questions import Choice, Question
    from aspm_ado.domain.secret import Secret
    from aspm_ado.domain.stored import Catalogue, Draft

T = TypeVar("T")

Send = Callable[["Call"], "Reply"]
"""Sends one call and always brings a reply: what goes wrong on the way is in ``Reply.failure``."""


class Vault(Protocol):
    """Keeps secrets, each under a service name of its own. Every method may raise ``StoreError`` (exit 7)."""

    @property
    def title(self) -> str:
        """What it is, for a person: the class of the keyring in use."""
        ...

    def probe(self) -> None:
        """Find out, by reading only, whether it can be used."""
        ...

    def check_size(self, secret: Secret) -> None:
        """Refuse a secret that it could not take, before anything is asked of anybody."""
        ...

    def write(self, service: str, secret: Secret) -> None:
        """Store and read back. When this returns, ``read`` gives the same secret."""
        ...

    def read(self, service: str) -> Secret | None:
        """The secret, or ``None`` where there is none."""
        ...

    def erase(self, service: str) -> None:
        """Forget, and prove it gone. Forgetting twice is not an error."""
        ...


class Records(Protocol):
    """Our own records on disk: connections and the draft of an interrupted run; never a secret (exit 7)."""

    def load(self) -> Catalogue:
        """What is stored, without a lock; an empty catalogue where nothing is."""
        ...

    def change(self, edit: Callable[[Catalogue], Catalogue]) -> Catalogue:
        """Load, edit and replace atomically under the lock; the new catalogue."""
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the lock over several changes and what happens between them."""
        ...

    def claim(self, name: str) -> bool:
        """Say that this run is at ``name``, for as long as it lives; whether no other run says so."""
        ...

    def release(self, name: str) -> None:
        """Say so no longer. Releasing twice is not an error."""
        ...

    def check(self) -> None:
        """Raise now if the folder cannot be written later."""
        ...

    def set_aside(self) -> Path | None:
        """Rename a damaged catalogue, so that a new one can be begun; where it is now, if there was one."""
        ...

    def load_draft(self) -> Draft | None:
        """The answers of an interrupted run."""
        ...

    def save_draft(self, draft: Draft | None) -> None:
        """Keep the answers, or forget them."""
        ...


class Prompter(Protocol):
    """Asks a person, or refuses to and says which option would have answered.

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
        """One line that ``accept`` takes; what it refuses is said, and asked again."""
        ...

    def secret(
        self, question: Question, context: Sequence[str] = (), *, accept: Callable[[str], T]
    ) -> T:
        """What ``accept`` makes of a hidden value; ``context`` are lines printed above (where it will be sent)."""
        ...

    def choose(self, question: Question, choices: Sequence[Choice], default: str = "") -> str:
        """One of the choices' values."""
        ...

    def choose_many(self, question: Question, choices: Sequence[Choice]) -> tuple[str, ...]:
        """Any of them; searchable when there are many."""
        ...

    def confirm(self, question: Question, default: bool) -> bool:
        """Yes or no."""
        ...


class Voice(Protocol):
    """Speaks to the person beside the result: stderr, wrapped, cleaned; silent under ``--quiet``."""

    def say(self, line: str = "") -> None:
        """A line of the conversation."""
        ...

    def heading(self, line: str) -> None:
        """The title of a step."""
        ...

    def note(self, line: str) -> None:
        """Something to know that asks for nothing."""
        ...

    def warn(self, line: str) -> None:
        """Something to act on. Not silenced by ``--quiet``."""
        ...

    def progress(self, done: int, total: int, what: str) -> None:
        """How far a long step has come."""
        ...


class Sources(Protocol):
    """Where secrets come from besides a person: files, stdin, variables. Raises ``UsageError`` (exit 2)."""

    def file(self, path: str) -> bytes:
        """The bytes of a file (``-`` is stdin)."""
        ...

    def variable(self, name: str) -> str:
        """The value of a variable; empty when it is unset."""
        ...


class Entra(Protocol):
    """Whoever is signed in to Microsoft Entra on this machine. Nothing of it runs before ``token`` is called."""

    @property
    def is_there(self) -> bool:
        """Whether there is a program to ask; looked up, never run."""
        ...

    def token(self, tenant: str) -> Secret:
        """A token for Azure DevOps, of some minutes, for one tenant (a GUID). Raises ``NotCreatedError``."""
        ...


class Desktop(Protocol):
    """The browser and the clipboard."""

    def open(self, url: str) -> bool:
        """Open a page; whether a browser took it."""
        ...

    def copy(self, secret: Secret) -> str | None:
        """Put a secret on the clipboard; the name of the way, or ``None`` where there is none."""
        ...

    @property
    def clears_after(self) -> float | None:
        """The seconds after which the copied secret is taken off again; ``None`` where it cannot be, so that a person
        is told.
        """
        ...

    def clear(self) -> None:
        """Take it off again where the platform allows."""
        ...
