"""How the memory of one host is shared between what runs on it.

The shares add up to the whole, so no service's limit rests on another one being idle. They are
this project's own choice; what each service makes of its share is documented where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass

SINGLE_SERVER = {"web": 35, "worker": 20, "database": 30, "valkey": 5, "system": 10}
"""Per cent of the host's memory in stage 1, where PostgreSQL is on the app's host."""

APP_HOST = {"web": 50, "worker": 30, "database": 0, "valkey": 10, "system": 10}
"""Per cent of the host's memory in stage 2, where the database has a host of its own."""


@dataclass(frozen=True, kw_only=True)
class MemoryShares:
    """MiB that each part of a host may use."""

    web_mib: int
    """All web processes together."""
    worker_mib: int
    database_mib: int
    """PostgreSQL with the part of the page cache that it can count on; 0 without it."""
    valkey_mib: int
    """The queue with what a rewrite of its log takes on top (up to as much again)."""


def shares(memory_mib: int, *, database_here: bool) -> MemoryShares:
    """Share ``memory_mib``; what is not named is for the system, PgBouncer and Nginx."""
    table = SINGLE_SERVER if database_here else APP_HOST
    return MemoryShares(
        web_mib=memory_mib * table["web"] // 100,
        worker_mib=memory_mib * table["worker"] // 100,
        database_mib=memory_mib * table["database"] // 100,
        valkey_mib=memory_mib * table["valkey"] // 100,
    )
