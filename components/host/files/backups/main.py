"""Backups of this host's PostgreSQL, run as postgres: see ``components/host/backups.py``.

    due                       the backup that should have been made by now, if any (a timer)
    now [full|diff]           a backup now
    list                      what the bucket has, as JSON
    state                     how the last backup and verification went, as JSON
    verify                    restore the newest into a scratch cluster and check all of it
    restore [latest | at TIME | ID]   a copy beside the running database
    table NAME,... [latest | at TIME | ID]   the same, and these tables of it in the database
    fill PLACE [latest | at TIME | ID]    such a copy at that place, where no database runs
    dump [latest | at TIME | ID]      such a copy as a dump, on standard output

What goes on is said on standard error, results are JSON on standard output.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.host.files.backups import copies, record, repository, tables
from components.host.files.backups.record import Failed, say

ARCHIVED_S = 90
"""How long the last WAL may take to the bucket."""


def due() -> dict[str, Any]:
    settings = record.config()
    gap = (record.FOLDER / record.GAP).exists() or (record.FOLDER / record.GAP_CLOSING).exists()
    with record.alone("due"):
        backups = _backups()
        # A server that has no record of one may not know of a gap either.
        first = not (record.load().get("backup") or {}).get("last_good")
        kind = repository.due(backups, settings["hour"], time.time(), gap=gap or first)
        return repository.make(kind) if kind else {}


def now(kind: str = "") -> dict[str, Any]:
    """A differential one unless a full one is due or was asked for."""
    gap = (record.FOLDER / record.GAP).exists()
    full = gap or not any(backup["type"] == "full" for backup in _backups())
    return repository.make(kind or ("full" if full else "diff"))


def _backups() -> list[dict[str, Any]]:
    """The backups there are, for one who is about to make another: that it cannot is recorded."""
    try:
        return repository.backups()
    except Failed as problem:
        record.save("backup", ok=False, at=time.time(), problem=str(problem))
        raise


def state() -> dict[str, Any]:
    """What ``status`` shows; asks the database, not the bucket."""
    ready = Path(record.config()["folder"], "pg_wal/archive_status").glob("*.ready")
    gap = record.FOLDER / record.GAP
    return {
        **record.load(),
        "now": time.time(),
        "waiting_mib": 16 * sum(1 for _ in ready),
        "archiver": _archiver(),
        "gap": gap.stat().st_mtime if gap.exists() else None,
        "files": record.FILES.stat().st_mtime if record.FILES.exists() else None,
    }


def _archiver() -> dict[str, Any] | None:
    question = (
        "select json_build_object('archived', extract(epoch from last_archived_time), 'failing',"
        " coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false))"
        " from pg_stat_archiver"
    )
    try:
        archiver: dict[str, Any] = json.loads(
            copies.ask("postgres", "postgres", question, live=True)
        )
    except Failed:
        return None
    return archiver


def list_() -> dict[str, Any]:
    return {"backups": repository.backups(), **state()}


def verify() -> dict[str, Any]:
    settings = record.config()
    with record.alone("verification"), record.recorded("verify") as values:
        newest = _newest(repository.backups())
        place = copies.best_place(settings["verify_places"], newest["size_bytes"])
        began = time.time()
        try:
            flush()
            copies.restore(place, [], newest["size_bytes"])
            with copies.running(place, settings["binaries"]):
                values.update(copies.facts(settings["binaries"]))
        finally:
            copies.empty(place)
        values.update(id=newest["id"], size_bytes=newest["size_bytes"])
        values["restore_s"] = round(time.time() - began, 1)
    say(f"{newest['id']} is restored and whole: {values['rows']} rows, {values['restore_s']} s")
    return values


def _newest(backups: list[dict[str, Any]]) -> dict[str, Any]:
    if not backups:
        raise Failed("There is no backup yet", "`./stages backup now` makes one")
    return backups[-1]


def flush() -> None:
    """Get what is committed now into the bucket, where the database runs and archives."""
    with contextlib.suppress(Failed):
        # A commit of its own: a time is restored up to the first commit after it.
        copies.ask("postgres", "postgres", "select pg_current_xact_id()", live=True)
        last = copies.ask(
            "postgres", "postgres", "select pg_walfile_name(pg_switch_wal())", live=True
        )
        done = "select coalesce(last_archived_wal, '') from pg_stat_archiver"
        until = time.monotonic() + ARCHIVED_S
        while time.monotonic() < until:
            if copies.ask("postgres", "postgres", done, live=True) >= last:
                return
            time.sleep(0.2)
        say("The last WAL has not reached the bucket: the copy may lack the newest changes")


def restore(*words: str) -> dict[str, Any]:
    """A copy beside the running database, at rest when this ends."""
    with _copy("restore", words) as values:
        pass
    return _beside(values)


def table(wanted: str, *words: str) -> dict[str, Any]:
    """The same, and tables of it in the running database, each under a new name."""
    qualified = tables.names(wanted)
    with _copy("restore", words) as values:
        values["restored"] = [tables.bring(*name, time.time()) for name in qualified]
    return _beside(values)


def fill(where: str, *words: str) -> dict[str, Any]:
    """A copy at a place of its own, read whole; there is no database whose place it could take."""
    settings = record.config()
    place = Path(where)
    with record.alone("restore"), record.recorded("restore") as values:
        chosen, options = target(words or ("latest",), repository.backups(), time.time())
        _readable(chosen)
        began = time.time()
        copies.restore(place, options, chosen["size_bytes"])
        with copies.running(place, settings["binaries"]):
            values.update(copies.facts(settings["binaries"]))
        values.update(place=where, target=" ".join(words) or "latest")
        values["restore_s"] = round(time.time() - began, 1)
    say(f"{chosen['id']} is restored and whole: {values['rows']} rows, {values['restore_s']} s")
    return values


def dump(*words: str) -> None:
    """A copy as a dump on standard output; nothing of it stays."""
    place = Path(record.config()["restore_place"])
    with _copy("download", words):
        say("Dumping it")
        copies.dump(record.config()["binaries"])
    with record.alone("restore"):
        copies.empty(place)


@contextlib.contextmanager
def _copy(what: str, words: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Make a copy and have it run meanwhile; the values are those of the record of ``what``."""
    settings = record.config()
    place = Path(settings["restore_place"])
    with record.alone("restore"), record.recorded(what) as values:
        backups = repository.backups()
        chosen, options = target(words or ("latest",), backups, time.time())
        _readable(chosen)
        if "--type=immediate" not in options:
            flush()
        began = time.time()
        copies.restore(place, options, chosen["size_bytes"])
        with copies.running(place, settings["binaries"]):
            values.update(copies.facts(settings["binaries"]))
            values.update(place=str(place), target=" ".join(words) or "latest")
            values["restore_s"] = round(time.time() - began, 1)
            yield values


