"""The entry point. The version is told before anything is imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with ``arguments`` (default: those of the process); the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        from aspm_ado import __version__

        sys.stdout.write(f"aspm-ado {__version__}\n")
        return 0
    from aspm_ado.cli.door import enter

    return enter(words)


if __name__ == "__main__":
    sys.exit(main())
