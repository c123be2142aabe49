"""How many server connections PgBouncer may open: arithmetic, checked when the stack is planned.

All aliases share one database, and the database's limit is hard: a connection too many is an
error in the app. So the sum of all that PgBouncer may open, and what a replacement needs for a
moment, has to fit into what the database has left for the app.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.errors import UserError, invalid

DIRECT = 4
"""Connections of the session alias, ``DIRECT_DATABASE_URL``: LISTEN, locks, commands by hand."""
RELEASE = 2
"""Connections that only the release command has: sessions that LISTEN cannot keep it waiting. Rails
takes two, one for its advisory lock."""

OVERLAP = 2
"""Kept free for a new server's readiness check: it opens two at most while the old one runs."""

BACKUPS = 1
"""For a dump of a managed database, or a copy that is filled (``dumps.py``). Where both go on, or a
table is fetched, the others are of those that are kept for a replacement."""

DEFAULT_POOL = 25
"""Measured: 20 serve 100 clients with think time and nobody waits; 20 to 30 is usual."""

SMALLEST_FULL_POOL = 20
DEFAULT_RESERVE = 5
SMALL_RESERVE = 3


@dataclass(frozen=True, kw_only=True)
class PoolSizes:
    """Server connections of the aliases."""

    pool: int
    """PgBouncer's ``default_pool_size``."""
    reserve: int
    """``reserve_pool_size``: opened when a client has waited for ``reserve_pool_timeout``."""

    direct: int = DIRECT
    """``pool_size`` of the alias ``app_direct``."""
    release: int = RELEASE
    """``pool_size`` of the alias ``app_release``."""

    @property
    def total(self) -> int:
        """The most server connections that PgBouncer opens."""
        return self.pool + self.reserve + self.direct + self.release


def pool_sizes(*, limit: int, reserved: int, wanted: int | None, backups: int = 0) -> PoolSizes:
    """Divide the ``limit`` connections of a database, ``reserved`` of which are not for the app.

    By default the pool is 25 where that fits with 5 in reserve, and less on a small database
    (12 + 2 where 22 are free and none goes to backups). ``wanted`` is
    ``stages:database.pool_size``; ``backups`` go without the pool.

    Raises ``UserError`` when the wanted pool, or any pool at all, does not fit.
    """
    taken = reserved + DIRECT + RELEASE + OVERLAP + backups
    room = limit - taken
    if room < 2:
        raise UserError(
            f"stages:database.plan: should be one with at least {taken + 2} connections, got one"
            f" with {limit}",
            "Choose a larger plan.",
        )
    if wanted is None:
        reserve = DEFAULT_RESERVE
        if room < SMALLEST_FULL_POOL + DEFAULT_RESERVE:
            reserve = max(1, min(SMALL_RESERVE, room // 5))
        return PoolSizes(pool=min(DEFAULT_POOL, room - reserve), reserve=reserve)
    most = room - 1
    if wanted < 1:
        raise invalid("stages:database.pool_size", "at least 1", wanted)
    if wanted > most:
        raise invalid(
            "stages:database.pool_size",
            f"at most {most} ({_sum(limit, reserved, backups)})",
            wanted,
            "Choose a smaller pool or a larger plan of the database.",
        )
    return PoolSizes(pool=wanted, reserve=min(DEFAULT_RESERVE, room - wanted))


def _sum(limit: int, reserved: int, backups: int) -> str:
    backed_up = f"{backups} to the backups, " if backups else ""
    return (
        f"the database allows {limit} connections, of which {reserved} are reserved, {DIRECT} go to"
        f" DIRECT_DATABASE_URL, {RELEASE} to the release command, {backed_up}{OVERLAP} are kept for"
        " a replacement and 1 for the reserve"
    )
