"""The entry point. The version is told, and a Tab answered, before anything is imported that these do not need."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with ``arguments`` (default: those of the process); the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        from aspm_ado import __version__

        sys.stdout.write(f"aspm-ado {__version__}\n")
        return 0
    if not words and os.environ.get("_ASPM_ADO_COMPLETE"):
        from aspm_ado.cli.completion import answer

        return answer(os.environ)
    gc.set_threshold(20_000)  # what is imported stays: looking at it again and again takes a tenth of the start
    from aspm_ado.cli.door import enter

    return enter(words)


if __name__ == "__main__":
    sys.exit(main())
