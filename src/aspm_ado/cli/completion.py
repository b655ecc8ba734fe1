"""Completion by the shell: Typer's scripts and answers, with the values that only we know."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import typer

from aspm_ado.adapters.records.folder import replace_file
from aspm_ado.cli.options import expand
from aspm_ado.domain.questions import CONFIG_DIR
from aspm_ado.domain.reasons import Reason, UsageError, UserError

COMPLETE_VARIABLE: Final = "_ASPM_ADO_COMPLETE"
"""Set by a script of Typer when it asks what can follow."""

_POWERSHELLS: Final = ("powershell", "pwsh")
_SHELLS: Final = ("bash", "zsh", "fish", *_POWERSHELLS)


def answer_completion(
    environment: Mapping[str, str], parser: Callable[[Collection[str]], typer.Typer]
) -> int:
    """Write what can follow on the command line; the exit code.

    Never a message: the shell would show it in the middle of what somebody types.
    """
    from typer import completion

    completion.completion_init()  # type: ignore[attr-defined]
    line = environment.get("_TYPER_COMPLETE_ARGS") or environment.get("COMP_WORDS", "")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        with contextlib.redirect_stderr(io.StringIO()), _without_rich():
            parser(line.split())(args=[], prog_name="aspm-ado", standalone_mode=False)
    except SystemExit as error:
        if isinstance(error.code, int):
            return error.code
    except Exception:  # noqa: BLE001 - a variable of the script is missing, or stdout is closed
        return 1
    return 0


@contextlib.contextmanager
def _without_rich() -> Iterator[None]:
    """Typer would send each help text through rich, which is slow to load, takes brackets for
    markup and breaks a text at 80 columns: fish and PowerShell would offer the second half as well.
    """
    loaded = sys.modules.pop("rich", None)
    sys.modules["rich"] = None  # type: ignore[assignment]  # so it cannot be found
    try:
        yield
    finally:
        del sys.modules["rich"]
        if loaded is not None:
            sys.modules["rich"] = loaded


def complete_names(ctx: typer.Context) -> list[str]:
    """The stored connections that are not on the command line yet; none if they cannot be read.

    A name that we would not have given is left out: the shell puts it on the command line as it is.
    """
    from aspm_ado.adapters.records.catalog import DiskRecords, default_folder
    from aspm_ado.domain.stored import NAME

    options: dict[str, Any] = {**ctx.params}
    if ctx.parent is not None:
        options["config_dir"] = options["config_dir"] or ctx.parent.params["config_dir"]
    named = os.path.expandvars(options["config_dir"] or os.environ.get(CONFIG_DIR.env, "")).strip()
    try:
        place = Path(expand(named, "")) if named else default_folder(os.environ)
        stored = DiskRecords(place).load().connections
    except UserError:
        return []
    used = options.get("names") or ()
    return sorted(name for name in stored if NAME.fullmatch(name) and name not in used)


def give_completion(*, install: bool) -> str:
    """The script for the shell that we were started from; or, with ``install``, where it was put.

    Raises ``UsageError`` for another shell and ``OSError`` where a file cannot be written.
    """
    from typer import completion

    shell = _detect_shell()
    names = {"prog_name": "aspm-ado", "complete_var": COMPLETE_VARIABLE, "shell": shell}
    if install and shell not in _POWERSHELLS:
        place = completion.install(**names)[1]  # type: ignore[attr-defined]
    else:
        script: str = completion.get_completion_script(**names)  # type: ignore[attr-defined]
        if not install:
            return script
        place = install_in_profile(shell, script + "\n")
    return f"{shell} completion installed in {place}\nTo use it, start a new {shell}."


_NUMBERED: Final = "[int[]][char[]]$PROFILE -join ' '"
"""Prints the path of the profile as numbers: letters come in a code page that nobody names."""


def install_in_profile(shell: str, script: str) -> Path:
    """Put the script into PowerShell's profile, between two marks; a second time replaces it.

    Typer's own would set the execution policy of the user to “Unrestricted”.
    """
    import subprocess

    asked = subprocess.run(  # noqa: S603 - the shell that we were started from
        [shell, "-NoProfile", "-NonInteractive", "-Command", _NUMBERED],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    units = asked.stdout.split()
    if asked.returncode or not units or not all(map(str.isdecimal, units)):
        raise OSError(0, f"{shell} does not name its profile", "$PROFILE")
    named = b"".join(int(unit).to_bytes(2, "little") for unit in units)
    profile = Path(named.decode("utf-16-le"))
    begin, end = "# aspm-ado completion\n", "# end of aspm-ado completion\n"
    old = ""
    if profile.is_file():
        try:
            old = profile.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # Windows PowerShell reads and writes other encodings, too
            raise OSError(0, "it is not UTF-8", str(profile)) from None
    before, _, rest = old.partition(begin)
    after = rest.partition(end)[2]
    profile.parent.mkdir(parents=True, exist_ok=True)
    text = f"{before}{begin}{script}{end}{after}".replace("\n", os.linesep)
    replace_file(profile.resolve(), text.encode(), as_it_is=True)
    return profile


def _detect_shell() -> str:
    import shellingham  # type: ignore[import-untyped]

    from aspm_ado.domain.questions import SECRET_VARIABLES

    for name in SECRET_VARIABLES:
        os.environ.pop(name, None)  # on some platforms a program is started to find out
    try:
        shell = str(shellingham.detect_shell()[0])
    except shellingham.ShellDetectionFailure:
        shell = ""
    if shell in _SHELLS:
        return shell
    what = f"The shell {shell} is" if shell.isalnum() else "This shell is"
    raise UsageError(
        Reason.USAGE,
        f"{what} not supported. Completion works in bash, zsh, fish, and PowerShell.",
        remedy="In one of these shells, run: aspm-ado --install-completion",
    )
