"""Which product of AWS's price list is which row of ``prices.json``. No I/O.

A rule has to match exactly one product: with none or several, nothing is taken.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from components.errors import UserError

Attributes = Mapping[str, str]
MOST_CANDIDATES = 5


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How to ask for a row. ``{size}`` in a filter is what comes after the item's slash,
    ``{region}`` the region's code, ``{location}`` the name that it has in the price list."""

    service: str
    filters: Mapping[str, str]
    unit: str
    """The unit of the row."""
    units: tuple[str, ...]
    """What the price list calls it."""
    accepts: Callable[[Attributes], bool] = lambda _: True
    """What no filter can say."""
    tiers: Mapping[str, Decimal] = field(default_factory=dict)
    """By what comes after the item's slash: where the tier begins that is the row's. Without one
    it is the first that costs something."""


@dataclass(frozen=True, kw_only=True)
class ListPrice:
    """The one product of a row."""

    usd: Decimal
    sku: str
    usage_type: str


def _usage(*ends: str, without: str = "\0") -> Callable[[Attributes], bool]:
    return lambda has: (
        has.get("usagetype", "").endswith(ends) and without not in has.get("usagetype", "")
    )


def _rds(deployment: str) -> Rule:
    return Rule(
        service="AmazonRDS",
        filters={
            "productFamily": "Database Instance",
            "instanceType": "{size}",
            "databaseEngine": "PostgreSQL",
            "deploymentOption": deployment,
            "licenseModel": "No license required",
            "regionCode": "{region}",
        },
        unit="hour",
        units=("Hrs",),
    )


def _rds_disk(deployment: str) -> Rule:
    return Rule(
        service="AmazonRDS",
        filters={
            "productFamily": "Database Storage",
            "volumeType": "General Purpose-GP3",
            "deploymentOption": deployment,
            "regionCode": "{region}",
        },
        unit="GB-month",
        units=("GB-Mo",),
        accepts=lambda has: has.get("databaseEngine", "Any") in {"Any", "PostgreSQL"},
    )


RULES: Mapping[str, Rule] = {
    "ec2": Rule(
        service="AmazonEC2",
        filters={
            "instanceType": "{size}",
            "regionCode": "{region}",
            "operatingSystem": "Linux",
            "tenancy": "Shared",
            "capacitystatus": "Used",
            "preInstalledSw": "NA",
            "licenseModel": "No License required",
            "marketoption": "OnDemand",
        },
        unit="hour",
        units=("Hrs",),
    ),
    "volume": Rule(
        service="AmazonEC2",
        filters={"productFamily": "Storage", "volumeApiName": "gp3", "regionCode": "{region}"},
        unit="GB-month",
        units=("GB-Mo",),
    ),
    "rds": _rds("Single-AZ"),
    "rds-standby": _rds("Multi-AZ"),
    "rds-disk": _rds_disk("Single-AZ"),
    "rds-standby-disk": _rds_disk("Multi-AZ"),
    "ipv4": Rule(
        service="AmazonVPC",
        filters={"group": "VPCPublicIPv4Address", "regionCode": "{region}"},
        unit="hour",
        units=("Hrs",),
        accepts=_usage("PublicIPv4:InUseAddress"),
    ),
    "nat": Rule(
        service="AmazonEC2",
        filters={"productFamily": "NAT Gateway", "regionCode": "{region}"},
        unit="hour",
        units=("Hrs",),
        accepts=_usage("NatGateway-Hours", without="RegionalNatGateway"),
    ),
    "nat-traffic": Rule(
        service="AmazonEC2",
        filters={"productFamily": "NAT Gateway", "regionCode": "{region}"},
        unit="GB",
        units=("GB", "Quantity"),
        accepts=_usage("NatGateway-Bytes", without="RegionalNatGateway"),
    ),
    "egress": Rule(
        service="AWSDataTransfer",
        filters={
            "fromLocation": "{location}",
            "toLocation": "External",
            "transferType": "AWS Outbound",
        },
        unit="GB",
        units=("GB",),
        tiers={
            "from-10tb": Decimal(10 * 1024),
            "from-50tb": Decimal(50 * 1024),
            "from-150tb": Decimal(150 * 1024),
        },
    ),
    "alarm": Rule(
        service="AmazonCloudWatch",
        filters={"productFamily": "Alarm", "alarmType": "Standard", "regionCode": "{region}"},
        unit="alarm-month",
        units=("Alarms",),
    ),
    "secret": Rule(
        service="AWSSecretsManager",
        filters={"productFamily": "Secret", "regionCode": "{region}"},
        unit="secret-month",
        units=("Secrets", "Secret"),
    ),
    "kms-key": Rule(
        service="awskms",
        filters={"usagetype": "{region}-KMS-Keys"},
        unit="key-month",
        units=("Keys", "Key", "months"),
    ),
    "s3": Rule(
        service="AmazonS3",
        filters={"productFamily": "Storage", "regionCode": "{region}"},
        unit="GB-month",
        units=("GB-Mo",),
        accepts=_usage("TimedStorage-ByteHrs"),
    ),
}


