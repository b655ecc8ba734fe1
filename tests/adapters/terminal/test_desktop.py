"""The browser and the clipboard, seen from the tools: what they were given, and what they were not."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aspm_ado.adapters.desktop import _UNIX, SystemDesktop
from aspm_ado.domain.ports import TERMINAL, Desktop
from aspm_ado.domain.secret import Secret

TOKEN = Secret("Q7x" * 25 + "zAZDO1234")
SECRETS = {
    "ASPM_ADO_PAT": "s3cret-one",
    "AZURE_DEVOPS_EXT_PAT": "s3cret-two",
    "INVICTI_ASPM_TOKEN": "s3cret-three",
    "KONDUKTO_TOKEN": "s3cret-four",
}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")

STAND_IN = """#!/bin/sh
exec "{python}" -I - "$0" "$@" 3<&0 <<'END'
import json, os, pathlib, sys
path = pathlib.Path(sys.argv[1])
given = os.read(3, 65536).hex() if not {reads} else ""
said = {{"argv": sys.argv[2:], "stdin": given, "environment": dict(os.environ)}}
with open(path.with_suffix(".calls"), "a") as calls:
    calls.write(json.dumps(said) + "\\n")
print({answer!r}, end="")
print("noise", file=sys.stderr)
sys.exit({code})
END
"""


class Tools:
    """Stand-ins on a PATH of their own that note what they were given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, *, answer: str = "noise", code: int = 0, script: str = "") -> None:
        path = self.folder / name
        reads = name in ("pbpaste", "wl-paste", "powershell.exe")
        path.write_text(
            script or STAND_IN.format(python=sys.executable, answer=answer, code=code, reads=reads),
            encoding="utf-8",
        )
        path.chmod(0o700)

    def calls(self, name: str) -> list[dict]:
        notes = (self.folder / name).with_suffix(".calls")
        return (
            [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []
        )


@pytest.fixture
def tools(tmp_path):
    return Tools(tmp_path)


def desktop(tools, platform="linux", **environment) -> SystemDesktop:
    made: Desktop = SystemDesktop(
        {"PATH": str(tools.folder), **SECRETS, **environment}, platform=platform, seconds=20
    )
    return made


@pytest.mark.parametrize(
    ("tool", "platform", "environment", "argv", "encoding"),
    [
        ("pbcopy", "darwin", {}, [], "utf-8"),
        ("wl-copy", "linux", {"WAYLAND_DISPLAY": "wayland-0"}, [], "utf-8"),
        ("xclip", "linux", {"DISPLAY": ":0"}, ["-selection", "clipboard"], "utf-8"),
        ("xsel", "linux", {"DISPLAY": ":0"}, ["-b", "-i"], "utf-8"),
        ("clip.exe", "linux", {"WSL_DISTRO_NAME": "Debian", "DISPLAY": ":0"}, [], "utf-16-le"),
    ],
)
def test_the_secret_goes_by_stdin_only(tools, capfd, tool, platform, environment, argv, encoding):
    tools.add(tool)
    assert desktop(tools, platform, **environment).copy(TOKEN) == tool
    (call,) = tools.calls(tool)
    assert call["argv"] == argv
    assert bytes.fromhex(call["stdin"]).decode(encoding) == TOKEN.reveal()
    kept = json.dumps(call["environment"])
    assert "s3cret" not in kept
    assert TOKEN.reveal() not in kept
    assert capfd.readouterr() == ("", "")


def test_windows_takes_its_tools_from_the_system_folder_only(tools, tmp_path):
    tools.add("clip.exe")
    assert desktop(tools, "win32", SystemRoot=str(tmp_path / "nowhere")).copy(TOKEN) is None
    system = tmp_path / "Windows" / "System32"
    system.mkdir(parents=True)
    there = Tools(system)
    there.add("clip.exe")
    assert desktop(tools, "win32", SystemRoot=str(tmp_path / "Windows")).copy(TOKEN) == "clip.exe"
    assert tools.calls("clip.exe") == []
    assert bytes.fromhex(there.calls("clip.exe")[0]["stdin"]).decode("utf-16-le") == TOKEN.reveal()


@pytest.mark.parametrize(
    "session", [{"SSH_CONNECTION": "1.2.3.4 5 6.7.8.9 22"}, {"SSH_TTY": "/dev/pts/3"}]
)
def test_nothing_is_copied_on_a_far_machine(tools, session):
    tools.add("xclip")
    assert desktop(tools, DISPLAY="localhost:10.0", **session).copy(TOKEN) is None
    assert tools.calls("xclip") == []


def by_terminal(tools, is_terminal=True, **environment) -> tuple[str | None, bool, bytes]:
    """What copying over SSH came to, whether it could be tried, and what the terminal was sent."""
    if is_terminal:
        import tty

        reader, writer = os.openpty()
        tty.setraw(writer)
    else:
        reader, writer = os.pipe()
    with os.fdopen(writer, "w") as terminal, os.fdopen(reader, "rb", 0) as screen:
        session = {"SSH_TTY": "/dev/pts/3", "PATH": str(tools.folder), "DISPLAY": ":10"}
        made = SystemDesktop({**session, **environment}, platform="linux", terminal=terminal)
        can, way = made.can_copy, made.copy(TOKEN)
        assert made.clears_after is None
        made.clear()
        terminal.write("end")
        terminal.flush()
        sent = b""
        while not sent.endswith(b"end"):
            sent += screen.read(4096)
        return way, can, sent


@pytest.mark.parametrize("kind", ["xterm-256color", "screen.linux", "tmux-256color", "vt220"])
def test_over_ssh_the_terminal_is_asked_to_copy_and_never_to_clear(kind, tools):
    tools.add("xclip")
    sent = b"\x1b]52;c;" + base64.b64encode(TOKEN.reveal().encode()) + b"\x07end"
    assert by_terminal(tools, TERM=kind) == (TERMINAL, True, sent)
    assert tools.calls("xclip") == []


@pytest.mark.parametrize(
    ("is_terminal", "environment"),
    [
        (False, {"TERM": "xterm"}),
        (True, {}),
        (True, {"TERM": ""}),
        (True, {"TERM": "dumb"}),
        (True, {"TERM": "DUMB"}),
        (True, {"TERM": "unknown"}),
        (True, {"TERM": "linux"}),
        (True, {"TERM": "linux-16color"}),
        (True, {"TERM": "dumb-emacs-ansi"}),
        (True, {"TERM": "xterm-256color", "INSIDE_EMACS": "29.1,comint"}),
    ],
)
def test_a_terminal_that_may_show_it_is_sent_nothing(is_terminal, environment, tools):
    assert by_terminal(tools, is_terminal, **environment) == (None, False, b"end")


def test_a_terminal_that_is_gone_takes_nothing(tools):
    with Path(os.devnull).open("w") as gone:
        pass
    made = SystemDesktop({"SSH_TTY": "x", "TERM": "xterm"}, platform="linux", terminal=gone)
    assert (made.can_copy, made.copy(TOKEN)) == (False, None)


def test_at_this_machine_the_terminal_is_not_asked(tools):
    reader, writer = os.openpty()
    with os.fdopen(writer, "w") as terminal, os.fdopen(reader, "rb", 0):
        environment = {"PATH": str(tools.folder), "TERM": "xterm", "DISPLAY": ":0"}
        made = SystemDesktop(environment, platform="linux", terminal=terminal)
        assert (made.can_copy, made.copy(TOKEN)) == (False, None)
        tools.add("xclip")
        assert made.can_copy
        assert tools.calls("xclip") == []


def test_no_tool_no_screen_or_a_failing_one(tools):
    assert desktop(tools, DISPLAY=":0").copy(TOKEN) is None
    tools.add("xclip", code=1)
    assert desktop(tools).copy(TOKEN) is None
    assert desktop(tools, DISPLAY=":0").copy(TOKEN) is None
    tools.add("xsel")
    assert desktop(tools, DISPLAY=":0").copy(TOKEN) == "xsel"


def test_a_tool_in_the_current_folder_is_not_taken(tools, monkeypatch):
    tools.add("xclip")
    monkeypatch.chdir(tools.folder)
    for path in ("", ".", ":"):
        assert desktop(tools, DISPLAY=":0", PATH=path).copy(TOKEN) is None


def test_a_tool_that_hangs_is_given_up(tools):
    tools.add("xclip", script="#!/bin/sh\nexec /bin/sleep 60\n")
    made = SystemDesktop(
        {"PATH": str(tools.folder), "DISPLAY": ":0"}, platform="linux", seconds=0.2
    )
    assert made.copy(TOKEN) is None
    assert made.clears_after is None


def test_a_tool_that_goes_on_serving_is_not_waited_for(tools):
    tools.add("xclip", script="#!/bin/sh\n/bin/cat >/dev/null\n/bin/sleep 5 &\n")
    assert desktop(tools, DISPLAY=":0").copy(TOKEN) == "xclip"


def test_clear_empties_what_is_still_ours(tools):
    tools.add("wl-copy")
    tools.add("wl-paste", answer=TOKEN.reveal() + "\n")
    made = desktop(tools, WAYLAND_DISPLAY="wayland-0")
    assert made.clears_after is None
    made.clear()
    assert tools.calls("wl-copy") == []
    made.copy(TOKEN)
    assert made.clears_after == 90
    made.clear()
    made.clear()
    assert [call["argv"] for call in tools.calls("wl-copy")] == [[], ["--clear"]]
    assert tools.calls("wl-copy")[1]["stdin"] == ""
    assert made.clears_after is None


def test_a_token_that_nobody_pastes_is_taken_off_after_a_time(tools):
    tools.add("wl-copy")
    tools.add("wl-paste", answer=TOKEN.reveal())
    environment = {"PATH": str(tools.folder), "WAYLAND_DISPLAY": "wayland-0"}
    made = SystemDesktop(environment, platform="linux", held=0.01)
    made.copy(TOKEN)
    assert emptied(tools)


def emptied(tools: Tools) -> bool:
    until = time.monotonic() + 20
    while len(tools.calls("wl-copy")) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    return [call["argv"] for call in tools.calls("wl-copy")] == [[], ["--clear"]]


KILLED = """
import os, signal, sys
from aspm_ado.adapters.desktop import _UNIX, SystemDesktop
from aspm_ado.domain.secret import Secret
made = SystemDesktop(dict(os.environ), platform="linux", held=0.5)
made.copy(Secret(sys.stdin.read()))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_clipboard_is_emptied_although_we_were_killed(tools):
    tools.add("wl-copy")
    tools.add("wl-paste", answer=TOKEN.reveal() + "\n")
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        env={"PATH": str(tools.folder), "WAYLAND_DISPLAY": "wayland-0"},
        input=TOKEN.reveal().encode(),
        timeout=30,
    )
    assert done.returncode == -9
    assert emptied(tools)


def test_who_empties_it_is_not_told_the_secret(tools, monkeypatch):
    tools.add("wl-copy")
    tools.add("wl-paste", answer="a paragraph of theirs")
    told, really = [], subprocess.Popen

    def begun(words, **how):
        told.append((words, how["env"]))
        return really(
            [*words[:2], "-c", f"open({str(tools.folder / 'told')!r}, 'w').write(input())"], **how
        )

    monkeypatch.setattr(subprocess, "Popen", begun)
    made = desktop(tools, WAYLAND_DISPLAY="wayland-0")
    made._empty_later(_UNIX[0], TOKEN)
    assert made._emptying is not None
    made._emptying.wait(20)
    given = repr(told) + (tools.folder / "told").read_text()
    assert TOKEN.reveal() not in given
    assert "digest" in given


def test_clear_on_a_mac_overwrites_with_nothing(tools):
    tools.add("pbcopy")
    tools.add("pbpaste", answer=TOKEN.reveal())
    made = desktop(tools, "darwin")
    made.copy(TOKEN)
    made.clear()
    assert [call["stdin"] for call in tools.calls("pbcopy")] == [TOKEN.reveal().encode().hex(), ""]


def test_clear_leaves_what_somebody_copied_since(tools):
    tools.add("wl-copy")
    tools.add("wl-paste", answer="a paragraph of theirs")
    made = desktop(tools, WAYLAND_DISPLAY="wayland-0")
    made.copy(TOKEN)
    made.clear()
    assert len(tools.calls("wl-copy")) == 1


def test_clear_leaves_what_cannot_be_read_back(tools):
    tools.add("clip.exe")
    made = desktop(tools, WSL_DISTRO_NAME="Debian")
    made.copy(TOKEN)
    assert made.clears_after is None
    made.clear()
    assert len(tools.calls("clip.exe")) == 1


def test_the_browser_gets_the_page_and_no_terminal(tools, capfd):
    tools.add("browse")
    made = desktop(tools, BROWSER=str(tools.folder / "browse"))
    assert made.open("https://dev.azure.com/contoso/_usersSettings/tokens")
    (call,) = tools.calls("browse")
    assert call["argv"] == ["https://dev.azure.com/contoso/_usersSettings/tokens"]
    assert "s3cret" not in json.dumps(call["environment"])
    assert capfd.readouterr() == ("", "")


def test_a_browser_that_fails(tools):
    tools.add("browse", code=1)
    assert not desktop(tools, BROWSER=str(tools.folder / "browse")).open("https://dev.azure.com/")


def test_a_browser_that_stays_open_has_taken_the_page(tools):
    tools.add("browse", script="#!/bin/sh\nexec /bin/sleep 3\n")
    environment = {"PATH": str(tools.folder), "BROWSER": str(tools.folder / "browse")}
    assert SystemDesktop(environment, platform="linux", seconds=0.5).open("https://dev.azure.com/")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "ssh://host/x",
        "-remote",
        "https://",
        "https:///path",
        "https://host/a b",
        "https://host/\x1b[2J",
        "https://höst/",
        "https://[::1",
        "",
    ],
)
def test_opens_web_pages_only(tools, url):
    tools.add("browse")
    assert not desktop(tools, BROWSER=str(tools.folder / "browse")).open(url)
    assert tools.calls("browse") == []


@pytest.mark.parametrize(
    ("platform", "environment"),
    [
        ("linux", {}),
        ("linux", {"BROWSER": "lynx"}),
        ("linux", {"BROWSER": " "}),
        ("linux", {"SSH_CONNECTION": "x"}),
        ("linux", {"container": "podman"}),
        ("darwin", {"SSH_TTY": "/dev/ttys001"}),
        ("win32", {"SSH_CLIENT": "x"}),
    ],
)
def test_where_there_is_no_browser(tools, platform, environment):
    assert not desktop(tools, platform, **environment).open("https://dev.azure.com/")
