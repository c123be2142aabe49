"""What ``db info`` says, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.errors import StepFailed
from components.visible import in_one_line

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def lines(stack: str, answer: Mapping[str, Any]) -> list[str]:
    """Read the server's answer, of which the app wrote parts; raises ``UserError`` for nonsense."""
    try:
        return _lines(stack, in_one_line(answer))
    except (LookupError, TypeError, ValueError, AttributeError):
        raise StepFailed("The server returned an unexpected response") from None


def _lines(stack: str, answer: Mapping[str, Any]) -> list[str]:
    database = answer["database"]
    lines = [
        f"{stack}: PostgreSQL {database['version']}, {size(database['size_bytes'])}",
        f"  connections: {database['connections']} of {database['max_connections']},"
        f" {database['active']} at work, {database['idle_in_transaction']} idle in a transaction",
    ]
    lines += [
        f"  pool {pool['database']}: clients {pool['cl_active']}, waiting {pool['cl_waiting']}"
        f" (longest {pool['maxwait']} s), server connections {pool['sv_active']} at work,"
        f" {pool['sv_idle']} idle"
        for pool in answer["pools"]
    ]
    lines += [
        f"  table {table['name']}: {size(table['size_bytes'])}" for table in database["tables"]
    ]
    lines += [
        f"  waits for a lock: process {query['pid']} since {query['seconds']} s, blocked by "
        f"{', '.join(map(str, query['blocked_by']))}: {query['query']}"
        for query in database["waiting"]
    ]
    if not database["waiting"]:
        lines.append("  no one waits for a lock")
    lines += [
        f"  runs: process {query['pid']} since {query['seconds']} s: {query['query']}"
        for query in database["running"]
    ]
    if answer["slow"] is None:
        return [*lines, "  slow queries: the cloud's own console has those of a managed database"]
    return lines + [
        f"  query: {query['total_ms']} ms in {query['calls']} calls, {query['mean_ms']} ms each: "
        f"{query['query']}"
        for query in answer["slow"]
    ]


def size(count: object) -> str:
    """``7.4 MiB``."""
    number, unit = float(str(count)), 0
    while number >= 1024 and unit < len(UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.1f} {UNITS[unit]}" if unit else f"{number:.0f} B"
