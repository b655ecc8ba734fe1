"""Break one decision at a time and see that a test notices: ``python tests/mutations.py [NAME…]``.

Each mutation is made in a copy of ``src`` and ``tests``, never in the checkout. It ends with 1 where a mutation
survives, or where its place is not found exactly once: then the code has changed, and so must the mutation.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
COPIED = ("src", "tests", "pyproject.toml")


@dataclass(frozen=True)
class Mutation:
    """``old`` becomes ``new`` wherever in the sources it stands, however it is broken into lines."""

    name: str
    breaks: str
    old: str
    new: str
    tests: tuple[str, ...]

    def pattern(self) -> re.Pattern[str]:
        """``old`` with any white space between its parts, and perhaps a comma before a closing bracket."""
        parts = re.findall(r"\w+|[^\w\s]", self.old)
        text = r"\s*".join(
            rf"(?:,\s*)?{re.escape(part)}" if part in ")]}" else re.escape(part) for part in parts
        )
        return re.compile(rf"(?<!\w){text}(?!\w)" if parts[0][0].isalnum() else text)

    def place(self, root: Path) -> tuple[Path, str]:
        """The file that it changes, and what that file is then. ``ValueError`` where there is not one place."""
        found = [
            (file, match, text)
            for file in sorted((root / "src").rglob("*.py"))
            for text in [file.read_text("utf-8")]
            for match in self.pattern().finditer(text)
        ]
        if len(found) != 1:
            raise ValueError(f"found {len(found)} times")
        [(file, match, text)] = found
        changed = text[: match.start()] + self.new + text[match.end() :]
        ast.parse(changed)
        return file, changed


MUTATIONS = (
    Mutation(
        "server-error",
        "A 500 is not taken for trouble of the service.",
        "if reply.status >= 500: return _broken(text)",
        "if reply.status > 500: return _broken(text)",
        ("tests/domain/test_access.py",),
    ),
    Mutation(
        "server-control",
        "On a Server a right is shown although a random token gets the same answer.",
        "if vouched and scope_context.control is not None and scope_context.control.status == 401:",
        "if vouched:",
        ("tests/domain/test_scopes.py",),
    ),
    Mutation(
        "ladder-target",
        "A level that no answer can show is looked for, too.",
        "return min(self.wanted, ceiling)",
        "return self.wanted",
        ("tests/domain/test_scopes.py",),
    ),
    Mutation(
        "contradiction",
        "A higher level is proven although a lower one is refused.",
        "if any(low < high for low in no for high in yes):",
        "if False:",
        ("tests/domain/test_scopes.py",),
    ),
    Mutation(
        "last-day",
        "Tokens of all organizations end a day later than announced.",
        "return days is not None and days <= 0",
        "return days is not None and days < 0",
        ("tests/domain/test_reach.py", "tests/domain/test_access.py"),
    ),
    Mutation(
        "warn-days",
        "The last of the days in which an end is near is left out.",
        "if days <= warn_days:",
        "if days < warn_days:",
        ("tests/domain/test_offline.py",),
    ),
    Mutation(
        "clone-404",
        "A named repository that is refused is called absent.",
        "and alone.status == 404 and second is not",
        "and second is not",
        ("tests/domain/test_clone.py",),
    ),
    Mutation(
        "clone-gone",
        "A repository that is gone ends the search for one to clone.",
        "if here.clone[0].status is not Status.FAIL:",
        "if here.clone:",
        ("tests/flows/test_prove.py",),
    ),
    Mutation(
        "expiry-day",
        "On its last day a token is said to have expired.",
        "self.expires < calendar.today",
        "self.expires <= calendar.today",
        ("tests/domain/test_access.py",),
    ),
    Mutation(
        "marker",
        "An instance that somebody else made is taken for ours.",
        "if same(item, find.ours, values):",
        "if same(item, find.match, values):",
        ("tests/aspm/test_judgement.py", "tests/aspm/test_register.py"),
    ),
    Mutation(
        "recorded-ca",
        "The certificates recorded with a connection are lost when it is connected again.",
        "ca_bundle=self.ca_bundle or base.ca_bundle",
        "ca_bundle=self.ca_bundle",
        ("tests/lifecycle/test_validate.py",),
    ),
    Mutation(
        "old-replies",
        "What was heard of one token is believed of another.",
        "fresh = iter(validate(self.context, tokens))",
        "fresh = iter(validate(self.context, tokens, failed))",
        ("tests/flows/test_until_good.py",),
    ),
    Mutation(
        "revoked-under-way",
        "A token that was revoked under way is called one without scopes.",
        "or kinds == {AnswerKind.BARE_REFUSAL}",
        "",
        ("tests/flows/test_prove.py",),
    ),
    Mutation(
        "still-in-use",
        "A token is erased although another organization still names it.",
        "named = {one.credential for one in self.organizations}",
        "named = {one.credential for one in self.organizations[:1]}",
        ("tests/lifecycle/test_rotation.py",),
    ),
    Mutation(
        "another-aspm",
        "A connection that moves to another Invicti ASPM is called unchanged there.",
        "or not options.stores or options.moves:",
        "or not options.stores:",
        ("tests/lifecycle/test_connect_again.py",),
    ),
    Mutation(
        "losses",
        "A new token that is as good as the old one is said to be worse.",
        "if _WORSE.index(now) > _WORSE.index(before):",
        "if _WORSE.index(now) >= _WORSE.index(before):",
        ("tests/lifecycle/test_rotation.py",),
    ),
    Mutation(
        "named-elsewhere",
        "Whom another collection named is forgotten where the list of collections names nobody.",
        "if elsewhere is None and wide is not None and answers_everywhere(wide):  # of a Server",
        "if wide is not None and answers_everywhere(wide):  # of a Server",
        ("tests/domain/test_access.py",),
    ),
)


def run(tests: tuple[str, ...], root: Path) -> int:
    """The tests against the sources of ``root``; pytest's exit code."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    paths = {"PYTHONPATH": str(root / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=root, env={**os.environ, **paths}, capture_output=True, check=False
    ).returncode


def outcome(mutation: Mutation, root: Path) -> str:
    """What came of one mutation. The copy is whole again afterwards."""
    try:
        file, changed = mutation.place(root)
    except (ValueError, SyntaxError) as error:
        return f"cannot be made: {error}"
    before = file.read_bytes()
    file.write_text(changed, "utf-8")
    code = run(mutation.tests, root)
    file.write_bytes(before)
    return {0: "SURVIVED", 1: "caught"}.get(code, f"cannot be tested: pytest ended with {code}")


def main(names: list[str]) -> int:
    """Each mutation, or those named."""
    chosen = [one for one in MUTATIONS if not names or one.name in names]
    if unknown := set(names) - {one.name for one in MUTATIONS}:
        print(f"No such mutation: {', '.join(sorted(unknown))}")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for part in COPIED:
            source = HERE / part
            copy = shutil.copytree if source.is_dir() else shutil.copyfile
            copy(source, root / part)
        if run(tuple(sorted({test for one in chosen for test in one.tests})), root):
            print("The tests fail without any mutation.")
            return 1
        caught = 0
        for one in chosen:
            result = outcome(one, root)
            caught += result == "caught"
            print(f"{one.name}: {result}. {one.breaks}", flush=True)
    print(f"{caught} of {len(chosen)} caught")
    return int(caught != len(chosen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
