"""Shell completion in real shells: installed as the help says, then Tab, and the words on the screen."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pyte
import pytest

from aspm_ado.__main__ import main
from aspm_ado.adapters.records.catalog import DiskRecords
from aspm_ado.cli.app import parser
from aspm_ado.cli.completion import answer_completion, install_in_profile
from aspm_ado.domain.stored import Catalogue
from aspm_ado.simulator import SCENARIOS

from ..doctor.stored import entry

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="a pseudo-terminal is a POSIX thing"
)
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")
NAMES = ("contoso", "contoso.eu", "fabrikam-dev")
PURPOSES = ("alm", "alm+issue-manager", "issue-manager")
COMMANDS = (
    "connect",
    "validate",
    "guide",
    "list",
    "demo",
    "handoff",
    "rotate",
    "migrate",
    "token",
    "disconnect",
    "doctor",
)
CASES = {
    "aspm-ado ": COMMANDS,
    "aspm-ado va": ("validate",),
    "aspm-ado validate ": NAMES,
    "aspm-ado validate fab": ("fabrikam-dev",),
    "aspm-ado validate fabrikam-dev contoso.": ("contoso.eu",),
    "aspm-ado --quiet handoff ": NAMES,
    "aspm-ado demo --scenario ": tuple(SCENARIOS),
    "aspm-ado demo --scenario aspm-w": ("aspm-wrong-token",),
    "aspm-ado connect --purpose ": PURPOSES,
    "aspm-ado connect --purpose issue": ("issue-manager",),
    "aspm-ado connect -o contoso --aspm-api ": ("auto", "standalone", "core"),
    "aspm-ado connect --register ": ("auto", "api", "guided", "none"),
    "aspm-ado connect --team-leads-may fetch": ("fetch-projects",),
}
"""What is typed before Tab, and all the words that it can become."""
TYPED = {
    line: CASES[line]
    for line in (
        "aspm-ado va",
        "aspm-ado ",
        "aspm-ado validate ",
        "aspm-ado validate fabrikam-dev contoso.",
        "aspm-ado connect --purpose ",
    )
}
"""Those that are typed in each shell; the others differ in nothing but the answer, which is read without a terminal."""
HEAVY = (
    "rich",
    "requests",
    "urllib3",
    "keyring",
    "secretstorage",
    "questionary",
    "prompt_toolkit",
    "pydantic",
)
TAB, CTRL_C = "\t", "\x03"


@pytest.fixture
def home(sealed: Path | None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with three connections, and the program where it is installed."""
    assert sealed is not None
    DiskRecords(sealed / ".config" / "aspm-ado").change(
        lambda _: Catalogue({name: entry(name) for name in NAMES})
    )
    program = Path(sys.executable).with_name("aspm-ado")
    assert program.exists(), "not installed beside this Python"
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    for name in [name for name in os.environ if name.startswith(("_ASPM", "COMP_"))]:
        monkeypatch.delenv(name)
    return sealed


