"""The app's processes on their server: logs, list, restart, and commands beside them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

import typer

from components.errors import UserError
from components.visible import visible_json
from scripts.lib import app_command, app_logs, app_server, display, process_list, session
from scripts.lib.app_server import AppServer
from scripts.lib.command import (
    CommandWords,
    Json,
    Stack,
    WithCommand,
    Word,
    application,
    chosen,
    complete,
    stack_and_command,
)
from scripts.lib.execute import duration
from scripts.lib.process_names import short_name
from scripts.lib.session import Session
from scripts.lib.since import begin

app = application(__doc__)

PROCESS = typer.Argument(
    metavar="[PROCESS]",
    help="web, worker, or one of several: web@8001. With --stack the only word.",
    show_default=False,
)
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STACK [PROCESS]",
        autocompletion=complete,
        help="Which stack, unless --stack names it; then which process: web, worker, web@8001.",
        show_default=False,
    ),
]


def _chosen(words: Sequence[str] | None, option: str | None) -> tuple[str, str]:
    """Stack and process; the process is empty where none is named."""
    named = list(words or ())
    stack = chosen(None if option is not None or not named else named.pop(0), option)
    if len(named) > 1:
        raise UserError(f"PROCESS: should be one, got {' '.join(named)!r}", "None means all.")
    return stack, named[0] if named else ""


def _open(stack: str, *, json_: bool = False) -> tuple[Session, AppServer]:
    screen = display.make_screen(error=True) if json_ else None
    opened = session.open_session(stack, screen=screen)
    return opened, app_server.read(opened)


@app.command()
def logs(
    words: Words = None,
    stack: Stack = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow the log.")] = False,
    lines: Annotated[
        int | None,
        typer.Option(
            "--lines",
            "-n",
            min=1,
            help="How many of the last lines (default: 100, or all with --since).",
        ),
    ] = None,
    since: Annotated[
        str, typer.Option(help="Since when: 30m, 24h, 7d; or a time: 2026-11-22T18:00 (UTC).")
    ] = "",
    grep: Annotated[str, typer.Option(help="Only lines that match this regular expression.")] = "",
    json_: Json = False,
) -> None:
    """Show the app's logs, or those of a service by its name (nginx, pgbouncer)."""
    stack, process = _chosen(words, stack)
    since_s = begin(since, time.time()) if since else None
    opened, server = _open(stack, json_=json_)
    services = server.services()
    if process not in services:
        app_server.refuse_moved(opened, "logs", *([process] if process else []))
    known = {**server.processes(), **services}
    units = app_server.chosen_units("PROCESS", process, known) if process else server.app_units
    lines = lines or (None if since else 100)
    command = app_logs.command(units, follow=follow, lines=lines, since_s=since_s, grep=grep)
    any_line = False
    try:
        for line in app_logs.stream(server.way_in, stack, command):
            any_line = True
            print(line.json() if json_ else line, flush=follow)
    except KeyboardInterrupt:
        if not follow:
            raise
    if not any_line:
        opened.say("No line of the log matches.")


@app.command()
def ps(word: Word = None, stack: Stack = None, json_: Json = False) -> None:
    """List the app's processes: state, uptime, automatic restarts and memory."""
    opened, server = _open(chosen(word, stack), json_=json_)
    app_server.refuse_moved(opened, "ps")
    processes = process_list.look(server, opened.say)
    if json_:
        print(visible_json(processes))
        return
    for line in process_list.table(processes):
        opened.say(line)


@app.command()
def restart(words: Words = None, stack: Stack = None) -> None:
    """Restart the app's processes one after the other, each healthy before the next."""
    stack, process = _chosen(words, stack)
    opened, server = _open(stack)
    app_server.refuse_moved(opened, "restart", *([process] if process else []))
    units = server.units_of_process(process)
    app_server.refuse_while_busy(opened)
    names = ", ".join(short_name(unit) for unit in units)
    opened.say(f"{opened.stack}: restarting {names}, one after the other.")
    started = time.monotonic()
    server.roll({"mode": "restart", "units": units}, opened.say)
    opened.say(f"Restarted, in {duration(time.monotonic() - started)}.")


@app.command(cls=WithCommand)
def run(
    context: typer.Context,
    words: CommandWords = None,
    stack: Stack = None,
    stdin: Annotated[
        bool, typer.Option("--stdin", "-i", help="Pass standard input on to the command.")
    ] = False,
) -> None:
    """Run a command as the app: in its release, with its environment and its sandbox.

    A single word is run by bash ('a; b'); several words are passed on unchanged. The exit code is
    the command's.
    """
    stack, command = stack_and_command(context, words, stack)
    if not command:
        raise UserError(
            "COMMAND: should follow --, got none", f"For example: ./stages run {stack} -- env"
        )
    opened, server = _open(stack)
    app_server.refuse_moved(opened, "run", "--", *command)
    done = app_command.run(server.way_in, stack, app_command.words_of(command), hears=stdin)
    raise typer.Exit(done)


@app.command()
def shell(word: Word = None, stack: Stack = None) -> None:
    """Open a shell as the app: in its release, with its environment."""
    opened, server = _open(chosen(word, stack))
    app_server.refuse_moved(opened, "shell")
    raise typer.Exit(app_command.run(server.way_in, server.stack, ["/bin/bash"], hears=True))


@app.command()
def console(word: Word = None, stack: Stack = None) -> None:
    """Open the app's console: its Procfile's `console:`, Django's, Rails' or Node's."""
    opened, server = _open(chosen(word, stack))
    app_server.refuse_moved(opened, "console")
    words = ["/bin/bash", "-c", app_command.CONSOLE]
    raise typer.Exit(app_command.run(server.way_in, server.stack, words, hears=True))
