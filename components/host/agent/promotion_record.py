"""How far a promotion is, as both hosts know it: ``/var/lib/stages-host/promotion.json``.

``phase``: ``copying`` once the stage 2 server is out of service and the database is being filled,
``switched`` once the app of stage 1 uses the new database, ``finished`` when all that is left is to
forward visitors to stage 2, ``rolled back`` once the app uses its old database again, or its copy
was aborted, and the new one has nothing of the promotion. Without the file there is none.

``app``, on stage 1: whether the app's requests and jobs are ``there``, on stage 2, or on the way to
it (``leaving``) or back (``returning``); without it they are here.

``files``, on stage 1: whether the users' files have gone over.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.host.agent import release
from components.host.agent.files import STATE, read_json, write_json
from components.host.agent.report import Failed

FILE = STATE / "promotion.json"
COMPARED = STATE / "promotion-compared.json"
"""On stage 1: the last comparison of all rows (``promotion_compare.py``)."""
COPIED_FILES = Path("/var/lib/stages-promotion-files")
"""On stage 1: which of the users' files have gone over (``promotion_files.py``)."""
PENDING, MOVED, WITHOUT = "pending", "moved", "without"
"""How the users' files stand (``files``): not all over, all over, left where they are."""
COPYING, SWITCHED, FINISHED = "copying", "switched", "finished"
ROLLED_BACK = "rolled back"
HERE, LEAVING, THERE, RETURNING = "", "leaving", "there", "returning"
LOGICAL, DUMP = "logical", "dump"
"""How the database goes over (``by``)."""
STALL_S = {LOGICAL: 5.0, DUMP: 60.0}
"""The longest that clients wait, where nobody says otherwise."""
LONGEST_STALL_S = 110
"""PgBouncer refuses a client after 120 s."""
DATABASES = "/etc/pgbouncer/databases.ini"
TURN = Path("/run/stages-promotion-turn")
"""Which run of a step may go on: the one that began last."""
LOCK_S = 2
"""Whoever asks how a comparison stands holds its lock for a moment."""


def read() -> dict[str, Any]:
    """The record; empty where there is no promotion."""
    document: dict[str, Any] = read_json(FILE, {})
    return document


def phase(document: dict[str, Any]) -> dict[str, object]:
    """How far the promotion to ``document["other"]`` is; ``Failed`` in one to another stack."""
    record = read()
    if record and record["other"] != document["other"]:
        raise Failed(
            "a promotion",
            f"to {record['other']} is under way",
            "Continue that promotion, or end it with --abort.",
        )
    return {
        "phase": record.get("phase", ""),
        "app": record.get("app", HERE),
        "switching": record.get("switching", ""),
    }


def take_turn(document: dict[str, Any]) -> dict[str, object]:
    """Let one run of a step go on, and none that began before it; each may be on its own machine.

    ``phase`` is that of stage 1 which the run's operator was asked about.
    """
    known = read().get("phase", "")
    if document["side"] == "from" and known != document["phase"]:
        raise Failed(
            "a promotion",
            "has changed in the meantime: someone else ran a step",
            "`./stages promote` without a step shows how it stands.",
        )
    if document["side"] == "to" and known == SWITCHED and document["phase"] in {"", COPYING}:
        raise Failed(
            "a promotion",
            "has switched the app to this stack, but the server of stage 1 has no record of it (was"
            " it replaced?): everything written since would be lost",
            "Nothing was changed. Keep this stack, and take the old one down.",
        )
    TURN.write_text(document["taken"])
    return {}


def refuse_out_of_turn(document: dict[str, Any]) -> None:
    """Raise ``Failed`` for a run after which another one has begun."""
    turn = document.get("turn")
    if turn and TURN.exists() and TURN.read_text() != turn:
        raise Failed(
            "a promotion",
            "another step was started after this one, and takes its place",
            "`./stages promote` without a step shows how it stands.",
        )


