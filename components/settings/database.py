"""The settings of the database: as ``model`` declares all others.

A module of its own because there are many.
"""

# ruff: noqa: RUF009 - `key` makes a dataclass field

from __future__ import annotations

from dataclasses import dataclass

from components.settings import choices
from components.settings.choices import PoolMode
from components.settings.key import key
from components.settings.kinds import SWITCH, whole


@dataclass(frozen=True, kw_only=True)
class Database:
    """PostgreSQL and the pool in front of it."""

    version: int = key(
        choices.VERSION,
        "Major version of PostgreSQL. Debian 13 has no other.",
        default=17,
    )
    plan: str | None = key(
        choices.PLAN,
        "Size of the managed database, as the cloud names it.",
        default=None,
        by_default="the cloud's default",
        stages=(2,),
        elsewhere="in stage 1 PostgreSQL runs on the app's server (stages:server.plan)",
    )
    storage_gib: int = key(
        whole(1, 16384),
        "Disk size of the managed database.",
        default=10,
        unit="GiB",
        stages=(2,),
        elsewhere="in stage 1 the data is on the data volume (stages:data.volume_gib)",
    )
    storage_limit_gib: int | None = key(
        whole(1, 65536),
        "Size up to which the managed database's disk grows automatically as it fills, if the"
        " cloud supports that. A disk never shrinks.",
        default=None,
        by_default="five times stages:database.storage_gib",
        unit="GiB",
        stages=(2,),
        elsewhere="in stage 1 the data is on the data volume (stages:data.volume_gib)",
    )
    restore_from: str | None = key(
        choices.RESTORE_FROM,
        "Fill an empty data volume from the backups before the first start of PostgreSQL: `latest`,"
        " a time in UTC, or the id of a backup. Refused if there is a database. Remove the line"
        " once the stack is up.",
        default=None,
        by_default="an empty volume gets an empty database",
        stages=(1,),
        elsewhere="stage 2's managed database is restored by its vendor",
    )
    backup_days: int = key(
        whole(7, 35),
        "Number of days for which the managed database can be restored to any minute.",
        default=7,
        unit="days",
        stages=(2,),
        elsewhere="stage 1 has no managed database",
    )
    maintenance_day: str = key(
        choices.WEEKDAY,
        "Day on which the vendor may update or restart the managed database.",
        default="sunday",
        stages=(2,),
        elsewhere="stage 1 has no managed database",
    )
    maintenance_hour: int = key(
        whole(0, 23),
        "Hour at which that maintenance may begin. The daily backup is taken two hours earlier.",
        default=4,
        unit="UTC",
        stages=(2,),
        elsewhere="stage 1 has no managed database",
    )
    apply_immediately: bool = key(
        SWITCH,
        "Makes changes of the managed database at once, which may restart it, instead of in the"
        " maintenance hour.",
        default=False,
        stages=(2,),
        elsewhere="stage 1 has no managed database",
    )
    standby: bool = key(
        SWITCH,
        "Adds a standby that takes over when the primary fails: automatically on the clouds, with"
        " `make failover` on `local`, where every commit waits for the standby's disk.",
        default=False,
        stages=(2,),
        elsewhere="stage 1 has one server and no managed database",
    )
    read_replicas: int = key(
        whole(0, 5),
        "Number of read replicas of the managed database. With any, the app gets"
        " `READ_DATABASE_URL`: each new connection of the pool goes to the next replica. A replica"
        " may lag behind `DATABASE_URL`; `make status` says by how much.",
        default=0,
        stages=(2,),
        elsewhere="stage 1 has one server and no managed database",
    )
    promoted_to: str | None = key(
        choices.OTHER_STACK,
        "Stage 2 stack that the app was promoted to: this stack forwards to it and runs no process"
        " of the app. `./stages promote` sets and removes it.",
        default=None,
        by_default="the app runs here, on PostgreSQL of the server itself",
        stages=(1,),
        elsewhere="stage 2 cannot be promoted",
    )
    subscribes: bool = key(
        SWITCH,
        "Lets the managed database connect to the app server, through which it replicates from"
        " stage 1 during a promotion. `./stages promote` sets and removes it.",
        default=False,
        stages=(2,),
        elsewhere="stage 1 has no managed database",
    )
    pool_mode: PoolMode = key(
        choices.POOL_MODE,
        "When PgBouncer takes a server connection back: after a `transaction`, after a `session`,"
        " or after each `statement`. With `statement` no transaction may span two statements, so"
        " Django, Rails, Spring and most libraries do not work. `DIRECT_DATABASE_URL` is always in"
        " session mode.",
        default="transaction",
    )
    pool_size: int | None = key(
        whole(1, 1000),
        "Number of server connections in the pool.",
        default=None,
        by_default="computed from the database's connection limit",
        unit="connections",
    )
    statement_timeout_s: int | None = key(
        whole(1, 86400),
        "How long a statement of the app may run before PostgreSQL cancels it. The limit does not"
        " apply to `DIRECT_DATABASE_URL`, and so not to migrations, unless the pool is in session"
        " mode too.",
        default=None,
        by_default="no limit",
        unit="s",
    )
