"""The end of a promotion: what it made in the two databases goes. Run on the stage 1 server."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Sequence
from typing import Any

from components.host.agent import database, promotion_dump
from components.host.agent import promotion_record as record
from components.host.agent.promotion_sql import (
    ASIDE,
    BACK,
    GUARD,
    PUBLICATION,
    READER,
    ROLE,
    SLOT,
    SUBSCRIPTION,
    Ask,
    Link,
    beside_new,
    drop_database,
    drop_slot,
    drop_subscription,
    exists,
    has_role,
    make_role,
    new,
    old,
    old_reader,
    old_superuser,
    once_left,
    through_tunnel,
)
from components.host.agent.promotion_switch import recover
from components.host.agent.report import Failed, note, step

LOCK_TIMEOUT = "5s"
"""How long a session of the app may hold what the role is to let go of."""
LET_GO = """
SET lock_timeout = '{timeout}';
REASSIGN OWNED BY {role} TO app;
DROP OWNED BY {role};
"""
"""What the app's own code has made under the role's name is the app's then. What it has granted to
the role would keep that from being dropped."""
LOCK_OUT = """
ALTER ROLE {role} NOLOGIN NOCREATEROLE PASSWORD NULL;
REVOKE app FROM {role} CASCADE;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}';
"""
"""Needs no lock that the app could hold."""
HOLDING = """
SELECT datname FROM pg_database WHERE datname = 'app' OR oid IN (
    SELECT dbid FROM pg_shdepend
    WHERE refclassid = 'pg_authid'::regclass AND refobjid = '{role}'::regrole)
"""
"""In which databases: the app enters every one that is open to all."""


def clear(document: dict[str, Any]) -> dict[str, object]:
    """``keep``: which database stays the app's, ``new`` after the switch, ``old`` before it.

    Before the switch the stage 2 database gets back what it held; after it that is deleted.
    """
    link: Link = document["link"]
    recover(document)
    switched = record.read().get("phase") == record.SWITCHED
    if switched != (document["keep"] == "new"):
        raise Failed(
            "a promotion",
            "has been switched" if switched else "has not been switched",
            "--finish keeps the new database, --rollback goes back to the old one."
            if switched
            else "--abort ends it.",
        )
    step("remove what the promotion created")
    if document["keep"] == "old":  # a run may have been killed between the old and a new one
        database.converge("root", document["bootstrap_sql"], through_tunnel(link))
    admin = functools.partial(beside_new, link)
    for ask in (old_superuser, admin):
        for role in (READER, ROLE):
            if has_role(ask, role):  # an earlier run may have locked it out
                make_role(ask, role, "LOGIN", link["password"])
    if has_role(old_superuser, ROLE):
        drop_subscription(lambda sql: old(link, sql), BACK)
        old(link, f"DROP PUBLICATION IF EXISTS {PUBLICATION};")
    drop_subscription(lambda sql: new(link, sql), SUBSCRIPTION)
    drop_slot(old_superuser, SLOT)
    drop_slot(lambda sql: new(link, sql), BACK)
    if has_role(admin, ROLE):
        new(link, f"SET ROLE {ROLE}; DROP PUBLICATION IF EXISTS {BACK};")
    admin("ALTER ROLE CURRENT_USER IN DATABASE app RESET ALL;")
    for role, as_role in ((READER, old_reader), (ROLE, old)):
        if has_role(old_superuser, role):
            _drop_role(old_superuser, role, [functools.partial(as_role, link)], "stage 1")
    for role in (READER, ROLE, GUARD):
        if has_role(admin, role):
            admin(f"GRANT {role} TO CURRENT_USER WITH INHERIT TRUE;")
            holding = admin(HOLDING.format(role=role)).splitlines()
            inside = [functools.partial(new, link, database=name) for name in holding]
            _drop_role(admin, role, inside, "stage 2")
    shutil.rmtree(promotion_dump.FOLDER, ignore_errors=True)
    aside = exists(admin, f"pg_database WHERE datname = '{ASIDE}'")
    if aside and document["keep"] == "new":
        drop_database(admin, ASIDE)
    elif aside:
        drop_database(admin, "app")
        once_left(admin, ASIDE, f"ALTER DATABASE {ASIDE} RENAME TO app;")
    if document["keep"] == "old":  # no switch can follow, and an `up` disturbs no copy any more
        record.write(phase=record.ROLLED_BACK, side="from", other=document["other"])
    return {}


def _drop_role(ask: Ask, role: str, inside: Sequence[Ask], where: str) -> None:
    """Or lock it out, where the app has a transaction open that holds it, or has granted it more
    than can be taken away at once."""
    try:
        for ask_inside in inside:
            ask_inside(LET_GO.format(role=role, timeout=LOCK_TIMEOUT))
        ask(f"SET lock_timeout = '{LOCK_TIMEOUT}';\nDROP ROLE {role};")
    except Failed as failure:
        ask(LOCK_OUT.format(role=role))
        note(f"{where}: role {role} could not be dropped, so it is locked out: {failure.cause}")
