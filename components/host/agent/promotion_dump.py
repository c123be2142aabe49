"""A promotion by dump: the database goes over whole, while clients wait.

For a database that is small enough for that, whatever is in it: rows that cannot be told from
others, large objects, unlogged tables. The copy is a rehearsal, while stage 1 serves, which says
how long clients will wait; the switch does the same once more, when nobody writes. Run on the stage
1 server.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from components.host.agent import admin_sql, pace
from components.host.agent import promotion_record as record
from components.host.agent.promotion_copy import grant_access, prepare_new
from components.host.agent.promotion_schema import DUMP, LEFT_OUT, RESTORE
from components.host.agent.promotion_shape import NOT_FOLLOWED
from components.host.agent.promotion_sql import (
    BACK,
    READER,
    TABLES,
    Link,
    make_slot,
    names,
    new,
    new_reader,
    on_stage_1,
    publish_back,
    reader_of_new,
    rows,
)
from components.host.agent.report import TIMEOUT_EXIT, Failed, note, quoted, run, step

FOLDER = Path("/data/stages-promotion-dump")
JOBS = "2"
ROOM, AROUND_S = 1.2, 1
"""How much longer than its rehearsal the dump may take, and what clients wait for beside it."""


def rehearse(document: dict[str, Any]) -> dict[str, object]:
    """Dump and restore while stage 1 serves."""
    link: Link = document["link"]
    tables = grant_access(link)
    empty(document)
    began = time.monotonic()
    transfer(link, limit_s=24 * 3600)
    took_s = time.monotonic() - began
    record.write(rehearsed_s=took_s)
    return {"tables": len(tables), "rehearsed_s": took_s}


def check_rehearsal(stall_s: float) -> None:
    """``Failed`` where clients would have to wait for too long, before they do."""
    took_s = record.read().get("rehearsed_s")
    if took_s is None:
        raise Failed("the copy", "has not finished", "Run --copy again.")
    if took_s * ROOM + AROUND_S > stall_s:
        raise Failed(
            "switch",
            f"clients would wait for about {took_s + AROUND_S:.0f} s, but may wait only"
            f" {stall_s:g} s",
            f"Raise --stall-limit-s, up to {record.LONGEST_STALL_S}; or --abort, then --copy --way"
            " logical.",
        )


def empty(document: dict[str, Any]) -> None:
    """Put aside what the new database held before, or drop what a rehearsal has left there."""
    link: Link = document["link"]
    prepare_new(document, drop=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    if rows(new(link, TABLES)):
        raise Failed("the new database", "is not empty", "Run the step again.")


def transfer(link: Link, limit_s: float) -> None:
    """Dump into a folder on the data volume, and restore from it, each with several sessions."""
    deadline = time.monotonic() + limit_s
    common = ["--format=directory", f"--jobs={JOBS}", *LEFT_OUT]
    only = ["--no-publications", "--no-subscriptions", "--compress=0", f"--file={FOLDER}"]
    try:
        step("dump the database")
        _, of_old = admin_sql.as_admin(on_stage_1(link, READER))
        _run([DUMP, *common, *only, "--dbname=app"], of_old, deadline)
        step("restore the dump")
        into = ["--role=app", "--exit-on-error", "--dbname=app", str(FOLDER)]
        _, of_new = admin_sql.as_admin(reader_of_new(link))
        _run([RESTORE, *common, *into], of_new, deadline)
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


def analyze(link: Link) -> None:
    """Statistics do not come with a dump. Clients go on by now."""
    try:
        new_reader(link, "ANALYZE;", timeout_s=600)
    except Failed as failure:
        note(f"ANALYZE failed in the new database, run it yourself: {failure.cause}")


def offer_way_back(link: Link) -> list[str]:
    """Publish what the old database can follow: everything, or nothing.

    Return what it cannot follow; then there is no way back.
    """
    unfit: list[str] = rows(new(link, NOT_FOLLOWED))
    if not unfit:
        new(link, f"{publish_back(names(new(link, TABLES)))} {make_slot(BACK)}")
    return unfit


def _run(argv: list[str], environment: dict[str, str], deadline: float) -> None:
    left_s = max(0.1, deadline - time.monotonic()) / pace.patience()
    done = run(argv, timeout_s=left_s, environment=environment)
    name = Path(argv[0]).name
    if done.code == TIMEOUT_EXIT:
        raise Failed("switch", f"{name} would have taken longer than clients may wait")
    if not done.ok:
        raise Failed(name, quoted(done.tail(4)))
