"""Backups of a stack: made, listed, proven, and a copy of the database as it was."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from components.errors import UserError, invalid
from components.visible import visible, visible_json
from scripts.lib import backups, display, session
from scripts.lib.command import STARTED_IN, Json, Stack, Word, Yes, application, chosen
from scripts.lib.confirm import confirm

app = application(__doc__)
IDS = "`./stages backup list` shows which backups there are."
TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?", re.ASCII)
ID = re.compile(r"[0-9]{8}-[0-9]{6}F(_[0-9]{8}-[0-9]{6}[DI])?|[0-9a-f]{8}")


def _open(word: str | None, stack: str | None, *, json_: bool) -> backups.Server:
    screen = display.make_screen(error=True) if json_ else None
    return backups.server(session.open_session(chosen(word, stack), screen=screen))


def _print(answer: Any, lines: list[str], *, json_: bool) -> None:
    print(visible_json(answer) if json_ else visible("\n".join(lines)))


@app.command()
def now(word: Word = None, stack: Stack = None, json_: Json = False) -> None:
    """Make a backup now. Data that is in the bucket already is not sent again."""
    server = _open(word, stack, json_=json_)
    server.say("A backup goes to the bucket; the database stays in use.")
    made = server.run("now")
    _print(made, [backups.line(made)], json_=json_)


@app.command("list")
def list_(word: Word = None, stack: Stack = None, json_: Json = False) -> None:
    """List the backups in the bucket, the newest last, and how the last runs went."""
    answer = _open(word, stack, json_=json_).run("list")
    _print(answer, backups.listing(answer), json_=json_)


@app.command()
def verify(word: Word = None, stack: Stack = None, json_: Json = False) -> None:
    """Restore the newest backup beside the database, and check all of it."""
    server = _open(word, stack, json_=json_)
    server.say(
        "The newest backup is restored beside the database, all of it is read, rows are counted,"
        " and the copy is deleted. The database stays in use."
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
    latest: Annotated[
        bool, typer.Option("--latest", help="The latest point that was archived.")
    ] = False,
    backup: Annotated[str, typer.Option(help="As of the end of a backup, by its id.")] = "",
    switch: Annotated[
        bool, typer.Option("--switch", help="Switch the app to the copy; the old database is kept.")
    ] = False,
    table: Annotated[
        list[str] | None,
        typer.Option(
            help="Put this table of the copy, such as public.users, into the database under a name"
            " of its own, beside the current one (repeatable)."
        ),
    ] = None,
    delete_kept: Annotated[
        bool,
        typer.Option("--delete-kept", help="Delete the database that a switch of stage 2 kept."),
    ] = False,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Put a copy beside the running database and compare them; switch only with --switch."""
    if delete_kept:
        _delete_kept(_open(word, stack, json_=json_), yes=yes, json_=json_)
        return
    words = _target(to_time, backup, latest=latest)
    tables = _tables(table or [])
    if tables and switch:
        raise UserError(
            "restore: should be given --table or --switch, got both",
            "With --switch the whole copy is used, with each of its tables.",
        )
    server = _open(word, stack, json_=json_)
    server.refuse_times(words)
    server.make_ready(switch=switch)
    server.say(f"A copy is put beside the database of {server.stack}, which stays in use.")
    made = server.run(*(["table", ",".join(tables)] if tables else ["restore"]), *words)
    lines = backups.comparison(made)
    if tables:
        _print(made, [*lines, "", *backups.restored(made)], json_=json_)
        return
    if not switch:
        lines.append("The app still uses the old database. --switch lets it use the copy.")
        _print(made, lines, json_=json_)
        return
    if not json_:
        print(visible("\n".join(lines)))
    question = (
        f"Let the app of {server.stack} use the copy? What was written since is only in the old"
        " database, which is kept"
    )
    if not yes and not confirm(question):
        return
    kept_name = server.switch()
    made["kept"] = kept_name
    _print(made, [f"The app uses the copy. The old database is kept: {kept_name}."], json_=json_)


def _delete_kept(server: backups.Server, *, yes: bool, json_: bool) -> None:
    question = f"Delete the database of {server.stack} that a switch kept, for good?"
    if not yes and not confirm(question):
        return
    deleted = server.delete_kept()
    answer = "It is deleted." if deleted else "There is none."
    _print({"deleted": deleted}, [answer], json_=json_)


@app.command()
def download(
    word: Word = None,
    stack: Stack = None,
    to_time: Annotated[
        str, typer.Option(help="As of this time, in UTC: 2026-11-29T12:00:06.")
    ] = "",
    backup: Annotated[str, typer.Option(help="As of the end of a backup, by its id.")] = "",
    to: Annotated[
        Path | None, typer.Option(help="The file (default: STACK-TIME.dump in this folder).")
    ] = None,
) -> None:
    """Write a dump to a file here, for pg_restore. It holds the app's data;
    nobody else on this machine can read the file."""
    words = _target(to_time, backup, latest=not to_time and not backup)
    server = _open(word, stack, json_=False)
    server.refuse_times(words)
    made = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    file = STARTED_IN / (to or f"{server.stack}-{made}.dump")
    server.say(
        f"A copy is made beside the database of {server.stack}, dumped to {file}, deleted."
        if server.session.settings.stage == 1
        else f"The dump of {server.stack} is copied from the bucket to {file}."
    )
    server.download(file, *words)
    mib = backups.mib(file.stat().st_size)
    print(f"{file}: {mib}. `pg_restore --no-owner --dbname NAME {file}` reads it.")


def _tables(words: Sequence[str]) -> list[str]:
    """Names of tables; raises ``UserError``."""
    for name in words:
        if not TABLE.fullmatch(name):
            raise invalid(
                "--table", "the name of a table", name[:60], "For example --table public.users."
            )
    return list(words)


def _target(to_time: str, backup: str, *, latest: bool) -> tuple[str, ...]:
    """The words for the server; raises ``UserError``."""
    if sum(map(bool, (to_time, backup, latest))) != 1:
        raise UserError(
            "restore: should be given one of --to-time, --latest and --backup",
            IDS,
        )
    if backup and not ID.fullmatch(backup):
        raise invalid("--backup", "the id of a backup", backup[:40], IDS)
    if to_time:
        try:
            moment = datetime.datetime.fromisoformat(to_time)
            moment = moment.replace(tzinfo=moment.tzinfo or datetime.UTC).astimezone(datetime.UTC)
        except (ValueError, OverflowError):
            raise invalid(
                "--to-time", "a time, in UTC", to_time[:40], "For example 2026-11-29T12:00:06."
            ) from None
        return ("at", moment.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00"))
    return (backup or "latest",)
