"""The backups in the bucket: what is there, what is due, and the next one. By pgBackRest."""

from __future__ import annotations

import datetime
import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from components.host.files.backups import record
from components.host.files.backups.record import Failed, say

PGBACKREST = ("pgbackrest", "--stanza=main")
NOTHING_WRONG = {None, 0, 1, 2}
"""Codes of pgBackRest's ``info``: there are backups, no stanza yet, no backup yet."""
ANOTHER_CLUSTER = "do not match the database"
RUN_S = 11 * 3600
INFO_S = 120
"""pgBackRest itself asks a bucket that does not answer for minutes."""
FULL_EVERY_S = 6.5 * 86400
"""A full backup a week, differential ones between."""


def pgbackrest(*words: str, timeout_s: float = RUN_S) -> str:
    """Run it; return what it printed. Raises ``Failed`` with its first error."""
    try:
        done = subprocess.run(
            [*PGBACKREST, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"pgBackRest {words[0]}: no end after {timeout_s:.0f} s") from None
    if done.returncode != 0:
        raise Failed(f"pgBackRest {words[0]} failed: {reason(done.stderr or done.stdout)}")
    return done.stdout


def reason(output: str) -> str:
    """The first error that pgBackRest names: ``[055]: unable to load info file``."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.partition("ERROR: ")[2] for line in lines if "ERROR: " in line]
    return (errors or lines or ["no reason given"])[0]


def backups() -> list[dict[str, Any]]:
    """Every backup that the repository has, the oldest first."""
    try:
        every = json.loads(pgbackrest("info", "--output=json", timeout_s=INFO_S))
        (stanza,) = [stanza for stanza in every if stanza["name"] == "main"] or [{}]
        majors = {database["id"]: database["version"] for database in stanza.get("db", [])}
        backups = [_backup(backup, majors) for backup in stanza.get("backup", [])]
    except (ValueError, LookupError, TypeError):
        raise Failed("pgBackRest info: its answer is not understood") from None
    if stanza.get("status", {}).get("code") not in NOTHING_WRONG:
        messages = [
            repository.get("status", {}).get("message") for repository in stanza.get("repo", [])
        ]
        raise Failed(f"The bucket cannot be read: {reason(str(*messages[:1]))}")
    return backups


def _backup(backup: dict[str, Any], majors: Mapping[int, str]) -> dict[str, Any]:
    return {
        "id": backup["label"],
        "postgresql": majors.get(backup.get("database", {}).get("id"), ""),
        "type": backup["type"],
        "began": backup["timestamp"]["start"],
        "ended": backup["timestamp"]["stop"],
        "size_bytes": backup["info"]["size"],
        "stored_bytes": backup["info"]["repository"].get("delta", 0),
        "error": bool(backup.get("error")),
    }


def due(backups: Sequence[dict[str, Any]], hour: int, now: float, *, gap: bool) -> str:
    """Which backup should be made now: ``full``, ``diff``, or empty for none."""
    full = max((backup["ended"] for backup in backups if backup["type"] == "full"), default=None)
    if gap or full is None:
        return "full"
    if max(backup["ended"] for backup in backups) >= last_time(hour, now):
        return ""
    return "full" if now - full >= FULL_EVERY_S else "diff"


def last_time(hour: int, now: float) -> float:
    """When it was last this hour, in UTC."""
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    today = moment.replace(hour=hour, minute=0, second=0, microsecond=0)
    return (today if today <= moment else today - datetime.timedelta(days=1)).timestamp()


def make_ready() -> None:
    """Let the repository know this cluster; backups of one that was here before stay."""
    try:
        pgbackrest("stanza-create")
    except Failed as problem:
        if ANOTHER_CLUSTER not in str(problem):
            raise
        say("The bucket has backups of another cluster: they stay, this one's come beside them")
        pgbackrest("stanza-upgrade")


def make(kind: str) -> dict[str, Any]:
    """Make a backup and return it. One that was cut off is taken up again, or thrown away."""
    gap, closing = record.FOLDER / record.GAP, record.FOLDER / record.GAP_CLOSING
    with record.alone("backup"), record.recorded("backup") as values:
        say(f"Making a {'full' if kind == 'full' else 'differential'} backup")
        began = time.time()
        make_ready()
        if kind == "full" and gap.exists():
            gap.rename(closing)  # WAL is kept again: this backup needs it
        try:
            pgbackrest("backup", f"--type={kind}")
        except Failed:
            if closing.exists():
                closing.rename(gap)
            raise
        if kind == "full":
            closing.unlink(missing_ok=True)
        made = backups()[-1]
        values.update(made)
    say(
        f"Backup {made['id']}: {mib(made['size_bytes'])} of data,"
        f" {mib(made['stored_bytes'])} stored, {time.time() - began:.0f} s"
    )
    return made


def mib(size: float) -> str:
    return f"{size / 1024**2:.1f} MiB"
