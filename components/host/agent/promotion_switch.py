"""The switch of a promotion: the app of stage 1 goes over to the new database while clients wait.

Run on the stage 1 server, which reaches both databases and the pool: once begun it needs nobody
else. What fails, differs or takes longer than the stall limit before the pool points to the new
database leaves it with the old one, as it was; after that there is nothing left that could fail.
The way back is the same in the other direction.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from components.host.agent import promotion_dump, promotion_guard
from components.host.agent import promotion_pooler as pooler
from components.host.agent import promotion_record as record
from components.host.agent.files import write_json
from components.host.agent.promotion_copy import out_of_date, progress
from components.host.agent.promotion_schema import indexes_left
from components.host.agent.promotion_shape import changed, shown
from components.host.agent.promotion_sql import (
    BACK,
    ROLE,
    SLOT,
    SUBSCRIPTION,
    TABLES,
    TUNNEL_PORT,
    Ask,
    Link,
    beside_new,
    conninfo,
    drop_slot,
    drop_subscription,
    has_followed,
    lag_of,
    literal,
    make_slot,
    name,
    names,
    new,
    new_reader,
    old,
    old_reader,
    old_superuser,
    on_stage_1,
    position,
    rows,
    subscribe,
)
from components.host.agent.promotion_state import LOST, way_back
from components.host.agent.report import Failed, note, step

CLOSE_BYTES = 1024 * 1024
CLOSE_S = 60
"""How long the switch waits for the copy to be this close before it begins."""
SMALL_MIB = 4
"""Tables up to this size are compared row by row while clients wait; of others the newest key."""
FENCE = """
ALTER ROLE app NOLOGIN;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app' AND datname = 'app';
"""
SEQUENCES = """
SELECT coalesce(json_object_agg(format('%I.%I', schemaname, sequencename),
    json_build_array(coalesce(last_value, start_value), last_value IS NOT NULL)), '{}')
FROM pg_sequences WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""
SESSION = """
SET datestyle = 'ISO'; SET timezone = 'UTC'; SET bytea_output = 'hex'; SET extra_float_digits = 1;
SET intervalstyle = 'postgres'; SET max_parallel_workers_per_gather = 0;
SET client_min_messages = error;
"""


class Slow(Failed):
    """The stall limit has passed."""

    def __init__(self, limit_s: float, at: str) -> None:
        super().__init__("switch", f"clients would have waited for more than {limit_s:g} s ({at})")


class Clock:
    """How long clients have waited."""

    def __init__(self, limit_s: float, began: float) -> None:
        self.limit_s = limit_s
        self.began = began

    @property
    def waited_s(self) -> float:
        return time.monotonic() - self.began

    @property
    def left_s(self) -> float:
        return self.limit_s - self.waited_s

    def check(self, at: str) -> None:
        if self.waited_s > self.limit_s:
            raise Slow(self.limit_s, at)


def switch(document: dict[str, Any]) -> dict[str, object]:
    """To the new database."""
    link: Link = document["link"]
    recover(document)
    if record.read().get("phase") == record.SWITCHED:
        return {"stall_s": 0.0, "already": True}
    limit_s = document["stall_s"] or record.STALL_S[record.read().get("by", record.LOGICAL)]
    if record.by_dump():
        promotion_dump.check_rehearsal(limit_s)
        promotion_dump.empty(document)
    else:
        progress(document)  # refuses a copy that there is nothing of
        _take_back(link)
        _wait_until_close(document)
    before = pooler.as_they_are(document["files"])
    compared = _comparison(link)
    record.write(switching="to", files_before=before, databases_ini=_databases(document))
    clock = _pause(limit_s)
    try:
        (_by_dump if record.by_dump() else _by_replication)(link, compared, clock)
        clock.check("the last step before the new database")
    except Failed as failure:
        raise _undo_switch(link, failure) from failure
    pooler.point(document["files"])
    return {"stall_s": _switched(link, clock), "already": False}


def _by_replication(link: Link, compared: str, clock: Clock) -> None:
    """What the copy still lacks goes over."""
    _caught_up(old_superuser, SLOT, clock)
    disable = f"ALTER SUBSCRIPTION {SUBSCRIPTION} DISABLE;"
    new(link, f"{disable} {_set(old(link, SEQUENCES))} {make_slot(BACK)}")
    _compare(link, compared, clock)
    _subscribe_back(link)


