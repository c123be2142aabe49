"""A variable is called after what it holds, not after how it came to be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("benchmarks", "components", "planning", "policy", "scripts", "tests")
"""Those that keep the rule."""
VAGUE = {"found", "one", "told"}


def bindings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of everything that is given a name: variables, parameters, functions, fields,
    imports."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield node.lineno, name
            case ast.MatchStar(name=str(name)):
                yield node.lineno, name
            case ast.alias(name=name, asname=alias):
                yield node.lineno, alias or name


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_name_is_vague(folder: str) -> None:
    vague = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line, name in bindings(ast.parse(file.read_bytes()))
        if name in VAGUE
    ]
    assert not vague, "call each after what it holds: " + ", ".join(vague)


@pytest.mark.parametrize(
    "code",
    [
        "found = 1",
        "self.found = 1",
        "found: int = 1",
        "while found := f(): pass",
        "for one in x: pass",
        "[1 for one in x]",
        "lambda one: 1",
        "def f(*, told): pass",
        "def told(): pass",
        "import os as told",
        "try: f()\nexcept E as told: pass",
        "with f() as found: pass",
        "match x:\n case [*found]: pass",
        "match x:\n case int() as found: pass",
    ],
)
def test_every_way_to_give_a_name_is_seen(code: str) -> None:
    assert VAGUE & {name for _, name in bindings(ast.parse(code))}
