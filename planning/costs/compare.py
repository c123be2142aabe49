"""What rises and what falls between two estimates, and what a budget says to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from components.seam.costs import Line
from planning.costs.estimate import Estimate, cents

Key = tuple[str, str, str, str, int]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One line that is dearer, cheaper, new or gone."""

    resource: str
    name: str
    before: Line | None
    after: Line | None
    unpriced: bool = False
    """The side without a line costs money and has no price: the line is neither new nor gone."""

    @property
    def known(self) -> bool:
        """Whether it is known what the change costs."""
        return not self.unpriced and all(
            line is None or line.quantity is not None for line in (self.before, self.after)
        )

    @property
    def usd(self) -> Decimal:
        """Dollars a month more, or less when negative: of the amounts as they are shown."""
        return cents(amount(self.after)) - cents(amount(self.before))


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two estimates, side by side."""

    before: Estimate
    after: Estimate
    changes: tuple[Change, ...]

    @property
    def known(self) -> bool:
        """Whether no more and no less is without a price after than before."""
        return _missing(self.before) == _missing(self.after)

    @property
    def least(self) -> bool:
        """Whether more is without a price than before: the total rises by as much or more."""
        return _missing(self.before) < _missing(self.after)

    @property
    def usd(self) -> Decimal:
        """Dollars a month more, or less when negative: of the totals as they are shown."""
        return cents(self.after.total) - cents(self.before.total)


def compare(before: Estimate, after: Estimate) -> Comparison:
    """Pair the lines of two estimates: by part, type, name without the stack's, and line."""
    old, new = dict(_keyed(before)), dict(_keyed(after))
    unpriced = {key[:2] for side in (before, after) for key in _missing(side, all_=True)}
    changes = [
        Change(
            resource=key[2],
            name=key[3],
            before=old.get(key),
            after=new.get(key),
            unpriced=(key in old) != (key in new) and (key[1], key[2]) in unpriced,
        )
        for key in (*old, *(key for key in new if key not in old))
        if _differs(old.get(key), new.get(key))
    ]
    changes.sort(key=lambda change: (-change.usd, change.resource, change.name))
    return Comparison(before=before, after=after, changes=tuple(changes))


def percent(before: Decimal, after: Decimal) -> str:
    """The change in per cent; none from nothing."""
    if before == after:
        return "0 %"
    if before == 0:
        return "new"
    return f"{((after - before) / before * 100).quantize(Decimal('0.1'), ROUND_HALF_UP):+} %"


def above(now: Decimal, budget: Decimal, before: Decimal | None = None) -> bool:
    """Whether a total breaks the budget, in cents.

    A stack that was above it before and did not rise breaks nothing: otherwise no change at all
    could be merged any more.
    """
    if cents(now) <= cents(budget):
        return False
    return before is None or cents(before) <= cents(budget) or cents(now) > cents(before)


def amount(line: Line | None) -> Decimal:
    """Dollars a month, as far as they are known."""
    return (line.usd_per_month if line else None) or Decimal(0)


def _missing(estimate: Estimate, *, all_: bool = False) -> set[tuple[str, str, str]]:
    """What has no price: type, name without the stack's, reason; what adds to a total, or all."""
    return {
        (resource.type, _name(resource.resource, estimate), resource.reason)
        for resource in estimate.unpriced
        if resource.adds or all_
    }


def _name(resource: str, estimate: Estimate) -> str:
    return resource.removeprefix(f"{estimate.stack}-")


def _keyed(estimate: Estimate) -> Iterator[tuple[Key, Line]]:
    seen: dict[tuple[str, str, str, str], int] = {}
    for line in estimate.lines:
        name = _name(line.resource, estimate)
        key = (line.part, line.urn.split("::")[-2].split("$")[-1], name, line.name)
        seen[key] = seen.get(key, 0) + 1
        yield (*key, seen[key]), line


def _differs(before: Line | None, after: Line | None) -> bool:
    if before is None or after is None:
        return True
    if before.quantity is None and after.quantity is None:
        return before.price.usd != after.price.usd
    return before.usd_per_month != after.usd_per_month
