"""What one gets and gives up with a size of DigitalOcean: for who chooses the cheapest."""

from __future__ import annotations

from collections.abc import Iterator

from components.clouds.digitalocean import plans
from components.seam.cloud import DatabasePlan, ServerPlan
from components.seam.sizes import Sizes


def server(plan: ServerPlan) -> Iterator[str]:
    """In sentences without their end. All of ``plans.py`` are of the shared kind."""
    yield "shared vCPUs: what neighbours take is not there, and no more is billed"
    yield f"a disk of {plan.disk_gib} GiB is included"


def database(plan: DatabasePlan) -> Iterator[str]:
    """In sentences without their end."""
    yield "shared vCPUs"
    if not plan.standby_offered:
        yield "no standby is offered in this size"


SIZES = Sizes(
    servers=plans.SERVERS,
    databases=plans.DATABASES,
    server_trade_offs=server,
    database_trade_offs=database,
)
