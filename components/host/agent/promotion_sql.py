"""The sessions of a promotion, all opened on the stage 1 server: to its own PostgreSQL, and through
the tunnel to the new database.

No superuser enters the app's database: what takes one is done from the database ``postgres``.
``ROLE``, which replicates, and the admin of the new database enter it and ask its catalog, with
their search path pinned (``admin_sql.py``). Neither touches what the app has defined: making a
table, or reading one, runs the app's functions (of columns, checks, casts, policies, indexes), and
``SET ROLE app`` protects nobody, for they may reset it. That is done as ``READER``, which is in
``app`` and nothing more.

What a database answers is data. The old one may have been taken over: nothing of its answers gets
into SQL unread, and none is a command to psql (``_ask``).
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from components.host.agent import admin_sql, scram
from components.host.agent.report import Done, Failed, quoted, run

ROLE = "stages_promotion"
"""Replicates, on both sides."""
READER = "stages_promotion_app"
"""What has the app's rights and no others, on both sides."""
GUARD = "stages_promotion_guard"
"""Lets the app log in to the new database again (``promotion_guard.py``)."""
PUBLICATION = SUBSCRIPTION = SLOT = "stages_promotion"
BACK = "stages_promotion_back"
ASIDE = "app_before_promotion"
"""What the new database held before, until the promotion is finished or aborted."""
TUNNEL_PORT = 6544
"""On 127.0.0.1 of the stage 1 server: the new database."""
SQL_TIMEOUT_S = 60
NO_CONNECTION = 2
"""psql's exit code, also where a connection breaks."""
DOWN = "It may be down or starting, or its disk full. Run the step again when it answers."
TRIES = 3
MAY_REPLICATE = "BEGIN; CREATE ROLE stages_promotion_rights; {replicate}; ROLLBACK;"
MAY_SUBSCRIBE = """
BEGIN;
CREATE SUBSCRIPTION stages_promotion_rights CONNECTION 'password=none' PUBLICATION none
    WITH (connect = false, slot_name = NONE);
ROLLBACK;
"""
"""Both fail where the new database's admin may not. They reach nobody and leave nothing."""


def lag_of(slot: str) -> str:
    """The SQL that asks how far the follower of a slot is; no row: there is no such slot."""
    return f"""
SELECT json_build_object(
    'bytes', pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint,
    'kept', wal_status, 'active', active)
FROM pg_replication_slots WHERE slot_name = '{slot}'
"""


def relations(condition: str) -> str:
    """The SQL that lists the app's tables, indexes or other relations: those whose row ``c`` of
    ``pg_class`` fulfils the condition."""
    return f"""
SELECT coalesce(json_agg(format('%I.%I', n.nspname, c.relname)
    ORDER BY n.nspname, c.relname), '[]')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND {condition}
"""


TABLES = relations("c.relkind = 'r' AND c.relpersistence = 'p'")
Ask = Callable[[str], str]
"""Run SQL in one of the databases; return what it answers."""
Link = Mapping[str, Any]
"""How stage 1 reaches both databases. ``admin``: libpq's variables of the new one; ``password``: of
the two roles; ``replicate``: the SQL that lets ``{role}`` replicate there."""

_NAME = r'(?:[a-z_][a-z0-9_]*|"(?:[^"]|"")+")'
NAME = re.compile(rf"{_NAME}\.{_NAME}")
LSN = re.compile(r"[0-9A-F]{1,8}/[0-9A-F]{1,8}")


def literal(text: str) -> str:
    """A string for SQL."""
    quoted = text.replace("'", "''")
    return f"E'{quoted.replace(chr(92), chr(92) * 2)}'" if "\\" in text else f"'{quoted}'"


def old_superuser(sql: str, *, timeout_s: float = SQL_TIMEOUT_S) -> str:
    """In ``postgres`` of stage 1."""
    argv = [*admin_sql.as_postgres(), "-f", "-"]
    done = run(argv, text=sql, timeout_s=timeout_s, answers=True)
    return _output(done, "the database of stage 1")


