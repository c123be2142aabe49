"""What only its cloud knows of a server: whether it runs, and where it answers now.

A host that does not answer may be cut off, busy, or gone; only the cloud knows which. Each cloud's
folder has ``power.py`` with ``server_state(server_id: str) -> State``. Where a server's address
changes during its life, or the way to it is a tunnel, it also has
``route(server_id: str, ssh_host: str) -> Route``.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Literal

State = Literal["running", "off", "gone"]


@dataclass(frozen=True, kw_only=True)
class Route:
    """The way to a server."""

    host: str
    proxy_command: str = ""
    """A command of the operator's machine that ssh talks through; empty: none."""
    patience: float = 1.0
    """How many times longer than usual the server may take: every wait for it is as much longer."""


def server_state(cloud: str, server_id: str) -> State:
    """``gone``: the cloud does not know it any more. Anything it cannot tell is ``running``."""
    state: State = importlib.import_module(f"components.clouds.{cloud}.account.power").server_state(
        server_id
    )
    return state


def route(cloud: str, server_id: str, ssh_host: str) -> Route:
    """Where a server answers now: ``ssh_host``, recorded at its birth, where its cloud has no say.

    Scripts that log in take the server's id and address from the stack's outputs.
    """
    name = f"components.clouds.{cloud}.account.power"
    if importlib.util.find_spec(name) is not None:
        ask = getattr(importlib.import_module(name), "route", None)
        if ask is not None:
            found: Route = ask(server_id, ssh_host)
            return found
    return Route(host=ssh_host)
