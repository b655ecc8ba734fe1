"""The entry point. The version is told, and a Tab answered, before anything is imported that these do not need."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with ``arguments``; the exit code. Without them with those of the process, which ends here.

    It ends at once. The interpreter would tidy up first, which can change the code: a thread that is in a keyring's
    library is unwound, at which Rust aborts the process; after a Ctrl-C within ``exec`` it kills itself by that signal.
    """
    if arguments is not None:
        return run(list(arguments))
    _open_what_is_closed()
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while the program was being loaded: nothing was begun
        code = 130
    except RuntimeError as error:  # what Python 3.11 makes of it where a class was being made
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        code = 130
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (
            AttributeError,
            OSError,
            ValueError,
        ):  # none, or closed: what matters has been flushed, and told
            continue
    os._exit(code)


def _open_what_is_closed() -> None:
    """A stream that was closed before the start (``>&-``) is none to Python, and the next socket gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - until the end


def run(words: list[str]) -> int:
    """The shortest way for what is typed; the exit code."""
    if words == ["--version"]:
        from aspm_ado import __version__

        try:
            sys.stdout.write(f"aspm-ado {__version__}\n")
            sys.stdout.flush()
        except OSError:
            return tell_version()
        return 0
    if not words and os.environ.get("_ASPM_ADO_COMPLETE"):
        from aspm_ado.cli.completion import answer

        return answer(os.environ)
    gc.set_threshold(
        100_000
    )  # what is imported stays: looking at it again and again takes a tenth of the start
    from aspm_ado.cli.main import enter

    return enter(words)


def tell_version() -> int:
    """The version, on a stdout that nobody reads, or that is full; the exit code."""
    from aspm_ado import __version__
    from aspm_ado.cli.output import write_lines
    from aspm_ado.domain.errors import Problem, UserError

    try:
        write_lines([f"aspm-ado {__version__}"])
    except UserError as error:
        from aspm_ado.cli.errors import tell_error

        return tell_error("", Problem.of(error), as_json=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