def old(link: Link, sql: str, *, timeout_s: float = SQL_TIMEOUT_S, secret: str = "") -> str:
    """In ``app`` of stage 1, as ``ROLE``."""
    return ask_as(on_stage_1(link, ROLE), sql, "the database of stage 1", timeout_s, secret)


def ask_old(connection: Mapping[str, str], sql: str, *, timeout_s: float = 10) -> str:
    """In ``app`` of stage 1, with the connection that a server's record has."""
    return ask_as(connection, sql, "the database of stage 1", timeout_s)


def old_reader(link: Link, sql: str, *, timeout_s: float = SQL_TIMEOUT_S) -> str:
    """In ``app`` of stage 1, as ``READER``."""
    return ask_as(on_stage_1(link, READER), sql, "the database of stage 1", timeout_s)


def new(
    link: Link,
    sql: str,
    *,
    database: str = "app",
    timeout_s: float = SQL_TIMEOUT_S,
    secret: str = "",
) -> str:
    """In the new database, or another one beside it, as its admin."""
    connection = {**through_tunnel(link), "PGDATABASE": database}
    return ask_as(connection, sql, "the database of stage 2", timeout_s, secret)


def beside_new(link: Link, sql: str) -> str:
    """In the database that the service keeps for its admin, whatever its name is."""
    return ask_as(through_tunnel(link), sql, "the database of stage 2", SQL_TIMEOUT_S)


def new_reader(link: Link, sql: str, *, timeout_s: float = SQL_TIMEOUT_S) -> str:
    """In the new database, as ``READER``."""
    return ask_as(reader_of_new(link), sql, "the database of stage 2", timeout_s)


def on_stage_1(link: Link, role: str) -> dict[str, str]:
    """libpq's variables for a role that connects to ``app`` of stage 1."""
    return {
        "PGHOST": admin_sql.SOCKET,
        "PGUSER": role,
        "PGPASSWORD": link["password"],
        "PGDATABASE": "app",
    }


def reader_of_new(link: Link) -> dict[str, str]:
    """The same of ``READER`` to the new database."""
    own = {"PGUSER": READER, "PGPASSWORD": link["password"], "PGDATABASE": "app"}
    return {**through_tunnel(link), **own}


def through_tunnel(link: Link) -> dict[str, str]:
    """How its admin connects to the new database from here: under its own name, which its
    certificate has to have, at the tunnel's end."""
    return {
        **link["admin"],
        "PGHOSTADDR": "127.0.0.1",
        "PGPORT": str(TUNNEL_PORT),
        "PGSSLROOTCERT": link["ca_file"],
    }


def conninfo(**words: object) -> str:
    """The connection string of ``ROLE`` to ``app``. Each value is quoted: some are what a server
    has answered."""
    every = {
        **words,
        "dbname": "app",
        "user": ROLE,
        "connect_timeout": 5,
        "require_auth": "scram-sha-256",  # another server in its place could not do that
    }
    escaped = {word: re.sub(r"(['\\])", r"\\\1", str(every[word])) for word in every}
    return " ".join(f"{word}='{value}'" for word, value in escaped.items())


def rows(output: str) -> Any:
    """One JSON value that a query answered with."""
    return json.loads(output.strip() or "null")


def name(text: object) -> str:
    """A name with its schema, as SQL has it; raises ``Failed`` for anything else."""
    if not isinstance(text, str) or not NAME.fullmatch(text):
        raise Failed("the database", f"gives a table or sequence as {str(text)[:60]!r}")
    return text


def names(output: str) -> list[str]:
    """A list of them that a query answered with."""
    return [name(text) for text in rows(output)]


def position(output: str) -> str:
    """A position in the log; raises ``Failed`` for anything else."""
    words = output.split()
    if not words or not LSN.fullmatch(words[-1]):
        raise Failed("the database", "does not say where its WAL ends")
    return words[-1]


def exists(ask: Ask, row: str) -> bool:
    """Whether a catalog has a row: ``pg_roles WHERE rolname = 'app'``."""
    return ask(f"SELECT count(*) FROM {row}").strip() != "0"


def has_role(ask: Ask, role: str) -> bool:
    return exists(ask, f"pg_roles WHERE rolname = '{role}'")


