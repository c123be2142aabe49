"""What AWS's resources cost: on demand, 730 hours a month, before taxes and free tiers of accounts.

``price_list.py`` renews the prices. Databases: ``database_costs.py``; alarms, logs and keys:
``operations_costs.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from components.clouds.aws.known import (
    address_costs,
    database_costs,
)
from components.clouds.aws.known.disk_costs import gp3, region
from components.clouds.aws.known.names import INSTANCE, VOLUME, VPC
from components.seam.cost_rules import Stack
from components.seam.costs import HOURS, MONTH, Line, Unpriced, UsageKey, unpriced
from components.seam.planned import PlannedResource

PREFIXES = ("aws:",)
REGIONS: tuple[str, ...] = ()

SNAPSHOTS = ("aws:ebs/snapshot:Snapshot", "aws:dlm/lifecyclePolicy:LifecyclePolicy")
"""What makes snapshots of volumes."""
BUCKETS = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
OBJECT_LOCKS = (
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "aws:s3/bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2",
)

FREE_EGRESS_GB = Decimal(100)
"""A month, for an account and all of its regions together."""
EGRESS_TIERS = (
    (Decimal(10_240), "egress/from-10tb", ", beyond 10 TB"),
    (Decimal(51_200), "egress/from-50tb", ", beyond 50 TB"),
    (Decimal(153_600), "egress/from-150tb", ", beyond 150 TB"),
)
"""Beyond the free part; a TB of these has 1,024 GB."""
DETAILED_METRICS = 7
"""Metrics of an instance with detailed monitoring, each charged like one's own."""

USAGE: Mapping[str, UsageKey] = {
    "egress_gb": UsageKey(
        unit="GB a month", meaning="traffic to the internet; the first 100 GB are free"
    ),
    "snapshot_gib": UsageKey(
        unit="GiB", meaning="snapshots of volumes that are kept, on average, as they are stored"
    ),
    "cpu_credit_hours": UsageKey(
        unit="vCPU-hours a month",
        meaning="CPU of T servers above their baseline, once the credits are used up",
    ),
    "nat_gb": UsageKey(unit="GB a month", meaning="traffic through NAT gateways"),
    "dns_million_queries": UsageKey(
        unit="million a month", meaning="times that Route 53 is asked for the stack's records"
    ),
    "log_gb": UsageKey(unit="GB a month", meaning="flow logs and other logs taken in"),
    "log_stored_gb": UsageKey(unit="GB", meaning="logs that are kept, compressed, on average"),
    "bucket_gb": UsageKey(
        unit="GB",
        meaning="objects in a bucket, dumps and old or locked versions included, on average",
    ),
    **database_costs.USAGE,
}


