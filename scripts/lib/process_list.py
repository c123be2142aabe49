"""The app's processes as they are now, for people and for machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from components.errors import StepFailed
from scripts.lib.app_server import AppServer
from scripts.lib.execute import duration
from scripts.lib.process_names import process_name, short_name

HEAD = ("PROCESS", "STATE", "UP", "RESTARTS", "MEMORY")


def look(server: AppServer, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Ask the server about each of them; one that its release does not have is left out."""
    found = server.perform({"mode": "health", "more": ""}, say)
    return rows(server.app_units, found.get("units"))


def rows(units: Sequence[str], told: object) -> list[dict[str, Any]]:
    """What the server's ``health`` says of the app's units."""
    if not isinstance(told, Mapping):
        raise StepFailed("The server's answer is none of this program's")
    every = [(unit, told.get(unit)) for unit in units]
    return [
        {
            "process": process_name(unit),
            "unit": unit,
            "state": str(one.get("state", "unknown")),
            "up_s": _number(one.get("up_s")),
            "restarts": _number(one.get("restarts")) or 0,
            "memory_mib": _number(one.get("memory_mib")) or 0,
        }
        for unit, one in every
        if isinstance(one, Mapping) and one.get("state") != "skipped"
    ]


def table(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """The same in columns."""
    lines = [
        HEAD,
        *(
            (
                short_name(str(one["unit"])),
                str(one["state"]),
                "-" if one["up_s"] is None else duration(one["up_s"]),
                str(one["restarts"]),
                f"{one['memory_mib']} MiB",
            )
            for one in found
        ),
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return [
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
