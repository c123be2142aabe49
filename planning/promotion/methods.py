"""How the database goes over: by replication, or by dump where that cannot be."""

from __future__ import annotations

from typing import NamedTuple

from components.host.agent.promotion_record import DUMP, LOGICAL, LONGEST_STALL_S, STALL_S
from planning.promotion.facts import Side

DUMP_BYTES_S = 20 * 1024**2
"""Of dump and restore with two sessions: cautious, 329 MB took 9.2 s on two cores."""


class Method(NamedTuple):
    name: str
    """``logical`` or ``dump``."""
    reason: str
    stall_s: float
    """The longest that clients may wait."""

    @property
    def by_dump(self) -> bool:
        return self.name == DUMP


def choose(old: Side, new: Side, wanted: str | None = None, stall_s: float | None = None) -> Method:
    """``wanted``, or by replication unless that cannot be and clients can wait for a dump."""
    name, reason = (wanted, f"--way {wanted}") if wanted else _fitting(old, new, stall_s)
    return Method(name, reason, stall_s or STALL_S[name])


def _fitting(old: Side, new: Side, stall_s: float | None) -> tuple[str, str]:
    if not (why := not_replicated(old, new)):
        return LOGICAL, "every table can be replicated"
    waits_s, longest_s = dump_s(old), stall_s or STALL_S[DUMP]
    if waits_s > longest_s:
        return (
            LOGICAL,
            f"a dump would take {waits_s:.0f} s, but clients may wait only {longest_s:g} s",
        )
    return DUMP, f"{why}; a dump takes about {waits_s:.0f} s"


def not_replicated(old: Side, new: Side) -> str:
    """Why replication cannot take the database over as it is; empty: it can."""
    if new.no_subscription:
        return "the new database's admin cannot create a subscription"
    unfit = old.database.not_followed
    more = f" and {len(unfit) - 1} more" if len(unfit) > 1 else ""
    return f"replication cannot copy {unfit[0]}{more}" if unfit else ""


def or_dump(old: Side) -> str:
    """The other method, for a remedy, where it is possible."""
    waits_s = dump_s(old)
    if waits_s > LONGEST_STALL_S:
        return ""
    limit = "" if waits_s <= STALL_S[DUMP] else f" --stall-limit-s {LONGEST_STALL_S}"
    return f"; or choose --way dump{limit}"


def dump_s(old: Side) -> float:
    """How long a dump and its restore take, about."""
    return old.database.size_bytes / DUMP_BYTES_S + 2
