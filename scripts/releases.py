"""The app's releases on their server: which there are, and the way back."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from components.errors import NotConfirmed, UserError
from components.visible import visible, visible_json
from scripts.lib import app_server, display, flows, release_list, session
from scripts.lib.app_server import AppServer
from scripts.lib.command import Json, Stack, Word, Yes, application, chosen
from scripts.lib.confirm import confirm
from scripts.lib.execute import duration
from scripts.lib.release_list import History

app = application(__doc__)


@app.command()
def releases(
    word: Word = None,
    stack: Stack = None,
    log: Annotated[str, typer.Option(help="Show the build log of this commit.")] = "",
    json_: Json = False,
) -> None:
    """List the releases on the server, and those that a rollback reaches in seconds."""
    screen = display.make_screen(error=True) if json_ else None
    opened = session.open_session(chosen(word, stack), screen=screen)
    server = app_server.read(opened)
    answer = server.perform({"mode": "releases", "log": log}, opened.say)
    known = release_list.entries(answer)
    if log:
        text = visible(str(answer.get("log") or ""))
        if not text:
            raise UserError(
                f"--log: should be a commit that was built there, got {log[:40]!r}",
                "It needs 12 characters, as in the list; the last 20 logs are kept.",
            )
        print(text, end="")
    elif json_:
        print(visible_json([entry.as_json() for entry in known]))
    else:
        history = _history(server)
        for entry in known:
            opened.say(entry.line(history.subject(entry.commit)))


@app.command()
def rollback(
    word: Word = None,
    stack: Stack = None,
    revision: Annotated[
        str,
        typer.Option("--to", help="A commit of the list (default: the one that served before)."),
    ] = "",
    yes: Yes = False,
) -> None:
    """Roll back to a release that is still on the server, and record it in the stack's settings.

    Nothing is built and the release command does not run: the database stays as it is.
    """
    opened = session.open_session(chosen(word, stack))
    app_server.refuse_moved(opened, "rollback", *(["--to", revision] if revision else []))
    server = app_server.read(opened)
    app_server.refuse_while_busy(opened)
    known = release_list.entries(server.perform({"mode": "releases"}, opened.say))
    history = _history(server)
    wanted = release_list.chosen(known, revision, revision and history.commit(revision))
    opened.say(
        f"{opened.stack}: rolling back from {known[0].commit[:12]} to {wanted.commit[:12]}; the"
        " database stays as it is."
    )
    if opened.operations.asks and not yes and not confirm("Roll back?"):
        raise NotConfirmed
    app = opened.settings.app
    if history.needs(wanted.commit, app) != history.needs(known[0].commit, app):
        opened.say("Its processes or its server's configuration differ: it is deployed instead.")
        flows.deploy(opened, wanted.commit, yes=True, ask=lambda _: True)
        return
    started = time.monotonic()
    server.roll({"mode": "rollback", "release": wanted.name}, opened.say)
    opened.say(f"It serves after {duration(time.monotonic() - started)}.")
    flows.write_revision(opened, wanted.commit)
    opened.say(f"The next `make up STACK={opened.stack}` records it and restarts nothing.")


def _history(server: AppServer) -> History:
    made = server.configuration["release"]
    return History(str(made["repository"]), str(made["directory"]))
