"""The sessions of a promotion, all opened on the stage 1 server: to its own PostgreSQL, and through
the tunnel to the new database.

Nobody with more rights than the app's enters the app's database here: what takes a superuser is
done from the database ``postgres``, and a role of the promotion's own, which is in ``app``, does
the rest with its search path pinned (``admin_sql.py``). On the new database the same is done by its
admin, who is no superuser.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from components.host.agent import admin_sql
from components.host.agent.report import Done, Failed, run

ROLE = "stages_promotion"
PUBLICATION = SUBSCRIPTION = SLOT = "stages_promotion"
BACK = "stages_promotion_back"
ASIDE = "app_before_promotion"
"""What the new database held before, until the promotion is finished or aborted."""
TUNNEL_PORT = 6544
"""On 127.0.0.1 of the stage 1 server: the new database."""
SQL_TIMEOUT_S = 60


def lag_of(slot: str) -> str:
    """The SQL that asks how far the follower of a slot is; no row: there is no such slot."""
    return f"""
SELECT json_build_object(
    'bytes', pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint,
    'kept', wal_status, 'active', active)
FROM pg_replication_slots WHERE slot_name = '{slot}'
"""


Ways = Mapping[str, Any]
"""``admin``: libpq's variables of the new database; ``password``: of the role ``ROLE``."""


def literal(text: str) -> str:
    """A string for SQL."""
    quoted = text.replace("'", "''")
    return f"E'{quoted.replace(chr(92), chr(92) * 2)}'" if "\\" in text else f"'{quoted}'"


def old_superuser(sql: str, *, timeout_s: float = SQL_TIMEOUT_S) -> str:
    """In ``postgres`` of stage 1."""
    argv = [*admin_sql.as_postgres(), "-f", "-"]
    return _output(run(argv, text=sql, timeout_s=timeout_s), "the database of stage 1")


def old(ways: Ways, sql: str, *, timeout_s: float = SQL_TIMEOUT_S) -> str:
    """In ``app`` of stage 1, as the promotion's role."""
    connection = {
        "PGHOST": admin_sql.SOCKET,
        "PGUSER": ROLE,
        "PGPASSWORD": ways["password"],
        "PGDATABASE": "app",
    }
    return _ask(connection, sql, "the database of stage 1", timeout_s)


def new(ways: Ways, sql: str, *, database: str = "app", timeout_s: float = SQL_TIMEOUT_S) -> str:
    """In the new database, as its admin."""
    connection = {**through_tunnel(ways), "PGDATABASE": database}
    return _ask(connection, sql, "the database of stage 2", timeout_s)


def through_tunnel(ways: Ways) -> dict[str, str]:
    """The admin's way to the new database from here. Its certificate is verified; its name is the
    tunnel's, whose other end is known by its host key."""
    return {
        **ways["admin"],
        "PGHOST": "127.0.0.1",
        "PGPORT": str(TUNNEL_PORT),
        "PGSSLMODE": "verify-ca",
        "PGSSLROOTCERT": ways["ca_file"],
    }


def rows(output: str) -> Any:
    """One JSON value that a query answered with."""
    return json.loads(output.strip() or "null")


def _ask(connection: Mapping[str, str], sql: str, where: str, timeout_s: float) -> str:
    argv, environment = admin_sql.as_admin(connection)
    return _output(
        run([*argv, "-f", "-"], text=sql, timeout_s=timeout_s, environment=environment), where
    )


def _output(done: Done, where: str) -> str:
    if not done.ok:
        raise Failed(where, " ".join(done.tail(4).split()))
    return done.output
