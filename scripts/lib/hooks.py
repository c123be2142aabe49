"""Finds what a cloud does on the operator's machine around a run (``seam/operations.py``)."""

from __future__ import annotations

import importlib
import importlib.util

from components.seam.operations import Operations


def load(cloud: str) -> Operations:
    """Return the hooks of a cloud; an unknown cloud has none (the program tells it)."""
    name = f"components.clouds.{cloud}.account.operations"
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        found = None
    if found is None:
        return Operations()
    own = importlib.import_module(name).OPERATIONS
    if not isinstance(own, Operations):
        raise TypeError(f"{name}.OPERATIONS should be Operations, got {own!r}")
    return own
