"""The sizes that a cloud sells, to choose from by price, and what one gives up with each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from components.seam.cloud import DatabasePlan, ServerPlan


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """By name. A trade-off is a sentence without its end."""

    servers: Mapping[str, ServerPlan]
    databases: Mapping[str, DatabasePlan]
    server_trade_offs: Callable[[ServerPlan], Iterator[str]]
    database_trade_offs: Callable[[DatabasePlan], Iterator[str]]
