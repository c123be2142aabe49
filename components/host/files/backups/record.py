"""What is known about backups on this host: the settings, and how the last ones went."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CONFIG = Path("/etc/stages/backups.json")
FOLDER = Path("/var/lib/stages-backups")
"""Belongs to who runs this program: root neither reads nor writes there."""
FILES = Path("/var/lib/stages-file-backups/good")
"""As old as the last good backup of uploads and certificates (``host/file_backups.py``)."""
GAP = "gap"
"""When WAL was given up; until the next full backup, later times cannot be restored."""
GAP_CLOSING = "gap.closing"

PROOF_OLD_S = 7.5 * 86400
"""The timer's comes before: one a week."""
PROOF_AGAIN_S = 23 * 3600


class Failed(Exception):
    """Why a command cannot go on, and what to do about it."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{problem}. {remedy}".rstrip())


class Busy(Failed):
    """Another run has the lock."""


def of_the_system(error: OSError) -> Failed:
    """A full disk, a program that is not there: what the server itself could not do."""
    return Failed(f"{error.filename or 'The server'}: {error.strerror or error}")


def say(text: str) -> None:
    """Say what goes on. Work goes on to its end when nobody listens any more."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def config() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(CONFIG.read_text())
    return read


def newest(backups: list[dict[str, Any]]) -> dict[str, Any]:
    """The last of the backups; raises ``Failed`` where there is none."""
    if not backups:
        raise Failed("There is no backup yet", "`./stages backup now` makes one")
    return backups[-1]


def load() -> dict[str, Any]:
    """The records: ``backup``, ``verify``, ``restore``, each of the last run."""
    try:
        records = json.loads((FOLDER / "record.json").read_text())
    except (OSError, ValueError):
        return {}
    return records if isinstance(records, dict) else {}


def save(what: str, **values: object) -> None:
    """Keep how a run went, beside those of the other kinds; a kill leaves the old record."""
    records = load()
    # The last success outlives failures: its age is what counts.
    good = values if values.get("ok") else (records.get(what) or {}).get("last_good")
    records[what] = {**values, "last_good": good}
    text = json.dumps(records, indent=1)
    new = FOLDER / "record.json.new"
    with new.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    new.rename(FOLDER / "record.json")


def unproven() -> bool:
    """Whether the last proof failed and no backup was made since: the next one is made without
    relying on what is in the bucket."""
    records = load()
    proof, backup = records.get("verify") or {}, records.get("backup") or {}
    if proof.get("ok", True):
        return False
    return bool((backup.get("last_good") or {}).get("at", 0) < proof["at"])


def proof_due(now_s: float) -> bool:
    """Whether a proof is missing: a new server has none, Sunday's was not made, or the last one
    failed and there is another backup."""
    last = load().get("verify") or {}
    if not last.get("ok", True) and not unproven():
        return True
    good = last.get("last_good") or {}
    return bool(
        now_s - good.get("at", 0) > PROOF_OLD_S and now_s - last.get("at", 0) > PROOF_AGAIN_S
    )


@contextlib.contextmanager
def recorded(what: str) -> Iterator[dict[str, object]]:
    """Record how a run of ``what`` ends: with the values put into the yielded map, or failed."""
    began = time.time()
    values: dict[str, object] = {}
    try:
        yield values
    except (Failed, OSError) as error:
        problem = of_the_system(error) if isinstance(error, OSError) else error
        with contextlib.suppress(OSError):  # a full disk: the unit has failed all the same
            save(what, ok=False, at=began, seconds=time.time() - began, problem=str(problem))
        raise problem from error
    save(what, ok=True, at=began, seconds=round(time.time() - began, 1), **values)


@contextlib.contextmanager
def alone(what: str) -> Iterator[None]:
    """Hold the lock of ``what``; raises ``Failed`` while another run has it."""
    with (FOLDER / f"{what}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"Another {what} is under way", "Wait for its end") from None
        yield
