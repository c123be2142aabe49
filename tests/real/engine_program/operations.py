"""The hooks of the tests' cloud: nothing is asked, nothing is made."""

from __future__ import annotations

from pathlib import Path

from components.seam.operations import Operations
from components.settings import Settings

STOPPED = Path(".stages/stopped")
"""In the checkout: what the cloud says of hosts that are down, a line each."""


def stopped(settings: Settings) -> list[str]:
    return STOPPED.read_text().splitlines() if STOPPED.exists() else []


OPERATIONS = Operations(asks=False, stopped=stopped)
