"""Dumps of a managed database in the bucket, by pg_dump and restic; a copy is a database beside it.

See ``components/host/dumps.py``. A ``Way``. Whatever is done in a database is done as the app, also
in the two for copies, which are the app's own and were made with the stack: so nothing here knows
the administrator, and nothing of a dump runs with more rights than the app has. The bucket's key,
the passphrase and the way to the database are in this program's environment.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from components.host.files.backups import record, repository, restic
from components.host.files.backups.copies import COUNTS
from components.host.files.backups.record import Failed, say

FILE = "app.dump"
SOURCE = "database"
"""What restic takes for the host's name: the next app server goes on with the same backups."""
LIVE, SCRATCH, RESTORED = "app", "app_scratch", "app_restored"
NO_LOCK = "--no-lock"
"""Of what only reads: a bucket that takes nothing any more still gives what it has."""
INFO_S = 60
"""restic itself asks a bucket that does not answer for a quarter of an hour."""
ASK_S = 3600
LOCK_WAIT_MS = 300_000
"""How long a dump waits for a table that a migration holds; it is tried again in an hour."""
EXTENSION = re.compile(r"\d+; \d+ \d+ (?:EXTENSION|COMMENT) - (?:EXTENSION )?(\S+) ")
"""Of pg_restore's list: ``2; 3079 16385 EXTENSION - citext``."""

CHECKED = "every constraint and index was made anew, every row was read"

EMPTY = """
select format('comment on database %I is null', current_database()) \\gexec
select format('alter database %I reset all', current_database()) \\gexec
select format('drop extension if exists %I cascade', extname)
from pg_extension where extowner = current_user::regrole \\gexec
select format('drop schema if exists %I cascade', nspname)
from pg_namespace where nspowner = current_user::regrole and nspname !~ '^pg_' \\gexec
select format('drop %s if exists %s cascade',
  replace(one.type, 'statistics object', 'statistics'), one.identity)
from pg_shdepend s, pg_identify_object(s.classid, s.objid, 0) one
where s.dbid = (select oid from pg_database where datname = current_database())
  and s.refclassid = 'pg_authid'::regclass and s.refobjid = current_user::regrole
  and s.deptype = 'o' and one.type not in ('large object', 'default acl', 'user mapping') \\gexec
select count(lo_unlink(oid)) from pg_largeobject_metadata where lomowner = current_user::regrole;
"""
"""Each drop by itself: all at once would need a lock for each table and index."""
SETTINGS = """
\\set ON_ERROR_STOP off
select format('select set_config(%L, %L, false)', name, value),
  format('alter database app_restored set %I from current', name)
from pg_db_role_setting, unnest(setconfig) one, split_part(one, '=', 1) name,
  substr(one, length(name) + 2) value
where setdatabase = (select oid from pg_database where datname = 'app') and setrole = 0 \\gexec
"""
"""What the app gave its database by ALTER DATABASE, which no dump has. What only an administrator
may set is left out."""


def backups() -> list[dict[str, Any]]:
    words = ["snapshots", NO_LOCK, "--json", "--host", SOURCE]
    try:
        known = [
            _backup(snapshot)
            for snapshot in json.loads(restic.run(*words, timeout_s=INFO_S))
            if "original" not in snapshot  # else it is what is left of one that was damaged
        ]
    except restic.NoRepository:
        return []
    except (ValueError, LookupError, TypeError):
        raise Failed("restic snapshots: its answer is not understood") from None
    return sorted(known, key=lambda backup: float(backup["ended"]))


def _backup(snapshot: dict[str, Any]) -> dict[str, Any]:
    summary = snapshot.get("summary") or {}
    tags = dict(tag.partition("=")[::2] for tag in snapshot.get("tags") or [])
    return {
        "id": snapshot["short_id"],
        "postgresql": tags.get("postgresql", ""),
        "type": "dump",
        "began": _moment(snapshot["time"]),
        "ended": _moment(summary.get("backup_end") or snapshot["time"]),
        "size_bytes": int(tags.get("bytes") or summary.get("total_bytes_processed", 0)),
        "stored_bytes": summary.get("data_added_packed", 0),
        "error": False,
    }


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def due(known: list[dict[str, Any]], now_s: float) -> str:
    if known and not record.load().get("backup"):  # of the server before this one
        record.save("backup", ok=True, at=known[-1]["began"], **known[-1])
    last = repository.last_time(record.config()["hour"], now_s)
    return "" if known and known[-1]["ended"] >= last else "dump"


def kind(_known: list[dict[str, Any]]) -> str:
    return "dump"


