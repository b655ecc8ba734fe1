"""The entry point: ``--version`` is answered before anything is imported that it does not need."""

from __future__ import annotations

import gc
import io
import os
import select
import sys

TYPE_CHECKING = False  # as of typing, which takes longer to import than --version to answer
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from _typeshed import ReadableBuffer, WriteableBuffer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with ``arguments``; the exit code.

    Without them with those of the process, which then ends at once. The interpreter would tidy up
    first, which can change the code: a thread that is in a keyring's library is unwound, at which
    Rust aborts the process; after a Ctrl-C within ``exec`` it kills itself by that signal.
    """
    if arguments is not None:
        return _run(list(arguments))
    _open_what_is_closed()
    _silence_libraries()
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:  # while the program was being loaded: nothing was begun
        code = 130
    except RuntimeError as error:  # what Python 3.11 makes of it where a class was being made
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        code = 130
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue  # none, or closed: what matters has been flushed
    os._exit(code)


def _open_what_is_closed() -> None:
    """Open the streams that were closed before the start: a socket would get their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, _nothing(mode))
    _wait_for_streams()


def _nothing(mode: str) -> TextIO:
    """A stream with nothing in it, or that nobody reads: also where there is no ``/dev/null``."""
    place: int | str = os.devnull
    if not os.path.exists(place):  # noqa: PTH110 - pathlib takes longer than --version
        place, other = os.pipe()
        if mode == "w":
            os.dup2(other, place)
        os.close(other)
    raw = io.FileIO(place, mode)
    buffered = io.BufferedWriter(raw) if mode == "w" else io.BufferedReader(raw)
    return io.TextIOWrapper(buffered, "utf-8")


_replaced: list[TextIO] = []
"""The streams before: to forget one would close its descriptor."""


class _Patient(io.FileIO):
    """A descriptor whose owner is the process: EAGAIN is neither an end nor an error."""

    def write(self, data: ReadableBuffer, /) -> int:
        while (taken := super().write(data)) is None:
            select.select([], [self], [])
        return taken

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        while (filled := super().readinto(buffer)) is None:
            select.select([self], [], [])
        return filled


def _wait_for_streams() -> None:
    """Put ``sys.stdin``, ``sys.stdout`` and ``sys.stderr`` on descriptors that wait.

    A parent (Node, some runners of CI) may share its pipe with us in non-blocking mode, at any
    time. Nothing has been read or written yet. Windows has no such mode.
    """
    if sys.platform == "win32":
        return
    _replaced.extend((sys.stdin, sys.stdout, sys.stderr))
    sys.stdin = _patient(sys.stdin, "r", io.BufferedReader)
    sys.stdout = _patient(sys.stdout, "w", io.BufferedWriter)
    sys.stderr = _patient(sys.stderr, "w", io.BufferedWriter)


def _patient(
    stream: TextIO, mode: str, buffered: type[io.BufferedReader] | type[io.BufferedWriter]
) -> TextIO:
    try:
        raw = _Patient(stream.fileno(), mode, closefd=False)
    except (OSError, ValueError):
        return stream
    return io.TextIOWrapper(
        buffered(raw),
        stream.encoding,
        stream.errors,
        line_buffering=getattr(stream, "line_buffering", False),
        write_through=getattr(stream, "write_through", False),
    )


def _silence_libraries() -> None:
    """Let no warning of a library reach people, or end the run (``PYTHONWARNINGS=error``)."""
    import warnings

    warnings.resetwarnings()
    warnings.simplefilter("ignore")


def _run(words: list[str]) -> int:
    """Run what was typed, importing no more than it needs; the exit code."""
    if words == ["--version"]:
        from aspm_ado import __version__

        try:
            sys.stdout.write(f"aspm-ado {__version__}\n")
            sys.stdout.flush()
        except OSError:
            return _print_version()
        return 0
    # What is imported stays: looking at it again and again takes a tenth of the start.
    gc.set_threshold(100_000)
    if not words and os.environ.get("_ASPM_ADO_COMPLETE"):
        from aspm_ado.cli.app import parser
        from aspm_ado.cli.completion import answer_completion

        return answer_completion(os.environ, parser)
    from aspm_ado.cli.app import run_program

    return run_program(words)


def _print_version() -> int:
    """The version, on a stdout that is full or that nobody reads; the exit code."""
    from aspm_ado import __version__
    from aspm_ado.cli.output import report_error, write_lines
    from aspm_ado.domain.reasons import Problem, UserError

    try:
        write_lines([f"aspm-ado {__version__}"])
    except UserError as error:
        return report_error("", Problem.of(error), as_json=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
