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
    answer = server.perform({"mode": "health", "more": ""}, say)
    return rows(server.app_units, answer.get("units"))


def rows(units: Sequence[str], states: object) -> list[dict[str, Any]]:
    """What the server's ``health`` says of the app's units."""
    if not isinstance(states, Mapping):
        raise StepFailed("The server returned an unexpected response")
    every = [(unit, states.get(unit)) for unit in units]
    return [
        {
            "process": process_name(unit),
            "unit": unit,
            "state": str(state.get("state", "unknown")),
            "up_s": _number(state.get("up_s")),
            "restarts": _number(state.get("restarts")) or 0,
            "memory_mib": _number(state.get("memory_mib")) or 0,
        }
        for unit, state in every
        if isinstance(state, Mapping) and state.get("state") != "skipped"
    ]


def table(processes: Sequence[Mapping[str, Any]]) -> list[str]:
    """The same in columns."""
    lines = [
        HEAD,
        *(
            (
                short_name(str(process["unit"])),
                str(process["state"]),
                "-" if process["up_s"] is None else duration(process["up_s"]),
                str(process["restarts"]),
                f"{process['memory_mib']} MiB",
            )
            for process in processes
        ),
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return [
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
