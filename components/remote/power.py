"""Asks a server's cloud whether it runs and where it answers (``components/seam/power.py``)."""

from __future__ import annotations

from components.seam.power import Route, State
from components.seam.provider import load


def server_state(cloud: str, server_id: str) -> State:
    """``gone``: the cloud does not know it any more. Anything it cannot tell is ``running``."""
    return load(cloud).power.server_state(server_id)


def route(cloud: str, server_id: str, ssh_host: str) -> Route:
    """The way to a server; scripts take its id and address from the stack's outputs."""
    return load(cloud).power.route(server_id, ssh_host)
