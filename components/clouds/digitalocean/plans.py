"""Sizes of Droplets and of managed PostgreSQL that a stage may use, as planning sees them.

Shared CPU only: the stages are for up to a thousand users. Sources: the size slugs of the Pulumi
SDK 4.84 and DigitalOcean's pricing pages (2026-09); ``make preview`` asks the account whether the
region still has them.
"""

from __future__ import annotations

from components.errors import invalid
from components.seam.cloud import DatabasePlan, ServerPlan

DEFAULT_SERVER = {1: "s-2vcpu-4gb", 2: "s-2vcpu-4gb"}
"""$24 a month. Stage 1 with its volume stays near the low end of $20-50."""
DEFAULT_DATABASE = "db-s-2vcpu-4gb"
"""$60.90 a month, inside the $50-100 that stage 2 costs more than stage 1."""

IMAGE = "debian-13-x64"
"""DigitalOcean's Debian 13, which it rebuilds from time to time."""

RESERVED_CONNECTIONS = 3
"""DigitalOcean keeps 3 connections of every cluster for maintenance."""
CONNECTIONS_PER_GIB = 25
"""``max_connections`` of a cluster for each GiB of a node's memory."""
STORAGE_STEP_GIB = 10
"""A cluster's disk grows in steps of 10 GiB."""


def _server(name: str, vcpus: int, memory_gib: float, disk_gib: int) -> ServerPlan:
    return ServerPlan(name=name, vcpus=vcpus, memory_mib=int(memory_gib * 1024), disk_gib=disk_gib)


def _database(name: str, vcpus: int, memory_gib: int) -> DatabasePlan:
    return DatabasePlan(
        name=name,
        vcpus=vcpus,
        memory_mib=memory_gib * 1024,
        connection_limit=CONNECTIONS_PER_GIB * memory_gib,
        reserved_connections=RESERVED_CONNECTIONS,
        standby_offered=memory_gib > 1,
    )


SERVERS = {
    plan.name: plan
    for plan in (
        _server("s-1vcpu-1gb", 1, 1, 25),
        _server("s-1vcpu-2gb", 1, 2, 50),
        _server("s-2vcpu-2gb", 2, 2, 60),
        _server("s-2vcpu-4gb", 2, 4, 80),
        _server("s-4vcpu-8gb", 4, 8, 160),
        _server("s-8vcpu-16gb", 8, 16, 320),
        _server("s-1vcpu-1gb-amd", 1, 1, 25),
        _server("s-1vcpu-2gb-amd", 1, 2, 50),
        _server("s-2vcpu-2gb-amd", 2, 2, 60),
        _server("s-2vcpu-4gb-amd", 2, 4, 80),
        _server("s-4vcpu-8gb-amd", 4, 8, 160),
        _server("s-8vcpu-16gb-amd", 8, 16, 320),
        _server("s-1vcpu-1gb-intel", 1, 1, 25),
        _server("s-1vcpu-2gb-intel", 1, 2, 50),
        _server("s-2vcpu-2gb-intel", 2, 2, 60),
        _server("s-2vcpu-4gb-intel", 2, 4, 80),
        _server("s-4vcpu-8gb-intel", 4, 8, 160),
        _server("s-8vcpu-16gb-intel", 8, 16, 320),
    )
}

DATABASES = {
    plan.name: plan
    for plan in (
        _database("db-s-1vcpu-1gb", 1, 1),
        _database("db-s-1vcpu-2gb", 1, 2),
        _database("db-s-2vcpu-4gb", 2, 4),
        _database("db-s-4vcpu-8gb", 4, 8),
        _database("db-s-6vcpu-16gb", 6, 16),
    )
}

INCLUDED_STORAGE_GIB = {
    "db-s-1vcpu-1gb": 10,
    "db-s-1vcpu-2gb": 30,
    "db-s-2vcpu-4gb": 60,
    "db-s-4vcpu-8gb": 140,
    "db-s-6vcpu-16gb": 290,
}
"""Disk that a cluster's price includes, which is also the least that it can have."""
MOST_STORAGE_GIB = {"db-s-2vcpu-4gb": 120, "db-s-4vcpu-8gb": 280, "db-s-6vcpu-16gb": 580}
"""The largest disk that is sold with a size (pricing page, 2026-08-30); of the smaller sizes it is
not known."""


def server(name: str) -> ServerPlan:
    """Look a Droplet size up; raises ``UserError`` for an unknown one."""
    if name not in SERVERS:
        raise invalid("stages:server.plan", f"one of {', '.join(SERVERS)}", name)
    return SERVERS[name]


def database(name: str) -> DatabasePlan:
    """Look a cluster's size up; raises ``UserError`` for an unknown one."""
    if name not in DATABASES:
        raise invalid("stages:database.plan", f"one of {', '.join(DATABASES)}", name)
    return DATABASES[name]


def storage_gib(plan: str, wanted_gib: int) -> int:
    """Return the disk a cluster gets: what is wanted in whole steps, at least what is included."""
    steps = -(-wanted_gib // STORAGE_STEP_GIB)
    return max(INCLUDED_STORAGE_GIB[plan], steps * STORAGE_STEP_GIB)
