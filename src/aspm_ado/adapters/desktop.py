"""The browser and the clipboard of the person at this machine, neither of which may touch our terminal."""

from __future__ import annotations

import hmac
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aspm_ado.adapters.azure_cli import childs_environment
from aspm_ado.domain.secret import Secret

_SECONDS: Final = 5.0
CLIPBOARD_SECONDS: Final = 90
"""How long a secret stays on the clipboard: time to paste it, and no longer if somebody walks away."""
_TEXT_BROWSERS: Final = ("lynx", "links", "elinks", "w3m", "www-browser")
# -I: neither the current folder nor PYTHON* variables can put another `webbrowser` in its place.
_OPEN_PAGE: Final = "import sys, webbrowser; sys.exit(0 if webbrowser.open(sys.argv[1]) else 1)"


@dataclass(frozen=True, slots=True)
class _Clipboard:
    """One tool. ``paste`` prints what the clipboard holds; ``clear`` where copying nothing would not do."""

    name: str
    copy: tuple[str, ...]
    paste: tuple[str, ...] = ()
    clear: tuple[str, ...] = ()
    encoding: str = "utf-8"
    screen: str = ""

    def encode(self, text: str) -> bytes:
        """What the tool reads from its standard input."""
        return text.encode(self.encoding)


_MAC: Final = (_Clipboard("pbcopy", ("pbcopy",), ("pbpaste",)),)
_WINDOWS: Final = (
    _Clipboard(
        "clip.exe",
        ("clip.exe",),
        ("powershell.exe", "-NoProfile", "-NonInteractive", "-Command", "Get-Clipboard"),
        encoding="utf-16-le",
    ),
)
_UNIX: Final = (
    _Clipboard(
        "wl-copy",
        ("wl-copy",),
        ("wl-paste", "--no-newline"),
        ("wl-copy", "--clear"),
        screen="WAYLAND_DISPLAY",
    ),
    _Clipboard(
        "xclip",
        ("xclip", "-selection", "clipboard"),
        ("xclip", "-selection", "clipboard", "-o"),
        screen="DISPLAY",
    ),
    _Clipboard(
        "xsel", ("xsel", "-b", "-i"), ("xsel", "-b", "-o"), ("xsel", "-b", "-c"), screen="DISPLAY"
    ),
)


