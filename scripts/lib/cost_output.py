"""How the verbs of ``./stages cost`` print: a table, Markdown, or JSON for a machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDTH = 110
"""Characters of a table in a file."""


class Format(StrEnum):
    """What comes out."""

    table = "table"
    json = "json"
    markdown = "markdown"


FormatOption = Annotated[Format, typer.Option("--format", help="What comes out.")]
JsonOption = Annotated[bool, typer.Option("--json", help="The same as --format json.")]


def show(
    format: Format,
    json_: bool,
    *,
    document: Callable[[], Mapping[str, Any]],
    markdown: Callable[[], str],
    table: Callable[[], RenderableType],
) -> None:
    """Print it in the form that was asked for; only that one is made."""
    if json_ or format is Format.json:
        print(json.dumps(document(), indent=2, ensure_ascii=False))
    elif format is Format.markdown:
        print(markdown(), end="")
    else:
        print(as_text(table()), end="")


def as_text(shown: RenderableType, *, into_file: bool = False) -> str:
    """A table as text: as wide as the terminal that it goes to."""
    from rich.console import Console  # late: JSON needs none

    terminal = not into_file and sys.stdout.isatty()
    console = Console(width=None if terminal else WIDTH, color_system="auto" if terminal else None)
    with console.capture() as captured:
        console.print(shown)
    return captured.get()
