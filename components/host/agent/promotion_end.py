"""The end of a promotion: what it made in the two databases goes. Run on the stage 1 server."""

from __future__ import annotations

import functools
import shutil
from typing import Any

from components.host.agent import database, promotion_dump
from components.host.agent import promotion_record as record
from components.host.agent.promotion_guard import LOGIN
from components.host.agent.promotion_sql import (
    ASIDE,
    BACK,
    GUARD,
    PUBLICATION,
    READER,
    ROLE,
    SLOT,
    SUBSCRIPTION,
    Link,
    beside_new,
    drop_database,
    drop_slot,
    drop_subscription,
    exists,
    has_role,
    new,
    old,
    old_reader,
    old_superuser,
    through_tunnel,
)
from components.host.agent.promotion_switch import recover
from components.host.agent.report import Failed, step

LET_GO = "REASSIGN OWNED BY {role} TO app; DROP OWNED BY {role};"
"""What the app's own code has made under the role's name is the app's then. What it has granted to
the role would keep that from being dropped."""
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
            "Then --finish keeps the new database, and --rollback leads back to the old one."
            if switched
            else "--abort ends it.",
        )
    step("take away what the promotion made")
    if document["keep"] == "old":  # a run may have been killed between the old and a new one
        database.converge("root", document["bootstrap_sql"], through_tunnel(link))
    if has_role(old_superuser, ROLE):
        drop_subscription(lambda sql: old(link, sql), BACK)
        old(link, f"DROP PUBLICATION IF EXISTS {PUBLICATION};")
    drop_subscription(lambda sql: new(link, sql), SUBSCRIPTION)
    drop_slot(old_superuser, SLOT)
    drop_slot(lambda sql: new(link, sql), BACK)
    new(link, f"SET ROLE app; DROP PUBLICATION IF EXISTS {BACK};")
    admin = functools.partial(beside_new, link)
    for role, as_role in ((READER, old_reader), (ROLE, old)):
        if has_role(old_superuser, role):
            as_role(link, LET_GO.format(role=role))
            old_superuser(f"DROP ROLE {role};")
    for role in (READER, ROLE, GUARD):
        if has_role(admin, role):
            admin(f"GRANT {role} TO CURRENT_USER WITH INHERIT TRUE;")
            for name in admin(HOLDING.format(role=role)).splitlines():
                new(link, LET_GO.format(role=role), database=name)
            admin(f"DROP ROLE {role};")
    shutil.rmtree(promotion_dump.FOLDER, ignore_errors=True)
    aside = exists(admin, f"pg_database WHERE datname = '{ASIDE}'")
    if aside and document["keep"] == "new":
        admin(f"DROP DATABASE {ASIDE};")
    elif aside:
        drop_database(admin, "app")
        admin(f"ALTER DATABASE {ASIDE} RENAME TO app;")
        admin(LOGIN)
    return {}
