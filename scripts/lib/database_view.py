"""What ``db info`` says, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.errors import StepFailed
from components.visible import visible

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def lines(stack: str, told: Mapping[str, Any]) -> list[str]:
    """Read the server's answer, of which the app wrote parts; raises ``UserError`` for nonsense."""
    try:
        return [" ".join(visible(line).split("\n")) for line in _lines(stack, told)]
    except (LookupError, TypeError, ValueError, AttributeError):
        raise StepFailed("The server's answer is none of this program's") from None


def _lines(stack: str, told: Mapping[str, Any]) -> list[str]:
    found = told["database"]
    said = [
        f"{stack}: PostgreSQL {found['version']}, {size(found['size_bytes'])}",
        f"  connections: {found['connections']} of {found['max_connections']},"
        f" {found['active']} at work, {found['idle_in_transaction']} idle in a transaction",
    ]
    said += [
        f"  pool {one['database']}: clients {one['cl_active']}, waiting {one['cl_waiting']}"
        f" (longest {one['maxwait']} s), server connections {one['sv_active']} at work,"
        f" {one['sv_idle']} idle"
        for one in told["pools"]
    ]
    said += [f"  table {one['name']}: {size(one['size_bytes'])}" for one in found["tables"]]
    said += [
        f"  waits for a lock: process {one['pid']} since {one['seconds']} s, blocked by "
        f"{', '.join(map(str, one['blocked_by']))}: {one['query']}"
        for one in found["waiting"]
    ]
    if not found["waiting"]:
        said.append("  no one waits for a lock")
    said += [
        f"  runs: process {one['pid']} since {one['seconds']} s: {one['query']}"
        for one in found["running"]
    ]
    if told["slow"] is None:
        return [*said, "  slow queries: the cloud's own console has those of a managed database"]
    return said + [
        f"  query: {one['total_ms']} ms in {one['calls']} calls, {one['mean_ms']} ms each: "
        f"{one['query']}"
        for one in told["slow"]
    ]


def size(count: object) -> str:
    """``7.4 MiB``."""
    left, unit = float(str(count)), 0
    while left >= 1024 and unit < len(UNITS) - 1:
        left, unit = left / 1024, unit + 1
    return f"{left:.1f} {UNITS[unit]}" if unit else f"{left:.0f} B"
