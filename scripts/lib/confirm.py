"""What a person is asked: whether to go on, or for a value. Nothing else asks."""

from __future__ import annotations

import sys

import typer

from components.errors import ConfirmationRequired, Interrupted
from components.visible import one_line


def confirm(question: str) -> bool:
    """Ask on a terminal; raises ``UserError`` where there is none."""
    if not sys.stdin.isatty():
        raise ConfirmationRequired("Confirmation required", "Run it on a terminal, or with --yes.")
    try:
        return typer.confirm(one_line(question))
    except typer.Abort:
        raise Interrupted("Stopped. Nothing was changed.") from None


def prompt(what: str, *, hidden: bool = False) -> str:
    """Ask for a value."""
    return str(typer.prompt(one_line(what), hide_input=hidden))
