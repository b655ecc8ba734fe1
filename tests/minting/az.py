"""A stand-in for the Azure CLI: a real executable on the PATH that notes how it was called and answers from a file."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path

SCRIPT = """#!{python} -IS
import json, os, subprocess, sys
folder = os.path.dirname(os.path.abspath(__file__))
with open(folder + "/calls", "a") as notes:
    notes.write(json.dumps({{"argv": sys.argv[1:], "env": dict(os.environ)}}) + "\\n")
answer = json.load(open(folder + "/answer"))
if answer.get("hang"):
    # As the real one: a script whose child does the work, and holds the pipes.
    child = subprocess.Popen(["sleep", "600"])
    open(folder + "/hanging", "w").write(str(child.pid))
    child.wait()
sys.stdout.write(answer.get("stdout", ""))
sys.stderr.write(answer.get("stderr", ""))
sys.exit(answer.get("code", 0))
"""


def drawn_sign_in() -> str:
    """A token of Entra that nobody has seen, as long as a real one."""
    return "eyJ0eXAiOiJKV1Qi." + secrets.token_urlsafe(700) + "." + secrets.token_urlsafe(200)


class FakeAz:
    """`az` in a folder of its own."""

    def __init__(self, folder: Path, value: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.value = folder, value
        path = folder / "az"
        path.write_text(SCRIPT.format(python=sys.executable), encoding="utf-8")
        path.chmod(0o700)
        (folder / "az-of-a-simulation").touch()
        self.gives(value)

    def gives(self, value: str, **more: object) -> None:
        answer = {
            "accessToken": value,
            "expiresOn": "2099-01-01 00:00:00.000000",
            "expires_on": 4070908800,
            **more,
        }
        self.answers(
            stdout=json.dumps({**answer, "tokenType": "Bearer", "tenant": "t", "subscription": "s"})
        )

    def answers(self, **answer: object) -> None:
        (self.folder / "answer").write_text(json.dumps(answer), encoding="utf-8")

    def fails(self, stderr: str) -> None:
        self.answers(stderr=stderr, code=1)

    @property
    def calls(self) -> list[dict]:
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
