"""What only its cloud knows of a server: whether it runs, and where it answers now.

A host that does not answer may be cut off, busy, or gone; only the cloud knows which.
``components/remote/power.py`` asks the cloud of a server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

State = Literal["running", "off", "gone"]


@dataclass(frozen=True, kw_only=True)
class Route:
    """The way to a server."""

    host: str
    proxy_command: str = ""
    """A command of the operator's machine that ssh talks through; empty: none."""
    patience: float = 1.0
    """How many times longer than usual the server may take: every wait for it is as much longer."""


class Power(Protocol):
    """What a cloud's ``account/power.py`` has."""

    def server_state(self, server_id: str) -> State:
        """``gone``: the cloud does not know it any more. Anything it cannot tell is ``running``."""

    def route(self, server_id: str, ssh_host: str) -> Route:
        """Where a server answers now. ``ssh_host`` was recorded when it was created: it is the
        answer where an address never changes and no tunnel leads there."""
