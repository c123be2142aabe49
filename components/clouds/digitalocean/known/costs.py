"""What DigitalOcean's resources cost: its monthly prices, as it caps hours at 672 a month.

Every month of a resource costs one ``price_monthly``; 730 times the hourly price would overstate it
by 8.6 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from components.clouds.digitalocean.known.database_costs import region_of
from components.clouds.digitalocean.known.names import ASSIGNMENT, DROPLET, VOLUME
from components.seam.cost_rules import Stack
from components.seam.costs import MONTH, Line, Unpriced, UsageKey, unpriced
from components.seam.planned import PlannedResource

PREFIXES = ("digitalocean:",)
REGIONS = (
    *("ams2", "ams3", "atl1", "blr1", "fra1", "lon1", "nyc1", "nyc2", "nyc3", "ric1", "sfo1"),
    *("sfo2", "sfo3", "sgp1", "syd1", "tor1"),
)
"""Prices are the same in all of them."""

SNAPSHOTS = (
    "digitalocean:index/dropletSnapshot:DropletSnapshot",
    "digitalocean:index/volumeSnapshot:VolumeSnapshot",
)
SPACES_GIB, SPACES_EGRESS_GIB = Decimal(250), Decimal(1024)
"""Included in the one subscription."""

USAGE: Mapping[str, UsageKey] = {
    "egress_beyond_pool_gib": UsageKey(
        unit="GiB a month",
        meaning="traffic out of DigitalOcean beyond what the account's Droplets include together"
        " (4 TB with a Droplet of 4 GB)",
    ),
    "snapshot_gib": UsageKey(
        unit="GiB", meaning="snapshots of servers and volumes that are kept, on average"
    ),
    "spaces_gib": UsageKey(
        unit="GiB",
        meaning="objects in Spaces, dumps and old versions included, on average; 250 GiB are free",
    ),
    "spaces_egress_gib": UsageKey(
        unit="GiB a month", meaning="traffic out of Spaces; the first 1,024 GiB are free"
    ),
}


def droplet(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    region, size = region_of(resource), resource.text("size")
    compute = stack.line(
        resource,
        "Droplet",
        f"droplet/{size}",
        region,
        MONTH,
        part="server",
        kind="compute",
        detail=size,
    )
    yield compute
    if resource.flag("backups") and isinstance(compute, Unpriced):
        yield unpriced(resource, "Backups: a part of the Droplet's price, which has none here")
    elif resource.flag("backups") and isinstance(compute, Line):
        often = str(resource.map("backupPolicy").get("plan") or "daily")
        yield stack.line(
            resource,
            "Backups",
            f"backups/{often}",
            region,
            compute.price.usd,
            part="server",
            kind="backup",
            detail=often,
        )
    yield from stack.usage_lines(
        resource,
        "Traffic out, beyond the pool",
        "egress",
        region,
        "egress_beyond_pool_gib",
        part="network",
        kind="traffic",
    )
    yield from snapshot(resource, stack)


def snapshot(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    yield from stack.usage_lines(
        resource,
        "Snapshots",
        "snapshot",
        region_of(resource),
        "snapshot_gib",
        part="server",
        kind="backup",
        among=stack.by_type(DROPLET, VOLUME, *SNAPSHOTS),
    )


def volume(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    yield stack.line(
        resource,
        "Volume",
        "volume",
        region_of(resource),
        resource.number("size"),
        part="server",
        kind="disk",
    )
    yield from snapshot(resource, stack)


def reserved_ip(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """Costs only while no Droplet has it."""
    assigned = "dropletId" in resource.inputs or any(
        resource.urn in stack.behind(assignment, "ipAddress", resource.type)
        for assignment in stack.by_type(ASSIGNMENT)
    )
    if not assigned:
        yield stack.line(
            resource,
            "Reserved IPv4, not assigned",
            "reserved-ip",
            region_of(resource),
            MONTH,
            part="network",
            kind="address",
        )


def load_balancer(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    yield stack.line(
        resource,
        "Load balancer",
        "load-balancer",
        region_of(resource),
        resource.number("sizeUnit", MONTH),
        part="network",
        kind="traffic",
    )


def uptime_check(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """It has no region; alerts on it cost nothing."""
    yield stack.line(
        resource,
        "Uptime check",
        "uptime-check",
        REGIONS[0],
        MONTH,
        part="operations",
        kind="watching",
    )


def space(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """One subscription for all buckets of an account, and what they hold and send beyond it."""
    at = region_of(resource)
    if stack.is_first(resource):
        yield stack.line(
            resource,
            "Spaces, 250 GiB and 1 TiB of traffic",
            "spaces",
            at,
            MONTH,
            part="server",
            kind="disk",
        )
    yield from stack.usage_lines(
        resource,
        "Objects in Spaces",
        "spaces-storage",
        at,
        "spaces_gib",
        part="server",
        kind="disk",
        detail=f"after {SPACES_GIB} GiB",
        free=SPACES_GIB,
    )
    yield from stack.usage_lines(
        resource,
        "Traffic out of Spaces",
        "spaces-egress",
        at,
        "spaces_egress_gib",
        part="network",
        kind="traffic",
        detail=f"after {SPACES_EGRESS_GIB} GiB",
        free=SPACES_EGRESS_GIB,
    )
