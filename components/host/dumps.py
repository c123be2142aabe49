"""Backups of stage 2: a nightly dump of the managed database to a bucket outside its service.

The service's own snapshots die with the service, or the account; these do not. ``pg_dump`` goes
through restic to the bucket as it is made, encrypted, without a copy on the disk, at low priority.
Once a week the newest is restored into a database beside the app's and read whole. The program and
its timers are those of stage 1 (``backups.py``), run by a user of their own: the app does not read
the bucket's key.

It dials the database itself, as the app's role, and not through the pool: the pool's aliases lead
to one database each, and it cuts off who writes to a database that does not read for 5 s, as one
may that restores a large table. The pool leaves it a connection (``pool.BACKUPS``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.host import file_backups, ids
from components.host.agent import admin_sql
from components.host.backups import CA_FILE, USER, Bucket, program
from components.host.model import HostFile, Part, SystemUser

ENVIRONMENT = "/etc/stages/backups.env"
DATABASE_CA = "/etc/stages/backups-database-ca.pem"
COPIES = ("app_scratch", "app_restored")
"""Databases of the app's beside ``app``, empty until a copy is put there: so no timer needs the
administrator, who alone makes databases (``bootstrap.py``)."""
OPTIONS = (
    "-c search_path=pg_catalog,pg_temp -c statement_timeout=0"
    " -c idle_in_transaction_session_timeout=0 -c max_parallel_maintenance_workers=0"
)
"""Of each session: before what the app has set for its role or database. A copy's indexes are made
by one process: the app's queries need the other processors."""


def dumps(*, version: int, hour: int, keep_days: int, storage_gib: int) -> Part:
    """Return program, units and timers; ``environment`` has what they need to know."""
    binaries = f"/usr/lib/postgresql/{version}/bin"
    config = {
        "way": "dumps",
        "hour": hour,
        "keep_days": keep_days,
        "storage_gib": storage_gib,
        "binaries": binaries,
        "client": [f"{binaries}/psql", *admin_sql.OPTIONS],
    }
    made = program(config, environment=ENVIRONMENT)
    return Part(
        packages=("restic", f"postgresql-client-{version}"),
        users=(SystemUser(name=USER, uid=ids.BACKUPS),),
        directories=made.directories,
        files=made.files,
        services=made.services,
    )


def files(
    bucket: Bucket,
    *,
    path: str,
    passphrase: str,
    host: str,
    port: int,
    password: str,
) -> Sequence[HostFile]:
    """Return what the program reads: the bucket, what opens it, and the app's way in. Secret."""
    values: Mapping[str, str] = {
        **file_backups.variables(bucket, path=path, passphrase=passphrase),
        "GOMAXPROCS": "1",
        "GOGC": "20",
        "PGHOST": host,
        "PGPORT": str(port),
        "PGUSER": "app",
        "PGPASSWORD": password,
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": DATABASE_CA,
        "PGCONNECT_TIMEOUT": str(admin_sql.CONNECT_TIMEOUT_S),
        "PGOPTIONS": OPTIONS,
    }
    made = [
        HostFile(path=ENVIRONMENT, content=file_backups.exports(values), mode="0640", group=USER)
    ]
    if bucket.ca_pem:
        made.append(HostFile(path=CA_FILE, content=bucket.ca_pem.strip() + "\n"))
    return made


def database_ca(pem: str) -> HostFile:
    """The authority that signed the database's certificate."""
    return HostFile(path=DATABASE_CA, content=pem.strip() + "\n")
