"""PostgreSQL of stage 1: on the data volume, behind a unix socket, ready for the step to stage 2.

The data directory outlives its server: it is made only where there is none (the script
``make-cluster``), adopted as it is otherwise, and owned by a uid that every server gives to
``postgres``. All configuration is outside it, converged with the rest of the host. Nothing listens
on TCP; ``postgres`` and the pooler come in by ``peer``.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from components.host import ids, memory, pgbouncer, pool
from components.host.agent import admin_sql
from components.host.data_volume import MOUNT as MOUNT
from components.host.model import Directory, HostFile, Part, Service, SystemUser
from components.host.rendering import plain, render

UID = ids.POSTGRES
"""Fixed uid and gid of ``postgres``: files on the volume keep their owner on every new server."""

MAX_CONNECTIONS = 100
"""PostgreSQL's default. Planning divides it: see ``pool.py``."""
RESERVED_CONNECTIONS = 3
"""PostgreSQL's default ``superuser_reserved_connections``."""

BAD_LINES = (
    "select (select count(*) from pg_hba_file_rules where error is not null)"
    " + (select count(*) from pg_ident_file_mappings where error is not null)"
)
"""How many lines of the two access files PostgreSQL does not understand."""

LOGIND = "/etc/systemd/logind.conf.d/50-postgres.conf"

CLUSTER_UNIT = "postgres-cluster.service"
MAKE_CLUSTER = "/usr/local/lib/stages/make-cluster"
POOLER = "/usr/local/lib/stages/pooler"
PAUSE_S = 20
"""How long a restart waits for running transactions: web requests end after 30 s, and clients wait
for at most 120 s (``query_wait_timeout``), which has to hold the restart itself as well."""
ARCHIVE_TIMEOUT_S = 60
"""The most that a lost volume takes with it, where finished WAL files are kept elsewhere."""
PAUSE_SESSIONS_S = 2
"""The same for sessions, which may last for hours: only where there are none."""


@dataclass(frozen=True, kw_only=True)
class PostgresMemory:
    """Memory settings of PostgreSQL, in MiB."""

    shared_buffers_mib: int
    """A quarter of what PostgreSQL has (its documentation, 19.4: a reasonable start), never below
    its default of 128."""
    effective_cache_size_mib: int
    """Three quarters of it: shared buffers and page cache together; a hint to the planner only."""
    work_mem_mib: int
    """What is left, for every connection of the pool at once; at least the default of 4."""
    maintenance_work_mem_mib: int
    """An eighth: up to three autovacuum workers and an index build take one each. 64 (the
    default) to 1024 (more did not help VACUUM before 17)."""


