"""Every cloud with its rules and its prices, as estimates take them."""

from __future__ import annotations

import datetime
import functools
from pathlib import Path

from components.cloud_names import cloud_names
from components.seam.costs import PriceBook
from components.seam.provider import load
from planning import files
from planning.costs import price_file
from planning.costs.estimate import Cloud

ROOT = Path(__file__).resolve().parents[2]
PRICES = "known/prices.json"


def prices_path(cloud: str) -> Path:
    """Where a cloud's prices are."""
    return ROOT / "components" / "clouds" / cloud / PRICES


def all_clouds(today: datetime.date) -> list[Cloud]:
    """Every cloud with its rules; prices are read when they are needed."""
    return [_cloud(name, today) for name in cloud_names()]


def _cloud(name: str, today: datetime.date) -> Cloud:
    provider = load(name)
    costs = provider.costs

    @functools.cache
    def book() -> PriceBook:
        path = prices_path(name)
        shown = path.relative_to(ROOT).as_posix()
        prices = price_file.parse(files.read(path, shown), shown, today)
        return PriceBook(name, prices, costs.REGIONS)

    return Cloud(name, costs, lambda: provider.known, book, today)