class SystemDesktop:
    """What the desktop of this session offers; over SSH and in a container that is nothing.

    Every child runs without our secrets in its environment and with its output thrown away. A secret reaches the
    clipboard tool by its standard input only.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        platform: str = sys.platform,
        seconds: float = _SECONDS,
        held: float = CLIPBOARD_SECONDS,
    ) -> None:
        self._environment = childs_environment(environment)
        if _is_wsl(environment) and _found(("wslview",), environment, platform):
            self._environment.setdefault(
                "BROWSER", "wslview"
            )  # opens the page in Windows; webbrowser does not know it
        self._platform, self._seconds, self._held = platform, seconds, held
        self._copied: tuple[_Clipboard, Secret] | None = None
        self._lock, self._timer = threading.Lock(), threading.Timer(0, self.clear)

    def open(self, url: str) -> bool:
        """Open a page of http or https; whether a browser took it, as far as this can be told.

        A browser that is still running after some seconds has taken it.
        """
        if not _is_web_page(url) or not self._has_browser():
            return False
        try:
            # In a process of its own: a text browser, or a chatty one, would write into our terminal and read from it.
            child = subprocess.Popen(  # noqa: S603 - our own interpreter; the address is checked
                [sys.executable, "-I", "-c", _OPEN_PAGE, url],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environment,
                start_new_session=True,
            )
        except OSError:
            return False
        try:
            return child.wait(self._seconds) == 0
        except subprocess.TimeoutExpired:
            threading.Thread(target=child.wait, daemon=True).start()
            return True

    def copy(self, secret: Secret) -> str | None:
        """Put a secret on the clipboard; the name of the tool, or ``None`` where there is none or it failed."""
        if self._is_remote():
            return None  # the clipboard that we could reach is not the person's
        for clipboard in _clipboards(self._environment, self._platform):
            if self._run(clipboard.copy, clipboard.encode(secret.reveal())) is not None:
                with self._lock:
                    self._copied = (clipboard, secret)
                    self._timer.cancel()
                    self._timer = threading.Timer(self._held, self.clear)
                    self._timer.daemon = True
                    self._timer.start()
                return clipboard.name
        return None

    @property
    def clears_after(self) -> float | None:
        """The seconds after which a copied secret is taken off again; ``None`` where it cannot be."""
        return self._held if self._copied is not None and self._copied[0].paste else None

    def clear(self) -> None:
        """Empty the clipboard if it still holds our secret.

        Where it cannot be read back it is left alone: by now it may hold something that the person needs.
        """
        with self._lock:
            copied, self._copied = self._copied, None
            self._timer.cancel()
        if copied is None:
            return
        clipboard, secret = copied
        held = self._run(clipboard.paste, listen=True) if clipboard.paste else None
        if held is not None and hmac.compare_digest(held.rstrip(b"\r\n"), secret.reveal().encode()):
            self._run(clipboard.clear or clipboard.copy)

    def _run(
        self, command: tuple[str, ...], given: bytes = b"", *, listen: bool = False
    ) -> bytes | None:
        """What the tool printed, or ``None`` when it failed or took too long.

        Only a tool that reads the clipboard is listened to: one that goes on serving it inherits our pipe, and the
        end of such a pipe never comes. A session of its own keeps that one from our Ctrl-C.
        """
        try:
            done: subprocess.CompletedProcess[bytes] = subprocess.run(  # noqa: S603 - a known tool, by its full path
                command,
                input=given,
                stdout=subprocess.PIPE if listen else subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environment,
                timeout=self._seconds,
                start_new_session=True,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return (done.stdout or b"") if done.returncode == 0 else None

    def _is_remote(self) -> bool:
        return any(
            self._environment.get(name) for name in ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT")
        )

    def _has_browser(self) -> bool:
        named = self._environment.get("BROWSER", "").split()
        if named and Path(named[0]).name not in _TEXT_BROWSERS:
            return True  # also a remote editor's helper, which opens the page where the person sits
        if self._platform in ("win32", "darwin"):
            return not self._is_remote()
        return any(self._environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _is_web_page(url: str) -> bool:
    """No other scheme, and nothing that a browser's command line could read as an option."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and url.isascii()
        and url.isprintable()
        and " " not in url
    )


def _clipboards(environment: Mapping[str, str], platform: str) -> Iterator[_Clipboard]:
    """The tools of this platform that are there, each command with its full path."""
    known = {"darwin": _MAC, "win32": _WINDOWS}.get(
        platform, (*_WINDOWS, *_UNIX) if _is_wsl(environment) else _UNIX
    )
    for tool in known:
        copy, paste, clear = (
            _found(each, environment, platform) for each in (tool.copy, tool.paste, tool.clear)
        )
        if copy and (not tool.screen or environment.get(tool.screen)):
            yield replace(tool, copy=copy, paste=paste, clear=clear)


def _is_wsl(environment: Mapping[str, str]) -> bool:
    return any(environment.get(name) for name in ("WSL_DISTRO_NAME", "WSL_INTEROP"))


def _found(
    command: tuple[str, ...], environment: Mapping[str, str], platform: str
) -> tuple[str, ...]:
    """The command with its full path, or nothing. Never one from the current folder, where anybody may have put it."""
    if not command:
        return ()
    if platform == "win32":
        system = (
            Path(environment.get("SYSTEMROOT") or environment.get("SystemRoot") or r"C:\Windows")
            / "System32"
        )
        folders = (system, system / "WindowsPowerShell" / "v1.0")
        path = next(
            (str(folder / command[0]) for folder in folders if (folder / command[0]).is_file()),
            None,
        )
    else:
        path = shutil.which(command[0], path=environment.get("PATH", ""))
    return (path, *command[1:]) if path and Path(path).is_absolute() else ()
