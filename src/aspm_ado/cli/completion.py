"""What can follow on a command line: read from the menu, without the parser, since every Tab starts the program anew.

A shell's script (``shells``) hands over the line up to the cursor in ``_ASPM_ADO_WORDS``. What cannot be completed
gives nothing, and the shell then offers files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from aspm_ado.cli.menu import COMMANDS, HELP, ROOT, SCENARIO
from aspm_ado.domain.questions import CONFIG_DIR, SHARED

if TYPE_CHECKING:
    from aspm_ado.cli.menu import Command
    from aspm_ado.domain.questions import Question

Word = tuple[str, str]
"""What can be put in, and what it is; the second may be empty."""

SHELLS: Final = ("bash", "zsh", "fish", "powershell")


def answer(environment: Mapping[str, str]) -> int:
    """Write what can follow, one a line, as the shell's script reads it. Never a message: it would stand there, too."""
    from aspm_ado.domain.text import encodable

    shell = environment["_ASPM_ADO_COMPLETE"].removeprefix("complete_")
    if shell not in SHELLS:
        return 2
    words, begun = split(
        environment.get("_ASPM_ADO_WORDS", ""), "`" if shell == "powershell" else "\\"
    )
    if shell == "powershell" and not environment.get("_ASPM_ADO_WORD") and begun:
        words, begun = [*words, begun], ""  # a syntax tree has no blank at its end
    for word in candidates(words[1:], begun, environment):
        sys.stdout.write(encodable(_said(shell, word, begun), sys.stdout.encoding) + "\n")
    return 0


def split(line: str, escape: str) -> tuple[list[str], str]:
    """The words before the one under the cursor, and what is there of that one. A quote may still be open."""
    import shlex

    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", escape
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:
        return words, lexer.token
    return (words, "") if not words or line[-1].isspace() else (words[:-1], words[-1])


def candidates(words: Sequence[str], begun: str, environment: Mapping[str, str]) -> list[Word]:
    """What begins with ``begun`` and can follow ``words``, those after the name of the program."""
    command: Command | None = None
    options = _flags((*ROOT, *SHARED, HELP))
    waiting: Question | None = None
    folder, given, ended = environment.get(CONFIG_DIR.env, ""), set[str](), False
    for word in words:
        if waiting is not None:
            folder, waiting = word if waiting is CONFIG_DIR else folder, None
        elif word == "--":
            ended = True
        elif word.startswith("-") and not ended:
            flag, equals, value = word.partition("=")
            option = options.get(flag)
            if option is CONFIG_DIR and equals:
                folder = value
            waiting = option if option is not None and not option.switch and not equals else None
        elif command is None:
            command = next((one for one in COMMANDS if one.word == word), None)
            if command is None:
                return []
            options = _flags((*command.options, HELP))
        else:
            given.add(word)
    flag, equals, value = begun.partition("=")
    if waiting is not None:
        found = ((value, "") for value in _values(waiting))
    elif equals and flag in options and not ended:
        found = ((f"{flag}={value}", "") for value in _values(options[flag]))
    elif begun.startswith("-") and not ended:
        found = ((name, option.help) for name, option in options.items() if name.startswith("--"))
    elif command is None:
        found = ((one.word, one.summary) for one in COMMANDS)
    elif command.name and (command.many or not given):
        found = ((name, "") for name in stored_names(folder, environment) if name not in given)
    else:
        return []
    return [(word, what) for word, what in found if word.startswith(begun)]


def stored_names(folder: str, environment: Mapping[str, str]) -> list[str]:
    """The stored connections, without a lock, and none when they cannot be read.

    A name that we would not have given is left out: the shell puts it on the command line as it is.
    """
    from pathlib import Path

    from aspm_ado.adapters.records.catalog import DiskRecords, default_folder
    from aspm_ado.domain.errors import UserError
    from aspm_ado.domain.stored import NAME

    named = os.path.expandvars(folder.strip())
    try:
        place = Path(named).expanduser() if named else default_folder(environment)
        return sorted(
            name for name in DiskRecords(place).load().connections if NAME.fullmatch(name)
        )
    except (UserError, RuntimeError):  # the second: “~name” of nobody
        return []


def _flags(options: Iterable[Question]) -> dict[str, Question]:
    return {name: option for option in options for name in (option.flag, option.short) if name}


def _values(option: Question) -> Sequence[str]:
    if option is SCENARIO:
        from aspm_ado.demo import SCENARIOS

        return tuple(SCENARIOS)
    return option.values


def _said(shell: str, word: Word, begun: str) -> str:
    """One line, as the script for that shell reads it."""
    value, what = word
    if shell == "bash":
        return (
            value.rpartition("=")[2] if "=" in begun else value
        )  # bash takes “=” for the end of a word
    if shell == "zsh":
        return value.replace("\\", "\\\\").replace(":", "\\:") + (f":{what}" if what else "")
    return f"{value}\t{what}" if shell == "fish" else f"{value}:::{what or ' '}"
