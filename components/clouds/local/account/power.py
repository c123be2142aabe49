"""Whether a server runs, asked of the machine and not of the host; how slow the machine is."""

from __future__ import annotations

from components.clouds.local.hosts import inventory, machine
from components.clouds.local.hosts.nspawn import State
from components.seam.power import Route


def server_state(server_id: str) -> State:
    """``gone`` when no host has this id any more, ``off`` when its files are there."""
    host = inventory.find(server_id)
    return host.state() if host else "gone"


def route(server_id: str, ssh_host: str) -> Route:
    """The recorded address, with the patience that this machine needs."""
    return Route(host=ssh_host, patience=machine.patience())
