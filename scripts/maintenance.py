"""Maintenance: users see a page that says so, while the app goes on behind it."""

from __future__ import annotations

from typing import Annotated

import typer

from components.errors import UserError
from scripts.lib import app_server, session
from scripts.lib.command import Stack, application, chosen, complete

app = application(__doc__)

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STACK on|off",
        autocompletion=complete,
        help="Which stack, unless --stack names it; then on or off.",
        show_default=False,
    ),
]


@app.command()
def maintenance(words: Words = None, stack: Stack = None) -> None:
    """Turn the maintenance page (503) on or off. Deploys and reboots do not change it.

    The app runs on behind it; `./stages run` and its own port reach it. A new server starts with
    the page off.
    """
    named = list(words or ())
    wanted = named.pop() if named else ""
    if wanted not in {"on", "off"} or len(named) > 1:
        raise UserError(
            f"MAINTENANCE: should be on or off, got {wanted[:40]!r}",
            "For example: ./stages maintenance aws-stage1 on",
        )
    opened = session.open_session(chosen(named[0] if named else None, stack))
    on = wanted == "on"
    if on:
        app_server.refuse_moved(opened, "maintenance", "on")
    server = app_server.read(opened)
    opened.say(
        f"{opened.stack}: users now see the maintenance page (503)."
        if on
        else f"{opened.stack}: users see the app again."
    )
    server.perform({"mode": "maintenance", "on": on}, opened.say)
    opened.say(f"Done; `./stages status {opened.stack}` shows its state.")
