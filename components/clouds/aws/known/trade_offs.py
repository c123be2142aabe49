"""What one gets and gives up with a size of AWS: for who chooses the cheapest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from components.clouds.aws import plans
from components.seam.cloud import DatabasePlan, ServerPlan
from components.seam.sizes import Sizes

BASELINE_PERCENT: Final[Mapping[str, int]] = {"micro": 10, "small": 20, "medium": 20, "large": 30}
"""Of each vCPU, T3 and T4g alike, as AWS documents it:
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-credits-baseline-concepts.html"""


def server(plan: ServerPlan) -> Iterator[str]:
    """In sentences without their end."""
    family, _, size = plan.name.partition(".")
    yield from _cpu(family, size)
    if getattr(plan, "architecture", "") == "arm64":
        yield "arm64: native packages of the app have to exist for it"


def database(plan: DatabasePlan) -> Iterator[str]:
    """In sentences without their end."""
    _, family, size = plan.name.split(".")
    yield from _cpu(family, size)


def _cpu(family: str, size: str) -> Iterator[str]:
    if family.startswith("t"):
        yield (
            f"burstable: {BASELINE_PERCENT[size]} % of each vCPU all the time, more from credits,"
            " and then billed"
        )
    else:
        yield "whole vCPUs all the time"


SIZES = Sizes(
    servers=plans.SERVERS,
    databases=plans.DATABASES,
    server_trade_offs=server,
    database_trade_offs=database,
)
