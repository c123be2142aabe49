"""How the memory of one host is shared between what runs on it.

The shares add up to the whole, so no service's limit rests on another one being idle. They are
this project's own choice; what each service makes of its share is documented where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.errors import invalid

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


def shares(memory_mib: int, *, database_here: bool, queue_mib: int | None = None) -> MemoryShares:
    """Share ``memory_mib``; what is not named is for the system, PgBouncer and Nginx.

    ``queue_mib`` is ``stages:queue.memory_mib``. The queue then takes twice that, and web processes
    and workers share what it leaves.

    Raises ``UserError`` when it would leave them less than half.
    """
    percent = SINGLE_SERVER if database_here else APP_HOST
    part = {name: memory_mib * share // 100 for name, share in percent.items()}
    if queue_mib is not None:
        app = part["web"] + part["worker"]
        left = app + part["valkey"] - 2 * queue_mib
        most = (app + part["valkey"]) // 4
        if queue_mib > most:
            raise invalid(
                "stages:queue.memory_mib",
                f"at most {most} on a server with {memory_mib} MiB, where the queue takes twice"
                " that and leaves web processes and workers as much",
                queue_mib,
                "Choose less, or a larger stages:server.plan.",
            )
        part["web"], part["worker"] = left * part["web"] // app, left * part["worker"] // app
        part["valkey"] = 2 * queue_mib
    return MemoryShares(
        web_mib=part["web"],
        worker_mib=part["worker"],
        database_mib=part["database"],
        valkey_mib=part["valkey"],
    )
