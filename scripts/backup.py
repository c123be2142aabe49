"""Backups of a stack: made, listed, proven, and a copy of the database as it was."""

from __future__ import annotations

import datetime
import json
import re
import sys
from typing import Annotated, Any

import typer

from components.errors import ConfirmationRequired, UserError, invalid
from scripts.lib import backups, display, session
from scripts.lib.command import Json, Stack, Word, Yes, application, chosen

app = application(__doc__)
IDS = "`./stages backup list` shows which backups there are."
ID = re.compile(r"[0-9]{8}-[0-9]{6}F(_[0-9]{8}-[0-9]{6}[DI])?")


def _open(word: str | None, stack: str | None, *, json_: bool) -> backups.Server:
    screen = display.make_screen(error=True) if json_ else None
    return backups.server(session.open_session(chosen(word, stack), screen=screen))


def _print(found: Any, lines: list[str], *, json_: bool) -> None:
    print(json.dumps(found, indent=2) if json_ else "\n".join(lines))


@app.command()
def now(word: Word = None, stack: Stack = None, json_: Json = False) -> None:
    """Make a backup now: full if there is none yet, else what changed since the last full one."""
    server = _open(word, stack, json_=json_)
    server.say("A backup goes to the bucket; the database is used meanwhile.")
    made = server.run("now")
    _print(made, [backups.line(made)], json_=json_)


@app.command("list")
def list_(word: Word = None, stack: Stack = None, json_: Json = False) -> None:
    """List the backups in the bucket, the newest last, and how the last runs went."""
    found = _open(word, stack, json_=json_).run("list")
    _print(found, backups.listing(found), json_=json_)


@app.command()
def verify(word: Word = None, stack: Stack = None, json_: Json = False) -> None:
    """Restore the newest backup into a scratch cluster on the server and check all of it."""
    server = _open(word, stack, json_=json_)
    server.say(
        "The newest backup is restored beside the database, every page and index is read, rows are"
        " counted, and the copy is deleted. The database is used meanwhile."
    )
    proof = server.run("verify")
    _print(proof, backups.proof(proof), json_=json_)


@app.command()
def restore(
    word: Word = None,
    stack: Stack = None,
    to_time: Annotated[
        str, typer.Option(help="As of this time, in UTC: 2026-11-29T12:00:06.")
    ] = "",
    latest: Annotated[bool, typer.Option("--latest", help="All that was archived.")] = False,
    backup: Annotated[str, typer.Option(help="As of the end of a backup, by its id.")] = "",
    switch: Annotated[
        bool, typer.Option("--switch", help="Let the app use the copy; the old one is kept.")
    ] = False,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Put a copy beside the running database and compare them; switch only when told."""
    words = _target(to_time, backup, latest=latest)
    server = _open(word, stack, json_=json_)
    server.say(f"A copy is put beside the database of {server.stack}, which is used meanwhile.")
    made = server.run("restore", *words)
    lines = backups.comparison(made)
    if not switch:
        lines.append("The app still uses the old one. With --switch it uses the copy.")
        _print(made, lines, json_=json_)
        return
    if not json_:
        print("\n".join(lines))
    question = (
        f"Let the app of {server.stack} use the copy? What was written since is only in the old"
        " database, which is kept"
    )
    if not yes:
        if not sys.stdin.isatty():
            raise ConfirmationRequired(
                "Confirmation required", "Run it on a terminal, or with --yes."
            )
        if not typer.confirm(question):
            return
    kept = server.switch()
    made["kept"] = kept
    _print(made, [f"The app uses the copy. The old database is kept at {kept}."], json_=json_)


def _target(to_time: str, backup: str, *, latest: bool) -> tuple[str, ...]:
    """The words for the server; raises ``UserError``."""
    if sum(map(bool, (to_time, backup, latest))) != 1:
        raise UserError(
            "restore: should be told one of --to-time, --latest and --backup",
            IDS,
        )
    if backup and not ID.fullmatch(backup):
        raise invalid("--backup", "the id of a backup", backup[:40], IDS)
    if to_time:
        try:
            moment = datetime.datetime.fromisoformat(to_time)
        except ValueError:
            raise invalid(
                "--to-time", "a time, in UTC", to_time[:40], "For example 2026-11-29T12:00:06."
            ) from None
        moment = moment.replace(tzinfo=moment.tzinfo or datetime.UTC).astimezone(datetime.UTC)
        return ("at", moment.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00"))
    return (backup or "latest",)
