"""Asks AWS for the prices of ``prices.json``: its price list, and Lightsail's own.

The price list answers in us-east-1 for every region and needs the right ``pricing:GetProducts``;
Lightsail's needs ``lightsail:GetBundles`` and ``lightsail:GetRelationalDatabaseBundles``.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from components.clouds.aws.account import api
from components.clouds.aws.known import price_rules
from components.clouds.aws.known.price_rules import RULES
from components.errors import StepFailed, UserError
from components.seam.costs import Price

ENDPOINT = "us-east-1"
SOURCE = "AWS Price List API, GetProducts"
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


def fetch(
    prices: Sequence[Price],
    regions: Sequence[str],
    today: datetime.date,
    pause: Pause,
    client: Client = api.client,
) -> list[Price]:
    """Every row, those with a rule as AWS tells them now.

    ``regions`` get every item that has a rule somewhere. Raises ``UserError`` at the first row
    that is not exactly one product.
    """
    try:
        return [
            *(price for price in prices if price.rule is None),
            *_lightsail(prices, today, pause, client),
            *_listed(prices, regions, today, pause, client),
        ]
    except api.Failed as failed:
        error = api.told(failed)
        raise StepFailed(error.problem, f"Nothing was written. {error.remedy}") from None


def _listed(
    prices: Sequence[Price],
    regions: Sequence[str],
    today: datetime.date,
    pause: Pause,
    client: Client,
) -> Iterator[Price]:
    wanted = {
        (price.item, region): price
        for price in prices
        if price.rule in RULES
        for region in (price.region, *regions)
    }
    if not wanted:
        return
    asked = client("pricing", ENDPOINT)
    locations: dict[str, str] = {}
    for (item, region), row in sorted(wanted.items()):
        rule = RULES[row.rule or ""]
        if "{location}" in str(rule.filters) and region not in locations:
            any_ = [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": region}]
            answers = _products(asked, "AmazonEC2", any_, pause, most=1)
            locations[region] = price_rules.location(answers, region)
        filters = price_rules.filters(rule, item, region, locations.get(region, ""))
        found = price_rules.pick(rule, item, region, _products(asked, rule.service, filters, pause))
        yield dataclasses.replace(
            row,
            region=region,
            usd=found.usd,
            unit=rule.unit,
            sku=found.sku,
            source=SOURCE,
            seen=today.isoformat(),
            quality="price list",
        )


def _products(
    client: Any, service: str, filters: list[dict[str, str]], pause: Pause, most: int | None = None
) -> list[str]:
    """The answers of all pages, or only the first so many."""
    found: list[str] = []
    more: dict[str, Any] = {} if most is None else {"MaxResults": most}
    for _ in range(MOST_PAGES):
        answer = _call(client, "get_products", pause, ServiceCode=service, Filters=filters, **more)
        found += answer.get("PriceList") or []
        if most is not None or not answer.get("NextToken"):
            return found
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
