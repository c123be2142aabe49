"""The copy of a promotion, while stage 1 serves: schema first, then the rows, then what changes.

Run on the stage 1 server. Each step looks whether it was done: killed anywhere, it is run again.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from components.host.agent import admin_sql, database, promotion_record, promotion_schema
from components.host.agent.promotion_shape import shown
from components.host.agent.promotion_sql import (
    ASIDE,
    BACK,
    PUBLICATION,
    READER,
    ROLE,
    SLOT,
    SUBSCRIPTION,
    TABLES,
    Link,
    beside_new,
    conninfo,
    drop_database,
    exists,
    lag_of,
    make_role,
    make_slot,
    names,
    new,
    old,
    old_superuser,
    once_left,
    publish_back,
    rows,
    subscribe,
    through_tunnel,
)
from components.host.agent.report import Failed, step

PROGRESS = f"""
SELECT json_build_object(
    'tables', (SELECT count(*) FROM pg_subscription_rel),
    'ready', (SELECT count(*) FROM pg_subscription_rel WHERE srsubstate = 'r'),
    'bytes', pg_database_size(current_database()),
    'enabled', (SELECT subenabled FROM pg_subscription WHERE subname = '{SUBSCRIPTION}'))
"""


def copy(document: dict[str, Any]) -> dict[str, object]:
    """Begin the copy, or go on with it; it then runs by itself, in both databases."""
    link: Link = document["link"]
    tables = _publish(link)
    prepare_new(document)
    if not _schema_is_there(link, tables):
        promotion_schema.copy_schema(link)
    _subscribe(link)
    return {"tables": len(tables)}


def progress(document: dict[str, Any]) -> dict[str, object]:
    """How many tables have arrived, how large it is, how far behind."""
    link: Link = document["link"]
    lag = rows(old_superuser(lag_of(SLOT)))
    # Before the slot is there, neither database may know the promotion's role.
    known = rows(new(link, PROGRESS)) if lag else {}
    if not known.get("tables"):
        raise Failed(
            "the copy",
            "was interrupted before its first row",
            "Run --copy again, or --abort.",
        )
    return {
        **known,
        "source_bytes": int(old(link, "SELECT pg_database_size('app')")),
        "lag": lag,
        "indexes_left": promotion_schema.indexes_left(link),
        "phase": promotion_record.read().get("phase", ""),
    }


def grant_access(link: Link) -> list[str]:
    """The promotion's roles on stage 1; return the tables that are there."""
    make_role(old_superuser, ROLE, "LOGIN REPLICATION", link["password"])
    make_role(old_superuser, READER, "LOGIN", link["password"])
    old_superuser(
        f"GRANT pg_create_subscription TO {ROLE};\nGRANT CREATE ON DATABASE app TO {ROLE};\n"
        f"{admin_sql.pin(ROLE)}"
    )
    tables = names(old(link, TABLES))
    if not tables:
        raise Failed("the database of stage 1", "has no tables", "There is nothing to promote.")
    return tables


def _publish(link: Link) -> list[str]:
    """Role, publication and slot's owner on stage 1."""
    step("publish the tables")
    tables = grant_access(link)
    if not exists(functools.partial(old, link), f"pg_publication WHERE pubname = '{PUBLICATION}'"):
        # Its own: a filter of rows, which the app could give one of its own, is code too.
        old(link, f"CREATE PUBLICATION {PUBLICATION} FOR TABLE {', '.join(tables)};")
    return tables


def prepare_new(document: dict[str, Any], *, drop: bool = False) -> None:
    """On stage 2: the promotion's role, and an empty database; what was there is put aside.

    ``drop``: and so is what an earlier attempt has left; otherwise that is gone on with.
    """
    step("prepare the new database")
    link: Link = document["link"]
    admin = functools.partial(beside_new, link)
    make_role(admin, ROLE, "LOGIN", link["password"])
    admin(
        f"{link['replicate'].format(role=ROLE)};\n"
        f"GRANT {ROLE} TO CURRENT_USER WITH INHERIT TRUE;\n"  # else it could not end its sessions
    )
    make_role(admin, READER, "LOGIN", link["password"])
    if not exists(admin, f"pg_database WHERE datname = '{ASIDE}'"):
        once_left(admin, "app", f"ALTER DATABASE app RENAME TO {ASIDE};")
    elif drop:
        drop_database(admin, "app")
    database.converge("root", document["bootstrap_sql"], through_tunnel(link))
    admin(admin_sql.pin(ROLE) + admin_sql.pin("CURRENT_USER"))  # who follows is the subscription's


def _schema_is_there(link: Link, tables: list[str]) -> bool:
    """It came whole, or not at all."""
    present = names(new(link, TABLES))
    if present and (late := {*tables} - {*present}):
        raise out_of_date(sorted(late))
    return bool(present)


def out_of_date(tables: Sequence[str]) -> Failed:
    """Tables of stage 1 have changed since they were copied."""
    return Failed(
        "the copy",
        f"lacks changes to tables: {shown(tables)}",
        "Start again: `./stages promote --abort`, then --copy.",
    )


def _subscribe(link: Link) -> None:
    step("subscribe to the tables")
    ask = functools.partial(new, link)
    if not exists(ask, f"pg_subscription WHERE subname = '{SUBSCRIPTION}'"):
        words = conninfo(
            host=link["publisher_host"],
            port=link["publisher_port"],
            password=link["password"],
            sslmode="disable",
        )
        options = "copy_data = true, origin = none, streaming = off, disable_on_error = false"
        # Of a run that was killed between the two databases.
        if exists(old_superuser, f"pg_replication_slots WHERE slot_name = '{SLOT}'"):
            old_superuser(f"SELECT pg_drop_replication_slot('{SLOT}')")
        old(link, make_slot(SLOT))
        new(link, subscribe(SUBSCRIPTION, options), secret=words)
    else:
        new(
            link,
            f"ALTER SUBSCRIPTION {SUBSCRIPTION} REFRESH PUBLICATION;"
            f"ALTER SUBSCRIPTION {SUBSCRIPTION} ENABLE;",
        )
    if not exists(ask, f"pg_publication WHERE pubname = '{BACK}'"):
        tables = names(new(link, TABLES))
        new(link, publish_back(tables))
