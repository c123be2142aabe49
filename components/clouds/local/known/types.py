"""What is known of this cloud's types, one row a type (``components/seam/known.py``).

Their own providers read here what replaces them. All run on the operator's machine: they cost
nothing.
"""

from __future__ import annotations

from typing import Any, Final

from components.clouds.local.known import downtime, facts
from components.clouds.local.known.names import (
    ADDRESS,
    ATTACHMENT,
    AUTHORITY,
    BUCKET,
    DATABASE,
    FOLLOWER,
    NETWORK,
    PREFIX,
    SERVER,
    SSH_KEY,
    VOLUME,
)
from components.seam.known import Known, free


def _row(
    *replaces: str, updates: tuple[str, ...] = (), old_first: bool = True, **more: Any
) -> Known:
    return Known(replaces=replaces, updates=updates, old_first=old_first, cost=free, **more)


_ONE = ("stack", "name")
_ON_A_VOLUME = (*_ONE, "network_id", "volume_id", "device")
_OF_A_DATABASE = (
    *("plan", "memory_mib", "connections", "reserved", "storage_gib"),
    *("admin_password", "ca_pem", "replication_password"),
)

KNOWN: Final[dict[str, Known]] = {
    ADDRESS: _row("network_id", updates=("server_id", "moves"), holds="address"),
    ATTACHMENT: _row("server_id", "volume_id", "device"),
    AUTHORITY: _row(*_ONE),
    BUCKET: _row(
        *_ON_A_VOLUME, updates=("days", "locked", "secret_access_key", "ca_pem", "program")
    ),
    DATABASE: _row(
        *_ON_A_VOLUME,
        "version",
        updates=_OF_A_DATABASE,
        downtime=downtime.database,
        facts=facts.database,
    ),
    FOLLOWER: _row(
        *_ON_A_VOLUME,
        *("version", "database", "kind"),
        updates=_OF_A_DATABASE,
        facts=facts.database,
    ),
    NETWORK: _row("stack", "cidr"),
    SERVER: _row(
        *(*_ONE, "network_id", "generation"),
        updates=("plan", "memory_mib"),
        old_first=False,  # the resource's option decides
        downtime=downtime.server,
        facts=facts.server,
    ),
    SSH_KEY: _row(*_ONE),
    VOLUME: _row(
        *_ONE, updates=("size_gib",), holds="data", downtime=downtime.volume, facts=facts.volume
    ),
    f"{PREFIX}*": Known(cost=free),
}
