"""What managed PostgreSQL of DigitalOcean costs: its nodes, and disk beyond what they include."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal

from components.errors import UserError, invalid
from components.seam.cost_rules import Stack
from components.seam.costs import MONTH, Line, Unpriced, unpriced
from components.seam.planned import PlannedResource

CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster"

INCLUDED_DISK_GIB = {
    "db-s-1vcpu-1gb": 10,
    "db-s-1vcpu-2gb": 30,
    "db-s-2vcpu-4gb": 60,
    "db-s-4vcpu-8gb": 140,
    "db-s-6vcpu-16gb": 290,
}
"""Disk in a cluster's price, a node. As in ``plans.py``, which an estimate cannot import."""
MOST_DISK_GIB = {"db-s-2vcpu-4gb": 120, "db-s-4vcpu-8gb": 280, "db-s-6vcpu-16gb": 580}
"""The largest disk that is sold with a size. As in ``plans.py``."""
DISK_STEP_GIB = 10
NO_STANDBY = "db-s-1vcpu-1gb"
"""The one size that is offered without a standby only."""


def region_of(resource: PlannedResource) -> str:
    """The region of a resource: its own, or that of its provider."""
    return str(resource.inputs.get("region") or resource.region)


def cluster(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    engine = resource.text("engine")
    if engine != "pg":
        raise invalid(f"{resource.name}: engine", "pg to have a price", engine)
    size, nodes = resource.text("size"), resource.number("nodeCount", MONTH)
    if size == NO_STANDBY and nodes > 1:
        raise UserError(f"{resource.name}: {size} is not offered with a standby: it has no price")
    yield from _nodes(resource, stack, size, nodes, resource)


def replica(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """A read-only node, by default of its cluster's size and disk."""
    cluster = stack.source(resource, "clusterId", CLUSTER) or resource
    size = (resource if "size" in resource.inputs else cluster).text("size")
    disk = resource if "storageSizeMib" in resource.inputs else cluster
    yield from _nodes(resource, stack, size, MONTH, disk)


def _nodes(
    resource: PlannedResource, stack: Stack, size: str, nodes: Decimal, disk: PlannedResource
) -> Iterator[Line | Unpriced]:
    region = region_of(resource)
    yield stack.line(
        resource,
        "Database nodes",
        f"database/{size}",
        region,
        nodes,
        part="database",
        kind="compute",
        detail=size if nodes == 1 else f"{size}, {nodes} nodes",
    )
    included = Decimal(INCLUDED_DISK_GIB.get(size, 0))
    wanted = disk.number("storageSizeMib", included * 1024) / 1024
    most = MOST_DISK_GIB.get(size)
    if wanted < included or (most and wanted > most):
        sold = f"{included} to {most}" if most else f"{included} or more"
        reason = f"Database disk: {size} is sold with {sold} GiB, got {wanted:f}"
        yield unpriced(resource, reason, refused=True)
        return
    steps = ((wanted - included) / DISK_STEP_GIB).to_integral_value(ROUND_CEILING)
    if steps > 0:
        yield stack.line(
            resource,
            "Database disk, beyond the included",
            "database-disk",
            region,
            steps * DISK_STEP_GIB * nodes,
            part="database",
            kind="disk",
            detail=f"{included} GiB a node are included",
        )