def needs(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    return found


def inside(
    shell: str, line: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A line in that shell, which is then what the program finds itself in."""
    words = [shell, "-c", f"{line}; true"]
    environment = {**os.environ, **(environment or {})}
    return subprocess.run(
        words, env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def called(shell: str, folder: Path) -> str:
    """A shell of that name for those that are not here: what counts to the program is the name of its parent."""
    made = folder / shell
    shutil.copy(needs("bash"), made)
    return str(made)


class Keyboard:
    """A shell on a terminal: lines are typed, Tab is pressed, and the screen is read."""

    def __init__(self, words: list[str]) -> None:
        import pexpect

        self.screen = pyte.Screen(160, 50)
        self._stream, self._log = pyte.ByteStream(self.screen), io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # forkpty in a process that has threads
            environment = {
                **os.environ,
                "TERM": "xterm",
                "LC_ALL": "C.UTF-8",
                "PS1": "READY> ",
                "SHELL": words[0],
            }
            self._child = pexpect.spawn(
                words[0], words[1:], env=environment, dimensions=(50, 160), timeout=15
            )
        self._child.delaybeforesend = None
        self._child.delayafterclose = self._child.ptyproc.delayafterclose = 0

    @property
    def text(self) -> str:
        return "\n".join(row.rstrip() for row in self.screen.display)

    def type(self, keys: str) -> None:
        self._child.send(keys)

    def wait(self, wanted: Iterable[str], seconds: float = 15.0) -> None:
        """Until all of it is on the screen."""
        import pexpect

        missing = tuple(wanted)
        end = time.monotonic() + seconds
        while missing := [each for each in missing if not _holds(self.text, each)]:
            left = end - time.monotonic()
            try:
                self._stream.feed(self._child.read_nonblocking(65536, timeout=max(left, 0.01)))
            except (pexpect.TIMEOUT, pexpect.EOF) as never:
                raise AssertionError(f"{missing} never came:\n{self.text}") from never

    def afresh(self) -> None:
        """An empty screen and an empty line."""
        for _ in range(2):  # the first may only close a list
            self.type(CTRL_C)
            self._listen(0.1)
        self.type(
            "clear; echo again-$((40 + 2))\r"
            if self._bourne
            else "clear; echo again-(math 40 + 2)\r"
        )
        self.wait(["again-42"])

    def _listen(self, seconds: float) -> None:
        """Read whatever comes in that time: a key pressed while a line is being thrown away is thrown away, too."""
        import pexpect

        with contextlib.suppress(pexpect.TIMEOUT):
            while True:
                self._stream.feed(self._child.read_nonblocking(65536, timeout=seconds))

    _bourne = True

    def close(self) -> None:
        self._child.close(force=True)


def _holds(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w.+-]){re.escape(word)}(?![\w.+-])", text) is not None


@contextlib.contextmanager
def sitting_at(home: Path, shell: str) -> Iterator[Keyboard]:
    """The shell of that name, after ``aspm-ado --install-completion`` in it."""
    path = needs(shell)
    done = inside(path, "aspm-ado --install-completion")
    assert f"{shell} completion installed" in done.stdout, done
    words = {"bash": ["--noprofile", "-i"], "zsh": ["-d", "-i"], "fish": ["-i"]}[shell]
    prompt = {"bash": (".bashrc", "PS1='READY> '"), "zsh": (".zshrc", "PS1='READY> '")}
    file, line = prompt.get(
        shell,
        (
            ".config/fish/config.fish",
            "set fish_greeting\nfunction fish_prompt; echo 'READY> '; end",
        ),
    )
    with (home / file).open("a") as settings:
        settings.write(f"\n{line}\n")
    made = Keyboard([path, *words])
    made._bourne = shell != "fish"
    try:
        made.wait(["READY>"])
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_tab_in_a_real_shell(home: Path, shell: str) -> None:
    """From the first Tab of a new shell on; of zsh, which loads the script at its first, from the second."""
    elsewhere = home / "elsewhere"
    DiskRecords(elsewhere).change(lambda _: Catalogue({"other": entry("other")}))
    more = {
        "aspm-ado --config-dir ~/elsewhere validate ": ("other",),
        "aspm-ado guide --rea": ("--reach",),
    }
    with sitting_at(home, shell) as keyboard:
        if shell == "zsh":
            keyboard.type(f"aspm-ado va{TAB}")
            keyboard._listen(2.0)
            keyboard.afresh()
        for line, words in {**TYPED, **more}.items():
            keyboard.type(line + TAB * (2 if shell == "bash" and len(words) > 1 else 1))
            typed = line.rpartition(" ")[0]
            keyboard.wait([f"{typed} {words[0]}"] if len(words) == 1 else words)
            keyboard.afresh()


def test_a_file_is_still_completed_where_one_is_wanted(home: Path) -> None:
    """``--pat-file`` takes a file: the shell's own completion must not be lost."""
    assert "-o default" in inside(needs("bash"), "aspm-ado --show-completion").stdout


def asked(shell: str, line: str) -> dict[str, str]:
    """The variables by which Typer's script for that shell asks for what can follow."""
    variables = {"_ASPM_ADO_COMPLETE": f"complete_{shell}"}
    if shell == "bash":
        words = [*line.split()[1:], ""] if line.endswith(" ") else line.split()[1:]
        return {
            **variables,
            "COMP_WORDS": "\n".join(["aspm-ado", *words]),
            "COMP_CWORD": str(len(words)),
        }
    if shell in ("powershell", "pwsh"):
        # A syntax tree of PowerShell has no blank at its end, and the word is told beside it.
        word = line.rpartition(" ")[2]
        return {
            **variables,
            "_TYPER_COMPLETE_ARGS": line.rstrip(),
            "_TYPER_COMPLETE_WORD_TO_COMPLETE": word,
        }
    return {**variables, "_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}


def offered(shell: str, line: str) -> list[str]:
    """The words of the answer to that shell, each as its script takes it out of a line."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(said):
        for name, value in asked(shell, line).items():
            patched.setenv(name, value)
        assert answer_completion(os.environ, parser) == 0
    rows = said.getvalue().splitlines()
    if shell == "zsh":
        return re.findall(r'^(?:_arguments \'\*: :\(\()?"([^":]+)"', "\n".join(rows), re.MULTILINE)
    part = {"fish": "\t"}.get(shell, ":::")
    return [row.partition(part)[0] for row in rows if row]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("line", CASES)
def test_what_each_shell_is_told(home: Path, shell: str, line: str) -> None:
    assert sorted(offered(shell, line)) == sorted(CASES[line])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("aspm-ado --config-dir=~/elsewhere validate ", ["other"]),
        ("aspm-ado validate --config-dir ~/elsewhere o", ["other"]),
        ('aspm-ado --config-dir "$HOME/elsewhere" validate ', ["other"]),
        ("aspm-ado --config-dir ~/nowhere validate ", []),
        ("aspm-ado --config-dir ~nobody-of-that-name/x validate ", []),
        ("aspm-ado validate --json contoso fab", ["fabrikam-dev"]),
        ("aspm-ado handoff contoso ", []),
        ("aspm-ado list ", []),
        ("aspm-ado validate --pat-file ", []),
        ("aspm-ado validate -o contoso fab", ["fabrikam-dev"]),
        ("aspm-ado validate -- fab", ["fabrikam-dev"]),
        ("aspm-ado guide --rea", ["--reach"]),
        ("aspm-ado --vers", ["--version"]),
        ('aspm-ado validate "fab', ["fabrikam-dev"]),
    ],
)
def test_lines_of_every_kind(home: Path, line: str, words: list[str]) -> None:
    DiskRecords(home / "elsewhere").change(lambda _: Catalogue({"other": entry("other")}))
    assert offered("fish", line) == words


def test_every_option_of_every_command_is_offered_once(home: Path) -> None:
    """Help and completion are made from the same rows."""
    for command in COMMANDS:
        done = run_main([command, "--help"])
        told = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", done, re.MULTILINE))
        found = offered("zsh", f"aspm-ado {command} --")
        assert len(found) == len(set(found))
        assert set(found) == told, command


@pytest.mark.parametrize("shell", ["zsh", "fish", "pwsh"])
def test_an_option_is_one_line_with_its_help(home: Path, shell: str) -> None:
    """Rich would break it at 80 columns, and the rest would be offered as a word of its own."""
    done = inside(needs("sh"), "aspm-ado", asked(shell, "aspm-ado connect --"))
    rows = done.stdout.removeprefix("_arguments '*: :((").splitlines()
    assert len(rows) > 20
    assert all(row.startswith(("--", '"--')) for row in rows)


def run_main(words: list[str]) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert main(words) == 0
    return said.getvalue()


@pytest.mark.parametrize("shell", ["pwsh", "powershell"])
def test_what_powershell_is_given(home: Path, shell: str) -> None:
    """There is no PowerShell here: its script is read for what it asks by, and whether it leaves anything behind."""
    script = inside(called(shell, home), "aspm-ado --show-completion").stdout
    assert "Register-ArgumentCompleter -Native -CommandName aspm-ado" in script
    found = dict(re.findall(r"\$Env:(\w+) = (.*)", script.partition("| ForEach")[0]))
    assert found == {
        "_ASPM_ADO_COMPLETE": '"complete_powershell"',
        "_TYPER_COMPLETE_ARGS": "$commandAst.ToString()",
        "_TYPER_COMPLETE_WORD_TO_COMPLETE": "$wordToComplete",
    }
    assert all(f'$Env:{name} = ""' in script for name in found), (
        "nothing is left in the environment"
    )


def test_into_a_profile_of_powershell_once(home: Path) -> None:
    """The profile is where PowerShell says; what was in it stays, and a second time replaces the first.

    It says so in numbers: on Windows its letters come in a code page of the console.
    """
    profile, shell = home / "José 𝛼" / "profile.ps1", home / "pwsh"
    profile.parent.mkdir()
    units = " ".join(map(str, memoryview(str(profile).encode("utf-16-le")).cast("H")))
    profile.write_text("Set-Alias ll ls\n")
    shutil.copy(needs("bash"), home / "bash-for-pwsh")
    shell.write_text(f'#!{home / "bash-for-pwsh"}\necho "{units}"\n')
    shell.chmod(0o700)
    for _ in range(2):
        assert install_in_profile(str(shell), "the script\n") == profile
    assert profile.read_text() == (
        "Set-Alias ll ls\n# aspm-ado completion\nthe script\n# end of aspm-ado completion\n"
    )
    before = "# é\r\n".encode("utf-16")
    profile.write_bytes(before)
    with pytest.raises(OSError, match="not UTF-8"):
        install_in_profile(str(shell), "the script\n")
    assert profile.read_bytes() == before


@pytest.mark.parametrize(
    "line", ["aspm-ado va", "aspm-ado validate fab", "aspm-ado demo --scenario aspm-w"]
)
def test_nothing_heavy_is_loaded(home: Path, line: str) -> None:
    """The parser alone: no table, no network, no keyring."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "aspm_ado"],
        env={**os.environ, **asked("zsh", line)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert all(word in done.stdout for word in CASES[line]), done.stdout
    loaded = {
        row.rpartition("|")[2].strip()
        for row in done.stderr.splitlines()
        if row.startswith("import time:")
    }
    assert "aspm_ado.cli.completion" in loaded
    assert sorted(name for name in loaded if name.partition(".")[0] in HEAVY) == []


def bash_asks(line: str) -> subprocess.CompletedProcess[str]:
    """As the script for bash does."""
    return inside(needs("sh"), "aspm-ado", asked("bash", line))


def test_the_folder_that_the_variable_names(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = home / "elsewhere"
    monkeypatch.setenv("ASPM_ADO_CONFIG_DIR", str(elsewhere))
    assert bash_asks("aspm-ado validate ").stdout.strip() == ""
    assert not elsewhere.exists(), "looking makes nothing"
    DiskRecords(elsewhere).change(lambda _: Catalogue({"other": entry("other")}))
    assert bash_asks("aspm-ado validate ").stdout.split() == ["other"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"schema": "aspm-ado/catalog/v9"}', "\x00\xff"]
)
def test_records_that_cannot_be_read_complete_to_nothing(home: Path, content: str) -> None:
    """And say nothing: a message would stand in the middle of somebody's command line."""
    (home / ".config/aspm-ado/catalog.json").write_bytes(content.encode("latin-1"))
    done = bash_asks("aspm-ado validate ")
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_a_home_that_cannot_be_written(home: Path) -> None:
    done = inside(
        needs("bash"), "aspm-ado --install-completion; echo code $?", {"HOME": "/dev/null"}
    )
    assert "Traceback" not in done.stderr
    assert "code 1" not in done.stdout, "1 is a bug of ours"


@pytest.mark.parametrize("option", ["--show-completion", "--install-completion"])
def test_a_shell_that_is_not_supported(home: Path, option: str) -> None:
    done = inside(called("tcsh", home), f"aspm-ado {option}; echo code $?")
    assert done.stdout == "code 2\n"
    assert "The shell tcsh is not supported" in done.stderr
    assert "→ In one of these shells" in done.stderr


def test_installed_twice_it_is_there_once(home: Path) -> None:
    (home / ".bashrc").write_text("alias ll=ls")
    for _ in range(2):
        done = inside(needs("bash"), "aspm-ado --install-completion")
        assert done.stderr == ""
    script = home / ".bash_completions" / "aspm-ado.sh"
    assert (home / ".bashrc").read_text().split("\n")[:2] == ["alias ll=ls", f"source '{script}'"]
    assert (home / ".bashrc").read_text().count("source") == 1
