"""What is known of a type of resource before anything is changed: one row a type.

Each cloud's ``known/types.py`` has ``KNOWN``; the project's own rows, the same on every cloud, are
in ``components/resources/known.py``. ``planning/known.py`` looks a type up among all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from components.seam.planned import PlannedResource, PlannedResources

if TYPE_CHECKING:
    from components.seam.cost_rules import Rule, Stack
    from components.seam.costs import Line, Unpriced
    from components.seam.downtime import Downtime, Step
    from components.seam.facts import Fact
    from components.settings import Settings

Holds = Literal["", "data", "address"]


def no_downtime(step: Step, settings: Settings) -> Iterable[Downtime]:
    """A change of it is not felt, or felt with another resource's."""
    return ()


def no_facts(resource: PlannedResource, resources: PlannedResources) -> Iterable[Fact]:
    """No policy asks anything of it."""
    return ()


def free(resource: PlannedResource, stack: Stack) -> Iterable[Line | Unpriced]:
    """It costs nothing, or its price is in another resource's lines."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Known:
    """One type of resource."""

    replaces: tuple[str, ...] = ()
    """Inputs of which a change makes another object; ``a.b`` is ``b`` inside of ``a``. An engine
    knows them by itself; an offline plan knows them from here."""
    updates: tuple[str, ...] | None = None
    """Inputs of which a change is made in place; the rest matters at creation only. ``None``: every
    other input is."""
    holds: Holds = ""
    """What is lost with it."""
    unless_input: str = ""
    """An input that says that it holds nothing after all: a replica is a copy."""
    passes: str = ""
    """An input that it gives on as its output: what takes it from here changes with that alone."""
    old_first: bool = False
    """Whether the old object goes before the new one comes, whatever the resource's options say."""
    terraform: str = ""
    """Its name in Terraform, whose scanners know no Pulumi."""
    cost: Rule | None = None
    """The lines of its bill. ``None``: nobody says what it costs, and an estimate says so."""
    downtime: Callable[[Step, Settings], Iterable[Downtime]] = no_downtime
    """How long a change of it keeps the app from answering. A replaced server, volume or attachment
    is the host configuration's to say, which is replaced with each of them."""
    facts: Callable[[PlannedResource, PlannedResources], Iterable[Fact]] = no_facts
    """What the policies may ask of it."""

    def lost(self, inputs: Mapping[str, Any]) -> Holds:
        """What is lost with a resource of these inputs."""
        return "" if self.unless_input and self.unless_input in inputs else self.holds

    def forces(self, path: str) -> bool:
        """Whether a change at ``path`` makes another object."""
        return any(path == key or path.startswith((f"{key}.", f"{key}[")) for key in self.replaces)

    def is_relevant(self, key: str) -> bool:
        """Whether a change of an input is a change at all."""
        return self.updates is None or key in self.updates or self.forces(key)


UNKNOWN_TYPE: Final = Known()
"""Of a type that nobody describes: a change is taken to be made in place."""


def lookup(known: Mapping[str, Known], type_: str) -> Known:
    """The row of a type; ``aws:iam/*`` is for all that have none of their own."""
    if type_ in known:
        return known[type_]
    patterns = [key for key in known if key.endswith("*") and type_.startswith(key[:-1])]
    return known[max(patterns, key=len)] if patterns else UNKNOWN_TYPE
