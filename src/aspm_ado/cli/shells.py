"""The scripts that ask for completion, one for each shell, and where they are put."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from aspm_ado.domain.errors import UsageError
from aspm_ado.domain.reasons import Reason

_BASH: Final = r"""
_aspm_ado_completion() {
    local IFS=$'\n'
    COMPREPLY=( $(_ASPM_ADO_COMPLETE=complete_bash _ASPM_ADO_WORDS="${COMP_LINE:0:COMP_POINT}" "$1" 2>/dev/null) )
}
complete -o default -F _aspm_ado_completion aspm-ado
"""

# The file is the body of the function _aspm-ado, which zsh loads at the first Tab: it has to answer that one, too.
_ZSH: Final = r"""
#compdef aspm-ado
_aspm_ado_completion() {
    local -a found
    found=("${(@f)$(_ASPM_ADO_COMPLETE=complete_zsh _ASPM_ADO_WORDS="${words[1,CURRENT]}" aspm-ado 2>/dev/null)}")
    if [[ -n "$found" ]]; then
        _describe aspm-ado found
    else
        _files
    fi
}
if [[ "${funcstack[1]}" == _aspm-ado ]]; then
    _aspm_ado_completion "$@"
else
    compdef _aspm_ado_completion aspm-ado
fi
"""

_FISH: Final = r"""
function __aspm_ado_completion
    set -lx _ASPM_ADO_COMPLETE complete_fish
    set -lx _ASPM_ADO_WORDS (commandline -cp | string collect)
    set -l found (aspm-ado 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete --command aspm-ado --no-files --arguments '(__aspm_ado_completion)'
"""

_POWERSHELL: Final = r"""
Register-ArgumentCompleter -Native -CommandName aspm-ado -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $Env:_ASPM_ADO_COMPLETE = "complete_powershell"
    $Env:_ASPM_ADO_WORDS = $commandAst.ToString()
    $Env:_ASPM_ADO_WORD = $wordToComplete
    aspm-ado | ForEach-Object {
        $word, $what = $_ -split ":::", 2
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $what)
    }
    $Env:_ASPM_ADO_COMPLETE = ""
    $Env:_ASPM_ADO_WORDS = ""
    $Env:_ASPM_ADO_WORD = ""
}
"""

_SCRIPTS: Final = {
    "bash": _BASH,
    "zsh": _ZSH,
    "fish": _FISH,
    "powershell": _POWERSHELL,
    "pwsh": _POWERSHELL,
}
_LOADS_ZSH: Final = "fpath+=~/.zfunc; autoload -Uz compinit; compinit"


def give_completion(*, install: bool) -> str:
    """The script for the shell that we were started from; or, with ``install``, where it was put.

    Raises ``UsageError`` for another shell and ``OSError`` where a file cannot be written.
    """
    shell = _shell()
    script = _SCRIPTS[shell].strip()
    if not install:
        return script
    place = {"bash": _into_bash, "zsh": _into_zsh, "fish": _into_fish}.get(shell)
    made = place(script + "\n") if place else _into_powershell(shell, script + "\n")
    return f"{shell} completion installed in {made}\nIt works in every {shell} that is started from now on."


def _shell() -> str:
    import shellingham  # type: ignore[import-untyped]

    from aspm_ado.cli.context import SECRET_VARIABLES

    for name in SECRET_VARIABLES:
        os.environ.pop(name, None)  # on some platforms a program is started to find out
    try:
        name = str(shellingham.detect_shell()[0])
    except shellingham.ShellDetectionFailure:
        name = ""
    if name in _SCRIPTS:
        return name
    what = f"The shell {name} is" if name.isalnum() else "This is no shell, or one that is"
    raise UsageError(
        Reason.USAGE,
        f"{what} not supported: there is completion for bash, zsh, fish and PowerShell.",
        remedy="Start one of these, and run in it: aspm-ado --install-completion",
    )


def _into_bash(script: str) -> Path:
    place = _written(Path.home() / ".bash_completions" / "aspm-ado.sh", script)
    _with_line(Path.home() / ".bashrc", f"source '{place}'")
    return place


def _into_zsh(script: str) -> Path:
    place = _written(Path.home() / ".zfunc" / "_aspm-ado", script)
    _with_line(Path.home() / ".zshrc", _LOADS_ZSH)
    return place


def _into_fish(script: str) -> Path:
    settings = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return _written(Path(settings) / "fish" / "completions" / "aspm-ado.fish", script)


def _into_powershell(shell: str, script: str) -> Path:
    """Into the profile, between two marks, so that a second time replaces the first."""
    import subprocess

    asked = subprocess.run(  # noqa: S603 - the shell that we were started from
        [shell, "-NoProfile", "-NonInteractive", "-Command", "$PROFILE"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    named = asked.stdout.strip()
    if asked.returncode or not named:
        raise OSError(0, f"{shell} does not name its profile", "$PROFILE")
    profile = Path(named)
    begin, end = "# aspm-ado completion\n", "# end of aspm-ado completion\n"
    old = profile.read_text(encoding="utf-8") if profile.is_file() else ""
    before, _, rest = old.partition(begin)
    after = rest.partition(end)[2] if rest else ""
    return _written(profile, f"{before}{begin}{script}{end}{after}")


def _written(place: Path, text: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    return place


def _with_line(settings: Path, line: str) -> None:
    """Add a line to somebody's settings, unless it is there."""
    old = settings.read_text(encoding="utf-8", errors="replace") if settings.is_file() else ""
    if line not in old:
        with settings.open("a", encoding="utf-8") as opened:
            opened.write(("" if not old or old.endswith("\n") else "\n") + line + "\n")
