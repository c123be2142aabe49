"""Valkey: the queue of the worker (Celery, Sidekiq), on 127.0.0.1 only, with a password.

A queue must not lose jobs to make room: when the memory is full, new jobs are refused
(``noeviction``). What was accepted survives a restart of the service but for the last second. With
a data volume it survives the server too; without one the next server takes it over
(``components/resources/queue_handover.py``).
"""

from __future__ import annotations

from components.host.model import Directory, HostFile, Part, Service
from components.host.rendering import plain, render

CONF = "/etc/valkey/app.conf"
"""A file of its own: the package's ``valkey.conf`` stays as it came."""
PASSWORD = "/etc/valkey/password.conf"  # noqa: S105 - a path
CLI = "/usr/local/lib/stages/valkey-cli"
"""``valkey-cli`` with the password, for root."""
UNIT = "valkey-server.service"
DROP_IN = f"/etc/systemd/system/{UNIT}.d/50-stages.conf"
STATE = "/var/lib/valkey"
MOUNT_UNIT = "var-lib-valkey.mount"
_UNITS = "/etc/systemd/system"
PORT = 6379

DRAINED = (
    f'test "$({CLI} scan 0 type list count 1000000000)" = 0 && test "$({CLI} exists unacked)" = 0'
)
"""Shell command that succeeds when no job waits: Celery, Sidekiq, Resque and BullMQ keep waiting
jobs in lists, Celery those that a worker holds back in the hash ``unacked``. Jobs that are planned
for later are asked for apart (``refuse_planned``)."""


WHERE = {"port": str(PORT), "password_file": PASSWORD}
"""How root on the host reaches the queue (``components/host/agent/queue.py``)."""


def url(password: str) -> str:
    """``REDIS_URL``: the form that every client reads."""
    return f"redis://:{password}@127.0.0.1:{PORT}/0"


def password_file(password: str) -> HostFile:
    """What Valkey reads the password from. It is beside the part, for it is secret.

    ``password`` should be of the URL-safe alphabet.
    """
    content = f"requirepass {password}\n"
    return HostFile(path=PASSWORD, content=content, mode="0640", group="valkey")


def valkey(*, memory_mib: int, mount: str | None = None) -> Part:
    """Return the queue with ``memory_mib`` for data and for the rewrite of its log together.

    A rewrite forks and may for a moment double the memory, so half of it is for data. ``mount`` is
    where the data volume is mounted, which then holds the jobs; ``None``: the server's own disk.
    """
    conf = render(
        "valkey/app.conf.j2", port=PORT, password=PASSWORD, data_mib=max(16, memory_mib // 2)
    )
    cli = render("valkey/valkey-cli.sh.j2", port=PORT, password=PASSWORD)
    on_volume = _on_volume(mount) if mount else ()
    mounted = (Service(unit=MOUNT_UNIT),) if mount else ()
    return Part(
        packages=("valkey-server", "valkey-tools"),
        # Root's, unlike the package's: Valkey could put links where root writes.
        directories=(Directory(path="/etc/valkey", mode="0750", group="valkey"),),
        files=(
            HostFile(path=CONF, content=conf, mode="0640", group="valkey"),
            HostFile(path=CLI, content=cli, mode="0755"),
            HostFile(path=DROP_IN, content=plain("valkey/valkey-server.service.conf")),
            *on_volume,
        ),
        services=(
            *mounted,
            Service(
                unit=UNIT,
                restart_on=(CONF, PASSWORD, DROP_IN, *(file.path for file in on_volume)),
                ready=f"{CLI} ping | grep -qx PONG",
            ),
        ),
    )


def shutdown() -> tuple[str, ...]:
    """Commands before the data volume may be unmounted."""
    return (f"systemctl stop {UNIT}", f"systemctl stop {MOUNT_UNIT}")


def _on_volume(mount: str) -> tuple[HostFile, ...]:
    """Units that put the queue's folder onto the data volume."""
    names: dict[str, object] = {"mount": mount, "folder": f"{mount}/valkey", "state": STATE}
    paths = {
        f"{_UNITS}/valkey-data.service": "valkey-data.service.j2",
        f"{_UNITS}/{MOUNT_UNIT}": f"{MOUNT_UNIT}.j2",
        f"{_UNITS}/{UNIT}.d/60-volume.conf": "volume.conf.j2",
    }
    return tuple(
        HostFile(path=path, content=render(f"valkey/{source}", **names))
        for path, source in paths.items()
    )
