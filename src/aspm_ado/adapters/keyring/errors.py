"""What a keyring can do to us, told to a person: the reason, the way out on this platform, no foreign text.

A backend's message may hold the secret that it was given, so that of an exception only its types and numbers are shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aspm_ado.domain.errors import StoreError
from aspm_ado.domain.reasons import Reason
from aspm_ado.domain.text import clean

_KEEP_NOTHING: Final = "or keep nothing with `--store none`"
_LOCKED_TYPES: Final = frozenset(
    {"KeyringLocked", "LockedException", "PromptDismissedException", "KeychainDenied"}
)
_LOCKED_WORDS: Final = ("prompt dismissed", "cancelled by user")
_LOCKED_CODES: Final = frozenset(
    {-128, -25293, -25308}
)  # macOS: cancelled, not authorized, no dialog possible (SSH)
_NO_SESSION: Final = 1312  # Windows: no logon session with a credential store, for example over SSH
_TOO_LARGE: Final = frozenset(
    {1783, 1747}
)  # Windows: the blob is larger than Credential Manager takes
_MOST_LINKS: Final = 8


def translated(error: BaseException, platform: str, action: str, backend: str) -> StoreError:
    """The refusal for whatever a backend raised while it was to ``action``."""
    chain = list(_chain(error))
    types = {type(link).__name__ for link in chain}
    codes = {code for link in chain for code in _codes(link)}
    said = " ".join(str(link) for link in chain).lower()  # looked into, never shown
    if (
        types & _LOCKED_TYPES
        or codes & _LOCKED_CODES
        or any(words in said for words in _LOCKED_WORDS)
    ):
        return locked(platform)
    if (
        "NoKeyringError" in types
        or "SecretServiceNotAvailableException" in types
        or _NO_SESSION in codes
    ):
        return absent(platform)
    if platform == "win32" and codes & _TOO_LARGE:
        return StoreError(
            Reason.SECRET_TOO_LARGE,
            "The secret is larger than Windows Credential Manager takes.",
            remedy="Check that the token was copied alone; " + _KEEP_NOTHING + ".",
        )
    numbers = f", code {', '.join(map(str, sorted(codes)))}" if codes else ""
    return StoreError(
        Reason.KEYRING_FAILED,
        f"The keyring{f' ({backend})' if backend else ''} failed to {action}: {clean(type(error).__name__)}{numbers}.",
        remedy=_retry(platform),
    )


def absent(platform: str, *, chosen: str = "") -> StoreError:
    """No trusted backend works in this session."""
    problem = "This session has no keyring that can be used."
    if chosen:
        problem = (
            f"The keyring that was chosen for this session, {clean(chosen)}, cannot be used here."
        )
    if platform == "win32":
        remedy = f"Sign in at the desktop, since sessions over SSH have no Credential Manager; {_KEEP_NOTHING}."
    elif platform == "darwin":
        remedy = f"Sign in at the desktop, or `security unlock-keychain`; {_KEEP_NOTHING}."
    elif _is_wsl():
        remedy = (
            "WSL starts no keyring: install gnome-keyring and run this under `dbus-run-session` after "
            f"`gnome-keyring-daemon --unlock`; run this program on Windows instead; {_KEEP_NOTHING}."
        )
    else:
        remedy = (
            "On a desktop install and start gnome-keyring or KWallet; without one run this under `dbus-run-session` "
            f"after `gnome-keyring-daemon --unlock --components=secrets`; {_KEEP_NOTHING}."
        )
    return StoreError(Reason.KEYRING_ABSENT, problem, remedy=remedy)


def locked(platform: str) -> StoreError:
    """It is there, and closed; or somebody dismissed its dialog."""
    if platform == "win32":
        remedy = f"Sign in again; {_KEEP_NOTHING}."
    elif platform == "darwin":
        remedy = f"Unlock it with `security unlock-keychain` and allow the access when asked; {_KEEP_NOTHING}."
    else:
        remedy = (
            "Unlock it: sign in at the desktop, open its application (Passwords and Keys, KWalletManager), or give its "
            f"password to `gnome-keyring-daemon --unlock` on standard input; {_KEEP_NOTHING}."
        )
    return StoreError(
        Reason.KEYRING_LOCKED, "The keyring is locked, or its dialog was dismissed.", remedy=remedy
    )


def hung(platform: str, seconds: float) -> StoreError:
    """It took a call and never came back."""
    return StoreError(
        Reason.KEYRING_SILENT,
        f"The keyring did not answer in {seconds:.0f} seconds.",
        remedy="Look for a dialog that asks to unlock it. " + _retry(platform),
    )


def not_trusted(name: str, source: str) -> StoreError:
    """Somebody chose a class that is not one of the operating system's own."""
    way_out = (
        f"Unset {source}"
        if source == "PYTHON_KEYRING_BACKEND"
        else f"Take it out of {clean(source)}"
    )
    return StoreError(
        Reason.KEYRING_NOT_TRUSTED,
        f"The keyring chosen by {clean(source)} is {clean(name)}, which is not one of the operating system's own: "
        "it may keep secrets in clear, or not at all.",
        remedy=f"{way_out} so that the system's keyring is used; {_KEEP_NOTHING}.",
    )


def impostor(name: str, expected: str) -> StoreError:
    """The library gave us something else under a trusted name."""
    return StoreError(
        Reason.KEYRING_NOT_TRUSTED,
        f"{clean(name)} was found in place of the keyring {expected}.",
        remedy=f"Install this program into an environment of its own, for example with pipx; {_KEEP_NOTHING}.",
    )


def choice_unreadable(path: str) -> StoreError:
    """A file chooses the keyring, and it cannot be read."""
    return StoreError(
        Reason.KEYRING_NOT_TRUSTED,
        f"{clean(path)} chooses the keyring, and it cannot be understood.",
        remedy=f"Mend or remove that file; {_KEEP_NOTHING}.",
    )


def not_given_back(platform: str) -> StoreError:
    """It took a secret and returned another, or none."""
    return StoreError(
        Reason.KEYRING_FAILED,
        "The keyring took the secret without a complaint, but did not give back the same.",
        remedy=_retry(platform),
    )


def not_gone(platform: str) -> StoreError:
    """It said that it had erased a secret, and still gives it."""
    return StoreError(
        Reason.KEYRING_FAILED,
        "The keyring still gives the secret that it was to erase.",
        remedy=_retry(platform),
    )


def too_large(size: int, limit: int) -> StoreError:
    """More than the keyring of this platform takes."""
    return StoreError(
        Reason.SECRET_TOO_LARGE,
        f"The secret takes {size} bytes, and the keyring of this platform at most {limit}.",
        remedy=f"Check that the token was copied alone; {_KEEP_NOTHING}.",
    )


def _retry(platform: str) -> str:
    program = {"win32": "Credential Manager", "darwin": "Keychain Access"}.get(
        platform, "the keyring's daemon"
    )
    return f"Restart {program} or the session and try again; {_KEEP_NOTHING}."


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(_MOST_LINKS):
        if link is None:
            return
        yield link
        link = link.__cause__ or link.__context__


def _codes(error: BaseException) -> Iterator[int]:
    """The numbers that platforms put into exceptions: ``OSError``, pywintypes.error and keyring's macOS errors."""
    for value in (*error.args, getattr(error, "winerror", None), getattr(error, "errno", None)):
        if isinstance(value, int) and not isinstance(value, bool):
            yield value


def _is_wsl(version: Path = Path("/proc/version")) -> bool:
    try:
        return "microsoft" in version.read_text(encoding="utf-8", errors="replace").lower()
    except OSError:
        return False
