"""Every text in the source, and the commands that can come to say it, read from the code.

A function, class or constant of a module is a node; it leads to each one that it names. What a node says are
its strings; the commands that may say it are those whose ``run`` leads there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import aspm_ado
from aspm_ado.cli.commands import COMMANDS, ROOT

SOURCE = Path(aspm_ado.__file__).parent
OPTIONS = {
    one.word: frozenset(
        flag for option in one.options for flag in (option.flag, option.short) if flag
    )
    for one in COMMANDS
}
EVERYWHERE = frozenset({"--help", "-h", *(one.flag for one in ROOT)})
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+[a-z]|(?<![\w-])-[a-z](?![\w-])")
_TYPED = re.compile(
    r"aspm-ado ([a-z]+)((?: (?:“[^”]*”|[^\s.,;:()`“”]\S*?(?=[.,;:)`”]*(?:\s|$))))*)"
)
_TO = re.compile(r"(--[a-z][a-z-]+[a-z])(?: \S+)? to ([a-z]+)\b")
_HAVE = re.compile(r"([a-z]+(?= has)|(?:[a-z]+, )*[a-z]+ and [a-z]+) ha(?:s|ve) ([^.]+)")
_FOREIGN = re.compile(r"\b(?:az [a-z]|gnome-keyring-daemon|ulimit) ?[^.;`]*")
_NO_MESSAGES = (".cli.commands", ".domain.questions", ".adapters.desktop")
_COMMANDS_OF_OTHERS = ("aspm_ado.adapters.programs", "AzureCli")

Node = tuple[str, str]


@cache
def _module(name: str) -> ast.Module | None:
    path = SOURCE.parent.joinpath(*name.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return ast.parse(file.read_text(encoding="utf-8"))
    return None


def _imports(tree: ast.AST) -> dict[str, Node]:
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aspm_ado"):
            for one in node.names:
                found[one.asname or one.name] = (node.module or "", one.name)
    return found


@cache
def _nodes(name: str) -> dict[str, ast.stmt]:
    tree, found = _module(name), {}
    for one in tree.body if tree else ():
        if isinstance(one, ast.FunctionDef | ast.ClassDef):
            found[one.name] = one
        elif isinstance(one, ast.Assign):
            found.update({target.id: one for target in one.targets if isinstance(target, ast.Name)})
        elif isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            found[one.target.id] = one
    return found


@cache
def _leads_to(node: Node) -> frozenset[Node]:
    module, name = node
    body = _nodes(module).get(name)
    if body is None:
        return frozenset()
    known = {**{one: (module, one) for one in _nodes(module)}, **_imports(_module(module) or body)}
    names = {one.id for one in ast.walk(body) if isinstance(one, ast.Name)}
    return frozenset(known[one] for one in names if one in known)


def _reached(start: Node) -> set[Node]:
    found, left = set(), [start]
    while left:
        node = left.pop()
        if node not in found:
            found.add(node)
            left += _leads_to(node)
    return found


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return "X"


def _strings(body: ast.AST) -> Iterator[str]:
    """The strings of a node, an f-string as one; no docstrings."""
    if isinstance(body, ast.JoinedStr | ast.Constant):
        yield _text(body)
        return
    for child in ast.iter_child_nodes(body):
        if not isinstance(child, ast.Expr) or not isinstance(child.value, ast.Constant):
            yield from _strings(child)


def said() -> Iterator[tuple[str, Node, str]]:
    """Every command with each text that it may come to say, and where that stands.

    ``demo`` says what ``connect`` says, of a connection of one's own.
    """
    for command in COMMANDS:
        if command.word == "demo":
            continue
        for node in sorted(_reached(command.body)):
            body = _nodes(node[0]).get(node[1])
            if node == _COMMANDS_OF_OTHERS or node[0].endswith(_NO_MESSAGES):
                continue
            if body is not None:
                for text in _strings(body):
                    yield command.word, node, text


def options_named(command: str, text: str) -> Iterator[tuple[str, str]]:
    """The options that a text names, each with the command that it is for."""
    text = _FOREIGN.sub(" ", re.sub(r"\s+", " ", text))
    for word, rest in _TYPED.findall(text):
        if word in OPTIONS:
            yield from ((word, option) for option in _OPTION.findall(rest))
    text = _TYPED.sub(lambda found: " " if found[1] in OPTIONS else found[0], text)
    for option, word in _TO.findall(text):
        if word in OPTIONS:
            yield word, option
            text = text.replace(option, " ", 1)
    for words, options in _HAVE.findall(text):
        if named := [word for word in re.findall(r"[a-z]+", words) if word in OPTIONS]:
            yield from ((word, option) for word in named for option in _OPTION.findall(options))
            text = text.replace(options, " ", 1)
    yield from ((command, option) for option in _OPTION.findall(text))
