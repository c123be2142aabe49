"""Backups of a stack's database: see ``components/host/backups.py`` and ``dumps.py`` there.

    due                       the backup that should have been made by now, and the proof that is
                              missing, if any (a timer)
    now [KIND]                a backup now; in stage 1 full or diff
    list                      what the bucket has, as JSON
    state                     how the last backup and verification went, as JSON
    verify                    restore the newest on trial and check all of it
    restore [latest | at TIME | ID]   a copy beside the running database
    table NAME,... [latest | at TIME | ID]   the same, and these tables of it in the database
    fill PLACE [latest | at TIME | ID]    a copy at that place, where no database runs (stage 1)
    dump [latest | at TIME | ID]      a dump, on standard output

What goes on is said on standard error, results are JSON on standard output.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from components.host.files.backups import cluster, dumps, record, tables
from components.host.files.backups.record import Failed, say
from components.host.files.backups.way import Way

WAYS: dict[str, Way] = {"cluster": cluster, "dumps": dumps}


def _way() -> Way:
    return WAYS[record.config()["way"]]


def due() -> dict[str, Any]:
    with record.alone("due"):
        kind = _way().due(_backups(), time.time())
        made = _way().make(kind) if kind else {}
        if record.proof_due(time.time()):
            _way().verify()
        return made


def now(kind: str = "") -> dict[str, Any]:
    backups = _backups()
    return _way().make(kind or _way().kind(backups))


def _backups() -> list[dict[str, Any]]:
    """The backups there are, for one who is about to make another: that it cannot is recorded."""
    try:
        return _way().backups()
    except Failed as problem:
        record.save("backup", ok=False, at=time.time(), problem=str(problem))
        raise


def state() -> dict[str, Any]:
    """What ``status`` shows; does not ask the bucket."""
    return {**record.load(), "now": time.time(), **_way().state()}


def list_() -> dict[str, Any]:
    return {"backups": _way().backups(), **state()}


def verify() -> dict[str, Any]:
    return _way().verify()


def restore(*words: str) -> dict[str, Any]:
    """A copy beside the running database, at rest when this ends."""
    with _way().copy("restore", words) as values:
        pass
    return _beside(values)


def table(wanted: str, *words: str) -> dict[str, Any]:
    """The same, and tables of it in the running database, each under a new name."""
    qualified = tables.names(wanted)
    with _way().copy("restore", words) as values:
        values["restored"] = [tables.bring(_way(), *name, time.time()) for name in qualified]
    return _beside(values)


def _beside(values: dict[str, Any]) -> dict[str, Any]:
    try:
        values["tables_now"] = _way().counts(live=True)
    except Failed:
        values["tables_now"] = None
    return values


def dump(*words: str) -> None:
    _way().dump(*words)


COMMANDS: dict[str, Callable[..., dict[str, Any] | None]] = {
    "due": due,
    "now": now,
    "list": list_,
    "state": state,
    "verify": verify,
    "restore": restore,
    "table": table,
    "fill": cluster.fill,
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
    except (Failed, OSError) as error:
        say(str(record.of_the_system(error) if isinstance(error, OSError) else error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
