"""The app's database, by way of its server."""

from __future__ import annotations

import shlex

import typer

from components.host import pgbouncer
from components.visible import visible_json
from scripts.lib import app_command, app_server, database_view, display, session
from scripts.lib.command import Json, Stack, Word, application, chosen

app = application(__doc__)

SETTINGS = "\\set QUIET 1\nSET search_path = public;\n\\unset QUIET\n"
"""Names are the catalog's first, which goes before all that is named, whatever the app has set."""


@app.command()
def console(word: Word = None, stack: Stack = None) -> None:
    """Open psql as the app's role, in session mode; or run SQL from standard input.

    It has the app's rights and no others.
    """
    server = app_server.read(session.open_session(chosen(word, stack)))
    start = f"<(printf %s {shlex.quote(SETTINGS)})"
    psql = shlex.join([pgbouncer.PSQL, "-w", pgbouncer.DIRECT_SOCKET_URL])
    # libpq refuses a PGSSLMODE that is meant for node-postgres (no-verify).
    words = ["/bin/bash", "-c", f"PGSSLMODE=disable PSQLRC={start} exec {psql}"]
    raise typer.Exit(app_command.run(server.way_in, server.stack, words, hears=True))


@app.command()
def info(word: Word = None, stack: Stack = None, json_: Json = False) -> None:
    """Show the database's size, connections, locks, slow queries and the pool; change nothing."""
    screen = display.make_screen(error=True) if json_ else None
    opened = session.open_session(chosen(word, stack), screen=screen)
    server = app_server.read(opened)
    answer = server.perform(
        {
            "mode": "database info",
            "url": f"{pgbouncer.DIRECT_SOCKET_URL}&connect_timeout=10",
            "database_here": opened.settings.stage == 1,
            "pooler": shlex.split(pgbouncer.ADMIN),
        },
        opened.say,
    )
    if json_:
        print(visible_json(answer))
        return
    for line in database_view.lines(opened.stack, answer):
        opened.say(line)
