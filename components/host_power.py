"""Whether a server runs, asked of its cloud and not of the server.

A host that does not answer may be cut off, busy, or gone; only the cloud knows which. Each cloud's
folder has ``power.py`` with ``server_state(server_id: str) -> State``.
"""

from __future__ import annotations

import importlib
from typing import Literal

State = Literal["running", "off", "gone"]


def server_state(cloud: str, server_id: str) -> State:
    """``gone``: the cloud does not know it any more. Anything it cannot tell is ``running``."""
    state: State = importlib.import_module(f"components.clouds.{cloud}.power").server_state(
        server_id
    )
    return state