def instance(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    at, size = region(resource), resource.text("instanceType")
    other = _not_on_demand(resource, stack)
    if other:
        yield unpriced(resource, f"Server: {other}", refused=True)
    else:
        yield stack.line(
            resource,
            "Server",
            f"ec2/{size}",
            at,
            HOURS,
            part="server",
            kind="compute",
            detail=f"{size}, on demand",
        )
    if _buys_credits(resource):
        yield from stack.usage_lines(
            resource,
            "CPU above the baseline",
            f"ec2-credits/{size.partition('.')[0]}",
            at,
            "cpu_credit_hours",
            part="server",
            kind="compute",
            among=filter(_buys_credits, stack.by_type(INSTANCE)),
        )
    for name, disk in [("Root disk", resource.map("rootBlockDevice")), *_more_disks(resource)]:
        yield from gp3(resource, stack, name, disk if isinstance(disk, dict) else {}, "volume")
    if resource.flag("monitoring"):
        yield stack.line(
            resource,
            "Detailed monitoring",
            "metric",
            at,
            Decimal(DETAILED_METRICS),
            part="operations",
            kind="watching",
        )
    yield from address_costs.automatic(resource, stack)
    yield from stack.usage_lines(
        resource,
        "Traffic to the internet",
        "egress",
        at,
        "egress_gb",
        part="network",
        kind="traffic",
        detail=f"after {FREE_EGRESS_GB} GB",
        free=FREE_EGRESS_GB,
        tiers=EGRESS_TIERS,
    )


def _not_on_demand(resource: PlannedResource, stack: Stack) -> str:
    """Why the price on demand and on shared hardware is not the server's; empty where it is."""
    if resource.map("instanceMarketOptions").get("marketType") == "spot":
        return "a spot instance has a price that changes by the hour"
    network = stack.source(resource, "subnetId", VPC)
    tenancy = resource.inputs.get("tenancy") or (network and network.inputs.get("instanceTenancy"))
    if resource.inputs.get("hostId") or resource.inputs.get("hostResourceGroupArn"):
        tenancy = "host"
    if tenancy not in (None, "", "default"):
        return f"only shared tenancy has a price here, got {tenancy!r}"
    return ""


def _buys_credits(resource: PlannedResource) -> bool:
    """T sizes buy CPU by themselves where they are not limited; the first of them, t2, never do."""
    family = str(resource.inputs.get("instanceType")).partition(".")[0]
    given = resource.inputs.get("creditSpecification")
    mode = given.get("cpuCredits") if isinstance(given, Mapping) else None
    return family.startswith("t") and (mode == "unlimited" or (mode is None and family != "t2"))


def _more_disks(resource: PlannedResource) -> Iterator[tuple[str, object]]:
    for disk in resource.list("ebsBlockDevices"):
        yield "Disk", disk


def volume(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    yield from gp3(resource, stack, "Data volume", resource.inputs, "volume")
    yield from snapshot(resource, stack)


def snapshot(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    yield from stack.usage_lines(
        resource,
        "Snapshots",
        "snapshot",
        region(resource),
        "snapshot_gib",
        part="server",
        kind="backup",
        among=stack.by_type(VOLUME, *SNAPSHOTS),
    )


def nat(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    at = region(resource)
    yield stack.line(resource, "NAT gateway", "nat", at, HOURS, part="network", kind="traffic")
    yield from stack.usage_lines(
        resource,
        "Traffic through NAT",
        "nat-traffic",
        at,
        "nat_gb",
        part="network",
        kind="traffic",
    )


def bucket(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    locked = resource.flag("objectLockEnabled") or any(
        stack.source(lock, "bucket", *BUCKETS) == resource for lock in stack.by_type(*OBJECT_LOCKS)
    )
    yield from stack.usage_lines(
        resource,
        "Objects in buckets",
        "s3",
        region(resource),
        "bucket_gb",
        part="server",
        kind="disk",
        detail="locked versions count" if locked else "",
        among=stack.by_type(*BUCKETS),
    )


def certificate(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """A public one costs nothing as long as its key stays with AWS."""
    exported = resource.map("options").get("export") == "ENABLED"
    if resource.inputs.get("certificateAuthorityArn") or exported:
        yield unpriced(
            resource,
            "a certificate of a private authority, or one that can be exported, has no price here",
        )


def endpoint(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """One in the routes, to S3 or DynamoDB, costs nothing; one with an address of its own does."""
    kind = resource.inputs.get("vpcEndpointType") or "Gateway"
    if kind != "Gateway":
        yield unpriced(resource, f"only an endpoint of type Gateway is free, got {kind!r}")


def lightsail(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """A whole month of a plan, which carries its disk, its address and its traffic."""
    size = resource.text("bundleId")
    yield stack.line(
        resource,
        "Lightsail server",
        f"lightsail/{size}",
        region(resource),
        MONTH,
        part="server",
        kind="compute",
        detail=size,
    )


def lightsail_database(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    size = resource.text("bundleId")
    yield stack.line(
        resource,
        "Lightsail database",
        f"lightsail-database/{size}",
        region(resource),
        MONTH,
        part="database",
        kind="compute",
        detail=size,
    )
