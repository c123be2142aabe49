"""Asks DigitalOcean for the prices of its Droplets; it lists no others.

Databases, volumes, backups and the rest have no price in its API: those rows are kept by hand.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from components.clouds.digitalocean.account import api
from components.errors import UserError
from components.nearest import nearest
from components.seam.costs import Price
from components.seam.price_files import begins_with

SOURCE = "DigitalOcean API, GET /v2/sizes"
RULE = "size"
PAUSES_S = (2, 8, 30)
"""After each answer that was none, such as 429; then it is given up."""

Pause = Callable[[float], None]


def fetch(
    prices: Sequence[Price], regions: Sequence[str], today: datetime.date, pause: Pause
) -> list[Price]:
    """Every row, those of Droplets as DigitalOcean tells them now.

    ``regions`` make no difference: prices are the same everywhere. Raises ``UserError`` at the
    first row that is not exactly one size.
    """
    sizes = _sizes(pause)
    return [_row(price, sizes, today) if price.rule == RULE else price for price in prices]


def from_files(
    prices: Sequence[Price], regions: Sequence[str], files: Sequence[Path]
) -> list[Price] | None:
    """Every row, those of Droplets as the saved answers of ``GET /v2/sizes`` say, a page a file.

    Their day is the oldest on which one of them was saved. None where no file is such an answer;
    otherwise as ``fetch``.
    """
    pages = [path for path in files if begins_with(path, "sizes")]
    if not pages:
        return None
    sizes = [size for path in pages for size in _page(path)]
    saved = min(path.stat().st_mtime for path in pages)
    day = datetime.datetime.fromtimestamp(saved, tz=datetime.UTC).date()
    return [_row(price, sizes, day) if price.rule == RULE else price for price in prices]


def _page(path: Path) -> list[dict[str, Any]]:
    try:
        sizes = json.loads(path.read_bytes())["sizes"]
    except (OSError, ValueError, KeyError, TypeError):
        sizes = None
    if not isinstance(sizes, list) or not all(isinstance(size, dict) for size in sizes):
        raise UserError(f"{path}: should be an answer of GET /v2/sizes, got something else")
    return sizes


def _sizes(pause: Pause) -> list[dict[str, Any]]:
    for wait_s in PAUSES_S:
        try:
            return list(api.every("sizes", "sizes"))
        except api.Unreachable:
            pause(wait_s)
    return list(api.every("sizes", "sizes"))


def _row(price: Price, sizes: Sequence[dict[str, Any]], day: datetime.date) -> Price:
    slug = price.item.partition("/")[2]
    fitting = [size for size in sizes if size.get("slug") == slug]
    if len(fitting) != 1:
        near = nearest(slug, (str(size.get("slug")) for size in sizes), most=3)
        raise UserError(
            f"{price.item}: should match one size of DigitalOcean, got {len(fitting) or 'none'}",
            "Nothing was written." + (f" The nearest: {', '.join(near)}." if near else ""),
        )
    try:
        usd = Decimal(str(fitting[0].get("price_monthly")))
    except InvalidOperation:
        usd = Decimal(0)
    if not usd.is_finite() or usd <= 0:
        raise UserError(
            f"{price.item}: should have a monthly price, got {fitting[0].get('price_monthly')!r}",
            "Nothing was written.",
        )
    return dataclasses.replace(
        price,
        usd=usd,
        source=f"{SOURCE}, {slug}",
        seen=day.isoformat(),
        quality="price list",
        sku=slug,
    )