def memory_settings(memory_mib: int) -> PostgresMemory:
    """Compute the settings from the memory of the whole host, which the app shares."""
    here = memory.shares(memory_mib, database_here=True).database_mib
    shared = max(128, here // 4)
    return PostgresMemory(
        shared_buffers_mib=shared,
        effective_cache_size_mib=max(shared, here * 3 // 4),
        work_mem_mib=max(4, (here - shared) // 40),
        maintenance_work_mem_mib=min(1024, max(64, here // 8)),
    )


def temp_file_limit_mib(volume_gib: int) -> int:
    """How much of the volume the temporary files of one session may take: a tenth.

    PostgreSQL has no limit by itself (its documentation, 19.4.2), so that one query can fill the
    volume, and with it stop every write; here it takes ten at once. A tenth of the default volume
    is 1 GiB, room to sort ten million rows of 100 bytes.
    """
    return volume_gib * 1024 // 10


def pool_sizes(wanted: int | None) -> pool.PoolSizes:
    """The pool's sizes for this PostgreSQL; ``wanted`` is ``stages:database.pool_size``."""
    return pool.pool_sizes(limit=MAX_CONNECTIONS, reserved=RESERVED_CONNECTIONS, wanted=wanted)


def postgres(*, version: int, memory_mib: int, volume_gib: int, archive_command: str = "") -> Part:
    """Return PostgreSQL ``version`` on a host of ``memory_mib``, its data at ``/data``.

    ``archive_command`` is given the path of each finished WAL file; empty: none is kept.
    """
    conf = f"/etc/postgresql/{version}/main"
    unit = f"postgresql@{version}-main.service"
    folder = f"{MOUNT}/postgresql/{version}/main"
    binaries = f"/usr/lib/postgresql/{version}/bin"
    drop_in = f"/etc/systemd/system/{unit}.d/50-stages.conf"
    cluster_unit = f"/etc/systemd/system/{CLUSTER_UNIT}"
    names: dict[str, object] = {
        "version": version,
        "conf": conf,
        "folder": folder,
        "mount": MOUNT,
        "unit": unit,
        "uid": UID,
        "make_cluster": MAKE_CLUSTER,
        "cluster_unit": CLUSTER_UNIT,
    }

    def owned(name: str, content: str, mode: str = "0640") -> HostFile:
        return HostFile(path=f"{conf}/{name}", content=content, mode=mode, group="postgres")

    return Part(
        packages=(f"postgresql-{version}",),
        users=(SystemUser(name="postgres", uid=UID, outlives_host=True),),
        directories=(
            # Root's, unlike the package's: postgres could put links where root writes.
            Directory(path="/etc/postgresql"),
            Directory(path=f"/etc/postgresql/{version}"),
            Directory(path=conf),
            Directory(path=f"{conf}/conf.d"),
        ),
        files=(
            owned(
                "postgresql.conf",
                render(
                    "postgres/postgresql.conf.j2",
                    **names,
                    memory=memory_settings(memory_mib),
                    max_connections=MAX_CONNECTIONS,
                    reserved_connections=RESERVED_CONNECTIONS,
                ),
                # Debian's psql wrapper reads it as whoever runs it.
                "0644",
            ),
            owned(
                "conf.d/reload.conf",
                render(
                    "postgres/reload.conf.j2",
                    memory=memory_settings(memory_mib),
                    temp_file_limit_mib=temp_file_limit_mib(volume_gib),
                    archive_command=archive_command,
                    archive_timeout_s=ARCHIVE_TIMEOUT_S,
                ),
            ),
            owned("pg_hba.conf", plain("postgres/pg_hba.conf")),
            owned("pg_ident.conf", plain("postgres/pg_ident.conf")),
            HostFile(path=f"{conf}/start.conf", content="auto\n"),
            HostFile(
                path=MAKE_CLUSTER,
                content=render("postgres/make-cluster.sh.j2", **names),
                mode="0755",
            ),
            HostFile(
                path=cluster_unit, content=render("postgres/postgres-cluster.service.j2", **names)
            ),
            HostFile(path=LOGIND, content=plain("postgres/logind.conf")),
            HostFile(path=drop_in, content=render("postgres/postgresql.service.conf.j2", **names)),
            HostFile(
                path=POOLER,
                content=render(
                    "postgres/pooler.sh.j2",
                    socket=pgbouncer.SOCKET_FOLDER,
                    port=pgbouncer.PORT,
                    psql=pgbouncer.PSQL,
                    transactions_s=PAUSE_S,
                    sessions_s=PAUSE_SESSIONS_S,
                ),
                mode="0755",
            ),
            # Takes effect at the next stop: no reason to restart now.
            HostFile(
                path=f"/etc/systemd/system/{unit}.d/60-pooler.conf",
                content=render("postgres/pooler.conf.j2", pooler=POOLER),
            ),
        ),
        services=(
            Service(unit="systemd-logind.service", restart_on=(LOGIND,)),
            Service(
                unit=unit,
                reload_on=(
                    f"{conf}/conf.d/reload.conf",
                    f"{conf}/pg_hba.conf",
                    f"{conf}/pg_ident.conf",
                ),
                restart_on=(f"{conf}/postgresql.conf", drop_in, cluster_unit),
                # Reads every file and setting without starting a server or needing its data.
                check=f"runuser -u postgres -- {binaries}/postgres"
                f" --config-file={conf}/postgresql.conf -C data_directory",
                # A bad line in pg_hba.conf or pg_ident.conf is only logged at a reload.
                ready=f"{shlex.join([*admin_sql.as_postgres(), '-c', BAD_LINES])} | grep -qx 0",
            ),
            # Debian's switch for all clusters: it starts this one at boot, and after an upgrade.
            Service(unit="postgresql.service"),
        ),
    )


def shutdown(version: int) -> tuple[str, ...]:
    """Commands before the data volume may be detached: a clean stop, then the unmount."""
    return (f"systemctl stop postgresql@{version}-main.service", "systemctl stop data.mount")
