"""Backups of stage 1: pgBackRest, from the server's PostgreSQL to a bucket outside it, encrypted.

WAL goes there as it is written (every 60 s at most), a full backup once a week and a differential
one every other night. Once a week the newest is restored into a scratch cluster and read whole.
Everything runs as ``postgres``: root neither reads nor writes what postgres can. The program is in
``files/backups``; its timers look every hour for what is due, so a night without bucket is made
good. It never writes to the running database. Stage 2 has the same program and units
(``dumps.py``), with another way to make a backup and a copy.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from components.host.agent import admin_sql, promotion_record
from components.host.agent.sandbox import SANDBOX
from components.host.model import Directory, HostFile, Part, Service
from components.host.rendering import plain, render

STATE = "/var/lib/stages-backups"
LIBRARY = "/usr/local/lib/stages/python"
PROGRAM = "/usr/local/lib/stages/backups"
ARCHIVE = "/usr/local/lib/stages/pgbackrest-push"
CONFIG = "/etc/stages/backups.json"
PGBACKREST = "/etc/pgbackrest/pgbackrest.conf"
CA_FILE = "/etc/pgbackrest/bucket-ca.pem"
SWITCH = "/usr/local/lib/stages/switch-database"
FOLDERS = "database-copies.service"
RESTORE = "/usr/local/lib/stages/restore-database"
RESTORE_UNIT = "restore-database.service"
RESTORE_FROM = "/etc/stages/restore-from"
PUSH_S = 60
"""A stop of PostgreSQL waits for the file that is under way."""
STOPPING_PUSH_S = 10
"""And for those that are left: less, for it tries each three times, and all of them twice."""
ARCHIVED_S = 60
"""How long a switch waits for the bucket to have all WAL, while the database is still in use."""
MOST_WAITING = 0.2
LEAST_FREE = 0.1
"""WAL is given up when what waits takes a fifth of the volume, or a tenth of it is all that is
left."""

SHUTDOWN = (
    "systemctl stop backups.timer backups-verify.timer backups.service backups-verify.service",
)
"""Before the data volume is unmounted: a run would keep it busy, or mount it again."""

_UNITS = "/etc/systemd/system"
_MODULES = (
    "main.py",
    "cluster.py",
    "copies.py",
    "dumps.py",
    "record.py",
    "repository.py",
    "restic.py",
    "tables.py",
    "way.py",
)

SLICE = "backups.slice"
"""Of every run. Beside ``system.slice``, and not in it: else a run stands among the slices with the
database's own weight, and a page waits out its time slice (3 ms) wherever it needs a processor."""

HARDENING = (
    f"Slice={SLICE}",
    *SANDBOX,
    "TimeoutStartSec=12h",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "ProtectHostname=yes",
    "ProtectKernelTunables=yes",
    "ProtectControlGroups=yes",
    "ProtectProc=invisible",
    # The same user's shared memory is the running server's.
    "RemoveIPC=no",
)
"""Of every run (``hardening``)."""

USER = "backups"
"""Whose the runs of stage 2 are; those of stage 1 are the database's own user's."""
STATE_AS_OWNER = f'runuser -u "$(stat -c %U {STATE})" -- {PROGRAM} state'
"""Shell command for root, in either stage: how the backups are."""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """Where the backups go. ``secret`` is one."""

    endpoint: str
    """``https://host`` or ``https://host:port``."""
    name: str
    region: str
    key_id: str
    secret: str
    ca_pem: str = ""
    """Who signed the certificate of the endpoint; empty: a public authority."""


def copies(mount: str) -> str:
    """The folder of copies on the data volume: root's, with one of postgres' for each."""
    return f"{mount}/copies"


def places(mount: str) -> tuple[str, str]:
    """Where a copy may be: on the server's own disk, on the data volume."""
    return f"{STATE}/copy", f"{copies(mount)}/verify"


def hardening(mount: str | None) -> tuple[str, ...]:
    """Limits of every run: the timers' units have them, and those of an operator's commands.

    ``mount`` is where the data volume is; ``None``: the database is on no volume of this host's.
    """
    user = "postgres" if mount else USER
    places = f"{STATE} -{copies(mount)}" if mount else STATE
    return (f"User={user}", f"Group={user}", *HARDENING, f"ReadWritePaths={places}")


def backups(*, version: int, mount: str, volume_gib: int, hour: int) -> Part:
    """Return programs, units and timers of a host whose PostgreSQL is on the volume at ``mount``.

    ``files`` has what they need to know. ``hour`` is that of the nightly backup, in UTC.
    """
    folder = f"{mount}/postgresql/{version}/main"
    binaries = f"/usr/lib/postgresql/{version}/bin"
    config = {
        "way": "cluster",
        "hour": hour,
        "folder": folder,
        "binaries": binaries,
        "client": admin_sql.client(f"{binaries}/psql"),
        "verify_places": places(mount),
        "restore_place": f"{copies(mount)}/restore",
    }
    made = program(config, mount=mount, version=version)
    folders = f"{_UNITS}/{FOLDERS}"
    return Part(
        packages=("pgbackrest",),
        directories=(
            Directory(path="/etc/pgbackrest", mode="0750", group="postgres"),
            *(_own(path) for path in (f"{STATE}/copy", f"{STATE}/lock")),
            *made.directories,
        ),
        files=(
            *made.files,
            *(
                HostFile(path=f"/etc/stages/{name}", content=plain(f"backups/{name}"))
                for name in ("copy.conf", "copy-hba.conf", "copy-ident.conf")
            ),
            HostFile(
                path=folders,
                content=render(
                    "backups/database-copies.service.j2", mount=mount, folder=copies(mount)
                ),
            ),
            _archive_script(volume_gib),
            HostFile(
                path=SWITCH,
                content=render(
                    "backups/switch-database.sh.j2",
                    copies=copies(mount),
                    folder=folder,
                    version=version,
                    mount=mount,
                    binaries=binaries,
                    promotion=promotion_record.FILE,
                    psql=shlex.join(admin_sql.psql(f"{binaries}/psql")),
                    archived_s=ARCHIVED_S,
                ),
                mode="0755",
            ),
        ),
        services=(Service(unit=FOLDERS, restart_on=(folders,)), *made.services),
    )


