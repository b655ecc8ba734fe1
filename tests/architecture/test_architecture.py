"""The rules of the source, read from it: layers, names, libraries, and who may touch a secret."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest

import aspm_ado

from ..figures import defined_twice, modules

ROOT = Path(__file__).parents[2]
SOURCE = Path(aspm_ado.__file__).parent
MODULES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))

# Metaphors that earlier names were made of, and that nobody would search for.
PRIVATE_WORDS = frozenset(
    [
        "bench",
        "brief",
        "crew",
        "desk",
        "door",
        "errand",
        "furnished",
        "heard",
        "house",
        "kept",
        "knock",
        "ladder",
        "mend",
        "menu",
        "minting",
        "parcel",
        "party",
        "patient",
        "saying",
        "settle",
        "sight",
        "summit",
        "tell",
        "told",
        "walk",
        "weigh",
        "whose",
        "wiring",
    ]
)

# Each library of the outside, and the packages and modules that may import it.
ROOMS = {
    "keyring": ("adapters/keyring/",),
    "requests": ("adapters/http/",),
    "urllib3": ("adapters/http/",),
    "truststore": ("adapters/http/",),
    "questionary": ("adapters/terminal/",),
    "prompt_toolkit": ("adapters/terminal/",),
    "rich": ("render/text.py",),
    "typer": ("cli/app.py", "cli/completion.py", "cli/options.py"),
    "shellingham": ("cli/completion.py",),
    "filelock": ("adapters/records/",),
    "platformdirs": ("adapters/records/", "adapters/machine.py"),
    "pydantic": ("adapters/",),
    "jinja2": ("render/formats/pages.py",),
    "icalendar": ("render/formats/icalendar.py",),
    "prometheus_client": ("render/formats/prometheus.py",),
}

# Who may have the value of a secret in hand: its own class, the wire, the stores, the clipboard.
REVEALING = (
    "domain/secret.py",
    "domain/http.py",
    "domain/rules/token.py",
    "adapters/keyring/",
    "adapters/http/",
    "adapters/desktop.py",
    "cli/commands/token.py",
)


@cache
def text(module: str) -> str:
    return (SOURCE / module).read_text(encoding="utf-8")


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(text(module))


@cache
def nodes(module: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(module)))


def offending(rule: Callable[[ast.AST], bool], modules: Iterable[str] = MODULES) -> list[str]:
    """Where a rule says that something is wrong."""
    return [
        f"{module}:{getattr(node, 'lineno', 0)}"
        for module in modules
        for node in nodes(module)
        if rule(node)
    ]


def imported(module: str) -> set[str]:
    """The top packages that a module imports, wherever in it."""
    found = set()
    for node in nodes(module):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_the_layers_and_the_simulator() -> None:
    """import-linter, with the contracts of pyproject.toml."""
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(tool), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


# A run is handed to what it makes, which names its type.
CIRCLE = {"cli/context.py", "cli/output.py", "cli/report_files.py"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports within functions and for types alone count as well."""
    reached = {module: own_imports(module) for module in MODULES}
    for _ in MODULES:
        for needs in reached.values():
            needs.update(*(reached[one] for one in tuple(needs)))
    assert {module for module, needs in reached.items() if module in needs} == CIRCLE


def own_imports(module: str) -> set[str]:
    """The modules that a module imports, wherever in it."""
    named = {
        name
        for node in nodes(module)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aspm_ado.")
        for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
    }
    files = {name.partition(".")[2].replace(".", "/") + ".py" for name in named}
    return files & set(MODULES)


def test_few_public_names_are_defined_in_two_modules() -> None:
    twice = defined_twice(modules())
    assert len(twice) <= 10, twice


def test_names_are_words_of_the_field() -> None:
    """In modules, and in public functions, classes and their methods."""
    names = {
        (module, word.lower())
        for module in MODULES
        for name in (*module.removesuffix(".py").split("/"), *public_names(module))
        for word in re.findall(r"[A-Z]?[a-z]+", name)
    }
    assert sorted((module, word) for module, word in names if word in PRIVATE_WORDS) == []


def public_names(module: str) -> list[str]:
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [
        node.name
        for node in nodes(module)
        if isinstance(node, kinds) and not node.name.startswith("_")
    ]


def test_every_module_says_what_it_is() -> None:
    assert [module for module in MODULES if not ast.get_docstring(tree(module))] == []
    assert [
        module for module in MODULES if "\t" in text(module) or not text(module).endswith("\n")
    ] == []


@pytest.mark.parametrize("library", ROOMS)
def test_a_library_is_known_in_its_rooms_alone(library: str) -> None:
    strangers = [
        module
        for module in MODULES
        if library in imported(module) and not module.startswith(ROOMS[library])
    ]
    assert strangers == []


def test_rich_is_imported_where_it_paints() -> None:
    """Whoever wants a document or plain lines does not wait for it."""
    at_top = [node for node in tree("render/text.py").body if isinstance(node, ast.ImportFrom)]
    assert not [node.module for node in at_top if (node.module or "").startswith("rich")]


def test_nothing_is_printed_past_the_voice() -> None:
    def rule(node: ast.AST) -> bool:
        named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        return named and node.func.id in ("print", "pprint", "breakpoint", "eval", "exec")

    assert offending(rule) == []


def test_a_secret_is_revealed_in_few_places() -> None:
    others = [
        module
        for module in MODULES
        if not module.startswith(REVEALING) and "Secret" in text(module)
    ]
    assert len(others) > 10
    assert (
        offending(
            lambda node: isinstance(node, ast.Attribute) and node.attr in ("reveal", "_value"),
            others,
        )
        == []
    )


def test_certificates_are_always_verified() -> None:
    def rule(node: ast.AST) -> bool:
        if isinstance(node, ast.keyword) and node.arg in (
            "verify",
            "check_hostname",
            "verify_mode",
        ):
            return isinstance(node.value, ast.Constant) and node.value.value is False
        return isinstance(node, ast.Attribute) and node.attr in (
            "CERT_NONE",
            "_create_unverified_context",
        )

    assert offending(rule) == []


def test_no_assertion_and_no_catching_of_everything() -> None:
    """A bare except hides a bug; `assert` is gone under -O."""
    assert offending(lambda node: isinstance(node, ast.Assert)) == []
    assert offending(lambda node: isinstance(node, ast.ExceptHandler) and node.type is None) == []


def test_the_generated_docs_are_up_to_date() -> None:
    """Otherwise: python docs/generate.py."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
