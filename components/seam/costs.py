"""What a stack costs, as the clouds tell it: resources in, lines with a price out.

Each cloud's ``known/costs.py`` has rules by resource type and the list of types that cost nothing;
``prices.json`` beside it has the prices. Nothing here imports Pulumi or an SDK: an estimate of a
plan file should take no longer than reading it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, Protocol

from components.nearest import nearest
from components.seam.planned import PlannedResource

Part = Literal["server", "database", "network", "operations"]
Kind = Literal["compute", "disk", "address", "backup", "traffic", "watching"]
Quality = Literal["price list", "vendor page", "derived"]
"""Where a price is from: the vendor's price API or its files, a page of the vendor's, or a rule."""

HOURS: Final = Decimal(730)
"""A month of a vendor that bills by the hour without a cap: 365 * 24 / 12."""
MONTH: Final = Decimal(1)
ANYWHERE: Final = "*"
"""Region of a price that is the same everywhere."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """One row of a price file."""

    item: str
    """What is priced: ``ec2/t4g.small``."""
    region: str
    usd: Decimal
    unit: str
    source: str
    """The vendor's own document and its name for the product; of a derived price the rule."""
    seen: str | None
    """Day on which the source said so, ``YYYY-MM-DD``; ``None``: the copy has no date."""
    quality: Quality
    rule: str | None = None
    """Which rule of the cloud's ``price_list.py`` renews it; ``None``: kept by hand."""
    sku: str | None = None


@dataclass(frozen=True, kw_only=True)
class UsageKey:
    """One quantity that no plan can know."""

    unit: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of an estimate."""

    urn: str
    resource: str
    name: str
    """The same for the same thing in another size, so that estimates can be compared."""
    detail: str
    part: Part
    kind: Kind
    price: Price
    quantity: Decimal | None
    """``None``: it depends on usage and nobody said how much."""
    by_usage: bool = False

    @property
    def usd_per_month(self) -> Decimal | None:
        """Exact; rounded only where it is shown."""
        return None if self.quantity is None else self.quantity * self.price.usd


@dataclass(frozen=True, kw_only=True)
class Unpriced:
    """Something that costs money and has no price here: by no rule, or in no row of the prices."""

    urn: str
    resource: str
    type: str
    reason: str
    adds: bool = True
    """False: it depends on usage that nobody said, and adds nothing to a total as it is."""
    refused: bool = False
    """True: a size, region or input for which a price would be a guess."""


def unpriced(
    resource: PlannedResource, reason: str, *, adds: bool = True, refused: bool = False
) -> Unpriced:
    """That a resource, or a line of it, has no price."""
    return Unpriced(
        urn=resource.urn,
        resource=resource.name,
        type=resource.type,
        reason=reason,
        adds=adds,
        refused=refused,
    )


class PriceBook:
    """The prices of one cloud, to be asked for; it never guesses."""

    def __init__(self, cloud: str, prices: Iterable[Price], regions: Iterable[str] = ()) -> None:
        self.cloud = cloud
        self.prices = tuple(prices)
        self.by_key = {(price.item, price.region): price for price in self.prices}
        named = {price.region for price in self.prices if price.region != ANYWHERE}
        self.regions = tuple(sorted(named | set(regions)))

    def find(self, item: str, region: str) -> Price | None:
        """The price of an item in a region, if there is one."""
        if region not in self.regions:
            return None
        return self.by_key.get((item, region)) or self.by_key.get((item, ANYWHERE))

    def why_none(self, item: str, region: str) -> str:
        """Why an item has no price in a region, with the nearest names that have one."""
        if region not in self.regions:
            return f"no prices are known for the region {region!r}{_near(region, self.regions)}"
        family, _, size = item.partition("/")
        elsewhere = {price.region: price for price in self.prices if price.item == item}
        if elsewhere:
            remedy = f"add a row and its source to components/clouds/{self.cloud}/known/prices.json"
            if any(price.rule for price in elsewhere.values()):
                remedy = f"`make prices REFRESH=1 CLOUD={self.cloud} REGION={region}` looks it up"
            where = ", ".join(sorted(elsewhere))
            return f"{item} has no price in {region}, only in {where}; {remedy}"
        known = [
            price.item.partition("/")[2]
            for price in self.prices
            if price.item.partition("/")[0] == family and price.region in {region, ANYWHERE}
        ]
        return f"{item} has no price in any region{_near(size, known)}"


def _near(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known, most=3)
    return f"; the nearest: {', '.join(near)}" if near else ""


class PriceList(Protocol):
    """What a cloud's ``known/price_list.py`` has. Raises ``UserError`` at the first row with a
    rule that is not exactly one product."""

    def fetch(
        self,
        prices: Sequence[Price],
        regions: Sequence[str],
        today: datetime.date,
        pause: Callable[[float], None],
    ) -> list[Price]:
        """Every row, those with a rule as the vendor's API tells them now. Each of ``regions``
        gets what it offers as well."""

    def from_files(
        self, prices: Sequence[Price], regions: Sequence[str], files: Sequence[Path]
    ) -> list[Price] | None:
        """The same from the vendor's own files; ``None`` where none of the files is one."""
