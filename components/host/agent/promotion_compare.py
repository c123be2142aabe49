"""Every row of a promotion's two databases compared, while the app goes on.

Run on the stage 1 server. One database is written to, the other follows it, so what they hold at
one moment differs by what is under way. A table is compared by sums over its rows, in buckets; the
rows of buckets that differ are read from the first, from the other once that has followed, and from
the first again. A row that the first had before and after has to be in the other, and a row that
the other keeps has to have been in the first: what breaks this, in each of several attempts, is a
difference, and nothing else is.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from components.host.agent import promotion_record as record
from components.host.agent.files import write_json
from components.host.agent.promotion_copy import progress
from components.host.agent.promotion_shape import changed, shown
from components.host.agent.promotion_sql import (
    BACK,
    SLOT,
    TABLES,
    Ask,
    Link,
    beside_new,
    has_followed,
    lag_of,
    literal,
    names,
    new_reader,
    old_reader,
    old_superuser,
    position,
    rows,
)
from components.host.agent.promotion_state import COMPARING, LOST, way_back
from components.host.agent.promotion_switch import SESSION
from components.host.agent.report import Failed, step

QUERY_S = 4 * 3600
FOLLOW_S = 120
"""How long the other may take to have what the first had."""
BUCKETS = 4096
"""A power of two."""
ATTEMPTS = 3
"""A row that is changed and changed back meanwhile looks like a difference; not three times."""
ROWS = 200_000
"""The most that are read at a time."""
MANY = 1000
"""Of differing rows: no more are looked for."""
SHOWN = 3
READ_ONLY = f"{SESSION}SET statement_timeout = 0; SET default_transaction_read_only = on;\n"
SUMS = """
SELECT json_build_array(h & {mask}, count(*), sum(h)::text)
FROM (SELECT hashtextextended(ROW(t.*)::text, 0) AS h FROM {table} t) r GROUP BY h & {mask};
"""
LISTED = """
SELECT json_build_array(h, k)
FROM (SELECT hashtextextended(ROW(t.*)::text, 0) AS h, {key} AS k FROM {table} t) r
WHERE h & {mask} IN ({buckets});
"""
KEYS = """
SELECT coalesce(json_agg(format('t.%I', a.attname) ORDER BY a.attnum), '[]')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
WHERE format('%I.%I', n.nspname, c.relname) = {table}
"""

Row = tuple[int, str]
"""The sum of a row, and its primary key if it has one."""
Alone = tuple[int, str, str]
"""The same, and which of the two has it: ``first`` or ``other``."""


@dataclass(frozen=True)
class Both:
    """The two databases."""

    first: Ask
    """The one that is written to."""
    other: Ask
    follow: Callable[[], None]
    """Wait until the other has all that the first has now."""


def compare(document: dict[str, Any]) -> dict[str, object]:
    """Compare all tables, and keep what comes of it for ``promotion_state``."""
    phase = record.read().get("phase", "")
    busy = Failed(
        "the comparison", "is already running", "Run `promote` without a step for its progress."
    )
    with record.alone(COMPARING, busy):
        both = _both(document, phase)
        known: dict[str, Any] = {"phase": phase, "began": time.time(), "done": 0, "differs": []}
        try:
            first, other = (names(ask(f"{TABLES};")) for ask in (both.first, both.other))
            known["tables"] = len({*first, *other})
            known["differs"] = [
                {"table": table, "rows": 0, "keys": [], "at_least": False}
                for table in sorted({*first} ^ {*other})
            ]
            for number, table in enumerate(sorted({*first} & {*other}), start=1):
                step(f"compare {table} ({number} of {known['tables']})")
                _keep(known)
                if differs := differences(table, both):
                    known["differs"].append(_described(table, differs))
                known["done"] = number
        except Failed as failure:
            _keep({**known, "failed": failure.cause})
            raise
        _keep({**known, "ended": time.time()})
    return {"tables": known["tables"], "differs": known["differs"]}


def differences(table: str, both: Both) -> Counter[Alone]:
    """The rows that are in one of the two alone; not all of them where there are many."""
    sums = _of_both(both, SUMS.format(table=table, mask=BUCKETS - 1))
    first, other = ({key: (count, total) for key, count, total in side} for side in sums)
    differing = {
        bucket: max(side[bucket][0] for side in (first, other) if bucket in side)
        for bucket in {*first} | {*other}
        if first.get(bucket) != other.get(bucket)
    }
    alone: Counter[Alone] = Counter()
    for buckets in _batches(differing):
        alone += _persistent(table, both, buckets)
        if alone.total() >= MANY:
            break
    return alone


def _batches(sizes: dict[int, int]) -> Iterator[list[int]]:
    """Buckets, as many at a time as may be read."""
    batch: list[int] = []
    for bucket in sorted(sizes):
        if batch and sum(map(sizes.__getitem__, batch)) + sizes[bucket] > ROWS:
            yield batch
            batch = []
        batch.append(bucket)
    if batch:
        yield batch


def _persistent(table: str, both: Both, buckets: Iterable[int]) -> Counter[Alone]:
    """Which rows of these buckets differ in every attempt."""
    differing: Counter[Alone] | None = None
    for _ in range(ATTEMPTS):
        seen = _attempt(table, both, buckets)
        differing = seen if differing is None else differing & seen
        if not differing:
            break
        buckets = sorted({total & (BUCKETS - 1) for total, _key, _side in differing})
    return differing or Counter()


def _attempt(table: str, both: Both, buckets: Iterable[int]) -> Counter[Alone]:
    columns = ", ".join(names(both.first(KEYS.format(table=literal(table)))))
    sql = READ_ONLY + LISTED.format(
        table=table,
        key=f"left(concat_ws(', ', {columns}), 60)" if columns else "''",
        mask=BUCKETS - 1,
        buckets=", ".join(map(str, buckets)),
    )
    before = _rows(both.first(sql))
    both.follow()
    meanwhile = _rows(both.other(sql))
    after = _rows(both.first(sql))
    both.follow()
    afterwards = _rows(both.other(sql))
    alone = {"first": (before & after) - meanwhile, "other": (meanwhile & afterwards) - after}
    return Counter(
        {(*row, side): count for side, rows_ in alone.items() for row, count in rows_.items()}
    )


def _rows(output: str) -> Counter[Row]:
    return Counter((total, key) for total, key in map(json.loads, output.splitlines()))


def _of_both(both: Both, sql: str) -> list[list[list[Any]]]:
    """What both answer at the same time, a JSON value a line."""
    with ThreadPoolExecutor() as threads:
        asked = [threads.submit(ask, READ_ONLY + sql) for ask in (both.first, both.other)]
        return [[json.loads(line) for line in answer.result().splitlines()] for answer in asked]


def _described(table: str, alone: Counter[Alone]) -> dict[str, object]:
    """A row that was changed on one side counts once where it has a key."""
    sides: dict[str, set[str]] = {}
    for _total, key, side in alone:
        sides.setdefault(key, set()).add(side)
    count = alone.total() if "" in sides else len(sides)
    keys = [[key, " and ".join(sorted(sides[key]))] for key in sorted(sides) if key]
    many = alone.total() >= MANY
    return {"table": table, "rows": count, "keys": keys[:SHOWN], "at_least": many}


def _both(document: dict[str, Any], phase: str) -> Both:
    """Which is written to depends on the phase. ``Failed`` where the other does not follow."""
    link: Link = document["link"]

    def here(sql: str) -> str:
        return old_reader(link, sql, timeout_s=QUERY_S)

    def there(sql: str) -> str:
        return new_reader(link, sql, timeout_s=QUERY_S)

    def admin(sql: str) -> str:
        return beside_new(link, sql)

    if phase == record.SWITCHED:
        if record.read().get("unfit"):
            raise Failed("the comparison", "was part of the switch; stage 1 receives no changes")
        if way_back(rows(admin(lag_of(BACK)))) == LOST:
            raise Failed(
                "the comparison",
                "is no longer possible: there is no way back, and the old database no longer"
                " receives changes",
                "--finish --unverified keeps the new one.",
            )
        if tables := changed(link):
            raise Failed(
                "the comparison",
                "is no longer possible: tables have changed since the switch"
                f" ({shown(tables)}), and the old database no longer receives changes",
                "--finish --unverified keeps the new one.",
            )
        return Both(there, here, lambda: _follow(admin, BACK))
    if record.by_dump():
        raise Failed("the comparison", "is part of --switch when the database is moved by dump")
    state: dict[str, Any] = progress(document)
    if not state["tables"] or state["ready"] != state["tables"]:
        raise Failed(
            "the comparison",
            f"comes after the copy, which has {state['ready']} of {state['tables']} tables",
            "--copy shows the progress.",
        )
    return Both(here, there, lambda: _follow(old_superuser, SLOT))


def _follow(admin: Ask, slot: str) -> None:
    last = position(admin("SELECT pg_current_wal_lsn();"))
    deadline = time.monotonic() + FOLLOW_S
    while not has_followed(admin, slot, last):
        if time.monotonic() > deadline:
            lag = rows(admin(lag_of(slot))) or {}
            raise Failed(
                "the comparison",
                f"timed out: after {FOLLOW_S} s the other database still lacks earlier changes, and"
                f" is {lag.get('bytes', 'an unknown number of')} bytes behind",
                "PostgreSQL's logs, on the stage 1 server and of the new database, say why.",
            )
        time.sleep(0.1)


def _keep(known: dict[str, Any]) -> None:
    if record.read():  # it may have ended meanwhile
        write_json(record.COMPARED, known)
