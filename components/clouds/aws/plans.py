"""Sizes of servers and databases, as planning sees them: plain values, no account needed.

Memory and processors are those of AWS's instance type pages. Whether a region has a type is for
the preflight to ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from components.errors import invalid
from components.seam.cloud import DatabasePlan, ServerPlan

Architecture = Literal["arm64", "x86_64"]
T = TypeVar("T")

ROOT_DISK_GIB: Final = 20
"""Debian, packages, releases, logs. The image's own disk has 8 GiB."""

RESERVED_CONNECTIONS: Final = 7
"""3 for superusers, 2 for ``rds_superuser``, 2 for ``rds_reserved``: RDS's own defaults since
PostgreSQL 16, from its error message and not measured here."""

BYTES_PER_CONNECTION: Final = 9_531_392
"""RDS's default formula for PostgreSQL, with the whole memory: the group sets it
(docs/facts/postgresql.md 7)."""
MOST_CONNECTIONS: Final = 5000


@dataclass(frozen=True, kw_only=True)
class Ec2Plan(ServerPlan):
    """An EC2 instance type."""

    architecture: Architecture


def _server(name: str, vcpus: int, memory_gib: int, architecture: Architecture) -> Ec2Plan:
    return Ec2Plan(
        name=name,
        vcpus=vcpus,
        memory_mib=memory_gib * 1024,
        disk_gib=ROOT_DISK_GIB,
        architecture=architecture,
    )


def _database(name: str, vcpus: int, memory_gib: int) -> DatabasePlan:
    return DatabasePlan(
        name=name,
        vcpus=vcpus,
        memory_mib=memory_gib * 1024,
        connection_limit=min(memory_gib * 1024**3 // BYTES_PER_CONNECTION, MOST_CONNECTIONS),
        reserved_connections=RESERVED_CONNECTIONS,
        standby_offered=True,
    )


SERVERS: Final[Mapping[str, Ec2Plan]] = {
    plan.name: plan
    for plan in (
        _server("t4g.micro", 2, 1, "arm64"),
        _server("t4g.small", 2, 2, "arm64"),
        _server("t4g.medium", 2, 4, "arm64"),
        _server("t4g.large", 2, 8, "arm64"),
        _server("m7g.medium", 1, 4, "arm64"),
        _server("m7g.large", 2, 8, "arm64"),
        _server("t3.micro", 2, 1, "x86_64"),
        _server("t3.small", 2, 2, "x86_64"),
        _server("t3.medium", 2, 4, "x86_64"),
        _server("t3.large", 2, 8, "x86_64"),
    )
}
DATABASES: Final[Mapping[str, DatabasePlan]] = {
    plan.name: plan
    for plan in (
        _database("db.t4g.micro", 2, 1),
        _database("db.t4g.small", 2, 2),
        _database("db.t4g.medium", 2, 4),
        _database("db.t4g.large", 2, 8),
        _database("db.m7g.large", 2, 8),
    )
}

DEFAULT_SERVER: Final = "t4g.medium"
"""4 GiB: PostgreSQL, two web processes and a worker fit. In either stage, so that a promotion
does not shrink the app server."""
DEFAULT_DATABASE: Final = "db.t4g.medium"


def server(name: str) -> Ec2Plan:
    """Look an instance type up. Raises ``UserError`` with those that exist."""
    return _look_up(SERVERS, "stages:server.plan", name)


def database(name: str) -> DatabasePlan:
    """Look a database instance class up. Raises ``UserError`` with those that exist."""
    return _look_up(DATABASES, "stages:database.plan", name)


def _look_up(plans: Mapping[str, T], path: str, name: str) -> T:
    if name not in plans:
        raise invalid(path, f"one of {', '.join(plans)}", name)
    return plans[name]
