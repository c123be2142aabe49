"""The question before a change."""

from __future__ import annotations

import sys

import typer

from components.errors import ConfirmationRequired, Interrupted


def confirm(question: str) -> bool:
    """Ask on a terminal; raises ``UserError`` where there is none."""
    if not sys.stdin.isatty():
        raise ConfirmationRequired("Confirmation required", "Run it on a terminal, or with --yes.")
    try:
        return typer.confirm(question)
    except typer.Abort:
        raise Interrupted("Stopped. Nothing was changed.") from None
