"""The app's environment variables: ``stages:app.environment`` of the stack's settings file."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from components import atomic_write
from components.errors import UserError, invalid
from components.settings import stacks
from components.settings.kinds import is_encrypted
from components.visible import visible_json
from scripts.lib import display, flows, session
from scripts.lib.command import Json, Stack, Word, Yes, application, chosen, complete
from scripts.lib.confirm import confirm, prompt
from scripts.lib.session import Session, make_ready

app = application(__doc__)

KEY = "app.environment"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STACK NAME[=VALUE]...",
        autocompletion=complete,
        help="Which stack, unless --stack names it; then variables. Of a NAME"
        " alone, the value is asked for, or read from a line of standard input.",
        show_default=False,
    ),
]
NoUp = Annotated[bool, typer.Option("--no-up", help="Only write it; the next `up` deploys it.")]


@app.command("list")
def list_(word: Word = None, stack: Stack = None, json_: Json = False) -> None:
    """List the variables of the settings file; secrets stay hidden."""
    screen = display.make_screen(error=True) if json_ else None
    opened = session.open_session(chosen(word, stack), screen=screen)
    values = variables(opened)
    if json_:
        print(visible_json(values, sort_keys=True))
        return
    for name, value in sorted(values.items()):
        opened.say(f"{name}={'[secret]' if value is None else value}")


@app.command("set")
def set_(
    words: Words = None,
    stack: Stack = None,
    plain: Annotated[bool, typer.Option("--plain", help="Write the values unencrypted.")] = False,
    no_up: NoUp = False,
    yes: Yes = False,
) -> None:
    """Set variables, encrypted, and deploy them together. They are kept once the app serves."""
    opened, given = _open(words, stack)
    values = {name: value if is_set else _asked(name) for name, is_set, value in map(parsed, given)}
    _change(opened, values, secret=not plain, no_up=no_up, yes=yes)


@app.command()
def unset(words: Words = None, stack: Stack = None, no_up: NoUp = False, yes: Yes = False) -> None:
    """Remove variables, and deploy."""
    opened, given = _open(words, stack)
    known = variables(opened)
    for name in given:
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise invalid("NAME", f"a variable of the settings file ({names})", name[:40])
    _change(opened, dict.fromkeys(given), secret=False, no_up=no_up, yes=yes)


def variables(opened: Session) -> dict[str, str | None]:
    """The variables of the settings file; ``None`` for a secret."""
    file = opened.checkout.settings_file(opened.stack)
    values: Any = stacks.values(file, f"stacks/{file.name}").get(KEY) or {}
    if not isinstance(values, Mapping):
        return {}
    return {str(k): None if is_encrypted(v) else str(v) for k, v in values.items()}


def parsed(word: str) -> tuple[str, bool, str]:
    """Name, whether a value is given, and the value. The error never shows one."""
    name, is_set, value = word.partition("=")
    if not NAME.fullmatch(name):
        shown = name[:40] if is_set else "another (not shown)"
        raise invalid("NAME", "of letters, digits and _, the first no digit", shown)
    return name, bool(is_set), value


def _open(words: Sequence[str] | None, option: str | None) -> tuple[Session, list[str]]:
    named = list(words or ())
    stack = chosen(None if option is not None or not named else named.pop(0), option)
    if not named:
        raise UserError("NAME: should follow the stack, got none", "For example: LOG_LEVEL=info")
    for word in named:
        parsed(word)
    return session.open_session(stack), named


def _asked(name: str) -> str:
    """A value that is in no command line."""
    if sys.stdin.isatty():
        return prompt(name, hidden=True)
    line = sys.stdin.readline()
    if not line:
        raise UserError(f"{name}: should have a value, got the end of standard input")
    return line.rstrip("\n")


def _change(
    opened: Session, values: Mapping[str, str | None], *, secret: bool, no_up: bool, yes: bool
) -> None:
    def edit(file: Path) -> None:
        for name, value in values.items():
            path = f'stages:["{KEY}"]["{name}"]'
            opened.engine.configure(file, path, value, "secret" if secret else "string")

    verb = "set" if any(value is not None for value in values.values()) else "removed"
    names = ", ".join(values)
    if no_up:
        _write(opened, edit)
    else:
        opened.say(f"{opened.stack}: {names} {'are' if len(values) > 1 else 'is'} being deployed.")
        flows.up_with(opened, edit, yes=yes, ask=confirm)
    opened.say(f"stacks/{opened.checkout.settings_file(opened.stack).name}: {names} {verb}.")


def _write(opened: Session, edit: Callable[[Path], None]) -> None:
    """Edit a copy, so that no half of it is ever the stack's."""
    make_ready(opened)
    file = opened.checkout.settings_file(opened.stack)
    with tempfile.TemporaryDirectory(dir=opened.checkout.own) as folder:
        copy = Path(folder) / file.name
        copy.write_text(file.read_text())
        edit(copy)
        atomic_write.write(file, copy.read_text())