def begin(document: dict[str, Any]) -> dict[str, object]:
    """On stage 1, before anything is done elsewhere: whoever comes later goes on from here.

    ``by`` is the method, or ``None`` to go on with the one that it began with.
    """
    phase(document)  # refuses in one to another stack
    known, wanted = read(), document["by"]
    by = known.get("by", LOGICAL) if known else wanted
    if wanted not in {None, by}:
        raise Failed(
            "a promotion",
            f"by {by} to {document['other']} is under way",
            f"Continue with --way {by}, or run --abort first.",
        )
    if not known:  # a copy or a comparison of an earlier promotion may have gone on after its end
        forget()
    files = WITHOUT if document["without_files"] else known.get("files", PENDING)
    write(phase=COPYING, side="from", other=document["other"], by=by, files=files)
    return {"by": by}


def by_dump() -> bool:
    return bool(read().get("by") == DUMP)


def write(**fields: Any) -> None:
    """Change fields of it. It may hold a password: the file is root's alone."""
    write_json(FILE, {**read(), **fields})


def forget(**kept: Any) -> None:
    """All of it but these fields; the record comes last, for it says that this is not done."""
    COMPARED.unlink(missing_ok=True)
    shutil.rmtree(COPIED_FILES, ignore_errors=True)
    if kept:
        write_json(FILE, kept)
    else:
        FILE.unlink(missing_ok=True)


def refuse_to_undo(document: dict[str, Any]) -> None:
    """Raise ``Failed`` for an ``apply`` that would undo a promotion, or disturb its copy."""
    record = read()
    if not record:
        return
    if record["phase"] == COPYING and record["side"] == "to":
        raise Failed(
            "a promotion",
            f"fills the database of this stack from {record['other']}",
            "`./stages promote` shows the progress; --switch, --rollback or --abort ends it.",
        )
    if record["phase"] == COPYING and may_change_tables(document):
        raise Failed(
            "a promotion",
            f"copies the database to {record['other']}, and the release command of another"
            " revision may change its tables",
            "Deploy it after --switch or --abort.",
        )
    if record["phase"] == FINISHED:
        raise Failed(
            "a promotion",
            f"moved the app to {record['other']}, and this server only forwards to it",
            "`./stages down` removes the old stack.",
        )
    if record.get("switching"):  # the pool may point to either, with writes in that one alone
        raise Failed(
            "a promotion",
            f"to {record['other']} was interrupted in the middle of a switch",
            "Run --rollback again."
            if record["phase"] == SWITCHED
            else "Run --switch again, or --abort.",
        )
    file = document["secret_files"].get(DATABASES) or {}
    leads_to_new = file.get("content") == record.get("databases_ini", "")
    if record["phase"] == ROLLED_BACK and leads_to_new:
        raise Failed(
            "a promotion",
            f"to {record['other']} was rolled back, and this would switch the app to the new"
            " database again",
            "Run --rollback again, or remove stages:database.promoted_to from this stack's file.",
        )
    if record["phase"] == SWITCHED and record["side"] == "from":
        if record.get("app", HERE) != THERE:
            raise Failed(
                "a promotion",
                f"to {record['other']} was interrupted while it moved requests and jobs",
                "Run --switch or --rollback again.",
            )
        if not leads_to_new:
            raise Failed(
                "a promotion",
                f"moved the app's database to {record['other']}, and this would switch the app back"
                " to the old one",
                f"Set stages:database.promoted_to: {record['other']} in this stack's file.",
            )


def may_change_tables(document: dict[str, Any]) -> bool:
    """Whether an ``apply`` will run a release command."""
    wanted = document["release"]
    if not wanted["release_command"]:
        return False
    return release.name_of(wanted["commit"], wanted["directory"], wanted["build"]) != (
        release.active()
    )


def moved_to() -> str:
    """The stack that the app of this server was promoted to; empty: it runs here."""
    record = read()
    moved = record.get("phase") == FINISHED or record.get("app", HERE) == THERE
    return str(record["other"]) if moved else ""


def refuse_moved() -> None:
    """Raise ``Failed`` where the app runs on the other stack."""
    if there := moved_to():
        raise Failed("the app", f"was promoted to {there}", "Do this on that stack.")


def allow_migrations(_document: dict[str, Any]) -> dict[str, object]:
    """On stage 2: let release commands run, whether or not there is a way back after them."""
    write(migrations=True)
    return {}


@contextlib.contextmanager
def alone(lock: Path, busy: Failed) -> Iterator[None]:
    """One at a time of what may take hours, beside other runs. Raises ``busy``."""
    with os.fdopen(os.open(lock, os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
        deadline = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise busy from None
                time.sleep(0.1)
        yield
