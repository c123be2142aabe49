"""What DigitalOcean's resources cost: its monthly prices, as it caps hours at 672 a month.

Every month of a resource costs one ``price_monthly``; 730 times the hourly price would overstate it
by 8.6 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, Decimal

from components.errors import UserError, invalid
from components.seam.cost_rules import Rule, Stack
from components.seam.costs import MONTH, Line, PlannedResource, Unpriced, UsageKey, unpriced

PREFIXES = ("digitalocean:",)
REGIONS = (
    *("ams2", "ams3", "atl1", "blr1", "fra1", "lon1", "nyc1", "nyc2", "nyc3", "ric1", "sfo1"),
    *("sfo2", "sfo3", "sgp1", "syd1", "tor1"),
)
"""Prices are the same in all of them."""

DROPLET = "digitalocean:index/droplet:Droplet"
CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster"
ASSIGNMENT = "digitalocean:index/reservedIpAssignment:ReservedIpAssignment"
VOLUME = "digitalocean:index/volume:Volume"
SNAPSHOTS = (
    "digitalocean:index/dropletSnapshot:DropletSnapshot",
    "digitalocean:index/volumeSnapshot:VolumeSnapshot",
)
SPACE = "digitalocean:index/spacesBucket:SpacesBucket"
SPACES_GIB, SPACES_EGRESS_GIB = Decimal(250), Decimal(1024)
"""Included in the one subscription."""

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

FREE: Mapping[str, str] = {
    "digitalocean:index/tag:Tag": "",
    "digitalocean:index/vpc:Vpc": "",
    "digitalocean:index/firewall:Firewall": "",
    "digitalocean:index/databaseFirewall:DatabaseFirewall": "",
    "digitalocean:index/databaseUser:DatabaseUser": "",
    "digitalocean:index/databaseDb:DatabaseDb": "",
    "digitalocean:index/databaseConnectionPool:DatabaseConnectionPool": "",
    "digitalocean:index/monitorAlert:MonitorAlert": "",
    "digitalocean:index/project:Project": "",
    "digitalocean:index/sshKey:SshKey": "",
    "digitalocean:index/domain:Domain": "",
    "digitalocean:index/dnsRecord:DnsRecord": "",
    "digitalocean:index/certificate:Certificate": "",
    "digitalocean:index/volumeAttachment:VolumeAttachment": "priced as its volume",
    ASSIGNMENT: "an assigned address costs nothing",
    "digitalocean:index/spacesBucketObject:SpacesBucketObject": "priced as its bucket",
    "digitalocean:index/spacesBucketPolicy:SpacesBucketPolicy": "",
    "digitalocean:index/spacesBucketCorsConfiguration:SpacesBucketCorsConfiguration": "",
    "digitalocean:index/spacesKey:SpacesKey": "",
}

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


def _region(resource: PlannedResource) -> str:
    return str(resource.inputs.get("region") or resource.region)


def _droplet(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    region, size = _region(resource), resource.text("size")
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
    yield from _snapshot(resource, stack)


def _snapshot(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    yield from stack.usage_lines(
        resource,
        "Snapshots",
        "snapshot",
        _region(resource),
        "snapshot_gib",
        part="server",
        kind="backup",
        among=stack.of(DROPLET, VOLUME, *SNAPSHOTS),
    )


def _cluster(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    engine = resource.text("engine")
    if engine != "pg":
        raise invalid(f"{resource.name}: engine", "pg to have a price", engine)
    size, nodes = resource.text("size"), resource.number("nodeCount", MONTH)
    if size == NO_STANDBY and nodes > 1:
        raise UserError(f"{resource.name}: {size} is not offered with a standby: it has no price")
    yield from _nodes(resource, stack, size, nodes, resource)


def _replica(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """A read-only node, by default of its cluster's size and disk."""
    cluster = stack.behind(resource, "clusterId", CLUSTER) or resource
    size = (resource if "size" in resource.inputs else cluster).text("size")
    disk = resource if "storageSizeMib" in resource.inputs else cluster
    yield from _nodes(resource, stack, size, MONTH, disk)


def _nodes(
    resource: PlannedResource, stack: Stack, size: str, nodes: Decimal, disk: PlannedResource
) -> Iterator[Line | Unpriced]:
    region = _region(resource)
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


def _volume(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    yield stack.line(
        resource,
        "Volume",
        "volume",
        _region(resource),
        resource.number("size"),
        part="server",
        kind="disk",
    )
    yield from _snapshot(resource, stack)


def _reserved_ip(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """Costs only while no Droplet has it."""
    assigned = "dropletId" in resource.inputs or any(
        stack.behind(one, "ipAddress", resource.type) == resource for one in stack.of(ASSIGNMENT)
    )
    if not assigned:
        yield stack.line(
            resource,
            "Reserved IPv4, not assigned",
            "reserved-ip",
            _region(resource),
            MONTH,
            part="network",
            kind="address",
        )


def _load_balancer(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    yield stack.line(
        resource,
        "Load balancer",
        "load-balancer",
        _region(resource),
        resource.number("sizeUnit", MONTH),
        part="network",
        kind="traffic",
    )


def _space(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """One subscription for all buckets of an account, and what they hold and send beyond it."""
    at = _region(resource)
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


RULES: Mapping[str, Rule] = {
    DROPLET: _droplet,
    CLUSTER: _cluster,
    "digitalocean:index/databaseReplica:DatabaseReplica": _replica,
    VOLUME: _volume,
    **dict.fromkeys(SNAPSHOTS, _snapshot),
    "digitalocean:index/reservedIp:ReservedIp": _reserved_ip,
    "digitalocean:index/loadBalancer:LoadBalancer": _load_balancer,
    SPACE: _space,
}
