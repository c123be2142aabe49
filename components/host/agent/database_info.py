"""How the app's database is: size, connections, locks, slow queries, the pool. Changes nothing.

What is in the app's own database is asked as the app, through the pooler: the app's code runs with
the app's rights and no others. What takes a superuser is asked outside of it (``admin_sql``).
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from components.host.agent import admin_sql
from components.host.agent.report import Done, Failed, quoted, run

TIMEOUT_S = 15
OF_THE_APP = """\
BEGIN TRANSACTION READ ONLY;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL statement_timeout = '10s';
SELECT json_build_object(
    'version', current_setting('server_version'),
    'size_bytes', pg_database_size(current_database()),
    'max_connections', current_setting('max_connections')::int,
    'connections', (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
    'active', (SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'active'),
    'idle_in_transaction', (SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'),
    'tables', (SELECT coalesce(json_agg(t), '[]') FROM (
        SELECT n.nspname || '.' || c.relname AS name, pg_total_relation_size(c.oid) AS size_bytes
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        ORDER BY 2 DESC LIMIT 5) t),
    'waiting', (SELECT coalesce(json_agg(w), '[]') FROM (
        SELECT pid, pg_blocking_pids(pid) AS blocked_by,
            round(extract(epoch FROM now() - query_start))::int AS seconds,
            left(query, 200) AS query
        FROM pg_stat_activity
        WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0 LIMIT 10) w),
    'running', (SELECT coalesce(json_agg(r), '[]') FROM (
        SELECT pid, round(extract(epoch FROM now() - query_start))::int AS seconds,
            left(query, 200) AS query
        FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()
            AND now() - query_start > interval '1 second'
        ORDER BY query_start LIMIT 10) r));
COMMIT;
"""
SLOW = """\
SELECT coalesce(json_agg(s), '[]') FROM (
    SELECT calls, round(mean_exec_time::numeric, 1) AS mean_ms,
        round(total_exec_time::numeric) AS total_ms,
        left(regexp_replace(query, '\\s+', ' ', 'g'), 200) AS query
    FROM public.pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = 'app')
    ORDER BY total_exec_time DESC LIMIT 5) s
"""


def database_info(document: dict[str, Any]) -> dict[str, object]:
    """``url``: the app's way to its database. ``database_here``: whether it is on this host."""
    database = _json(_as("app", [*_psql("-At"), "-c", OF_THE_APP, document["url"]]), "database")
    slow = None
    if document["database_here"]:
        argv = [*admin_sql.as_postgres(), "-c", SLOW]
        slow = _json(run(argv, timeout_s=TIMEOUT_S, answers=True), "database")
    return {"database": database, "slow": slow, "pools": _pools(document["pooler"])}


def _pools(pooler: list[str]) -> list[dict[str, str]]:
    """The pooler's own count of clients and server connections, for each alias."""
    done = _as("pgbouncer", [*_psql("--csv"), *pooler, "-c", "SHOW POOLS"])
    if not done.ok:
        raise Failed("pgbouncer", f"does not answer: {quoted(done.last_line())}")
    rows = csv.DictReader(io.StringIO(done.output))
    return [dict(row) for row in rows if row.get("database") != "pgbouncer"]


def _psql(*options: str) -> list[str]:
    return [admin_sql.PSQL, "-Xqw", "-v", "ON_ERROR_STOP=1", *options]


def _as(user: str, argv: list[str]) -> Done:
    """Run a command as a user who is less than root, in an environment of its own."""
    drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--reset-env"]
    return run([*drop, *argv], timeout_s=TIMEOUT_S, answers=True)


def _json(done: Done, where: str) -> Any:
    if not done.ok:
        raise Failed(where, f"does not answer: {quoted(done.last_line())}")
    try:
        return json.loads(done.output)
    except ValueError:
        raise Failed(where, f"its answer is no JSON: {quoted(done.last_line())}") from None
