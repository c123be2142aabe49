"""Whether a server runs, asked of the machine and not of the host."""

from __future__ import annotations

from components.clouds.local.hosts import inventory
from components.clouds.local.hosts.nspawn import State


def server_state(server_id: str) -> State:
    """``gone`` when no host has this id any more, ``off`` when its files are there."""
    host = inventory.find(server_id)
    return host.state() if host else "gone"
