"""A resource of a plan, as prices, policies, pictures and previews read it.

``planning/costs/plan_file.py`` makes them from an offline plan and from ``pulumi preview --json``.
Nothing here imports Pulumi or an SDK: an estimate of a plan file should take no longer than
reading it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Self

from components.errors import UserError

UNKNOWN: Final = "[unknown]"
"""What stands in a plan for a value that only exists later."""
UNKNOWNS: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
"""How the engine writes what is known only later, by kind of value (``pulumi.runtime.rpc``)."""
SECRET: Final = "[secret]"  # noqa: S105 - what stands for one in a plan
MOST: Final = Decimal(10**12)
"""No quantity comes near; beyond, amounts could not be kept exact to the cent."""


@dataclass(frozen=True, kw_only=True)
class PlannedResource:
    """One resource of a plan."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    custom: bool = True
    """False for a component, which only groups others."""
    region: str = ""
    """The region of its provider, where its own inputs name none."""
    sources: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By input, the URNs that it comes from."""
    provider: str = ""
    """URN of its provider; empty for the engine's own."""
    protect: bool = False
    """Whether the engine refuses to delete it."""
    deleted_with: str = ""
    delete_before_replace: bool = False
    ignore_changes: Sequence[str] = ()
    replace_on_changes: Sequence[str] = ()
    replacement_trigger: Any = None
    aliases: Sequence[str] = ()

    def text(self, key: str) -> str:
        """An input that decides on a price; raises ``UserError`` unless it is known text."""
        value = self.inputs.get(key)
        if not isinstance(value, str) or not value or value == UNKNOWN:
            raise UserError(f"{self.name}: {key}: should be known before a price is, got {value!r}")
        return value

    def number(self, key: str, default: Decimal | None = None) -> Decimal:
        """A numeric input; raises ``UserError`` unless it is a known number, 0 or more."""
        value = self.inputs.get(key)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
            raise UserError(f"{self.name}: {key}: should be a number, got {value!r}")
        try:
            number = Decimal(str(value))
        except ArithmeticError:
            number = Decimal("NaN")
        if not number.is_finite() or not 0 <= number <= MOST:
            raise UserError(f"{self.name}: {key}: should be a number, 0 or more, got {value!r}")
        return number

    def map(self, key: str) -> Mapping[str, Any]:
        """An input with inputs of its own, empty when it is not there or not known."""
        value = self.inputs.get(key)
        if value is None or value == UNKNOWN:
            return {}
        if not isinstance(value, Mapping):
            raise UserError(f"{self.name}: {key}: should be a map, got {value!r}")
        return value

    def list(self, key: str) -> Sequence[Any]:
        """An input of several things, empty when it is not there or not known."""
        value = self.inputs.get(key)
        if value is None or value == UNKNOWN:
            return ()
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise UserError(f"{self.name}: {key}: should be a list, got {value!r}")
        return value

    def flag(self, key: str) -> bool:
        """An input that is true or false; false when it is not there."""
        return self.inputs.get(key) in (True, "true")

    def all_sources(self) -> Iterator[str]:
        """URNs that any of its inputs comes from."""
        return (urn for urns in self.sources.values() for urn in urns)


@dataclass(frozen=True)
class PlannedResources:
    """The resources of one stack, and how they depend on each other."""

    by_urn: Mapping[str, PlannedResource]

    @classmethod
    def index(cls, resources: Iterable[PlannedResource]) -> Self:
        """From a plan's resources, in its order."""
        return cls({resource.urn: resource for resource in resources})

    def by_type(self, *types: str) -> list[PlannedResource]:
        """All resources of some types, in the order of the plan."""
        return [resource for resource in self.by_urn.values() if resource.type in types]

    def behind(self, resource: PlannedResource, key: str, *types: str) -> list[str]:
        """URNs of the resources of some types that an input comes from, through others if need
        be; the nearest first."""
        return list(
            trace(resource.sources.get(key, ()), self.by_urn, lambda source: source.type in types)
        )

    def source(self, resource: PlannedResource, key: str, *types: str) -> PlannedResource | None:
        """The nearest resource of some types that an input comes from."""
        urns = self.behind(resource, key, *types)
        return self.by_urn[urns[0]] if urns else None


def trace(
    urns: Iterable[str],
    by_urn: Mapping[str, PlannedResource],
    is_wanted: Callable[[PlannedResource], bool],
) -> Iterator[str]:
    """URNs of the wanted resources that these lead to, through the others if need be."""
    seen: set[str] = set()
    waiting = list(urns)
    while waiting:
        urn = waiting.pop(0)
        if urn in seen or urn not in by_urn:
            continue
        seen.add(urn)
        if is_wanted(by_urn[urn]):
            yield urn
        else:
            waiting += by_urn[urn].all_sources()