def make(_kind: str) -> dict[str, Any]:
    """Dump the database into the bucket: no copy of it on the disk, and none of a dump that fails.

    Not compressed by pg_dump: restic does, and of what is the same as last night it stores nothing.
    """
    with record.alone("backup"), record.recorded("backup") as values:
        say("Dumping the database to the bucket")
        began = time.time()
        size, version = ask(
            "select pg_database_size(current_database()), current_setting('server_version_num')",
            live=True,
        ).split("|")
        _make_ready()
        mended = record.unproven()
        if mended:
            _mend()
        pg_dump = [_program("pg_dump"), "--format=custom", "--compress=none"]
        pg_dump += ["--no-publications", "--no-subscriptions", "--no-password"]
        pg_dump += [f"--lock-wait-timeout={LOCK_WAIT_MS}", f"--dbname={LIVE}"]
        tags = ["--tag", f"postgresql={int(version) // 10000}", "--tag", f"bytes={size}"]
        words = ["--quiet", "--host", SOURCE, *tags, "--stdin-filename", FILE]
        restic.run("backup", *words, "--stdin-from-command", "--", *pg_dump)
        if mended:
            restic.run("repair", "snapshots", "--quiet", "--forget")
        _forget()
        made = backups()[-1]
        values.update(made)
    say(
        f"Backup {made['id']}: {repository.mib(made['size_bytes'])} of data,"
        f" {repository.mib(made['stored_bytes'])} stored, {time.time() - began:.0f} s"
    )
    return made


def _make_ready() -> None:
    try:
        restic.run("cat", NO_LOCK, "config", timeout_s=INFO_S)
    except restic.NoRepository:
        restic.run("init", "--quiet")
    restic.run("unlock", "--quiet")  # what a run left that was killed with its server


def _mend() -> None:
    """Take what cannot be read out of the index, so that the next dump brings it once more: else
    restic stores nothing that it believes to be there. Older dumps that lack it are listed no more.
    """
    say("The last proof failed: all that is in the bucket is read")
    with record.alone("restore"):
        restic.run("repair", "index", "--quiet")
        broken = _broken()
        if broken:
            say(f"Files that are damaged in the bucket: {len(broken)}")
            folder = record.FOLDER / "damaged"  # restic leaves them where it runs
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            restic.run("repair", "packs", "--quiet", *broken, folder=folder)
            shutil.rmtree(folder)


def _broken() -> list[str]:
    """Files of the bucket that are damaged, by their ids; all of it is read."""
    done = restic.completed("check", "--json", "--read-data")
    for line in done.stdout.splitlines():
        with contextlib.suppress(ValueError, LookupError, TypeError):
            message = json.loads(line)
            if message["message_type"] == "summary":
                return list(message["broken_packs"] or [])
    raise Failed(f"restic check failed: {restic.reason(done.stderr)}")


def _forget() -> None:
    """Delete what is older than it need be. The newest stays, however old it is."""
    days = record.config()["keep_days"]
    words = ["--host", SOURCE, "--group-by", "host", "--keep-within", f"{days}d", "--prune"]
    try:
        with record.alone("restore"):  # which reads what this may put elsewhere
            restic.run("forget", "--quiet", *words)
    except (restic.Locked, record.Busy):  # locked by a server that is gone: stale in half an hour
        say("Older dumps stay until the next run: something else uses the bucket")


def state() -> dict[str, Any]:
    return {}


def verify() -> dict[str, Any]:
    """Restore the newest dump into the scratch database, as the app, and read all of it."""
    with record.alone("restore"), record.recorded("verify") as values:
        newest = record.newest(backups())
        began = time.time()
        try:
            values.update(_fill(SCRATCH, newest))
            say("Reading every row")
            _read(SCRATCH)
        finally:
            _run(SCRATCH, EMPTY)
        restic.run("check", "--quiet")
        values.update(id=newest["id"], size_bytes=newest["size_bytes"], checked=CHECKED)
        values["restore_s"] = round(time.time() - began, 1)
    say(f"{newest['id']} is restored and whole: {values['rows']} rows, {values['restore_s']} s")
    return values


