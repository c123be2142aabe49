"""What is asked of, and told to, the PostgreSQL of a member: as ``postgres``, over its socket."""

from __future__ import annotations

import json
from typing import NamedTuple

from components.clouds.local.database import host_files as files
from components.clouds.local.database.cluster import Cluster, slot
from components.clouds.local.hosts import machine
from components.clouds.local.hosts.nspawn import Host
from components.errors import StepFailed
from components.host.agent import admin_sql

SQL_TIMEOUT_S = 60
PROMOTE_TIMEOUT_S = 60
"""Until a standby has replayed what it has received; a second where it keeps up."""


class Stream(NamedTuple):
    """One member that follows, as the primary sees it."""

    state: str
    """``streaming`` once it has caught up with the past."""
    sync: bool
    """Whether commits wait for it."""
    lag_bytes: int
    """Write-ahead log that it has not replayed yet."""


def sql(host: Host, text: str) -> str:
    """Run SQL and return its rows. No commit in it waits for a standby: what is told to a primary
    here must work while its standby is away."""
    given = f"SET synchronous_commit = local;\n{text}\n"
    done = host.run([*admin_sql.as_postgres(), "-f", "-"], stdin=given, timeout_s=SQL_TIMEOUT_S)
    if done.returncode != 0:
        output = " ".join(done.stderr.split())
        raise StepFailed(f"Database {host.spec().hostname}: {output}")
    return done.stdout.strip()


def answers(host: Host | None) -> bool:
    """Whether PostgreSQL on the host takes connections, a standby's for reading included."""
    if host is None or host.leader() is None:
        return False
    return host.run(["pg_isready", "--quiet", "--host=/run/postgresql"]).returncode == 0


def in_recovery(host: Host) -> bool:
    """Whether it is a standby still."""
    return sql(host, "SELECT pg_is_in_recovery()") == "t"


def streams(primary: Host) -> dict[str, Stream]:
    """Who follows the primary, by slot."""
    text = sql(
        primary,
        "SELECT json_build_object('slot', application_name, 'state', state,"
        " 'sync', sync_state = 'sync',"
        " 'lag', pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)) FROM pg_stat_replication;",
    )
    rows = [json.loads(row) for row in text.splitlines()]
    return {row["slot"]: Stream(row["state"], row["sync"], int(row["lag"] or 0)) for row in rows}


def keep_log_for(primary: Host, members: list[str]) -> None:
    """Have the primary keep what these members have not received, up to its limit; no others."""
    wanted = sorted(slot(member) for member in members)
    sql(
        primary,
        f"""
        CREATE TEMPORARY TABLE wanted AS SELECT unnest('{{{",".join(wanted)}}}'::text[]) AS slot;
        SELECT pg_create_physical_replication_slot(slot, true) FROM wanted
            WHERE slot NOT IN (SELECT slot_name FROM pg_replication_slots);
        SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
            WHERE slot_type = 'physical' AND NOT temporary AND NOT active
            AND slot_name NOT IN (SELECT slot FROM wanted);
        """,  # noqa: S608 - slot() leaves letters, digits and _
    )


def put_role(host: Host, member: str, cluster: Cluster) -> bool:
    """Write the files that say what a member is, to a host that runs or is off."""
    changed = [
        host.put(file.path, file.text, mode=file.mode, owner=file.owner)
        for file in files.role(cluster, member)
    ]
    return any(changed)


def reload(host: Host) -> None:
    """Have PostgreSQL read its configuration again."""
    sql(host, "SELECT pg_reload_conf();")


def promote(host: Host) -> None:
    """Make a standby a primary; nothing to do for one that is."""
    if in_recovery(host):
        sql(host, f"SELECT pg_promote(true, {PROMOTE_TIMEOUT_S - 5});")
    what = f"database {host.spec().hostname} should become the primary"
    machine.wait_until(what, PROMOTE_TIMEOUT_S, lambda: not in_recovery(host))
