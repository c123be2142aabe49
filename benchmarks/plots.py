"""The pictures of each benchmark, by the names of their files. A benchmark without any is fine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks import backups, cold, deploys, failover, promotion, stages
from benchmarks.charts import Picture
from benchmarks.claims import pictures as claims
from benchmarks.measures import Result
from benchmarks.users import pictures as users

DRAWING: Mapping[str, Callable[[Result], Mapping[str, Picture]]] = {
    "backups": backups.draw,
    "claims": claims.draw,
    "cold": cold.draw,
    "failover": failover.draw,
    "deploys": deploys.draw,
    "promotion": promotion.draw,
    "users": users.draw,
    "stages": stages.draw,
}
"""By benchmark: what draws its pictures; their names are without an ending."""


def of(result: Result) -> Mapping[str, Picture]:
    """The pictures of a result, by name."""
    drawing = DRAWING.get(result.benchmark)
    return drawing(result) if drawing else {}
