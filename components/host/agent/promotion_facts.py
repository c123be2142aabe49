"""What a promotion has to know of a host and the app's database beforehand; changes nothing.

Asked as the app, through the pooler, like ``database_info.py``; only what its admin may do is
asked of a managed database as that admin, and rolled back.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

from components.host.agent import (
    admin_sql,
    promotion_files,
    promotion_pooler,
    promotion_record,
    promotion_tunnel,
    release,
)
from components.host.agent.promotion_shape import IDENTIFIED
from components.host.agent.promotion_sql import MAY_REPLICATE, MAY_SUBSCRIBE, relations
from components.host.agent.report import Failed, quoted, run

TIMEOUT_S = 120
SMALL_MIB = 32
"""Rows of tables up to this size are counted; of larger ones the planner's estimate will do."""
FACTS = f"""
SELECT json_build_object(
    'version', current_setting('server_version_num')::int,
    'size_bytes', pg_database_size(current_database()),
    'wal_level', current_setting('wal_level'),
    'slot_keep', current_setting('max_slot_wal_keep_size'),
    'large_objects', (SELECT count(*) FROM pg_largeobject_metadata),
    'extensions', (SELECT coalesce(json_agg(extname ORDER BY 1), '[]') FROM pg_extension),
    'available', (SELECT coalesce(json_agg(name ORDER BY 1), '[]') FROM pg_available_extensions),
    'oldest_transaction_s', (SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0)::int
        FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()),
    'sequences', (SELECT count(*) FROM pg_sequences
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')),
    'views', ({relations("c.relkind = 'm'")}),
    'foreign', ({relations("c.relkind = 'f'")}),
    'tables', (SELECT coalesce(json_agg(t ORDER BY t.name), '[]') FROM (
        SELECT format('%I.%I', n.nspname, c.relname) AS name,
            pg_total_relation_size(c.oid) AS bytes, c.relpersistence = 'u' AS unlogged,
            pg_get_userbyid(c.relowner) AS owner,
            {IDENTIFIED} AS identity,
            CASE WHEN pg_relation_size(c.oid) > {SMALL_MIB} * 1048576
                THEN greatest(c.reltuples, 1)::bigint
                ELSE (xpath('/row/n/text()', query_to_xml(format(
                    'SELECT count(*) AS n FROM %I.%I', n.nspname, c.relname), false, true, '')
                    ))[1]::text::bigint END AS rows
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND c.relpersistence <> 't'
            AND n.nspname NOT IN ('pg_catalog', 'information_schema')) t))
"""


def promotion_facts(document: dict[str, Any]) -> dict[str, object]:
    """``data``: where the app's database is, if it is on this host; ``uploads`` likewise.
    ``database_secrets``: how the admin of a managed one connects."""
    done = promotion_pooler.as_app(FACTS, alias="app_direct", timeout_s=TIMEOUT_S)
    if not done.ok:
        raise Failed("database", f"does not answer: {quoted(done.last_line())}")
    free = None
    if document["data"]:
        disk = os.statvfs(document["data"])
        free = disk.f_bavail * disk.f_frsize
    record = promotion_record.read()
    return {
        "database": json.loads(done.output),
        "no_replication": _refusal(document, MAY_REPLICATE),
        "no_subscription": _refusal(document, MAY_SUBSCRIBE),
        "free_bytes": free,
        "clock_s": time.time(),
        "signing_key": _signing_key(),
        "uploads": promotion_files.count(document["uploads"]),
        "lacks": promotion_tunnel.lacks(stage=1 if document["data"] else 2),
        "taken_ports": promotion_tunnel.taken() if document["data"] else [],
        "promotion": {key: record.get(key) for key in ("phase", "side", "other")} if record else {},
    }


def _refusal(document: dict[str, Any], sql: str) -> str:
    """What keeps the admin from this, in PostgreSQL's words; empty: nothing."""
    if not document["database_secrets"]:
        return ""
    connection = {**document["database_secrets"]["connection"], "PGDATABASE": "app"}
    argv, environment = admin_sql.as_admin(connection)
    text = sql.format(replicate=document["replicate"].format(role="stages_promotion_rights"))
    done = run([*argv, "-f", "-"], text=text, timeout_s=TIMEOUT_S, environment=environment)
    return "" if done.ok else quoted(done.last_line())


def _signing_key() -> str:
    """A digest that tells whether two servers sign cookies alike."""
    lines = Path(release.ENVIRONMENT).read_text().splitlines()
    keys = [line for line in lines if line.startswith(("SECRET_KEY=", "SECRET_KEY_BASE="))]
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()
