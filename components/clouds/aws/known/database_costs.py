"""What RDS for PostgreSQL costs. A standby in a second zone doubles server and disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from components.clouds.aws.known import support_costs
from components.clouds.aws.known.address_costs import address
from components.clouds.aws.known.disk_costs import region
from components.clouds.aws.known.support_costs import DISABLED
from components.errors import UserError, invalid
from components.seam.cost_rules import Stack
from components.seam.costs import HOURS, Line, Unpriced, UsageKey, unpriced
from components.seam.planned import PlannedResource

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
        meaning="backups and snapshots of databases that are kept, on average; as much as all of"
        " their disks in a region is free",
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
    """A database or a read replica, which has engine and disk of its source."""
    source = _source(resource, stack)
    of_source = resource.inputs if source is None else {**source.inputs, **resource.inputs}
    elsewhere = source is None and _is_replica(resource)
    engine = of_source.get("engine") or ("postgres" if elsewhere else resource.text("engine"))
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
    support = of_source.get("engineLifecycleSupport")
    version = of_source.get("engineVersion")
    if support != DISABLED and isinstance(version, int | float | str):
        yield from support_costs.lines(resource, stack, str(version), size)
    if elsewhere and "allocatedStorage" not in resource.inputs:
        of = resource.inputs["replicateSourceDb"]
        reason = f"Database disk: as that of {of!r}, which is not in the plan"
        yield unpriced(resource, reason, refused=True)
    else:
        yield from _disk(resource, stack, _with_disk(resource, source), family, at)
    if resource.flag("publiclyAccessible"):
        yield address(resource, stack)
    yield from _unpriced(resource)
    yield from _by_usage(resource, stack, size, at)


def _is_replica(resource: PlannedResource) -> bool:
    return bool(resource.inputs.get("replicateSourceDb"))


def _source(resource: PlannedResource, stack: Stack) -> PlannedResource | None:
    """The database of the plan that a replica copies, by its output, its name or its ARN."""
    given = resource.inputs.get("replicateSourceDb")
    if not given:
        return None
    name = str(given).rpartition(":")[2]
    named = (
        database
        for database in stack.by_type(INSTANCE)
        if database.inputs.get("identifier") == name
    )
    return stack.source(resource, "replicateSourceDb", INSTANCE) or next(named, None)


def _with_disk(resource: PlannedResource, source: PlannedResource | None) -> PlannedResource:
    return resource if "allocatedStorage" in resource.inputs or source is None else source


def _disk(
    resource: PlannedResource, stack: Stack, disk: PlannedResource, family: str, at: str
) -> Iterator[Line | Unpriced]:
    type_ = resource.inputs.get("storageType") or disk.inputs.get("storageType")
    if type_ != "gp3":
        yield unpriced(resource, f"storageType: only gp3 has a price here, got {type_!r}")
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
    if resource.flag("dedicatedLogVolume"):
        reasons.append("a log volume of its own has no price here")
    for reason in reasons:
        yield unpriced(resource, reason)


def _by_usage(
    resource: PlannedResource, stack: Stack, size: str, at: str
) -> Iterator[Line | Unpriced]:
    databases = list(stack.by_type(INSTANCE))
    primaries = [database for database in databases if not _is_replica(database)]
    here = [database for database in databases if region(database) == at]
    free = sum(
        (_gib(_with_disk(database, _source(database, stack))) for database in here), Decimal(0)
    )
    yield from stack.usage_lines(
        resource,
        "Database backups beyond the free part",
        "rds-backup",
        at,
        "database_backup_gib",
        part="database",
        kind="backup",
        detail=f"after {free} GiB",
        free=free,
        among=primaries,
        pool=here,
    )
    if size.startswith("db.t"):
        yield from stack.usage_lines(
            resource,
            "Database CPU above the baseline",
            f"rds-credits/{size.split('.')[1]}",
            at,
            "database_credit_hours",
            part="database",
            kind="compute",
            among=(
                database
                for database in databases
                if str(database.inputs.get("instanceClass"))[:4] == "db.t"
            ),
        )
    if resource.inputs.get("enabledCloudwatchLogsExports"):
        yield from stack.usage_lines(
            resource,
            "Database logs taken in",
            "logs",
            at,
            "database_log_gb",
            part="operations",
            kind="watching",
            among=(
                database
                for database in databases
                if database.inputs.get("enabledCloudwatchLogsExports")
            ),
        )
    yield from stack.usage_lines(
        resource,
        "Traffic between zones",
        "zone-traffic",
        at,
        "zone_traffic_gb",
        part="network",
        kind="traffic",
        among=primaries,
    )


def _gib(resource: PlannedResource) -> Decimal:
    """The disk of a database; none that is not known makes backups free."""
    try:
        return resource.number("allocatedStorage", Decimal(0))
    except UserError:
        return Decimal(0)