def _by_dump(link: Link, compared: str, clock: Clock) -> None:
    """The whole database goes over, its sequences too, and is compared whole."""
    old_superuser(FENCE)
    promotion_dump.transfer(link, clock.left_s)
    _compare(link, compared, clock)
    unfit = promotion_dump.offer_way_back(link)
    record.write(unfit=unfit)
    if not unfit:
        _subscribe_back(link)


def back(document: dict[str, Any]) -> dict[str, object]:
    """To the old database again, with all that was written to the new one."""
    link: Link = document["link"]
    recover(document)
    if record.read().get("phase") != record.SWITCHED:
        return {"stall_s": 0.0, "already": True}
    if record.read().get("unfit"):
        raise Failed("the way back", "never existed: these tables cannot be replicated to stage 1")
    if way_back(rows(new(link, lag_of(BACK)))) == LOST:
        raise Failed(
            "the way back",
            "is gone: the new database has lost its replication slot",
            "A failover does that. Only the new database has what was written since the switch.",
        )
    if tables := changed(link):
        raise Failed(
            "the way back",
            f"is gone: tables have changed since the switch ({shown(tables)})",
            "--finish keeps the new database.",
        )
    promotion_guard.let_in(link)
    compared = _comparison(link)
    record.write(switching="from")
    clock = _pause(document["stall_s"] or record.STALL_S[record.LOGICAL])
    try:
        _caught_up(lambda sql: beside_new(link, sql), BACK, clock)
        old(link, f"ALTER SUBSCRIPTION {BACK} DISABLE; {_set(new(link, SEQUENCES))}")
        _compare(link, compared, clock)
        old_superuser(promotion_guard.LOGIN)
        clock.check("the last step before the old database")
    except Failed as failure:
        raise _undo_back(link, failure) from failure
    return {"stall_s": _rolled_back(clock), "already": False}


def recover(document: dict[str, Any]) -> dict[str, object]:
    """Finish, or undo, a switch that was killed in the middle; the pool says how far it came."""
    link: Link = document["link"]
    known = record.read()
    if not known.get("switching"):
        return {}
    has_moved = Path(record.DATABASES).read_text() == known["databases_ini"]
    interrupted = Failed("switch", "an earlier one was interrupted")
    nobody_waits = Clock(0, time.monotonic())
    if known["switching"] == "to":
        if has_moved:
            _switched(link, nobody_waits)
        else:
            _undo_switch(link, interrupted)
    elif has_moved:
        _undo_back(link, interrupted)
    else:
        _rolled_back(nobody_waits)
    note("an earlier switch was interrupted; it is now finished or undone")
    return {}


def _take_back(link: Link) -> None:
    """What a switch that is undone has made; the copy goes on."""
    drop_subscription(lambda sql: old(link, sql), BACK)
    drop_slot(lambda sql: new(link, sql), BACK)
    if not record.by_dump():
        new(link, f"ALTER SUBSCRIPTION {SUBSCRIPTION} ENABLE;")


def _wait_until_close(document: dict[str, Any]) -> None:
    """Until every table has arrived and the copy is close behind."""
    link: Link = document["link"]
    if not indexes_left(link) and (tables := changed(link)):
        raise out_of_date(tables)
    step("wait until the copy has caught up")
    deadline = time.monotonic() + CLOSE_S
    while True:
        state: dict[str, Any] = progress(document)
        lag = state["lag"] or {}
        if lag.get("kept") == "lost":
            raise Failed(
                "the copy",
                "was cut off for too long: stage 1 no longer has the WAL that it needs",
                "Start again: `./stages promote --abort`, then --copy.",
            )
        ready = state["tables"] == state["ready"] and state["enabled"]
        if ready and state["indexes_left"]:
            raise Failed(
                "the copy",
                f"lacks indexes ({state['indexes_left']}); nothing was changed",
                "--copy builds them.",
            )
        if ready and lag.get("active") and lag["bytes"] < CLOSE_BYTES:
            return
        if time.monotonic() > deadline:
            raise Failed(
                "the copy",
                f"has {state['ready']} of {state['tables']} tables and is"
                f" {lag.get('bytes', 0)} bytes behind; nothing was changed",
                "Give it time: --copy shows the progress.",
            )
        time.sleep(0.3)


