"""Maintenance: a file is the switch, and Nginx looks for it at each request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.host.agent import promotion_record
from components.host.agent.report import Failed

SWITCH = Path("/etc/nginx/stages-maintenance")
"""``components/host/nginx.py`` writes it into the site."""
LOCATIONS = Path("/etc/nginx/snippets/app-locations.conf")


def maintenance(document: dict[str, Any]) -> dict[str, object]:
    """Turn it on or off at once; what it was before does not matter."""
    if str(SWITCH) not in LOCATIONS.read_text():
        raise Failed("nginx", "does not know maintenance yet", "Bring the stack up first.")
    if document["on"]:
        promotion_record.refuse_moved()
        SWITCH.touch(mode=0o644)
    else:
        SWITCH.unlink(missing_ok=True)
    return {"since": since()}


def since() -> int | None:
    """Since when it is on, in seconds since 1970; ``None``: it is off."""
    try:
        return round(SWITCH.stat().st_mtime)
    except FileNotFoundError:
        return None
