"""What an operator does with a stack: up, preview, refresh, outputs, status, down and the rest."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from components.errors import UserError
from scripts.lib import app_server, display, flows, promotion, session, takeover, turns, views
from scripts.lib.command import (
    CommandWords,
    Json,
    Stack,
    WithCommand,
    Word,
    Yes,
    application,
    chosen,
    stack_and_command,
)
from scripts.lib.confirm import confirm, prompt
from scripts.lib.session import Session

app = application(__doc__)
WATCH_S = 3


Wait = Annotated[
    bool, typer.Option("--wait", help="If another run is changing the stack, wait for it.")
]


def _open(word: str | None, stack: str | None, *, json_: bool = False) -> Session:
    """The session of the stack that is named; with --json all but the document is elsewhere."""
    screen = display.make_screen(error=True) if json_ else None
    return session.open_session(chosen(word, stack), screen=screen)


@app.command()
def up(word: Word = None, stack: Stack = None, yes: Yes = False, wait: Wait = False) -> None:
    """Bring a stack up, or update it to its settings."""
    turns.take(
        lambda: _open(word, stack),
        lambda opened: flows.up(opened, yes=yes, ask=confirm),
        wait=wait,
    )


@app.command()
def preview(word: Word = None, stack: Stack = None, json_: Json = False) -> None:
    """Show what `up` would change, and the expected downtime."""
    flows.preview(_open(word, stack, json_=json_), as_json=json_)


@app.command()
def refresh(word: Word = None, stack: Stack = None) -> None:
    """Read the resources from the cloud and show how they differ from the state."""
    flows.refresh(_open(word, stack))


@app.command()
def down(word: Word = None, stack: Stack = None, yes: Yes = False) -> None:
    """Take a stack down; protected resources (its data) stay."""
    opened = _open(word, stack)
    promotion.refuse_to_lose_way_back(opened)
    flows.down(opened, yes=yes, ask=confirm)
    promotion.forget(opened)


@app.command()
def outputs(word: Word = None, stack: Stack = None, json_: Json = False) -> None:
    """Show the stack's outputs; secrets stay hidden."""
    views.show_outputs(_open(word, stack, json_=json_), as_json=json_)


@app.command()
def status(
    word: Word = None,
    stack: Stack = None,
    json_: Json = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Refresh every few seconds, until Ctrl-C.")
    ] = False,
) -> None:
    """Show whether a stack is up and what runs on it; exit code 1 if it is not healthy."""
    opened = _open(word, stack, json_=json_)
    code = views.show_status(opened, as_json=json_)
    try:
        while watch:
            time.sleep(WATCH_S)
            code = views.show_status(opened, as_json=json_, anew=True)
    except KeyboardInterrupt:
        pass
    raise typer.Exit(code)


@app.command(cls=WithCommand)
def ssh(context: typer.Context, words: CommandWords = None, stack: Stack = None) -> None:
    """Open a shell on the app server, or run a command there.

    A single word is run by the server's shell ('uptime; df -h'); several are passed on unchanged.
    """
    stack, command = stack_and_command(context, words, stack)
    raise typer.Exit(views.open_shell(_open(None, stack), command))


@app.command()
def deploy(
    word: Word = None,
    stack: Stack = None,
    revision: Annotated[str, typer.Option(help="Branch, tag or commit of the app.")] = "",
    yes: Yes = False,
    wait: Wait = False,
) -> None:
    """Deploy a revision of the app; once it serves, the stack's settings record it."""

    def flow(opened: Session) -> None:
        if revision:
            app_server.refuse_moved(opened, "deploy", "--revision", revision)
            flows.deploy(opened, revision, yes=yes, ask=confirm)
        else:
            flows.up(opened, yes=yes, ask=confirm)

    turns.take(lambda: _open(word, stack), flow, wait=wait)


@app.command()
def replace(word: Word = None, stack: Stack = None, yes: Yes = False) -> None:
    """Replace the app server with a new one; its data and address stay."""
    opened = _open(word, stack)
    promotion.refuse_to_lose_way_back(opened)
    flows.replace(opened, yes=yes, ask=confirm)


@app.command()
def failover(
    word: Word = None,
    stack: Stack = None,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Fail over to the database's standby; with --json and without --yes, show only the plan."""
    takeover.failover(_open(word, stack, json_=json_), yes=yes, ask=confirm, as_json=json_)


@app.command()
def delete_data(
    word: Word = None,
    stack: Stack = None,
    confirm: Annotated[str, typer.Option(help="The stack's name, to confirm.")] = "",
    with_backups: Annotated[
        bool, typer.Option("--with-backups", help="Delete the bucket of the backups as well.")
    ] = False,
) -> None:
    """Permanently delete the data that `down` kept; the backups stay unless they are named."""
    opened = _open(word, stack)
    stack = opened.stack
    if not confirm and sys.stdin.isatty():
        what = "data and the backups" if with_backups else "data, but not the backups,"
        confirm = prompt(
            f"This cannot be undone. Type the stack's name to delete the {what} of {stack}"
        )
    if confirm != stack:
        raise UserError(
            f"CONFIRM: should be the stack's name {stack!r}, got {confirm!r}",
            f"make delete-data STACK={stack} CONFIRM={stack}",
        )
    flows.delete_data(opened, with_backups=with_backups)
