"""Backups of the PostgreSQL on this host, by pgBackRest; a copy is a cluster of its own (stage 1).

See ``components/host/backups.py``. A ``Way``.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.host.files.backups import copies, record, repository
from components.host.files.backups.record import Failed, say

backups, make = repository.backups, repository.make

ARCHIVED_S = 90
"""How long the last WAL may take to the bucket."""


def due(known: list[dict[str, Any]], now_s: float) -> str:
    gap = (record.FOLDER / record.GAP).exists() or (record.FOLDER / record.GAP_CLOSING).exists()
    # A server that has no record of one may not know of a gap either.
    first = not (record.load().get("backup") or {}).get("last_good")
    kind = repository.due(known, record.config()["hour"], now_s, gap=gap or first)
    return "full" if kind and record.unproven() else kind


def kind(known: list[dict[str, Any]]) -> str:
    """A differential one unless a full one is due, or the full one may be damaged."""
    gap = (record.FOLDER / record.GAP).exists()
    full = any(backup["type"] == "full" for backup in known)
    return "full" if gap or not full or record.unproven() else "diff"


def state() -> dict[str, Any]:
    """Asks the database, not the bucket."""
    ready = Path(record.config()["folder"], "pg_wal/archive_status").glob("*.ready")
    gap = record.FOLDER / record.GAP
    return {
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


def verify() -> dict[str, Any]:
    settings = record.config()
    with record.alone("verification"), record.recorded("verify") as values:
        newest = record.newest(backups())
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


def fill(where: str, *words: str) -> dict[str, Any]:
    """A copy at a place of its own, read whole; there is no database whose place it could take."""
    settings = record.config()
    place = Path(where)
    with record.alone("restore"), record.recorded("restore") as values:
        chosen, options = target(words or ("latest",), backups(), time.time())
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
    """Nothing of the copy stays."""
    place = Path(record.config()["restore_place"])
    with copy("download", words):
        say("Dumping it")
        copies.dump(record.config()["binaries"])
    with record.alone("restore"):
        copies.empty(place)


@contextlib.contextmanager
def copy(what: str, words: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Make a copy and have it run meanwhile; the values are those of the record of ``what``."""
    settings = record.config()
    place = Path(settings["restore_place"])
    with record.alone("restore"), record.recorded(what) as values:
        chosen, options = target(words or ("latest",), backups(), time.time())
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


def session(*, live: bool = False) -> list[str]:
    return copies.session("app", "app", live=live)


def ask(sql: str, *, live: bool = False) -> str:
    return copies.ask("app", "app", sql, live=live)


def counts(*, live: bool = False) -> dict[str, int]:
    return copies.counts(live=live)


def room(size_bytes: int) -> None:
    copies.room(Path(record.config()["restore_place"]), size_bytes)


def target(
    words: tuple[str, ...], known: list[dict[str, Any]], now_s: float
) -> tuple[dict[str, Any], list[str]]:
    """The backup that a restore begins with, and pgBackRest's options; raises ``Failed``."""
    newest = record.newest(known)
    match words:
        case ("latest",):
            return newest, []
        case ("at", *rest):
            moment = _moment(" ".join(rest))
            shown = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
            first = datetime.fromtimestamp(known[0]["ended"], UTC)
            if moment.timestamp() >= now_s:
                raise Failed(f"--to-time: should be in the past, got {shown}")
            before = [backup for backup in known if backup["ended"] < moment.timestamp()]
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
            for backup in known:
                if backup["id"] == label:
                    return backup, ["--type=immediate", "--target-action=promote", f"--set={label}"]
    ids = ", ".join(backup["id"] for backup in known)
    raise Failed(f"ID: should be one of {ids}, got {' '.join(words)[:60]!r}")


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
