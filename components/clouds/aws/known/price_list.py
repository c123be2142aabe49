"""Asks AWS for the prices of ``prices.json``: its price list, and Lightsail's own.

The price list answers in us-east-1 for every region and needs the right ``pricing:GetProducts``;
Lightsail's needs ``lightsail:GetBundles`` and ``lightsail:GetRelationalDatabaseBundles``.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from components.clouds.aws.account import api
from components.clouds.aws.known import price_offers, price_rules
from components.clouds.aws.known.price_rules import RULES
from components.errors import StepFailed, UserError
from components.seam.costs import Price

ENDPOINT = "us-east-1"
SOURCE = "AWS price list"
LIGHTSAIL_SOURCE = "Lightsail API, GetBundles"
THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException"}
PAUSES_S = (1, 2, 4, 8, 16)
"""After each refusal for asking too often; then it is given up."""
MOST_PAGES = 200

LIGHTSAIL = {
    "lightsail": ("get_bundles", "bundles"),
    "lightsail-database": ("get_relational_database_bundles", "bundles"),
}
"""By rule: operation, and where its answer is."""

Pause = Callable[[float], None]
Client = Callable[[str, str], Any]


class Asked(Protocol):
    """Who is asked for products: the API, or files."""

    def covers(self, service: str, region: str) -> bool:
        """Whether an answer without the product means that there is none."""

    def day(self, service: str, region: str) -> str:
        """The day of the answer, ``YYYY-MM-DD``."""

    def location(self, region: str) -> str:
        """What a region is called in the price list."""

    def products(self, service: str, fields: Mapping[str, str]) -> list[str]:
        """The products that have these fields, each as JSON."""


def fetch(
    prices: Sequence[Price],
    regions: Sequence[str],
    today: datetime.date,
    pause: Pause,
    client: Client = api.client,
) -> list[Price]:
    """Every row, those with a rule as AWS tells them now.

    ``regions`` get every item that has a rule somewhere and that they offer. Raises ``UserError``
    at the first row that is not exactly one product.
    """
    try:
        return [
            *(price for price in prices if price.rule is None),
            *_lightsail(prices, today, pause, client),
            *_listed(prices, regions, _Api(today, pause, lambda: client("pricing", ENDPOINT))),
        ]
    except api.Failed as failed:
        error = api.user_error(failed)
        raise StepFailed(error.problem, f"Nothing was written. {error.remedy}") from None


def from_files(
    prices: Sequence[Price], regions: Sequence[str], files: Sequence[Path]
) -> list[Price] | None:
    """Every row, those whose service and region the offers among the files cover as these say.

    None where no file is an offer of AWS. Otherwise as ``fetch``.
    """
    offers = price_offers.read(files)
    if offers is None:
        return None
    return [
        *(price for price in prices if price.rule not in RULES),
        *_listed(prices, regions, offers),
    ]


def _listed(prices: Sequence[Price], regions: Sequence[str], asked: Asked) -> Iterator[Price]:
    own = {(price.item, price.region): price for price in prices if price.rule in RULES}
    more = {(item, region): price for (item, _), price in own.items() for region in regions}
    for (item, region), row in sorted({**more, **own}.items()):
        rule, is_own = RULES[row.rule or ""], (item, region) in own
        if not asked.covers(rule.service, region):
            if is_own:
                yield row
            continue
        location = asked.location(region) if "{location}" in str(rule.filters) else ""
        products = asked.products(rule.service, price_rules.fields(rule, item, region, location))
        if not products and not is_own:
            continue  # the region does not offer it
        product = price_rules.pick(rule, item, region, products)
        yield dataclasses.replace(
            row,
            region=region,
            usd=product.usd,
            unit=rule.unit,
            sku=product.sku,
            source=f"{SOURCE}, {product.usage_type}",
            seen=asked.day(rule.service, region),
            quality="price list",
        )


class _Api:
    """The price list's API, which covers everything."""

    def __init__(self, today: datetime.date, pause: Pause, make: Callable[[], Any]) -> None:
        self._today, self._pause, self._make = today, pause, make
        self._client: Any = None
        self._locations: dict[str, str] = {}

    def covers(self, service: str, region: str) -> bool:
        return True

    def day(self, service: str, region: str) -> str:
        return self._today.isoformat()

    def location(self, region: str) -> str:
        if region not in self._locations:
            answers = self._ask("AmazonEC2", {"regionCode": region}, most=1)
            self._locations[region] = price_rules.location(answers, region)
        return self._locations[region]

    def products(self, service: str, fields: Mapping[str, str]) -> list[str]:
        return self._ask(service, fields)

    def _ask(self, service: str, fields: Mapping[str, str], most: int | None = None) -> list[str]:
        self._client = self._client or self._make()
        filters = [
            {"Type": "TERM_MATCH", "Field": field, "Value": value}
            for field, value in fields.items()
        ]
        return _products(self._client, service, filters, self._pause, most)


def _products(
    client: Any, service: str, filters: list[dict[str, str]], pause: Pause, most: int | None = None
) -> list[str]:
    """The answers of all pages, or only the first so many."""
    products: list[str] = []
    more: dict[str, Any] = {} if most is None else {"MaxResults": most}
    for _ in range(MOST_PAGES):
        answer = _call(client, "get_products", pause, ServiceCode=service, Filters=filters, **more)
        products += answer.get("PriceList") or []
        if most is not None or not answer.get("NextToken"):
            return products
        more = {"NextToken": answer["NextToken"]}
    raise UserError(f"{service}: should have at most {MOST_PAGES} pages, got more")


def _lightsail(
    prices: Sequence[Price], today: datetime.date, pause: Pause, client: Client
) -> Iterator[Price]:
    for rule, (operation, key) in LIGHTSAIL.items():
        rows = [price for price in prices if price.rule == rule]
        for region in sorted({price.region for price in rows}):
            bundles = list(_bundles(client("lightsail", region), operation, key, pause))
            for row in (price for price in rows if price.region == region):
                yield dataclasses.replace(
                    row,
                    usd=_bundle(row, bundles),
                    source=LIGHTSAIL_SOURCE,
                    seen=today.isoformat(),
                    quality="price list",
                )


def _bundles(client: Any, operation: str, key: str, pause: Pause) -> Iterator[dict[str, Any]]:
    more: dict[str, Any] = {}
    for _ in range(MOST_PAGES):
        answer = _call(client, operation, pause, **more)
        yield from answer.get(key) or []
        if not answer.get("nextPageToken"):
            return
        more = {"pageToken": answer["nextPageToken"]}
    raise UserError(f"{operation}: should have at most {MOST_PAGES} pages, got more")


def _bundle(row: Price, bundles: Sequence[dict[str, Any]]) -> Decimal:
    name = row.item.partition("/")[2]
    fitting = [bundle for bundle in bundles if bundle.get("bundleId") == name]
    if len(fitting) != 1:
        known = ", ".join(sorted(str(bundle.get("bundleId")) for bundle in bundles))
        raise UserError(
            f"{row.item} in {row.region}: should match one bundle of Lightsail, got"
            f" {len(fitting) or 'none'} of {known or 'none'}",
            "Nothing was written.",
        )
    return Decimal(str(fitting[0]["price"])).quantize(Decimal("0.01"))


def _call(client: Any, operation: str, pause: Pause, **arguments: Any) -> dict[str, Any]:
    """One question; asked again after a while when AWS says that it is asked too often."""
    for wait_s in PAUSES_S:
        try:
            return api.call(client, operation, **arguments)
        except api.Failed as failed:
            if failed.code not in THROTTLED:
                raise
        pause(wait_s)
    return api.call(client, operation, **arguments)
