"""AWS's bulk price files, which need no account: a JSON file a service, of a region or of all.

``pricing.us-east-1.amazonaws.com/offers/v1.0/aws/<service>/current/<region>/index.json``. EC2's of
one region has hundreds of megabytes, so what no rule could want is dropped while it is read.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from components.clouds.aws.known.price_rules import RULES
from components.errors import UserError
from components.seam.price_files import begins_with

CURRENT: Final = "pricing.us-east-1.amazonaws.com/offers/v1.0/aws"


class Offers:
    """What some offer files say. Answers as the price list's API does, for what they cover."""

    def __init__(self) -> None:
        self._published: dict[tuple[str, str], str] = {}
        self._locations: dict[str, str] = {}
        self._products: dict[str, list[dict[str, Any]]] = {}
        self._seen: set[tuple[str, str]] = set()
        self._kept: set[str] = set()

    def read(self, path: Path) -> None:
        """Add a file. Raises ``UserError`` for one that is no whole offer."""
        self._seen, self._kept = set(), set()
        try:
            offer = json.loads(path.read_bytes(), object_hook=self._thin)
        except (OSError, ValueError) as problem:
            raise UserError(f"{path}: should be JSON, got an error ({problem})") from None
        try:
            products, terms = offer["products"].items(), offer["terms"]["OnDemand"]
            day = datetime.datetime.fromisoformat(offer["publicationDate"]).date().isoformat()
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UserError(
                f"{path}: should be an offer of AWS with products, terms and publicationDate, got"
                " something else",
                f"The files are at {CURRENT}/<service>/current/<region>/index.json.",
            ) from None
        for service, region in self._seen:
            self._published[service, region] = day
        for sku, product in products:
            if product is not None:
                listed = {"product": product, "terms": {"OnDemand": terms.get(sku) or {}}}
                self._products.setdefault(product["attributes"]["servicecode"], []).append(listed)

    def covers(self, service: str, region: str) -> bool:
        """Whether a file has this service in this region."""
        return (service, region) in self._published

    def day(self, service: str, region: str) -> str:
        """When AWS published it."""
        return self._published[service, region]

    def location(self, region: str) -> str:
        """The name of a region in the price list."""
        return self._locations.get(region, "")

    def products(self, service: str, fields: Mapping[str, str]) -> list[str]:
        """The products with these fields, as ``GetProducts`` words them."""
        return [
            json.dumps(listed)
            for listed in self._products.get(service, [])
            if _has(listed["product"], fields)
        ]

    def _thin(self, entry: dict[str, Any]) -> dict[str, Any] | None:
        """One object of a file while it is read: None for a product, or a term, nobody wants."""
        if "sku" in entry and isinstance(entry.get("attributes"), dict):
            return entry if self._wanted(entry) else None
        if "priceDimensions" in entry and entry.get("sku") not in self._kept:
            return None
        return entry

    def _wanted(self, product: Mapping[str, Any]) -> bool:
        has = product["attributes"]
        service = str(has.get("servicecode"))
        region = str(has.get("regionCode") or has.get("fromRegionCode") or "")
        self._seen.add((service, region))
        self._locations.setdefault(region, str(has.get("location") or has.get("fromLocation")))
        fits = any(
            service == rule.service and _has(product, _fixed(rule.filters))
            for rule in RULES.values()
        )
        if fits:
            self._kept.add(product["sku"])
        return fits


def _fixed(filters: Mapping[str, str]) -> dict[str, str]:
    """The filters that are the same for every size and region."""
    return {field: value for field, value in filters.items() if "{" not in value}


def _has(product: Mapping[str, Any], fields: Mapping[str, str]) -> bool:
    """Whether a product has these values in its attributes, or its family."""
    has = {**product["attributes"], "productFamily": product.get("productFamily")}
    return all(has.get(field) == value for field, value in fields.items())


def read(files: Iterable[Path]) -> Offers | None:
    """What the offers among some JSON files say; None where none is an offer of AWS."""
    paths = [path for path in files if begins_with(path, "offerCode")]
    offers = Offers()
    for path in paths:
        offers.read(path)
    return offers if paths else None