def _beside(values: dict[str, Any]) -> dict[str, Any]:
    try:
        values["tables_now"] = copies.counts(live=True)
    except Failed:
        values["tables_now"] = None
    return values


def target(
    words: tuple[str, ...], backups: list[dict[str, Any]], now_s: float
) -> tuple[dict[str, Any], list[str]]:
    """The backup that a restore begins with, and pgBackRest's options; raises ``Failed``."""
    newest = _newest(backups)
    match words:
        case ("latest",):
            return newest, []
        case ("at", *rest):
            moment = _moment(" ".join(rest))
            shown = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
            first = datetime.fromtimestamp(backups[0]["ended"], UTC)
            if moment.timestamp() >= now_s:
                raise Failed(f"--to-time: should be in the past, got {shown}")
            before = [backup for backup in backups if backup["ended"] < moment.timestamp()]
            if not before:
                raise Failed(
                    f"--to-time: should be after the first backup, {first:%Y-%m-%d %H:%M:%S UTC},"
                    f" got {shown}"
                )
            text = moment.strftime("%Y-%m-%d %H:%M:%S.%f+00")
            chosen = before[-1]
            return chosen, [
                "--type=time",
                f"--target={text}",
                "--target-action=promote",
                f"--set={chosen['id']}",
            ]
        case (label,):
            for backup in backups:
                if backup["id"] == label:
                    return backup, ["--type=immediate", "--target-action=promote", f"--set={label}"]
    known = ", ".join(backup["id"] for backup in backups)
    raise Failed(f"ID: should be one of {known}, got {' '.join(words)[:60]!r}")


def _readable(chosen: dict[str, Any]) -> None:
    """Raise ``Failed`` for a backup of another major version of PostgreSQL."""
    here = Path(record.config()["binaries"]).parent.name
    if chosen["postgresql"] not in ("", here):
        raise Failed(
            f"{chosen['id']}: should be a backup of PostgreSQL {here}, which this server runs, got"
            f" one of {chosen['postgresql']}"
        )


def _moment(text: str) -> datetime:
    if re.fullmatch(r"[0-9:. T+Z-]{10,40}", text):
        with contextlib.suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(text)
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    raise Failed(
        f"--to-time: should be a time, in UTC, got {text[:40]!r}",
        "For example 2026-11-29T12:00:06",
    )


COMMANDS: dict[str, Callable[..., dict[str, Any] | None]] = {
    "due": due,
    "now": now,
    "list": list_,
    "state": state,
    "verify": verify,
    "restore": restore,
    "table": table,
    "fill": fill,
    "dump": dump,
}


def main(argv: list[str]) -> int:
    """Run a command; print its result. The words may come as one, from a unit's name."""
    words = " ".join(argv).split()
    command = COMMANDS.get(words[0] if words else "")
    if command is None:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        result = command(*words[1:])
        if result is not None:
            print(json.dumps(result), flush=True)
    except Failed as problem:
        say(str(problem))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
