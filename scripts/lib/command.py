"""What all verbs of ``./stages`` share: how a stack is named, options, where paths start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from components.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
STARTED_IN = Path.cwd()
"""Where the operator's own paths start; those in settings start in the checkout."""
DEFAULT_STACK = "local-stage1"
COMMAND = "stages.command"
"""Where a verb's context has the words after ``--``."""


def _nothing(_: str) -> None:
    return None


make_ready: Callable[[str], None] = _nothing
"""Makes this machine ready for a stack and its engine; ``./stages`` sets it to the bootstrap's."""


def stack_names() -> list[str]:
    """The stacks of this checkout, without a YAML library: a shell waits for them."""
    files = sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))
    return [file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files]


def complete(incomplete: str) -> list[str]:
    """The stacks that begin so."""
    return [name for name in stack_names() if name.startswith(incomplete)]


Word = Annotated[
    str | None,
    typer.Argument(
        metavar="STACK",
        autocompletion=complete,
        help=f"Which stack: the middle of stacks/Pulumi.<stack>.yaml ({DEFAULT_STACK} if none).",
        show_default=False,
    ),
]
Stack = Annotated[
    str | None, typer.Option("--stack", autocompletion=complete, help="The same, as an option.")
]
CommandWords = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STACK [-- COMMAND]",
        autocompletion=complete,
        help=f"Which stack ({DEFAULT_STACK} if none); then what to run there.",
        show_default=False,
    ),
]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STACK", autocompletion=complete, help="Which stacks.", show_default=False
    ),
]
Stacks = Annotated[
    list[str] | None,
    typer.Option("--stack", autocompletion=complete, help="The same, as an option (repeatable)."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def chosen(word: str | None, option: str | None) -> str:
    """The stack that a command line names; raises ``UserError`` where it names two."""
    if word is not None and option is not None and word != option:
        raise UserError(f"STACK: should be named once, got {word!r} and --stack {option!r}")
    return next((name for name in (word, option) if name is not None), DEFAULT_STACK)


def all_chosen(words: Sequence[str] | None, options: Sequence[str] | None) -> list[str]:
    """The stacks that a command line names; none: it names none, or says ``all``."""
    named = [*(words or ()), *(options or ())]
    return [] if named == ["all"] else named


class WithCommand(TyperCommand):
    """A verb whose words after ``--`` are a command for the app server, options and all."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep what follows ``--`` apart."""
        if "--" in args:
            end = args.index("--")
            ctx.meta[COMMAND], args = args[end + 1 :], args[:end]
        return super().parse_args(ctx, args)


def stack_and_command(
    context: typer.Context, words: Sequence[str] | None, option: str | None
) -> tuple[str, list[str]]:
    """The stack, and the command for its server: ``[STACK] -- COMMAND``.

    Without ``--`` the first word is the stack unless ``--stack`` names it, and the rest the
    command. Raises ``UserError`` for more than a stack before ``--``.
    """
    before, command = list(words or ()), context.meta.get(COMMAND)
    if command is None:
        named = None if option is not None or not before else before.pop(0)
        return chosen(named, option), before
    if len(before) > 1:
        raise UserError(
            f"STACK: should be one word before --, got {' '.join(before)!r}",
            "What follows -- is the command.",
        )
    return chosen(before[0] if before else None, option), command


def application(text: str | None, **options: object) -> typer.Typer:
    """A typer application that is one verb, or a few."""
    return typer.Typer(
        help=text,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        **options,  # type: ignore[arg-type]
    )