def _pause(limit_s: float) -> Clock:
    promotion_guard.watch()
    try:
        return Clock(float(limit_s), pooler.pause())
    except Failed:
        record.write(switching="")
        raise


def _caught_up(ask: Ask, slot: str, clock: Clock) -> None:
    """Until the other side has all that was written here; nobody writes any more."""
    step("copy the last changes")
    last = position(ask(f"{FENCE}SELECT pg_current_wal_lsn();"))
    while not has_followed(ask, slot, last):
        clock.check("the last changes")
        time.sleep(0.02)


def _set(sequences: str) -> str:
    """The SQL that sets them as the other side has them."""
    return " ".join(
        f"SELECT setval({literal(name(sequence))}, {int(value)}, {is_called is True});"
        for sequence, (value, is_called) in rows(sequences).items()
    )


def _comparison(link: Link) -> str:
    """The SQL that both sides have to answer alike: their tables, and the rows of small ones."""
    listed = ", ".join(literal(table) for table in names(old(link, TABLES)))
    small = f"SELECT coalesce(json_agg(t), '[]') FROM unnest(ARRAY[{listed}]) t"
    size = f"pg_table_size(t::regclass) < {SMALL_MIB} * 1048576"
    if record.by_dump() and record.read()["phase"] == record.COPYING:
        size = "true"  # all of it has just come over
    return f"{SESSION}{TABLES};\n" + "".join(
        f"SELECT {literal(table)}, count(*), coalesce(sum(hashtextextended(ROW(t.*)::text, 0)), 0)"
        f" FROM {table} t;\n"
        for table in names(old(link, f"{small} WHERE {size}"))
    )


def _compare(link: Link, sql: str, clock: Clock) -> None:
    """``Failed`` names what differs."""
    step("compare the tables")
    with ThreadPoolExecutor() as both:
        asked = both.submit(old_reader, link, sql), both.submit(new_reader, link, sql)
        ours, theirs = (answer.result().splitlines() for answer in asked)
    differs = [line.partition("|")[0] for line in {*ours} ^ {*theirs}]
    if differs:
        raise Failed("switch", f"the two databases differ in {shown(sorted(set(differs)))}")
    clock.check("the comparison")


def _subscribe_back(link: Link) -> None:
    words = conninfo(
        host=link["admin"]["PGHOST"],
        hostaddr="127.0.0.1",
        port=TUNNEL_PORT,
        password=link["password"],
        sslmode="verify-full",
        sslrootcert=link["ca_file"],
    )
    old(link, subscribe(BACK, "copy_data = false, origin = none, streaming = off"), secret=words)


def _switched(link: Link, clock: Clock) -> float:
    pooler.resume()
    waited, now = clock.waited_s, time.time()
    drop_subscription(lambda sql: new(link, sql), SUBSCRIPTION)
    drop_slot(old_superuser, SLOT)
    if record.by_dump():
        compared = {"phase": record.SWITCHED, "began": now, "ended": now, "differs": []}
        write_json(record.COMPARED, {**compared, "tables": len(rows(new(link, TABLES)))})
    record.write(phase=record.SWITCHED, switching="", at=now, old=on_stage_1(link, ROLE))
    if record.by_dump():
        promotion_dump.analyze(link)
    return waited


def _rolled_back(clock: Clock) -> float:
    pooler.point(record.read()["files_before"], back=True)
    pooler.resume()
    waited = clock.waited_s
    record.write(phase=record.ROLLED_BACK, switching="")
    return waited


def _undo_switch(link: Link, failure: Failed) -> Failed:
    """The old database goes on; the copy too."""
    try:
        old_superuser(promotion_guard.LOGIN)
    finally:
        pooler.resume()
    try:
        _take_back(link)
    except Failed as more:
        note(f"the copy has stopped: {more.cause}")
    record.write(switching="")
    return failure.say("the app continues with the old database; nothing was changed")


def _undo_back(link: Link, failure: Failed) -> Failed:
    beside_new(link, promotion_guard.LOGIN)
    pooler.resume()
    old(link, f"ALTER SUBSCRIPTION {BACK} ENABLE;")
    old_superuser(FENCE)
    record.write(switching="")
    return failure.say("the app continues with the new database; nothing was changed")


def _databases(document: dict[str, Any]) -> str:
    return str(document["files"][record.DATABASES]["content"])
