"""A copy of the database beside the running one, made from the bucket and looked at.

Only a copy is ever written. It has a socket that nobody but postgres opens, and archives nothing:
else it would push its WAL between that of the database that it was made from.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.host.files.backups import record, repository
from components.host.files.backups.record import Failed, say

PORT = "5433"
SOCKET = record.FOLDER / "socket"
START_S = 7200
"""How long the copy may replay WAL."""
WAL_BYTES = 512 * 1024**2
"""Room for the WAL that a restored copy replays, beside the data itself."""

COUNTS = """
set max_parallel_workers_per_gather = 0;
select coalesce(json_object_agg(name, rows), '{}') from (
  select n.nspname || '.' || c.relname as name,
    (xpath('/row/n/text()', query_to_xml(
      format('select count(*) as n from %I.%I', n.nspname, c.relname), false, true, '')
    ))[1]::text::bigint as rows
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and n.nspname !~ '^(pg_|information_schema$)'
    and has_table_privilege(c.oid, 'select')
  order by 1) as every
"""
"""By one process each, in the running database too: the app's queries need the other processors."""


def room(place: Path, size_bytes: int) -> None:
    """Raise ``Failed`` where a copy of this size has no room, before anything is written."""
    stats = os.statvfs(place)
    free, keep = stats.f_bavail * stats.f_frsize, stats.f_blocks * stats.f_frsize // 20
    needed = size_bytes + WAL_BYTES + keep
    if free < needed:
        mib = repository.mib
        raise Failed(
            f"{place}: should have {mib(needed)} free for a copy, got {mib(free)}",
            "Grow stages:data.volume_gib, or delete what is not needed",
        )


def best_place(places: list[str], size_bytes: int) -> Path:
    """The first of these with room for a copy."""
    for place in places[:-1]:
        with contextlib.suppress(Failed):
            room(Path(place), size_bytes)
            return Path(place)
    room(Path(places[-1]), size_bytes)
    return Path(places[-1])


def empty(place: Path) -> None:
    for entry in place.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def restore(place: Path, words: list[str], size_bytes: int) -> None:
    """Fill ``place`` from the bucket; what it held is gone."""
    if not place.is_dir():  # a switch was killed between its steps, and its server was not
        raise Failed(
            f"{place}: should be a folder, got none",
            "As root of the server, `systemctl restart database-copies.service` makes it",
        )
    empty(place)
    room(place, size_bytes)
    say(f"Restoring {repository.mib(size_bytes)} to {place}")
    repository.pgbackrest("restore", f"--pg1-path={place}", "--archive-mode=off", *words)


@contextlib.contextmanager
def running(place: Path, binaries: str) -> Iterator[None]:
    """Start the copy, let it replay its WAL, and stop it at the end."""
    SOCKET.mkdir(mode=0o700, exist_ok=True)
    (place / "postmaster.pid").unlink(missing_ok=True)  # of a run that was killed with its server
    log = record.FOLDER / "copy.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [
                f"{binaries}/postgres",
                f"--data_directory={place}",
                "--config_file=/etc/stages/copy.conf",
                f"--unix_socket_directories={SOCKET}",
                f"--port={PORT}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait(server, log)
        yield
    finally:
        server.send_signal(2)  # SIGINT: a fast shutdown
        try:
            server.wait(300)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if server.poll() is not None:
            raise Failed(f"The copy does not start: {_why(log.read_text(errors='replace'))}")
        with contextlib.suppress(Failed):
            if ask("postgres", "postgres", "select pg_is_in_recovery()") == "f":
                return
        time.sleep(0.2)
    raise Failed(f"The copy still replays WAL after {START_S} s")


def _why(output: str) -> str:
    fatal = [line for line in output.splitlines() if "FATAL" in line or "PANIC" in line]
    if any("recovery ended before configured recovery target" in line for line in fatal):
        return "nothing was archived that is as new as the time asked for; --latest takes all"
    return (fatal or output.strip().splitlines() or ["it said nothing"])[-1].strip()


def session(role: str, database: str, *, live: bool = False) -> list[str]:
    """The command of a session with the copy, or the running database, over its socket."""
    where = ["/run/postgresql", "5432"] if live else [str(SOCKET), PORT]
    client = record.config()["client"]
    return [*client, "-h", where[0], "-p", where[1], "-U", role, "-d", database]


def ask(role: str, database: str, sql: str, *, live: bool = False) -> str:
    """Ask the copy, or the running database."""
    argv = [*session(role, database, live=live), "-c", sql]
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise Failed(f"{'The database' if live else 'The copy'}: {lines[-1]}")
    return done.stdout.strip()


def counts(*, live: bool = False) -> dict[str, int]:
    """Rows of each table of the app, counted as the app: no more rights than it has."""
    rows: dict[str, int] = json.loads(ask("app", "app", COUNTS, live=live))
    return rows


def newest_transaction() -> float | None:
    """When the last transaction that the copy has was committed."""
    seconds = ask(
        "postgres", "postgres", "select extract(epoch from pg_last_xact_replay_timestamp())"
    )
    return float(seconds) if seconds else None


def check(binaries: str) -> None:
    """Read every page and index of the copy.

    Not ``--heapallindexed``: it evaluates the app's index expressions with a superuser's rights.
    """
    say("Checking every page and index")
    argv = [f"{binaries}/pg_amcheck", "--all", "--install-missing=pg_catalog", "--no-password"]
    done = subprocess.run(
        [*argv, "--jobs=1", "-h", str(SOCKET), "-p", PORT, "-U", "postgres"],
        env={"PGOPTIONS": "-c search_path=pg_catalog,pg_temp", "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        lines = done.stdout.strip().splitlines() or ["no reason given"]
        raise Failed(f"The restored copy is damaged: {' | '.join(lines[:3])}")


def dump(binaries: str) -> None:
    """Write all that the app has in the copy to standard output, as the app."""
    argv = ["env", "-i", f"{binaries}/pg_dump", "--format=custom", "--no-owner", "--no-privileges"]
    argv += ["--no-password", "-h", str(SOCKET), "-p", PORT, "-U", "app", "-d", "app"]
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise Failed(f"The copy is not dumped: {lines[-1]}")


def facts(binaries: str) -> dict[str, Any]:
    """All that is looked at in a running copy."""
    newest, rows = newest_transaction(), counts()
    check(binaries)
    return {"newest_transaction": newest, "tables": rows, "rows": sum(rows.values())}
