"""What is known of a type of resource before anything is changed.

Each cloud's ``kinds.py`` has ``KINDS``, by type: which inputs make another object of it, and
whether data or an address goes with it. An engine knows the former by itself; an offline plan
knows it from here. The kinds of this project, the same on every cloud, are in this module.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from components import clouds

Holds = Literal["", "data", "address"]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One type of resource."""

    replaces: tuple[str, ...] = ()
    """Inputs of which a change makes another object; ``a.b`` is ``b`` inside of ``a``."""
    updates: tuple[str, ...] | None = None
    """Inputs of which a change is made in place; the rest matters at birth only. ``None``: every
    other input is."""
    holds: Holds = ""
    """What is lost with it."""
    unless_input: str = ""
    """An input that says that it holds nothing after all: a replica is a copy."""
    passes: str = ""
    """An input that it gives on as its output: what takes it from here changes with that alone."""
    old_first: bool = False
    """Whether the old object goes before the new one comes, whatever the resource's options say."""

    def lost(self, inputs: Mapping[str, Any]) -> Holds:
        """What is lost with a resource of these inputs."""
        return "" if self.unless_input and self.unless_input in inputs else self.holds

    def forces(self, path: str) -> bool:
        """Whether a change at ``path`` makes another object."""
        return any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in self.replaces)

    def is_relevant(self, key: str) -> bool:
        """Whether a change of an input is a change at all."""
        return self.updates is None or key in self.updates or self.forces(key)


UNKNOWN_KIND: Final = Kind()
"""Of a type that nobody describes: a change is taken to be made in place."""


@functools.cache
def all_kinds() -> Mapping[str, Kind]:
    """Every kind of every cloud."""
    found = dict(_own())
    for name in clouds.names():
        found |= importlib.import_module(f"components.clouds.{name}.known.kinds").KINDS
    return found


def of(type_: str) -> Kind:
    """The kind of a type."""
    return all_kinds().get(type_, UNKNOWN_KIND)


def _own() -> Mapping[str, Kind]:
    from components.resources import (  # late: they load the SDK
        first_boot,
        host_configuration,
        in_service,
    )

    prefix = "pulumi-python:dynamic/stages:"
    return {
        f"{prefix}HostConfiguration": Kind(replaces=host_configuration.IDENTITY),
        f"{prefix}WayIn": Kind(),
        f"{prefix}FirstBoot": Kind(replaces=first_boot.IDENTITY, updates=()),
        f"{prefix}InService": Kind(replaces=in_service.IDENTITY),
        f"{prefix}FirstContactKey": Kind(replaces=("generation",), updates=()),
        f"{prefix}PinnedHostKey": Kind(replaces=("server_id",), updates=()),
        f"{prefix}Handover": Kind(passes="server_id"),
        f"{prefix}QueueHandover": Kind(passes="server_id"),
        f"{prefix}GeneratedSecrets": Kind(updates=("names",)),
    }
