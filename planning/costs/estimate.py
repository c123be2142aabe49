"""From a plan to cost lines and totals. No I/O: the clouds' rules and prices are handed in."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, get_args

from components.errors import UserError
from components.seam.cost_rules import CloudCosts, Rule, Stack, Usage, UsagePath
from components.seam.costs import Line, Part, PriceBook, Unpriced, unpriced
from components.seam.known import Known, lookup
from components.seam.planned import PlannedResource
from planning.costs.plan_file import CostPlan

PARTS: Final[tuple[Part, ...]] = get_args(Part)
CENT: Final = Decimal("0.01")

OWN: Final = ("pulumi:", "pulumi-python:dynamic/stages:")
"""Types of the engine and of this project: they are in the state and on the host, in no bill."""

STAGES: Final = {
    "stages:single_server:SingleServer": 1,
    "stages:separate_database:SeparateDatabase": 2,
}
"""The component that makes a stack a stage."""


@dataclass(frozen=True)
class Range:
    """What a stage, or a part of it, is expected to cost; dollars a month."""

    low: Decimal
    high: Decimal

    def place(self, usd: Decimal) -> str:
        """Where in the range an amount lies, in words."""
        if usd < self.low:
            return f"${money(self.low - usd)} below it"
        if usd > self.high:
            return f"${money(usd - self.high)} above it"
        share = (usd - self.low) / (self.high - self.low)
        return "in its " + ("lower" if share < Decimal("0.5") else "upper") + " half"


STAGE_1: Final = Range(Decimal(20), Decimal(50))
STAGE_2_DATABASE: Final = Range(Decimal(50), Decimal(100))
"""What stage 2 costs more than stage 1."""
EXPECTED: Final[Mapping[int, tuple[tuple[str, Range, bool], ...]]] = {
    1: (("stage 1", STAGE_1, False),),
    2: (
        ("the database of stage 2", STAGE_2_DATABASE, True),
        (
            "stage 2",
            Range(STAGE_1.low + STAGE_2_DATABASE.low, STAGE_1.high + STAGE_2_DATABASE.high),
            False,
        ),
    ),
}
"""By stage: what is expected, its range, and whether only the database counts."""


@dataclass(frozen=True)
class Cloud:
    """A cloud's rules and prices."""

    name: str
    costs: CloudCosts
    known: Callable[[], Mapping[str, Known]]
    """Its types: asked for when the first resource of it is there."""
    book: Callable[[], PriceBook]
    """Reads its prices, when the first resource of it is there."""
    today: datetime.date
    """On which it is counted: some things cost from a day on."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What one stack costs in a month."""

    stack: str
    stage: int | None
    lines: tuple[Line, ...]
    free: Mapping[str, int]
    """Types that cost nothing, and how many there are of each."""
    unpriced: tuple[Unpriced, ...]
    used: frozenset[UsagePath] = frozenset()
    """What of the usage file stands in a line."""
    usage_keys: frozenset[str] = frozenset()
    """Keys of a usage file that a line depends on."""
    resources: frozenset[str] = frozenset()
    """Names and URNs of all resources."""

    @property
    def total(self) -> Decimal:
        """Exact dollars a month of every line whose quantity is known."""
        return total(self.lines)

    @property
    def least(self) -> str:
        """What stands before the total where something has no price: it is not all of it."""
        return "at least " if any(resource.adds for resource in self.unpriced) else ""

    def complete(self) -> Decimal:
        """The total, where it decides something; raises ``UserError`` for a refused price."""
        for resource in self.unpriced:
            if resource.adds and resource.refused:
                raise UserError(f"{resource.resource}: {resource.reason}")
        return self.total

    def of_part(self, part: Part) -> tuple[Line, ...]:
        """The lines of one part."""
        return tuple(line for line in self.lines if line.part == part)

    @property
    def unknown(self) -> tuple[Line, ...]:
        """Lines that depend on a usage that nobody told."""
        return tuple(line for line in self.lines if line.quantity is None)

    def expected(self) -> list[str]:
        """Sentences on where in the expected range the stack lies; none when all of it is free."""
        if not self.lines:
            return []
        return [
            f"{self.least.capitalize()}${money(spent)} a month for {what}:"
            f" ${range_.low}-{range_.high} is expected"
            # Where more may come, only what is above the range already has its place.
            + ("." if self.least and spent <= range_.high else f", this is {range_.place(spent)}.")
            for what, range_, database in EXPECTED.get(self.stage or 0, ())
            for spent in [total(self.of_part("database")) if database else self.total]
        ]


