"""Foreign text before a terminal: every character is seen, and none does anything."""

from __future__ import annotations

import ast
import io
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from components.errors import UserError
from components.visible import in_one_line, one_line, visible, visible_json
from scripts.lib import confirm, display

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\r\u202eevil\u2066\u200b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a\\u{1b}[31mb"),
        ("\x9b2J", "\\u{9b}2J"),
        ("a\rb\x7f\x00", "a\\u{d}b\\u{7f}\\u{0}"),
        ("\u202ea\u2069", "\\u{202e}a\\u{2069}"),
        ("one\n\ttwo é 中", "one\n\ttwo é 中"),
        ("::error::x", ": :error::x"),
        ("ok\n  ::set-output name=a::b", "ok\n  : :set-output name=a::b"),
        ("a ##[error]b", "a # #[error]b"),
        ("a::b, c::", "a::b, c::"),
    ],
)
def test_what_is_seen(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_nothing_hidden_is_left_and_a_second_time_changes_nothing(text: str) -> None:
    shown = visible(text)
    assert not {unicodedata.category(each) for each in shown if each not in "\n\t"} & {
        *("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")
    }
    assert visible(shown) == shown


@given(st.text())
def test_one_line_has_nothing_hidden_and_no_line_of_its_own(text: str) -> None:
    shown = one_line(text)
    assert shown.isprintable() and "  " not in shown and not shown.startswith((" ", "::"))
    assert visible(shown) == shown == one_line(shown)


def test_a_json_value_has_no_line_of_its_own() -> None:
    name = "a\n\tb\x1b::c"
    given = {name: [name, 1, None, {"key": (name,)}], "password": "k-_9=="}
    shown = "a b\\u{1b}::c"
    assert in_one_line(given) == {shown: [shown, 1, None, {"key": [shown]}], "password": "k-_9=="}


def test_json_on_standard_output_is_no_command_of_github() -> None:
    text = visible_json({"##[error]": "::error::\x1b##["})
    assert "##[" not in text and "\x1b" not in text
    assert json.loads(text) == {"##[error]": "::error::\x1b##["}


@pytest.mark.parametrize(
    ("ask", "asks"), [(confirm.confirm, "confirm"), (confirm.prompt, "prompt")]
)
def test_a_question_quotes_nothing_that_a_terminal_obeys(
    ask: Callable[[str], object], asks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(f"typer.{asks}", lambda text, **_: asked.append(text))
    ask(f"Switch {HOSTILE}\nPROMOTION: done. Go on?")
    assert len(asked) == 1 and asked[0].isprintable()


@pytest.mark.parametrize("wrap", [str, Text, lambda text: Text(f"[bold]{text}[/]", "red")])
def test_a_console_prints_nothing_that_a_terminal_obeys(wrap: type) -> None:
    output = io.StringIO()
    screen = display.Screen(
        file=output, markup=False, emoji=False, highlight=False, soft_wrap=True, color_system=None
    )
    screen.print(wrap(f"{HOSTILE} [red]:smile:"))
    shown = output.getvalue()
    assert "\\u{1b}]0;owned" in shown and "[red]:smile:" in shown
    assert shown.rstrip("\n").isprintable()


def test_an_error_quotes_nothing_that_a_terminal_obeys() -> None:
    error = UserError(f"web1: {HOSTILE}", "::warning::Do it")
    assert str(error).isprintable()
    assert UserError("x", "\n::add-mask::y").args[0] == "x. \n: :add-mask::y"


SCRIPTS = Path(__file__).parents[2] / "scripts"
REACH_A_HOST = {"app_command", "app_logs", "app_server", "backups", "ssh", "status"}
"""Modules of ``scripts/lib`` that bring a host's words."""
SEEN_ELSEWHERE = {
    "backup.py": {"f'{file}: {mib}. `pg_restore --no-owner --dbname NAME {file}` reads it.'"},
    "processes.py": {"line.json() if json_ else line"},  # app_logs.parse
    "releases.py": {"text"},  # three lines above
}
"""What a verb prints as it is, because nothing of a host's is in it, or no more."""


def is_seen(argument: ast.expr) -> bool:
    """Whether it is made visible."""
    if isinstance(argument, ast.IfExp):
        return is_seen(argument.body) and is_seen(argument.orelse)
    made = argument.func if isinstance(argument, ast.Call) else None
    return made is not None and ast.unparse(made) in {"visible", "visible_json"}


def test_a_verb_that_reaches_a_host_prints_nothing_as_it_came() -> None:
    raw: dict[str, set[str]] = {}
    for file in SCRIPTS.glob("*.py"):
        tree = ast.parse(file.read_text())
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("scripts.lib")
            for alias in node.names
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) != "print":
                continue
            if imported & REACH_A_HOST and not all(map(is_seen, node.args)):
                raw.setdefault(file.name, set()).update(map(ast.unparse, node.args))
    assert raw == SEEN_ELSEWHERE


def test_only_one_module_asks() -> None:
    """It asks in one line with nothing hidden, whoever wrote the words."""
    asking = {
        str(file.relative_to(SCRIPTS))
        for file in SCRIPTS.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, (ast.Attribute, ast.Name))
        and ast.unparse(node) in {"typer.confirm", "typer.prompt", "input", "click.confirm"}
    }
    assert asking == {"lib/confirm.py"}
