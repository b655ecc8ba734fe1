"""Keeps the output that the pages show real: runs each command again and pastes what it prints.

A page marks such a block with ``<!-- output of: aspm-ado demo … -->`` in the line above it.
``python docs/pasted.py`` pastes anew; with ``--check`` it only says, by its exit code, whether
something is stale. Only the demo is pasted: its day and its tokens are fixed, its port is masked.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

PAGES: Final = Path(__file__).parent
BLOCK: Final = re.compile(
    r"(<!-- output of: aspm-ado (?P<words>[^\n]*?) -->\n```text\n)(?P<shown>.*?)(^```)",
    re.DOTALL | re.MULTILINE,
)


def printed(words: str) -> str:
    """What the command prints where nobody looks: the conversation, then the result."""
    with tempfile.TemporaryDirectory(prefix="aspm-ado-pasted-") as home:
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
        run = subprocess.run(  # noqa: S603 - our own interpreter and program
            [sys.executable, "-m", "aspm_ado", *shlex.split(words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            env={**kept, "HOME": home, "PYTHONUTF8": "1", "COLUMNS": "80"},
            cwd=home,
            check=False,
        )
    return re.sub(r"(?<=127\.0\.0\.1:)\d{4,5}", "49152", run.stdout).strip("\n") + "\n"


def main() -> int:
    """Paste, or check."""
    stale = []
    for page in sorted(PAGES.glob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = BLOCK.sub(lambda found: found[1] + printed(found["words"]) + found[4], before)
        if after != before:
            stale.append(page.name)
            if "--check" not in sys.argv[1:]:
                page.write_text(after, encoding="utf-8", newline="\n")
    if stale and "--check" in sys.argv[1:]:
        sys.stderr.write(f"Stale output in {', '.join(stale)}: run python docs/pasted.py\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
