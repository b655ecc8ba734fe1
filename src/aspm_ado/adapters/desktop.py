"""The browser and the clipboard of the person at this machine; neither touches our terminal."""

from __future__ import annotations

import base64
import hmac
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, TextIO, cast
from urllib.parse import urlsplit

from aspm_ado.adapters import emptying
from aspm_ado.adapters.emptying import digest_of
from aspm_ado.adapters.programs import childs_environment
from aspm_ado.adapters.terminal.voice import DUMB_TERMINALS, is_terminal
from aspm_ado.adapters.threads import NoThreadError, start_thread
from aspm_ado.domain.ports import TERMINAL
from aspm_ado.domain.secret import Secret

CLIPBOARD_SECONDS: Final = 90
"""How long a secret stays on the clipboard: time to paste it, and no longer."""

_SECONDS: Final = 5.0
_WITHOUT_CLIPBOARD: Final = ("", "linux", *DUMB_TERMINALS)
"""Beginnings of ``TERM`` for a terminal that has none, and may show what is sent to one."""

_TEXT_BROWSERS: Final = ("lynx", "links", "elinks", "w3m", "www-browser")
# Windows: no console window, and not in the group that a Ctrl-C reaches.
_APART: Final[int] = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(
    subprocess, "CREATE_NEW_PROCESS_GROUP", 0
)
_OPEN_PAGE: Final = "import sys, webbrowser; sys.exit(0 if webbrowser.open(sys.argv[1]) else 1)"


@dataclass(frozen=True, slots=True)
class _Clipboard:
    """The commands of one tool, which is there where the variable ``screen`` is set.

    ``paste`` prints what the clipboard holds; ``clear`` empties it where copying nothing would not.
    """

    copy: str
    paste: str
    clear: str = ""
    screen: str = ""
    encoding: str = "utf-8"

    @property
    def name(self) -> str:
        return self.copy.split()[0]


_MAC: Final = (_Clipboard("pbcopy", "pbpaste"),)
_WINDOWS: Final = (
    _Clipboard(
        "clip.exe",
        "powershell.exe -NoProfile -NonInteractive -Command Get-Clipboard",
        encoding="utf-16-le",
    ),
)
_UNIX: Final = (
    _Clipboard("wl-copy", "wl-paste --no-newline", "wl-copy --clear", screen="WAYLAND_DISPLAY"),
    _Clipboard("xclip -selection clipboard", "xclip -selection clipboard -o", screen="DISPLAY"),
    _Clipboard("xsel -b -i", "xsel -b -o", "xsel -b -c", screen="DISPLAY"),
)