def has_followed(ask: Ask, slot: str, position: str) -> bool:
    """Whether the follower of a slot has all up to a position in the log."""
    has = f"SELECT confirmed_flush_lsn >= '{position}' FROM pg_replication_slots"
    return ask(f"{has} WHERE slot_name = '{slot}'").strip() == "t"


def make_role(
    ask: Ask,
    role: str,
    attributes: str,
    password: str,
    member: str = "INHERIT TRUE, SET TRUE",
) -> None:
    """Make a role in ``app``, or give it this password."""
    create = "" if has_role(ask, role) else f"CREATE ROLE {role};\n"
    ask(
        f"{create}ALTER ROLE {role} {attributes} PASSWORD {literal(scram.verifier(password))};\n"
        f"GRANT app TO {role} WITH {member};\n"
    )


def drop_database(ask: Ask, name: str) -> None:
    """Drop it with its sessions. ``FORCE`` is refused to who may not end a worker of autovacuum;
    a plain ``DROP`` has PostgreSQL end it."""
    once_left(ask, name, f"DROP DATABASE IF EXISTS {name};")


def once_left(ask: Ask, database: str, sql: str) -> None:
    """End a database's sessions, then run what nobody may be in it for."""
    end = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE"
        f" datname = '{database}' AND usename IS NOT NULL AND pg_has_role(usename, 'MEMBER');\n"
    )
    for left in reversed(range(TRIES)):
        try:
            ask(f"{end}{sql}\n")
            return
        except Failed:  # somebody came between the two
            if not left:
                raise


def publish_back(tables: Sequence[str]) -> str:
    """The SQL that publishes the new database's tables: as ``ROLE``, for the app could alter a
    publication of its own for a moment, and what it writes meanwhile would not go back."""
    return f"SET ROLE {ROLE}; CREATE PUBLICATION {BACK} FOR TABLE {', '.join(tables)}; RESET ROLE;"


def make_slot(slot: str) -> str:
    """The SQL that makes it where it is followed; ``subscribe`` makes none."""
    return f"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput');"


def drop_slot(ask: Ask, name: str) -> None:
    """And those that are left of tables whose copy was cut short."""
    which = f"slot_name = '{name}'"
    if name == SLOT:
        which += " OR slot_name ~ '^pg_[0-9]+_sync_'"
    ask(
        f"SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots"
        f" WHERE ({which}) AND active_pid IS NOT NULL;\n"
        f"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE {which};"
    )


def drop_subscription(ask: Ask, name: str) -> None:
    """Without a word to the other side, which may be away; its slot is dropped there."""
    if exists(ask, f"pg_subscription WHERE subname = '{name}'"):
        ask(f"ALTER SUBSCRIPTION {name} DISABLE;")
        ask(f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE);\nDROP SUBSCRIPTION {name};")


def subscribe(name: str, options: str) -> str:
    """The SQL that subscribes to the publication and slot of the same name; the session's secret is
    the connection string of the server that publishes.

    An error is raised anew: its own context would quote the statement, with the password.
    """
    return f"""
DO $$ BEGIN
    EXECUTE format(
        'CREATE SUBSCRIPTION {name} CONNECTION %L PUBLICATION {name}
            WITH (create_slot = false, slot_name = {name}, {options})',
        current_setting('stages.secret'));
EXCEPTION WHEN OTHERS OR QUERY_CANCELED THEN
    RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = SQLERRM;
END $$;
"""


def ask_as(
    connection: Mapping[str, str],
    sql: str,
    where: str,
    timeout_s: float,
    secret: str = "",
    remedy: str = "",
) -> str:
    """Run SQL in a session of ``admin_sql.as_admin``, in which psql obeys no command of its own."""
    argv, environment = admin_sql.as_admin(connection, secret)
    text = f"\\restrict {secrets.token_hex(16)}\n{sql}"
    done = run(
        [*argv, "-f", "-"],
        text=text,
        timeout_s=timeout_s,
        environment=environment,
        answers=True,
    )
    return _output(done, where, remedy)


def _output(done: Done, where: str, remedy: str = "") -> str:
    if not done.ok:
        raise Failed(where, quoted(done.tail(4)), DOWN if done.code == NO_CONNECTION else remedy)
    return done.output
