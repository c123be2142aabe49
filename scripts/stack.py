"""What an operator does with a stack: up, preview, refresh, outputs, status, down and the rest.

Exit codes: 0 done; 1 a step failed; 2 bad input, or something this machine lacks; 3 kept for a cost
above the budget; 4 someone else is changing the stack; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from components.errors import UserError
from scripts.lib.engine import Interrupted

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
)
Stack = Annotated[str, typer.Option(help="Which stack: the middle of stacks/Pulumi.<stack>.yaml")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a change.")]
Json = Annotated[bool, typer.Option("--json", help="For a machine to read.")]


def _ask(question: str) -> bool:
    if not sys.stdin.isatty():
        raise UserError("This needs a yes", "Run it on a terminal, or with --yes.")
    return typer.confirm(question)


@app.command()
def up(stack: Stack, yes: Yes = False) -> None:
    """Bring a stack up, or to what its settings say now."""
    from scripts.lib import flows, session

    flows.up(session.open_session(stack), yes=yes, ask=_ask)


@app.command()
def preview(stack: Stack) -> None:
    """Show what `up` would change."""
    from scripts.lib import flows, session

    flows.preview(session.open_session(stack))


@app.command()
def refresh(stack: Stack) -> None:
    """Look at what is really there and show what differs."""
    from scripts.lib import flows, session

    flows.refresh(session.open_session(stack))


@app.command()
def down(stack: Stack, yes: Yes = False) -> None:
    """Take a stack away; what is protected (data) stays."""
    from scripts.lib import flows, session

    flows.down(session.open_session(stack), yes=yes, ask=_ask)


def main(run: Callable[[], None]) -> int:
    """Run a command; tell an error in its own words and return the exit code."""
    try:
        run()
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except (Interrupted, KeyboardInterrupt):
        print("Stopped. What was under way has ended and is recorded.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    # Some of what the engine's library leaves behind (gRPC threads) only delays the end.
    code = main(lambda: app(standalone_mode=False))
    sys.stdout.flush()
    os._exit(code)
