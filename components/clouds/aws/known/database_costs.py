"""What RDS for PostgreSQL costs. A standby in a second zone doubles server and disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from components.clouds.aws.known.disk_costs import region
from components.errors import invalid
from components.seam.costs import HOURS, Line, PlannedResource, Stack, Unpriced, UsageKey

INSTANCE = "aws:rds/instance:Instance"

LARGE_DISK_GIB = Decimal(400)
"""From here on a gp3 disk of RDS for PostgreSQL is striped, and its baseline is higher."""
BASE_IOPS = Decimal(3000)
BASE_MIBPS = Decimal(125)
LARGE_FACTOR = 4
FREE_INSIGHTS_DAYS = Decimal(7)

USAGE: Mapping[str, UsageKey] = {
    "database_backup_gib": UsageKey(
        unit="GiB",
        meaning="backups and snapshots of the database that are kept, on average; as much as its"
        " disk is free",
    ),
    "database_credit_hours": UsageKey(
        unit="vCPU-hours a month",
        meaning="CPU of T databases above their baseline, once the credits are used up",
    ),
    "database_log_gb": UsageKey(
        unit="GB a month", meaning="the database's logs sent to CloudWatch"
    ),
    "zone_traffic_gb": UsageKey(
        unit="GB a month",
        meaning="traffic between app server and database, in and out, while they are in different"
        " zones",
    ),
}


def instance(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """A database or a read replica, which has the disk of its source."""
    source = stack.behind(resource, "replicateSourceDb", INSTANCE)
    disk = resource if "allocatedStorage" in resource.inputs or source is None else source
    engine = (resource if "engine" in resource.inputs or source is None else source).text("engine")
    if engine != "postgres":
        raise invalid(f"{resource.name}: engine", "postgres to have a price", engine)
    at, size, standby = region(resource), resource.text("instanceClass"), resource.flag("multiAz")
    family = "rds-standby" if standby else "rds"
    yield stack.line(
        resource,
        "Database server",
        f"{family}/{size}",
        at,
        HOURS,
        part="database",
        kind="compute",
        detail=f"{size}, with a standby" if standby else size,
    )
    yield from _disk(resource, stack, disk, family, at)
    yield from _unpriced(resource)
    yield from _by_usage(resource, stack, disk, size, at, replica=source is not None)


def _disk(
    resource: PlannedResource, stack: Stack, disk: PlannedResource, family: str, at: str
) -> Iterator[Line | Unpriced]:
    type_ = resource.inputs.get("storageType") or disk.inputs.get("storageType")
    if type_ != "gp3":
        yield Unpriced(
            urn=resource.urn,
            resource=resource.name,
            type=resource.type,
            reason=f"storageType: only gp3 has a price here, got {type_!r}",
        )
        return
    room = disk.number("allocatedStorage")
    yield stack.line(
        resource,
        "Database disk",
        f"{family}-disk/gp3",
        at,
        room,
        part="database",
        kind="disk",
        detail=f"gp3, {room} GiB",
    )
    factor = LARGE_FACTOR if room >= LARGE_DISK_GIB else 1
    for what, key, base, item in (
        ("IOPS", "iops", BASE_IOPS * factor, "iops"),
        ("MiBps", "storageThroughput", BASE_MIBPS * factor, "throughput"),
    ):
        above = disk.number(key, base) - base
        if above > 0:
            yield stack.line(
                resource,
                f"Database disk: {what} above {base}",
                f"{family}-disk-{item}/gp3",
                at,
                above,
                part="database",
                kind="disk",
            )


def _unpriced(resource: PlannedResource) -> Iterator[Unpriced]:
    """What may be asked of RDS beside server and disk."""
    reasons = []
    days = resource.number("performanceInsightsRetentionPeriod", FREE_INSIGHTS_DAYS)
    if resource.flag("performanceInsightsEnabled") and days > FREE_INSIGHTS_DAYS:
        reasons.append(f"Performance Insights for {days} days: only 7 are free")
    if resource.inputs.get("engineLifecycleSupport") == "open-source-rds-extended-support":
        reasons.append("Extended Support costs by the year of the version")
    for reason in reasons:
        yield Unpriced(urn=resource.urn, resource=resource.name, type=resource.type, reason=reason)


def _by_usage(
    resource: PlannedResource,
    stack: Stack,
    disk: PlannedResource,
    size: str,
    at: str,
    *,
    replica: bool,
) -> Iterator[Line | Unpriced]:
    """Told at the first database of the stack, which is no replica."""
    primaries = [one for one in stack.of(INSTANCE) if "replicateSourceDb" not in one.inputs]
    if replica or resource.urn != min((one.urn for one in primaries), default=""):
        return
    yield stack.usage_line(
        resource,
        "Database backups beyond the free part",
        "rds-backup",
        at,
        "database_backup_gib",
        part="database",
        kind="backup",
        detail=f"after {disk.number('allocatedStorage')} GiB",
        free=disk.number("allocatedStorage"),
    )
    if size.startswith("db.t"):
        yield stack.usage_line(
            resource,
            "Database CPU above the baseline",
            f"rds-credits/{size.split('.')[1]}",
            at,
            "database_credit_hours",
            part="database",
            kind="compute",
        )
    if resource.inputs.get("enabledCloudwatchLogsExports"):
        yield stack.usage_line(
            resource,
            "Database logs taken in",
            "logs",
            at,
            "database_log_gb",
            part="operations",
            kind="watching",
        )
    yield stack.usage_line(
        resource,
        "Traffic between zones",
        "zone-traffic",
        at,
        "zone_traffic_gb",
        part="network",
        kind="traffic",
    )
