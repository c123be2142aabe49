"""What RDS Extended Support costs: an old major version, by the vCPU-hour, from its day on.

It is AWS's default: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support.html
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from components.clouds.aws.known.disk_costs import region
from components.seam.cost_rules import Stack
from components.seam.costs import HOURS, Line, Unpriced, unpriced
from components.seam.planned import PlannedResource

NAME = "Extended Support"
DISABLED = "open-source-rds-extended-support-disabled"
PAID_FROM = {
    11: datetime.date(2024, 4, 1),
    12: datetime.date(2025, 3, 1),
    13: datetime.date(2026, 3, 1),
    14: datetime.date(2027, 3, 1),
    15: datetime.date(2028, 3, 1),
    16: datetime.date(2029, 3, 1),
    17: datetime.date(2030, 3, 1),
}
"""By major version of PostgreSQL, the day after its standard support. From AWS's release calendar
for RDS for PostgreSQL."""
CHEAPER_YEARS = 2
_SIZE = re.compile(r"db\.(?:t3|t4g|[mrx]\d\w*)\.(?:(micro|small|medium|large)|(\d*)xlarge)")
"""Families whose sizes up to large have 2 vCPU."""


def lines(
    resource: PlannedResource, stack: Stack, version: str, size: str
) -> Iterator[Line | Unpriced]:
    """The line of a database whose version, such as ``13.22``, is old; its standby pays as well."""
    major = version.partition(".")[0]
    if not major.isdecimal():
        return
    if int(major) < min(PAID_FROM):
        yield unpriced(resource, f"{NAME}: nothing is known of PostgreSQL {major}", refused=True)
        return
    begins = PAID_FROM.get(int(major))
    if begins is None or stack.today < begins:
        return
    vcpus = vcpus_of(size)
    if vcpus is None:
        yield unpriced(resource, f"{NAME}: how many vCPU {size} has is not known", refused=True)
        return
    servers = 2 if resource.flag("multiAz") else 1
    dearer = begins.replace(year=begins.year + CHEAPER_YEARS)
    yield stack.line(
        resource,
        NAME,
        f"rds-extended-support/{'year-1-2' if stack.today < dearer else 'year-3'}",
        region(resource),
        HOURS * vcpus * servers,
        part="database",
        kind="compute",
        detail=f"PostgreSQL {major}, {vcpus * servers} vCPU",
    )


def vcpus_of(size: str) -> int | None:
    """Processors of an instance class; ``None`` where its name does not say."""
    match = _SIZE.fullmatch(size)
    if match is None:
        return None
    return 2 if match[1] else 4 * int(match[2] or 1)