def fields(rule: Rule, item: str, region: str, location: str) -> dict[str, str]:
    """What the product of a row has."""
    size = item.partition("/")[2]
    return {
        name: value.format(size=size, region=region, location=location)
        for name, value in rule.filters.items()
    }


def pick(rule: Rule, item: str, region: str, products: Iterable[str]) -> ListPrice:
    """The one product among the answers; raises ``UserError`` with the candidates otherwise."""
    fitting = [product for product in map(_product, products) if rule.accepts(_attributes(product))]
    if len(fitting) != 1:
        raise UserError(
            f"{item} in {region}: should match one product of {rule.service}, got"
            f" {len(fitting) or 'none'}" + _candidates(fitting),
            "Nothing was written. The rule is in components/clouds/aws/known/price_rules.py.",
        )
    product = fitting[0]
    tiers = sorted(_tiers(product), key=lambda tier: tier[0])
    begin = rule.tiers.get(item.partition("/")[2])
    paid = [(usd, unit) for at, usd, unit in tiers if usd > 0 and begin in {None, at}]
    sku = str(product["product"].get("sku") or "")
    if not paid or not sku:
        raise _unexpected(f"{item} in {region}", "no price on demand")
    usd, unit = paid[0]
    if unit not in rule.units:
        raise _unexpected(f"{item} in {region}", f"a price by {unit!r}, not {rule.units[0]!r}")
    usage_type = _attributes(product).get("usagetype") or sku
    return ListPrice(usd=usd, sku=sku, usage_type=usage_type)


def location(products: Iterable[str], region: str) -> str:
    """How the price list calls a region, from any product in it."""
    for product in products:
        name = _attributes(_product(product)).get("location")
        if name:
            return name
    raise UserError(
        f"AWS's price list should have products in {region}, got none",
        "Nothing was written. Is the region's name right?",
    )


def _product(text: str) -> Mapping[str, Any]:
    """``PriceList`` is a list of texts that are JSON again."""
    try:
        product = json.loads(text)
    except (TypeError, ValueError):
        product = None
    if not isinstance(product, dict) or not isinstance(product.get("product"), dict):
        raise _unexpected("AWS's price list", "a product that is none")
    return product


def _attributes(product: Mapping[str, Any]) -> Attributes:
    attributes = product["product"].get("attributes")
    return attributes if isinstance(attributes, dict) else {}


def _tiers(product: Mapping[str, Any]) -> Iterator[tuple[Decimal, Decimal, str]]:
    """Beginning, price and unit of every tier on demand."""
    for term in ((product.get("terms") or {}).get("OnDemand") or {}).values():
        for tier in (term.get("priceDimensions") or {}).values():
            try:
                begin = Decimal(str(tier.get("beginRange") or "0"))
                usd = Decimal(str(tier["pricePerUnit"]["USD"]))
            except (InvalidOperation, KeyError, TypeError):
                raise _unexpected("AWS's price list", "a tier without a price in USD") from None
            yield begin, usd, str(tier.get("unit"))


def _candidates(fitting: Sequence[Mapping[str, Any]]) -> str:
    if not fitting:
        return ""
    shown = [
        f"{product['product'].get('sku')} ({_attributes(product).get('usagetype', '?')})"
        for product in fitting[:MOST_CANDIDATES]
    ]
    more = [f"{len(fitting) - MOST_CANDIDATES} more"] if len(fitting) > MOST_CANDIDATES else []
    return ": " + ", ".join([*shown, *more])


def _unexpected(what: str, got: str) -> UserError:
    return UserError(
        f"{what}: should have one price on demand in USD, got {got}", "Nothing was written."
    )
