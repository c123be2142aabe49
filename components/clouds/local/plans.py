"""Sizes of servers and managed databases.

A server's memory is a limit that the machine enforces; its processors and disk are the machine's
own, shared by all hosts. Connection limits of databases are those of DigitalOcean's managed
PostgreSQL, the tightest of the clouds here: 25 for each GiB of memory, 3 of them kept for
maintenance (docs.digitalocean.com, "PostgreSQL Limits"), so that what fits here fits there.
"""

from __future__ import annotations

from typing import TypeVar

from components.errors import invalid
from components.seam.cloud import DatabasePlan, ServerPlan

CONNECTIONS_PER_GIB = 25
RESERVED_CONNECTIONS = 3

SERVERS = {
    plan.name: plan
    for plan in (
        ServerPlan(name="local-1gb", vcpus=1, memory_mib=1024, disk_gib=25),
        ServerPlan(name="local-2gb", vcpus=2, memory_mib=2048, disk_gib=50),
        ServerPlan(name="local-4gb", vcpus=2, memory_mib=4096, disk_gib=80),
    )
}
DEFAULT_SERVER = "local-2gb"


def _database(gib: int, vcpus: int) -> DatabasePlan:
    return DatabasePlan(
        name=f"local-db-{gib}gb",
        vcpus=vcpus,
        memory_mib=gib * 1024,
        connection_limit=gib * CONNECTIONS_PER_GIB,
        reserved_connections=RESERVED_CONNECTIONS,
        standby_offered=True,
    )


DATABASES = {plan.name: plan for plan in (_database(1, 1), _database(2, 1), _database(4, 2))}
DEFAULT_DATABASE = "local-db-1gb"

Plan = TypeVar("Plan", ServerPlan, DatabasePlan)


def server(name: str) -> ServerPlan:
    return _find("stages:server.plan", SERVERS, name)


def database(name: str) -> DatabasePlan:
    return _find("stages:database.plan", DATABASES, name)


def _find(setting: str, plans: dict[str, Plan], name: str) -> Plan:
    if name not in plans:
        raise invalid(setting, f"one of {', '.join(plans)}", name)
    return plans[name]