@dataclass(frozen=True)
class Sources:
    """How old and how sure the prices behind a total are: those of lines with a known amount."""

    oldest: datetime.date | None
    newest: datetime.date | None
    undated: tuple[str, ...]
    """Items whose price has no date."""
    derived: tuple[str, ...]
    """Items whose price is derived by a rule."""
    derived_share: Decimal
    """Part of the total that rests on them, 0 to 1."""

    def age_days(self, today: datetime.date) -> int | None:
        """Days since the oldest price was seen."""
        return (today - self.oldest).days if self.oldest else None

    def rest(self, today: datetime.date | None = None) -> str:
        """What the total rests on, in one sentence; without ``today`` it is the same every day."""
        percent = (self.derived_share * 100).quantize(Decimal(1), ROUND_HALF_UP)
        share = f"{percent} %" if percent or not self.derived_share else "Under 1 %"
        parts = [f"{share} of the total is derived"]
        if self.oldest:
            age = f" ({self.age_days(today)} days ago)" if today else ""
            parts.append(f"the oldest price is from {self.oldest}{age}")
        if self.undated:
            parts.append(
                f"{len(self.undated)} {'has' if len(self.undated) == 1 else 'have'} no date"
            )
        return "; ".join(parts) + "."


def estimate(
    plan: CostPlan, clouds: Sequence[Cloud], usage: Mapping[UsagePath, Decimal] | None = None
) -> Estimate:
    """Price every resource of a plan. What has no price is in ``unpriced``: none is guessed."""
    given = Usage(usage or {}, plan.stack)
    by_urn = {
        resource.urn: resource
        for resource in sorted(plan.resources, key=lambda resource: resource.urn)
    }
    stacks: dict[str, Stack] = {}
    lines: list[Line] = []
    missing: list[Unpriced] = []
    free: Counter[str] = Counter()
    for resource in by_urn.values():
        if not resource.custom or resource.type.startswith(OWN):
            continue
        cloud = next(
            (cloud for cloud in clouds if resource.type.startswith(cloud.costs.PREFIXES)), None
        )
        rule = lookup(cloud.known(), resource.type).cost if cloud else None
        if cloud and rule:
            if cloud.name not in stacks:
                stacks[cloud.name] = Stack(by_urn, cloud.book(), given, cloud.today)
            items = list(_priced(rule, resource, stacks[cloud.name]))
            lines += [item for item in items if isinstance(item, Line)]
            missing += [item for item in items if isinstance(item, Unpriced)]
            if not items:
                free[resource.type] += 1
        else:
            missing.append(unpriced(resource, "no rule says what this type costs"))
    lines.sort(key=lambda line: (PARTS.index(line.part), line.resource, line.urn))
    return Estimate(
        stack=plan.stack,
        stage=next(
            (STAGES[resource.type] for resource in by_urn.values() if resource.type in STAGES), None
        ),
        lines=tuple(lines),
        free=dict(sorted(free.items())),
        unpriced=tuple(missing),
        used=frozenset(given.used),
        usage_keys=frozenset(given.keys),
        resources=frozenset(
            name for resource in by_urn.values() for name in (resource.name, resource.urn)
        ),
    )


def _priced(rule: Rule, resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """The lines of a resource; an input that no price can be found by ends them with a reason."""
    try:
        yield from rule(resource, stack)
    except UserError as problem:
        yield unpriced(resource, problem.problem.removeprefix(f"{resource.name}: "), refused=True)


def total(lines: Iterable[Line]) -> Decimal:
    """The exact sum of lines."""
    return sum((line.usd_per_month or Decimal(0) for line in lines), Decimal(0))


def cents(usd: Decimal) -> Decimal:
    """An amount rounded to cents, halves up."""
    return usd.quantize(CENT, ROUND_HALF_UP)


def money(usd: Decimal) -> str:
    """Dollars and cents as they are shown; never ``-0.00``."""
    rounded = cents(usd)
    return f"{abs(rounded) if rounded == 0 else rounded:,}"


def sources(lines: Iterable[Line]) -> Sources:
    """How old and how sure the prices are that add up to the total of these lines."""
    known = [line for line in lines if line.quantity is not None]
    prices = {(line.price.item, line.price.region): line.price for line in known}.values()
    days = sorted(datetime.date.fromisoformat(price.seen) for price in prices if price.seen)
    spent = total(known)
    derived = total(line for line in known if line.price.quality == "derived")
    return Sources(
        oldest=days[0] if days else None,
        newest=days[-1] if days else None,
        undated=_items(price.item for price in prices if not price.seen),
        derived=_items(price.item for price in prices if price.quality == "derived"),
        derived_share=derived / spent if spent else Decimal(0),
    )


def _items(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(items)))