class SystemDesktop:
    """Browser and clipboard of this session, if it has them.

    Over SSH it is the clipboard of ``terminal``, if that is one.

    Every child runs without our secrets in its environment and with its output thrown away. A
    secret reaches the clipboard tool by its standard input only.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        platform: str = sys.platform,
        seconds: float = _SECONDS,
        held: float = CLIPBOARD_SECONDS,
        terminal: TextIO | None = None,
    ) -> None:
        self._terminal = terminal
        self._environment, self._platform = childs_environment(environment), platform
        self._seconds, self._held = seconds, held
        self._is_wsl = any(environment.get(name) for name in ("WSL_DISTRO_NAME", "WSL_INTEROP"))
        if self._is_wsl and self._command("wslview"):
            # Opens the page in Windows; webbrowser does not know it.
            self._environment.setdefault("BROWSER", "wslview")
        self._copied: tuple[_Clipboard, Secret] | None = None
        self._emptying: subprocess.Popen[bytes] | None = None

    def open(self, url: str) -> bool:
        """Open a page of http or https; whether a browser opened it, as far as is known."""
        if not _is_web_page(url) or not self._has_browser():
            return False
        try:
            # In a process of its own: a text browser, or a chatty one, would write into our
            # terminal and read from it.
            child = self._begin("-c", _OPEN_PAGE, url)
        except OSError:
            return False
        try:
            return child.wait(self._seconds) == 0
        except subprocess.TimeoutExpired:
            with suppress(NoThreadError):
                start_thread("browser", child.wait)
            return True

    def copy(self, secret: Secret) -> str | None:
        """Put a secret on the clipboard; the name of the tool, or ``None`` where none took it."""
        if self._is_remote():  # the tools reach a clipboard that is not the person's
            return self._copy_by_terminal(secret)
        for clipboard in self._clipboards():
            self._empty_later(clipboard, secret)
            if self._run(clipboard.copy, secret.reveal().encode(clipboard.encoding)) is not None:
                self._copied = clipboard, secret
                return clipboard.name
            self._stop_emptying()
        return None

    @property
    def can_copy(self) -> bool:
        """Whether there is a clipboard to try. Nothing is run."""
        if self._is_remote():
            return self._has_clipboard(self._terminal)
        return any(self._command(one.copy) for one in self._clipboards())

    def _copy_by_terminal(self, secret: Secret) -> str | None:
        """Ask the person's terminal to copy it (OSC 52); it never answers."""
        terminal = self._terminal
        if terminal is None or not self._has_clipboard(terminal):
            return None
        encoded = base64.b64encode(secret.reveal().encode())
        try:
            terminal.flush()
            terminal.buffer.write(b"\x1b]52;c;" + encoded + b"\x07")
            terminal.buffer.flush()
        except (OSError, ValueError):
            return None
        return TERMINAL

    def _has_clipboard(self, terminal: TextIO | None) -> bool:
        """Whether this is a terminal that may know OSC 52, and does not show what it ignores."""
        kind = self._environment.get("TERM", "").lower()
        if self._environment.get("INSIDE_EMACS") or kind.split("-")[0] in _WITHOUT_CLIPBOARD:
            return False
        return is_terminal(terminal)

    @property
    def clears_after(self) -> float | None:
        """Seconds after which a copied secret is taken off again; ``None`` where it cannot be."""
        if self._copied and self._command(self._copied[0].paste):
            return self._held
        return None

    def clear(self) -> None:
        """Empty the clipboard if it still holds our secret.

        A clipboard that cannot be read is left alone: it may hold something else by now.
        """
        if self._copied is None:
            return
        (clipboard, secret), self._copied = self._copied, None
        held = self._run(clipboard.paste, listen=True)
        if held is not None and hmac.compare_digest(held.rstrip(b"\r\n"), secret.reveal().encode()):
            self._run(clipboard.clear or clipboard.copy)
        self._stop_emptying()

    def _empty_later(self, clipboard: _Clipboard, secret: Secret) -> None:
        """Start a process that empties the clipboard in time, also when we are killed.

        It is there before the secret is. It is told a digest, and not the secret.
        """
        self._stop_emptying()
        paste = self._command(clipboard.paste)
        if not paste:
            return
        salt = os.urandom(16).hex()
        told = {
            "paste": paste,
            "clear": self._command(clipboard.clear or clipboard.copy),
            "salt": salt,
            "digest": digest_of(secret.reveal().encode(), salt),
            "held": self._held,
            "seconds": self._seconds,
        }
        with suppress(OSError):
            self._emptying = child = self._begin(emptying.__file__, stdin=subprocess.PIPE)
            with cast("IO[bytes]", child.stdin) as stdin:
                stdin.write(json.dumps(told).encode())
            with suppress(NoThreadError):
                start_thread("clipboard", child.wait)

    def _stop_emptying(self) -> None:
        if self._emptying is not None:
            self._emptying.kill()
            self._emptying.wait()
            self._emptying = None

    def _begin(self, *words: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Our own interpreter, apart from our terminal and outliving us."""
        # -I: neither the current folder nor PYTHON* variables can put another module in its place.
        return subprocess.Popen(  # noqa: S603 - our own interpreter; what it is given is checked
            [sys.executable, "-I", *words],
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._environment,
            start_new_session=True,
            creationflags=_APART,
        )

    def _run(self, words: str, given: bytes = b"", *, listen: bool = False) -> bytes | None:
        """What the tool printed, or ``None`` when it is not there, failed or took too long.

        Only a tool that reads the clipboard is listened to: one that goes on serving it inherits
        our pipe, and the end of such a pipe never comes. A session of its own keeps that one from
        our Ctrl-C.
        """
        command = self._command(words)
        if not command:
            return None
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
        if done.returncode != 0:
            return None
        return done.stdout or b""

    def _clipboards(self) -> Iterator[_Clipboard]:
        """The tools of this platform whose screen is there."""
        known = {"darwin": _MAC, "win32": _WINDOWS}.get(self._platform, _UNIX)
        if self._is_wsl:
            known = (*_WINDOWS, *known)
        for tool in known:
            if not tool.screen or self._environment.get(tool.screen):
                yield tool

    def _command(self, words: str) -> list[str]:
        """The words with the full path of the program, or nothing where it is not there.

        Never one of the current folder, where anybody may have put it: on Windows only the system's
        own.
        """
        name, *rest = words.split()
        folders = self._environment.get("PATH", "")
        if self._platform == "win32":
            root = self._environment.get("SYSTEMROOT") or self._environment.get("SystemRoot")
            system = Path(root or r"C:\Windows") / "System32"
            folders = f"{system}{os.pathsep}{system / 'WindowsPowerShell' / 'v1.0'}"
        path = shutil.which(name, path=folders)
        if path and Path(path).is_absolute():
            return [path, *rest]
        return []

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
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    return url.isascii() and url.isprintable() and " " not in url
