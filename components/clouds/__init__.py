"""The clouds: one folder each. Only the chosen one is imported, so that its SDK alone is needed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import invalid

if TYPE_CHECKING:
    from components.seam.cloud import Cloud
    from components.settings import Settings


def names() -> tuple[str, ...]:
    """The clouds that exist: every folder here that is a package."""
    here = Path(__file__).parent
    return tuple(sorted(init.parent.name for init in here.glob("*/__init__.py")))


def load(name: str, settings: Settings) -> Cloud:
    """Import the cloud called ``name`` and make it for one stack.

    Every cloud's package has ``make(settings: Settings) -> Cloud``: the settings give it the
    region and the names for its tags. Raises ``UserError`` for an unknown name, with those that
    exist.
    """
    if name not in names():
        raise invalid("stages:cloud", f"one of {', '.join(names())}", name)
    from components.seam.cloud import Cloud  # late: prices and rules of costs need no Pulumi

    cloud = importlib.import_module(f"components.clouds.{name}").make(settings)
    if not isinstance(cloud, Cloud):
        raise TypeError(f"components.clouds.{name}.make should return a Cloud, got {cloud!r}")
    return cloud