def program(
    config: Mapping[str, Any],
    *,
    mount: str | None = None,
    version: int | None = None,
    environment: str = "",
) -> Part:
    """Return the program with its timers, for either stage.

    ``environment``: a file that it reads first. ``mount``, ``version``: of stage 1's PostgreSQL.
    """
    hour = int(config["hour"])
    timers = {
        "backups": ("due", "The backup that is due", ("OnActiveSec=1min", "OnCalendar=hourly")),
        "backups-verify": (
            "verify",
            "Restore the newest backup on trial, once a week",
            (f"OnCalendar=Sun *-*-* {(hour + 1) % 24:02}:30", "Persistent=yes"),
        ),
    }
    units: list[HostFile] = []
    for name, (command, description, when) in timers.items():
        service = render(
            "backups/backups.service.j2",
            description=description,
            mount=mount,
            version=version,
            program=PROGRAM,
            command=command,
            hardening=hardening(mount),
        )
        timer = render("backups/backups.timer.j2", description=description, when=when)
        units += [
            HostFile(path=f"{_UNITS}/{name}.service", content=service),
            HostFile(path=f"{_UNITS}/{name}.timer", content=timer),
        ]
    return Part(
        directories=(_own(STATE, user="postgres" if mount else USER),),
        files=(
            HostFile(path=CONFIG, content=json.dumps(config, indent=2) + "\n"),
            HostFile(
                path=PROGRAM,
                content=render("backups/backups.sh.j2", library=LIBRARY, environment=environment),
                mode="0755",
            ),
            *(
                HostFile(
                    path=f"{LIBRARY}/components/host/files/backups/{name}",
                    content=plain(f"backups/{name}"),
                )
                for name in _MODULES
            ),
            HostFile(path=f"{_UNITS}/{SLICE}", content=plain(f"backups/{SLICE}")),
            *units,
        ),
        services=tuple(
            Service(unit=f"{name}.timer", restart_on=(f"{_UNITS}/{name}.timer",)) for name in timers
        ),
    )


def restored(words: str, *, version: int, mount: str) -> Part:
    """Have an empty data volume filled from the bucket before PostgreSQL starts.

    ``words``: ``latest``, ``at TIME`` or the id of a backup. Comes before ``postgres.postgres``.
    """
    unit = f"{_UNITS}/{RESTORE_UNIT}"
    return Part(
        files=(
            HostFile(path=RESTORE_FROM, content=f"{words}\n"),
            HostFile(
                path=RESTORE,
                content=render(
                    "backups/restore-database.sh.j2",
                    folder=f"{mount}/postgresql/{version}/main",
                    wanted=RESTORE_FROM,
                    mount=mount,
                    version=version,
                    program=PROGRAM,
                    binaries=f"/usr/lib/postgresql/{version}/bin",
                ),
                mode="0755",
            ),
            HostFile(
                path=unit,
                content=render("backups/restore-database.service.j2", mount=mount, restore=RESTORE),
            ),
        ),
        services=(Service(unit=RESTORE_UNIT, restart_on=(RESTORE_FROM, unit)),),
    )


def _archive_script(volume_gib: int) -> HostFile:
    """PostgreSQL's archive command (``postgres.postgres``)."""
    content = render(
        "backups/pgbackrest-push.sh.j2",
        state=STATE,
        gap="gap",
        push_s=PUSH_S,
        stopping_push_s=STOPPING_PUSH_S,
        most_mib=round(volume_gib * 1024 * MOST_WAITING),
        least_mib=round(volume_gib * 1024 * LEAST_FREE),
    )
    return HostFile(path=ARCHIVE, content=content, mode="0755")


def files(
    bucket: Bucket, *, version: int, mount: str, path: str, passphrase: str, keep_days: int
) -> Sequence[HostFile]:
    """Return what pgBackRest reads: the bucket, its key and the passphrase. Secret."""
    where = urlsplit(bucket.endpoint)
    conf = render(
        "backups/pgbackrest.conf.j2",
        bucket={**bucket.__dict__, "endpoint": where.hostname, "port": where.port or 443},
        path=path,
        passphrase=passphrase,
        keep_days=keep_days,
        ca_file=CA_FILE,
        state=STATE,
        folder=f"{mount}/postgresql/{version}/main",
    )
    made = [HostFile(path=PGBACKREST, content=conf, mode="0640", group="postgres")]
    if bucket.ca_pem:
        made.append(HostFile(path=CA_FILE, content=bucket.ca_pem.strip() + "\n"))
    return made


def _own(path: str, user: str = "postgres") -> Directory:
    return Directory(path=path, mode="0700", owner=user, group=user)
