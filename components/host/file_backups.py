"""Backups of stage 1's files: uploads (``STORAGE_DIR``) and certificates, beside its database's.

restic of Debian: encrypted on the server, and only what changed goes over the line, to the bucket
of the database's backups, with the same key and passphrase. It runs as root, because the files are
the app's and root's, with one right of root's: to read. It writes its own state and cache alone.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from urllib.parse import urlsplit

from components.host.backups import CA_FILE, SLICE, Bucket
from components.host.model import HostFile, Part, Service
from components.host.rendering import render

PROGRAM = "/usr/local/lib/stages/file-backups"
UNIT = "file-backups.service"
TIMER = "file-backups.timer"
STATE = "stages-file-backups"
RECORD = f"/var/lib/{STATE}/good"
"""Made anew by each run that went well; anyone may look at its age."""
ENVIRONMENT = "/etc/stages/file-backups.env"

SHUTDOWN = (f"systemctl stop {TIMER} {UNIT}",)
"""Before the data volume is unmounted."""

_UNITS = "/etc/systemd/system"


def file_backups(*, folders: tuple[str, ...], mount: str, hour: int, keep_days: int) -> Part:
    """Return program, unit and timer; ``environment`` has what they need to know."""
    unit, timer = f"{_UNITS}/{UNIT}", f"{_UNITS}/{TIMER}"
    return Part(
        packages=("restic",),
        files=(
            HostFile(
                path=PROGRAM,
                content=render(
                    "backups/file-backups.sh.j2",
                    environment=ENVIRONMENT,
                    folders=shlex.join(folders),
                    good=RECORD,
                    hour=f"{hour:02}",
                    keep_days=keep_days,
                ),
                mode="0755",
            ),
            HostFile(
                path=unit,
                content=render(
                    "backups/file-backups.service.j2",
                    mount=mount,
                    program=PROGRAM,
                    state=STATE,
                    slice=SLICE,
                ),
            ),
            HostFile(
                path=timer,
                content=render(
                    "backups/backups.timer.j2",
                    description="The backup of uploads and certificates that is due",
                    when=("OnActiveSec=2min", "OnCalendar=hourly"),
                ),
            ),
        ),
        services=(Service(unit=TIMER, restart_on=(timer,)),),
    )


def environment(bucket: Bucket, *, path: str, passphrase: str) -> HostFile:
    """What restic reads: the bucket, its key and the passphrase. Secret."""
    content = exports(variables(bucket, path=path, passphrase=passphrase))
    return HostFile(path=ENVIRONMENT, content=content, mode="0600")


def variables(bucket: Bucket, *, path: str, passphrase: str) -> dict[str, str]:
    """restic's own variables, by which it finds the bucket and opens it. Secret."""
    where = urlsplit(bucket.endpoint)
    return {
        "RESTIC_REPOSITORY": f"s3:https://{where.netloc}/{bucket.name}/{path}",
        "RESTIC_PASSWORD": passphrase,
        "AWS_ACCESS_KEY_ID": bucket.key_id,
        "AWS_SECRET_ACCESS_KEY": bucket.secret,
        "AWS_DEFAULT_REGION": bucket.region,
        **({"RESTIC_CACERT": CA_FILE} if bucket.ca_pem else {}),
    }


def exports(values: Mapping[str, str]) -> str:
    """Lines for a shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
