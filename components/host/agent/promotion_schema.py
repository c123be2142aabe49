"""The schema of a promotion's copy: all of it comes before the rows, except indexes that neither a
key nor replication needs.

Filling a table is faster without its indexes. Replication needs those by which it finds a row; keys
and constraints have others. The rest is made when all rows are there. Run on the stage 1 server.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.host.agent import admin_sql, promotion_record
from components.host.agent.promotion_sql import (
    READER,
    Link,
    name,
    names,
    new,
    old,
    on_stage_1,
    reader_of_new,
    relations,
    rows,
)
from components.host.agent.report import Done, Failed, quoted, run, step

DUMP = admin_sql.PSQL.replace("psql", "pg_dump")
RESTORE = admin_sql.PSQL.replace("psql", "pg_restore")
LEFT_OUT = ("--no-owner", "--no-privileges")
SCHEMA_TIMEOUT_S = 600
INDEXES_TIMEOUT_S = 6 * 3600
MAKING = Path("/run/stages-promotion-indexes.lock")
CAN_WAIT = """
SELECT coalesce(json_object_agg(i.oid, json_build_array(format('%I.%I', n.nspname, i.relname),
    format('COMMENT %s INDEX %I ', n.nspname, i.relname))), '{}')
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = i.relnamespace
WHERE t.relkind = 'r' AND t.relpersistence <> 't' AND NOT t.relispartition AND x.indisvalid
    AND NOT x.indisreplident AND t.relreplident <> 'f'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = x.indexrelid)
"""
"""By oid: its name, and how the list of a dump begins its comment. A foreign key has the index
that it needs as its own (``conindid``); where every column identifies a row, any index may find
it."""
INDEXES = relations("c.relkind = 'i'")
ENTRY = re.compile(r"\d+; (?:1259 (?P<oid>\d+) INDEX |0 0 (?P<comment>COMMENT \S.* INDEX .*))?")
"""A line of a dump's list; 1259 is the catalog that has indexes."""


def copy_schema(link: Link) -> None:
    """As the app's role, in one transaction."""
    step("copy the schema")
    waiting = _can_wait(link)
    chosen = _entries(waiting)
    _restore(link, lambda line: not chosen(line), "--single-transaction")


def make_indexes(document: dict[str, Any]) -> dict[str, object]:
    """Those that the copy lacks, each by itself: replication waits for one at a time.

    Killed, it is run again, and goes on.
    """
    link: Link = document["link"]
    busy = Failed("the indexes", "are being built already", "Wait, then run --copy again.")
    with promotion_record.alone(MAKING, busy):
        missing = _missing(link)
        if missing:
            step(f"build {len(missing)} index{'' if len(missing) == 1 else 'es'}")
            _restore(link, _entries(missing), timeout_s=INDEXES_TIMEOUT_S)
    return {"indexes": len(missing)}


def indexes_left(link: Link) -> int:
    return len(_missing(link))


def _can_wait(link: Link) -> dict[str, list[str]]:
    known: dict[str, list[str]] = rows(old(link, CAN_WAIT))
    return known


def _missing(link: Link) -> dict[str, list[str]]:
    present = set(names(new(link, INDEXES)))
    known = _can_wait(link)
    return {oid: words for oid, words in known.items() if name(words[0]) not in present}


def _entries(indexes: dict[str, list[str]]) -> Callable[[str], bool]:
    """Whether a line of a dump's list makes one of the indexes, or its comment."""
    comments = tuple(comment for _, comment in indexes.values())

    def chosen(line: str) -> bool:
        entry = ENTRY.match(line)
        if entry is None:
            return False
        return entry["oid"] in indexes or (entry["comment"] or "").startswith(comments)

    return chosen


def _restore(
    link: Link, chosen: Callable[[str], bool], *options: str, timeout_s: float = SCHEMA_TIMEOUT_S
) -> None:
    """What is chosen of the schema. The dump keeps psql from any command in it."""
    with tempfile.TemporaryDirectory() as folder:
        dump, entries = f"{folder}/schema", f"{folder}/entries"
        only = ["--schema-only", "--no-publications", "--no-subscriptions", f"--file={dump}"]
        argv = [DUMP, "--format=custom", *LEFT_OUT, *only, "--dbname=app"]
        _, environment = admin_sql.as_admin(on_stage_1(link, READER))
        _checked(
            run(argv, timeout_s=SCHEMA_TIMEOUT_S, environment=environment),
            "the schema of stage 1",
        )
        listed = _checked(run([RESTORE, "--list", dump], answers=True), "the schema of stage 1")
        Path(entries).write_text("\n".join(filter(chosen, listed.split("\n"))))
        argv = [RESTORE, *LEFT_OUT, f"--use-list={entries}", "--file=-", dump]
        text = _checked(run(argv, answers=True), "the schema of stage 1")
    argv, environment = admin_sql.as_admin(reader_of_new(link))
    done = run(
        [*argv, *options, "-f", "-"],
        text="SET ROLE app;\n" + text.replace("SET transaction_timeout = 0;", ""),
        timeout_s=timeout_s,
        environment=environment,
    )
    _checked(done, "the schema, on stage 2")


def _checked(done: Done, what: str) -> str:
    if not done.ok:
        raise Failed(what, quoted(done.last_line()))
    return done.output
