"""What a rule of a cloud's ``costs.py`` sees, and how it makes lines of it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from components.seam.costs import Kind, Line, Part, PriceBook, Unpriced, UsageKey, unpriced
from components.seam.planned import PlannedResource, PlannedResources

UsagePath = tuple[str, ...]
"""Where a usage file gives a quantity: a key, below the name of a stack or a resource, or both."""


@dataclass(frozen=True)
class Usage:
    """Quantities that no plan knows, as one stack sees them."""

    given: Mapping[UsagePath, Decimal] = field(default_factory=dict)
    stack: str = ""
    used: set[UsagePath] = field(default_factory=set)
    """Filled by what asks: the paths that a line stands for."""
    keys: set[str] = field(default_factory=set)
    """Filled likewise: the keys that a line depends on."""

    def for_stack(self, key: str) -> Decimal | None:
        """What is given for the stack, or for all of them."""
        return self._nearest((self.stack, key), (key,))

    def for_resource(self, resource: PlannedResource, key: str) -> Decimal | None:
        """What is given for a resource by its name or URN, if anything is."""
        names = [name for name in (resource.urn, resource.name) if name != self.stack]
        inside = ((self.stack, name, key) for name in (resource.urn, resource.name))
        return self._nearest(*inside, *((name, key) for name in names))

    def _nearest(self, *paths: UsagePath) -> Decimal | None:
        """The first that is given; a wider one is not unused because a nearer one is there."""
        self.keys.add(paths[0][-1])
        given = [path for path in paths if path in self.given]
        self.used.update(given)
        return self.given[given[0]] if given else None


@dataclass(frozen=True)
class Stack(PlannedResources):
    """What a rule may look at beside its resource."""

    prices: PriceBook
    usage: Usage
    today: datetime.date

    def is_first(self, resource: PlannedResource) -> bool:
        """Whether it is the first of its type: what a stack pays once stands there."""
        return resource.urn == self.by_type(resource.type)[0].urn

    def line(
        self,
        resource: PlannedResource,
        name: str,
        item: str,
        region: str,
        quantity: Decimal | None,
        *,
        part: Part,
        kind: Kind,
        detail: str = "",
        by_usage: bool = False,
    ) -> Line | Unpriced:
        """A line of what is there all month."""
        price = self.prices.find(item, region)
        if price is None:
            reason = f"{name}: {self.prices.why_none(item, region)}"
            return unpriced(resource, reason, adds=quantity is not None, refused=True)
        return Line(
            urn=resource.urn,
            resource=resource.name,
            name=name,
            detail=detail,
            part=part,
            kind=kind,
            price=price,
            quantity=quantity,
            by_usage=by_usage,
        )

    def usage_lines(
        self,
        resource: PlannedResource,
        name: str,
        item: str,
        region: str,
        key: str,
        *,
        part: Part,
        kind: Kind,
        detail: str = "",
        free: Decimal = Decimal(0),
        tiers: Sequence[tuple[Decimal, str, str]] = (),
        among: Iterable[PlannedResource] | None = None,
        pool: Iterable[PlannedResource] | None = None,
    ) -> Iterator[Line | Unpriced]:
        """The lines of what depends on usage: its quantity is the usage file's, less what is free.

        ``among`` are the resources that use up the same, all of its type by default. A quantity of
        the whole stack stands at the first that has none of its own. ``pool`` are those of them
        that share what is free and the ``tiers``: from where on, item and words of each.
        """
        shown = self._quantities(key, self.by_type(resource.type) if among is None else among)
        if resource.urn not in shown:
            return
        quantity = shown[resource.urn]
        pooled = None if pool is None else {member.urn for member in pool}
        before = Decimal(0)
        for urn, used in shown.items():
            if urn == resource.urn:
                break
            before += (used or Decimal(0)) if pooled is None or urn in pooled else Decimal(0)
        for at, words, priced in _tiered(before - free, quantity, item, tiers):
            yield self.line(
                resource,
                name + words,
                at,
                region,
                priced,
                part=part,
                kind=kind,
                detail=detail,
                by_usage=True,
            )

    def _quantities(self, key: str, among: Iterable[PlannedResource]) -> dict[str, Decimal | None]:
        """By URN, in order, what is used there: those with their own, and one for the rest."""
        own = {
            resource.urn: self.usage.for_resource(resource, key)
            for resource in sorted(among, key=lambda resource: resource.urn)
        }
        rest = next((urn for urn, quantity in own.items() if quantity is None), None)
        whole = self.usage.for_stack(key)
        return {
            urn: whole if urn == rest else quantity
            for urn, quantity in own.items()
            if urn == rest or quantity is not None
        }


def _tiered(
    before: Decimal,
    quantity: Decimal | None,
    item: str,
    tiers: Sequence[tuple[Decimal, str, str]],
) -> list[tuple[str, str, Decimal | None]]:
    """Item, words and quantity of each tier that a quantity falls into; below 0 it is free."""
    if quantity is None:
        return [(item, "", None)]
    all_ = [(Decimal(0), item, ""), *tiers]
    ends = [*(start for start, _, _ in all_[1:]), before + quantity]
    shares = [
        (at, words, min(end, before + quantity) - max(start, before))
        for (start, at, words), end in zip(all_, ends, strict=True)
    ]
    return [share for share in shares if share[2] > 0] or [(item, "", Decimal(0))]


Rule = Callable[[PlannedResource, Stack], Iterable[Line | Unpriced]]


class CloudCosts(Protocol):
    """What a cloud's ``known/costs.py`` has."""

    @property
    def PREFIXES(self) -> tuple[str, ...]:
        """How the types of its resources begin."""

    @property
    def REGIONS(self) -> tuple[str, ...]:
        """Regions in which the prices for anywhere hold."""

    @property
    def USAGE(self) -> Mapping[str, UsageKey]:
        """Quantities that no plan can know."""
