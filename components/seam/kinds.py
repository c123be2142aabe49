"""What is known of a type of resource before anything is changed.

Each cloud's ``known/kinds.py`` has ``KINDS``, by type: which inputs make another object of it, and
whether data or an address goes with it. An engine knows the former by itself; an offline plan
knows it from here. The project's own kinds, the same on every cloud, are in
``components/resources/kinds.py``; ``planning/kinds.py`` looks a type up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

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
