"""The end of a promotion: what it made in the two databases goes. Run on the stage 1 server."""

from __future__ import annotations

import functools
import shutil
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
    Ways,
    beside_new,
    drop_database,
    new,
    new_reader,
    old,
    old_reader,
    old_superuser,
    through_tunnel,
)
from components.host.agent.promotion_switch import drop_slot, drop_subscription, recover
from components.host.agent.report import Failed, step


def clear(document: dict[str, Any]) -> dict[str, object]:
    """``keep``: which database stays the app's, ``new`` after the switch, ``old`` before it.

    Before the switch the stage 2 database gets back what it held; after it that is deleted.
    """
    ways: Ways = document["ways"]
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
        database.converge("root", document["bootstrap_sql"], through_tunnel(ways))
    if _has_role(old_superuser):
        drop_subscription(lambda sql: old(ways, sql), BACK)
        old(ways, f"DROP PUBLICATION IF EXISTS {PUBLICATION};")
    drop_subscription(lambda sql: new(ways, sql), SUBSCRIPTION)
    drop_slot(old_superuser, SLOT)
    drop_slot(lambda sql: new(ways, sql), BACK)
    new(ways, f"SET ROLE app; DROP PUBLICATION IF EXISTS {BACK};")
    admin = functools.partial(beside_new, ways)
    _drop_reader(old_superuser, lambda sql: old_reader(ways, sql))
    _drop_reader(admin, lambda sql: new_reader(ways, sql))
    if _has_role(old_superuser):
        old_superuser(f"REVOKE ALL ON DATABASE app FROM {ROLE}; DROP ROLE {ROLE};")
    for role in (ROLE, GUARD):
        if _has_role(admin, role):
            admin(f"DROP ROLE {role};")
    shutil.rmtree(promotion_dump.FOLDER, ignore_errors=True)
    aside = admin(f"SELECT count(*) FROM pg_database WHERE datname = '{ASIDE}'").strip() != "0"
    if aside and document["keep"] == "new":
        admin(f"DROP DATABASE {ASIDE};")
    elif aside:
        drop_database(admin, "app")
        admin(f"ALTER DATABASE {ASIDE} RENAME TO app;")
        admin("ALTER ROLE app LOGIN;")
    return {}


def _drop_reader(ask: Any, as_reader: Any) -> None:
    """The app's own code may have made something under its name: that is the app's then."""
    if _has_role(ask, READER):
        as_reader(f"REASSIGN OWNED BY {READER} TO app; DROP OWNED BY {READER};")
        ask(f"DROP ROLE {READER};")


def _has_role(ask: Any, role: str = ROLE) -> bool:
    count: str = ask(f"SELECT count(*) FROM pg_roles WHERE rolname = '{role}'")
    return count.strip() != "0"
