"""Failures of the keyring: the reason, the problem, and the remedy on this platform.

A backend's message may hold the secret that it was given, so of an exception only its types and
numbers are shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum, auto
from pathlib import Path
from typing import Final

from aspm_ado.adapters.threads import NoThreadError
from aspm_ado.domain.reasons import Reason, StoreError
from aspm_ado.domain.text import clean

BUS: Final = "DBUS_SESSION_BUS_ADDRESS"


class Bus(Enum):
    """Where the address of the session bus came from."""

    NAMED = auto()  # by the variable
    FOUND = auto()
    NONE = auto()


_LOCKED_TYPES: Final = frozenset(
    {"KeyringLocked", "LockedException", "PromptDismissedException", "KeychainDenied"}
)
_LOCKED_WORDS: Final = ("prompt dismissed", "cancelled by user")
# macOS: cancelled, not authorized, no dialog possible (SSH)
_LOCKED_CODES: Final = frozenset({-128, -25293, -25308})
_ABSENT_TYPES: Final = frozenset({"NoKeyringError", "SecretServiceNotAvailableException"})
# macOS: no keychain is available, or none is the default, as for a user who never signed in
_ABSENT_CODES: Final = frozenset({-25291, -25307})
# Windows: this logon session has no credential store, as in an elevated window or over SSH
_NO_SESSION: Final = 1312
_ABSENT: Final = "This session has no usable keyring."
_NOT_HERE: Final = "The keyring chosen by {} does not work here: {}."
_ELEVATED: Final = (
    "Windows gives this session no Credential Manager (1312): the session is elevated or remote."
)
# Windows: the blob is larger than Credential Manager takes
_TOO_LARGE: Final = frozenset({1783, 1747})
_MOST_LINKS: Final = 8

# What helps, by platform; what is not named here is like Linux.
_LINUX: Final = "linux"
_WSL: Final = "wsl"
_NO_BUS: Final = "no bus"
_START: Final[Mapping[str, str]] = {
    "win32": "Sign in at the desktop, not over SSH. Use a window that is not elevated (not “Run as "
    "administrator”)",
    "darwin": "Sign in at the desktop, or run `security unlock-keychain`",
    _WSL: "WSL starts no keyring. Run aspm-ado on Windows. Or install gnome-keyring, and run "
    "aspm-ado under `dbus-run-session` after `gnome-keyring-daemon --unlock`",
    _NO_BUS: f"If this user has a desktop session, set {BUS} to its bus "
    "(unix:path=/run/user/UID/bus). Without one, run aspm-ado under `dbus-run-session` after "
    "`gnome-keyring-daemon --unlock --components=secrets`",
    _LINUX: "On a desktop, install and start gnome-keyring or KWallet. Without one, run aspm-ado "
    "under `dbus-run-session` after `gnome-keyring-daemon --unlock --components=secrets`",
}
_UNLOCK: Final[Mapping[str, str]] = {
    "win32": "Sign in again",
    "darwin": "Unlock it with `security unlock-keychain` and allow the access when asked",
    _LINUX: "Unlock it: sign in at the desktop, open its application (Passwords and Keys, "
    "KWalletManager), or give its password to `gnome-keyring-daemon --unlock` on standard input",
}
_PROGRAM: Final[Mapping[str, str]] = {
    "win32": "Credential Manager",
    "darwin": "Keychain Access",
    _LINUX: "the keyring's daemon",
}


def translated(error: BaseException, platform: str, action: str, backend: str) -> StoreError:
    """The refusal for whatever a backend raised while it was to ``action``."""
    chain = list(_chain(error))
    codes = {code for link in chain for code in _codes(link)}
    if _is_locked(chain, codes):
        return locked(platform)
    if _NO_SESSION in codes:
        return absent(platform, said=_ELEVATED)
    if codes & _ABSENT_CODES or _ABSENT_TYPES & {type(link).__name__ for link in chain}:
        return absent(platform)
    if platform == "win32" and codes & _TOO_LARGE:
        return _refusal(
            Reason.SECRET_TOO_LARGE,
            "The secret is larger than Windows Credential Manager accepts.",
            "Check that you copied only the token",
        )
    if isinstance(error, NoThreadError):
        return _refusal(
            Reason.THREADS_EXHAUSTED,
            "aspm-ado did not open the keyring: this machine cannot start more threads.",
            "Raise the limit of processes or of memory (ulimit -u, ulimit -v, or that of the "
            "container)",
        )
    return _failed(f"failed to {action}: {_numbered(error, codes)}", platform, backend)


def _numbered(error: BaseException, codes: set[int]) -> str:
    name = clean(type(error).__name__)
    if codes:
        name += f", code {', '.join(map(str, sorted(codes)))}"
    return name


def absent(
    platform: str, *, said: str = _ABSENT, name: str = "", source: str = "", bus: Bus = Bus.FOUND
) -> StoreError:
    """No trusted backend works in this session, or not ``name``, which ``source`` chose."""
    problem = said
    if name:
        problem = _NOT_HERE.format(clean(source), clean(name))
    if platform not in ("win32", "darwin"):
        if bus is Bus.NAMED:
            problem += f" No keyring answers on the bus that {BUS} names."
        if bus is Bus.NONE:
            platform, problem = _NO_BUS, f"{problem} {BUS} is not set."
        if _is_wsl():
            platform = _WSL
    return _refusal(Reason.KEYRING_ABSENT, problem, _on(platform, _START))


def choice_absent(name: str, source: str) -> StoreError:
    """The chosen class, which this platform does not use by default, does not work."""
    return _refusal(
        Reason.KEYRING_ABSENT,
        _NOT_HERE.format(clean(source), clean(name)),
        _undo(source),
    )


def locked(platform: str) -> StoreError:
    """It is there, and closed; or somebody dismissed its dialog."""
    problem = "The keyring is locked, or its dialog was dismissed."
    return _refusal(Reason.KEYRING_LOCKED, problem, _on(platform, _UNLOCK))


def hung(platform: str, seconds: float) -> StoreError:
    """A call did not return."""
    return _refusal(
        Reason.KEYRING_SILENT,
        f"The keyring did not answer in {seconds:.0f} seconds.",
        f"Look for a dialog that asks to unlock it. {_retry(platform)}",
    )


def not_trusted(name: str, source: str) -> StoreError:
    """The chosen class is not a keyring of the operating system."""
    return _refusal(
        Reason.KEYRING_NOT_TRUSTED,
        f"The keyring chosen by {clean(source)} is {clean(name)}, which is not a keyring of the "
        "operating system. It may store secrets in clear text, or not at all.",
        _undo(source),
    )


def _undo(source: str) -> str:
    way_out = f"Remove it from {clean(source)}"
    if source == "PYTHON_KEYRING_BACKEND":
        way_out = f"Unset {source}"
    return f"{way_out} to use the system's keyring"


def impostor(name: str, expected: str) -> StoreError:
    """The library returned another class under a trusted name."""
    return _refusal(
        Reason.KEYRING_NOT_TRUSTED,
        f"{clean(name)} is installed in place of the keyring {expected}.",
        "Install aspm-ado in its own environment, for example with pipx",
    )


def choice_unreadable(path: str) -> StoreError:
    """A file chooses the keyring, and it cannot be read."""
    return _refusal(
        Reason.KEYRING_NOT_TRUSTED,
        f"{clean(path)} chooses the keyring, but aspm-ado cannot read it.",
        "Fix or remove that file",
    )


def not_given_back(platform: str) -> StoreError:
    """It stored a secret and returned another, or none."""
    return _failed("accepted the secret, but returned a different one", platform)


def not_gone(platform: str) -> StoreError:
    """It reported a deleted secret, and still returns it."""
    return _failed("still returns the secret that it should have deleted", platform)


def too_large(size: int, limit: int) -> StoreError:
    """More than the keyring of this platform takes."""
    return _refusal(
        Reason.SECRET_TOO_LARGE,
        f"The secret has {size} bytes. The keyring of this platform accepts at most {limit}.",
        "Check that you copied only the token",
    )


def _failed(what: str, platform: str, backend: str = "") -> StoreError:
    keyring = "The keyring"
    if backend:
        keyring += f" ({backend})"
    return _refusal(Reason.KEYRING_FAILED, f"{keyring} {what}.", _retry(platform))


def _refusal(reason: Reason, problem: str, remedy: str) -> StoreError:
    """A refusal. Storing nothing is always possible."""
    return StoreError(
        reason, problem, remedy=f"{remedy}. To store nothing, run: aspm-ado connect --store none"
    )


def _retry(platform: str) -> str:
    return f"Restart {_on(platform, _PROGRAM)} or the session and try again"


def _on(platform: str, texts: Mapping[str, str]) -> str:
    return texts.get(platform, texts[_LINUX])


def _is_locked(chain: list[BaseException], codes: set[int]) -> bool:
    said = " ".join(str(link) for link in chain).lower()  # looked into, never shown
    return (
        any(type(link).__name__ in _LOCKED_TYPES for link in chain)
        or bool(codes & _LOCKED_CODES)
        or any(words in said for words in _LOCKED_WORDS)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(_MOST_LINKS):
        if link is None:
            return
        yield link
        link = link.__cause__ or link.__context__


def _codes(error: BaseException) -> Iterator[int]:
    """The numbers in exceptions of ``OSError``, pywintypes and keyring's macOS backend."""
    for value in (*error.args, getattr(error, "winerror", None), getattr(error, "errno", None)):
        if isinstance(value, int) and not isinstance(value, bool):
            yield value


def _is_wsl(version: Path = Path("/proc/version")) -> bool:
    try:
        return "microsoft" in version.read_text(encoding="utf-8", errors="replace").lower()
    except OSError:
        return False