@contextlib.contextmanager
def copy(what: str, words: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    with record.alone("restore"), record.recorded(what) as values:
        chosen = target(words, backups())
        began = time.time()
        values.update(_fill(RESTORED, chosen))
        _run(RESTORED, SETTINGS)
        _run(RESTORED, "analyze")  # a dump has no statistics, by which queries are planned
        # Whoever switches reads this; it is taken away before the next copy is made.
        _run(RESTORED, f"comment on database {RESTORED} is 'whole: {chosen['id']}'")
        values.update(place=RESTORED, target=chosen["id"])
        values["restore_s"] = round(time.time() - began, 1)
        yield values


def dump(*words: str) -> None:
    with record.alone("restore"), record.recorded("download"):
        chosen = target(words, backups())
        say(f"Sending {repository.mib(chosen['size_bytes'])}")
        restic.run(*_dump_of(chosen), output=None)


def _dump_of(chosen: dict[str, Any]) -> list[str]:
    return ["dump", NO_LOCK, "--quiet", chosen["id"], FILE]


def target(words: Sequence[str], known: list[dict[str, Any]]) -> dict[str, Any]:
    """The backup that is meant; raises ``Failed``."""
    newest = record.newest(known)
    match words:
        case () | ("latest",):
            return newest
        case ("at", *_):
            raise Failed("--to-time: should be given in stage 1, whose every change is archived")
        case (name,):
            for backup in known:
                if backup["id"] == name:
                    return backup
    ids = ", ".join(backup["id"] for backup in known)
    raise Failed(f"ID: should be one of {ids}, got {' '.join(words)[:60]!r}")


def _fill(database: str, chosen: dict[str, Any]) -> dict[str, Any]:
    """Let a database for copies hold this dump and nothing else; what is in it then."""
    _run(database, EMPTY)
    room(chosen["size_bytes"])
    say(f"Restoring {repository.mib(chosen['size_bytes'])} to database {database}")
    with tempfile.NamedTemporaryFile("w") as listed:
        argv = [_program("pg_restore"), "--no-owner", "--exit-on-error", "--no-password"]
        if left := _left(database):
            listed.write(_without(left, _contents(chosen)))
            listed.flush()
            argv += [f"--use-list={listed.name}"]
        _pour(chosen, [*argv, f"--dbname={database}"])
    rows = _counts(database)
    return {"newest_transaction": chosen["began"], "tables": rows, "rows": sum(rows.values())}


def _left(database: str) -> set[str]:
    """Extensions that an administrator made there, for the app may not: they stay."""
    mine = "select coalesce(json_agg(extname), '[]') from pg_extension"
    names = json.loads(_ask(database, f"{mine} where extowner <> current_user::regrole"))
    return set(names) - {"plpgsql"}


def _contents(chosen: dict[str, Any]) -> str:
    return _pour(chosen, [_program("pg_restore"), "--list"])


def _without(extensions: set[str], contents: str) -> str:
    """pg_restore's list without what makes these."""
    kept = []
    for line in contents.splitlines(keepends=True):
        extension = EXTENSION.match(line)
        if not extension or extension[1] not in extensions:
            kept.append(line)
    return "".join(kept)


def _pour(chosen: dict[str, Any], argv: list[str]) -> str:
    """Give a dump to a program; return what it printed. Raises ``Failed``."""
    source = [*restic.argv(), *_dump_of(chosen)]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            source, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        ) as reader,
        restic.given_up(reader, errors.fileno()) as refusal,
    ):
        assert reader.stdout is not None  # noqa: S101
        done = subprocess.run(
            argv, stdin=reader.stdout, capture_output=True, text=True, check=False
        )
        reader.stdout.close()
        code = reader.wait()
        output = restic.said_so_far(errors.fileno())
    if refusal:
        raise Failed(f"restic dump failed: {refusal[0]}")
    # A program that has what it wants, or that failed, reads no further.
    if code not in (0, -signal.SIGPIPE):
        raise Failed(f"The bucket: {restic.reason(output)}")
    if done.returncode != 0:
        refused = "permission denied to create extension" in done.stderr
        raise Failed(
            restic.reason(done.stderr),
            f"As the administrator make it in {SCRATCH} and in {RESTORED}, where it stays"
            * refused,
        )
    return done.stdout


def _program(name: str) -> str:
    return f"{record.config()['binaries']}/{name}"


def _read(database: str) -> None:
    """Read all that the app has there, as a dump that nobody keeps."""
    argv = [_program("pg_dump"), "--format=custom", "--compress=none"]
    done = subprocess.run(
        [*argv, "--no-password", f"--dbname={database}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"The restored copy cannot be read: {restic.reason(done.stderr)}")


def room(size_bytes: int) -> None:
    """A service does not say how much of its disk is left: it is what the stack asked for."""
    used = "select sum(pg_database_size(oid)) from pg_database"
    there = int(ask(f"{used} where has_database_privilege(oid, 'connect')", live=True))
    storage = int(record.config()["storage_gib"]) * 1024**3
    free = storage - there - storage // 10
    if free < size_bytes:
        mib = repository.mib
        raise Failed(
            f"The database: should have {mib(size_bytes)} free for a copy, got {mib(max(0, free))}",
            "Grow stages:database.storage_gib, or delete what is not needed",
        )


def session(*, live: bool = False) -> list[str]:
    return _session(LIVE if live else RESTORED)


def ask(sql: str, *, live: bool = False) -> str:
    return _ask(LIVE if live else RESTORED, sql)


def counts(*, live: bool = False) -> dict[str, int]:
    return _counts(LIVE if live else RESTORED)


def _counts(database: str) -> dict[str, int]:
    rows: dict[str, int] = json.loads(_ask(database, COUNTS))
    return rows


def _session(database: str) -> list[str]:
    return [*record.config()["client"], "-d", database]


def _ask(database: str, sql: str) -> str:
    return _psql(database, "-c", sql)


def _run(database: str, script: str) -> None:
    _psql(database, "-f", "-", script=script)


def _psql(database: str, *words: str, script: str = "") -> str:
    try:
        done = subprocess.run(
            [*_session(database), *words],
            input=script,
            capture_output=True,
            text=True,
            check=False,
            timeout=ASK_S,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"Database {database}: no answer after {ASK_S} s") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        missing = f'database "{database}" does not exist' in done.stderr and database != LIVE
        raise Failed(f"Database {database}: {lines[-1]}", "`./stages up` makes it" * missing)
    return done.stdout.strip()
