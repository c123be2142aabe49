"""What is on the host now: hashes, modes and states, never content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.host.agent import release, units
from components.host.agent.files import look
from components.host.agent.system import missing_packages


def observe(document: dict[str, Any]) -> dict[str, object]:
    """Look at everything that the document names."""
    app = document["app"]
    names = [service["unit"] for service in document["services"]]
    return {
        "files": {path: look(Path(path)) for path in document["paths"]},
        "units": {unit: _state(unit) for unit in (*names, *app["web_units"], *app["worker_units"])},
        "release": release.active(),
        "missing_packages": missing_packages(document["packages"]),
    }


def _state(unit: str) -> str:
    status = units.state(unit)
    return "skipped" if units.is_skipped(status) else status.get("ActiveState", "unknown")
