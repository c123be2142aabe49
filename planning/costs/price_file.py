"""A cloud's ``prices.json``: read strictly, written byte for byte the same from the same prices.

One row a line, sorted by item and region, so that a changed price is one changed line::

    {"cloud": "aws", "currency": "USD", "prices": [
    {"item": ..., "region": ..., "usd": "0.0168", "unit": ..., "seen": ..., "quality": ..., ...},
    ]}
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, get_args

from components.errors import UserError
from components.seam.costs import Price, Quality

COLUMNS = ("item", "region", "usd", "unit", "seen", "quality", "rule", "sku", "source")
"""The columns of a row, in the order in which they are written."""
UNITS = (
    *("hour", "month", "node-month", "GB", "GiB", "GB-month", "GiB-month", "IOPS-month"),
    *("MiBps-month", "alarm-month", "metric-month", "secret-month", "key-month"),
    *("million queries", "vCPU-hour", "part of the Droplet's price"),
)
DERIVATIONS = (
    "twice the single-AZ row",
    "an invoice divided by its quantity",
    "same in every region",
)
"""How a derived price comes about; its source begins with one of them."""
MOST_USD = Decimal(10_000)
"""No unit in these stages comes near; more is a slip of the pen."""
MENDING = "`git diff` shows what was changed; `git restore` of the file undoes it."


def parse(text: str, name: str, today: datetime.date) -> tuple[Price, ...]:
    """The rows of a price file called ``name``; raises ``UserError`` for the first wrong one."""
    try:
        document = json.loads(text)
    except ValueError as problem:
        raise UserError(f"{name}: should be JSON, got an error ({problem})", MENDING) from None
    rows = document.get("prices") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise UserError(f"{name}: should have a list of `prices`, got none", MENDING)
    if document.get("currency") != "USD":
        raise _wrong(f"{name}: currency", "USD", document.get("currency"))
    prices = [_price(row, f"{name}: row {at}", today) for at, row in enumerate(rows, 1)]
    twice: set[tuple[str, str]] = set()
    for price in prices:
        if (price.item, price.region) in twice:
            raise UserError(f"{name}: {price.item} in {price.region} has two rows", MENDING)
        twice.add((price.item, price.region))
    return tuple(prices)


def render(cloud: str, prices: Iterable[Price]) -> str:
    """The text of a price file."""
    rows = sorted(prices, key=lambda price: (price.item, price.region))
    lines = ",\n".join(json.dumps(_row(price), ensure_ascii=False) for price in rows)
    head = f'{{"cloud": {json.dumps(cloud)}, "currency": "USD", "prices": ['
    return f"{head}\n{lines}\n]}}\n" if rows else f"{head}]}}\n"


def _row(price: Price) -> dict[str, str | None]:
    row = {column: getattr(price, column) for column in COLUMNS}
    return {**row, "usd": _canonical(price.usd)}


def _canonical(amount: Decimal) -> str:
    """One way to write each amount, however the vendor writes it: cents, more where needed."""
    shown = amount.normalize()
    return f"{shown:f}" if int(shown.as_tuple().exponent) < -2 else f"{amount:.2f}"


def _price(row: Any, path: str, today: datetime.date) -> Price:
    if not isinstance(row, dict):
        raise _wrong(path, "a price with " + ", ".join(COLUMNS), row)
    if set(row) != set(COLUMNS):
        unknown, missing = sorted(set(row) - set(COLUMNS)), sorted(set(COLUMNS) - set(row))
        what = f"{unknown[0]!r} too many" if unknown else f"no {missing[0]!r}"
        raise UserError(f"{path}: should have {', '.join(COLUMNS)}, got {what}", MENDING)
    path = f"{path} ({row['item']} in {row['region']})"
    for column in ("item", "region", "unit", "source"):
        if not isinstance(row[column], str) or not row[column].strip():
            raise _wrong(f"{path}: {column}", "text", row[column])
    for column in ("rule", "sku"):
        if row[column] is not None and not isinstance(row[column], str):
            raise _wrong(f"{path}: {column}", "text or null", row[column])
    if row["unit"] not in UNITS:
        raise _wrong(f"{path}: unit", f"one of {', '.join(UNITS)}", row["unit"])
    if row["quality"] not in get_args(Quality):
        raise _wrong(f"{path}: quality", f"one of {', '.join(get_args(Quality))}", row["quality"])
    if (row["quality"] == "derived") != row["source"].startswith(DERIVATIONS):
        rules = " or ".join(repr(rule) for rule in DERIVATIONS)
        raise _wrong(f"{path}: source", f"{rules} first, of derived prices only", row["source"])
    _check_day(row, path, today)
    return Price(**{**row, "usd": usd(row["usd"], path)})


def usd(value: Any, path: str) -> Decimal:
    """An amount above 0 as text; a JSON number would have been rounded before it is read."""
    try:
        amount = Decimal(value) if isinstance(value, str) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 < amount <= MOST_USD:
        raise _wrong(f"{path}: usd", f'text such as "0.0168", above 0 and up to {MOST_USD}', value)
    return amount


def _check_day(row: Mapping[str, Any], path: str, today: datetime.date) -> None:
    seen = row["seen"]
    if seen is None:
        return
    try:
        day = datetime.date.fromisoformat(seen) if re.fullmatch(r"[\d-]{10}", str(seen)) else None
    except ValueError:
        day = None
    if day is None or day > today:
        raise _wrong(f"{path}: seen", "a day up to today, YYYY-MM-DD, or null", seen)


def _wrong(path: str, should_be: str, got: object) -> UserError:
    return UserError(f"{path}: should be {should_be}, got {got!r}", MENDING)
