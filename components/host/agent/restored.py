"""Stage 2: the restored copy takes the place of the app's database, which is kept beside it.

The program of the backups filled ``app_restored`` as the app (``files/backups/dumps.py``), and left
a word on it once all of it was there. What is here takes the administrator, who comes with the
document and enters neither database. Both are renamed in one transaction: whenever this is killed
there is one whole database under the app's name, and a process of systemd's lets clients go on.
"""

from __future__ import annotations

import json
from typing import Any

from components.host.agent import database, promotion_record
from components.host.agent import promotion_pooler as pooler
from components.host.agent.promotion_sql import ask_as
from components.host.agent.report import Failed, note, quoted, run, step

RESTORED, KEPT = "app_restored", "app_before_restore"
LOCK = "/run/stages-host.lock"
"""Held by this run as long as it lives."""
GUARD = "stages-restore-guard"
ALIASES = ("app", "app_direct", "app_release")
SQL_TIMEOUT_S = 60
COMMENTS = """
SELECT coalesce(json_object_agg(datname, coalesce(shobj_description(oid, 'pg_database'), '')),
    '{}')
FROM pg_database WHERE datname IN ('app', 'app_restored', 'app_before_restore')
"""
RENAME = """
SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
WHERE datname IN ('app', 'app_restored') AND usename = 'app';
BEGIN;
ALTER DATABASE app RENAME TO app_before_restore;
ALTER DATABASE app_restored RENAME TO app;
COMMENT ON DATABASE app IS NULL;
COMMIT;
"""
# Not WITH (FORCE), which is refused while autovacuum is at work there: that leaves without.
DROP = """
SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
WHERE datname = 'app_before_restore' AND usename = 'app';
DROP DATABASE app_before_restore;
"""


def make_ready(document: dict[str, Any]) -> dict[str, object]:
    """Before a copy is made: see that it has a place, which a switch that was killed may have
    taken, and, with ``switch``, refuse what that would refuse."""
    secrets = document["database_secrets"]
    if document["switch"]:
        _refuse(_comments(secrets["connection"]))
    database.converge("root", secrets["sql"], secrets["connection"])
    return {}


def switch(document: dict[str, Any]) -> dict[str, object]:
    """The app uses the copy from here on."""
    secrets = document["database_secrets"]
    connection = secrets["connection"]
    comments = _comments(connection)
    _refuse(comments)
    if not comments.get(RESTORED, "").startswith("whole: "):
        raise Failed(
            f"database {RESTORED}",
            "holds no copy that was restored as a whole",
            "`./stages backup restore` makes one.",
        )
    _watch()
    pooler.pause()
    try:
        step("the copy takes its place")
        _ask(connection, RENAME)
    finally:
        pooler.resume()
    # Who reads from a replica is still in the database of before, by another name.
    pooler.ask("RECONNECT")
    database.converge("root", secrets["sql"], connection)  # an empty one for the next copy
    return {"kept": KEPT}


def delete_kept(document: dict[str, Any]) -> dict[str, object]:
    """Delete what a switch put aside, for good."""
    connection = document["database_secrets"]["connection"]
    there = KEPT in _comments(connection)
    if there:
        step(f"delete {KEPT}")
        _ask(connection, DROP)
    else:
        note(f"there is no {KEPT}")
    return {"deleted": there}


def _comments(connection: dict[str, str]) -> dict[str, str]:
    """The databases of these that are there, and what was noted on them."""
    comments: dict[str, str] = json.loads(_ask(connection, COMMENTS))
    return comments


def _refuse(comments: dict[str, str]) -> None:
    """Raise ``Failed`` where no copy may take the database's place."""
    if promotion_record.read():
        raise Failed("a promotion", "is under way", "Finish it, or end it with --abort.")
    if KEPT in comments:
        raise Failed(
            f"database {KEPT}",
            "is there already, of an earlier switch",
            "`./stages backup restore --delete-kept` deletes it.",
        )


def _watch() -> None:
    """Let the pool's clients go on when this run is killed; it ends by itself.

    Each alias by itself: one that is not paused is an error, and harmless.
    """
    commands = [json.dumps(pooler.console(f"RESUME {alias}")) for alias in ALIASES]
    script = (
        "import json, subprocess, sys\nfor argv in sys.argv[1:]: subprocess.run(json.loads(argv))"
    )
    run(["systemctl", "reset-failed", GUARD])
    argv = ["systemd-run", "--quiet", "--collect", f"--unit={GUARD}", "--expand-environment=no"]
    done = run([*argv, "flock", LOCK, "python3", "-I", "-c", script, *commands])
    if not done.ok:
        raise Failed(GUARD, f"does not start: {quoted(done.last_line())}")


def _ask(connection: dict[str, str], sql: str) -> str:
    where = "the managed database"
    return ask_as(connection, sql, where, SQL_TIMEOUT_S, remedy="Nothing was changed.")
