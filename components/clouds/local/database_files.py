"""The files of a database host: PostgreSQL, its certificate, its firewall, its volume's mount."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from components.host import rendering
from components.host.postgres import MOUNT
from components.host.postgres import UID as POSTGRES

PORT = 5432
ADMIN = "dbadmin"
MAKE_CLUSTER = "/usr/local/lib/stages/make-cluster"
CLUSTER_UNIT = "postgres-cluster.service"

_ENVIRONMENT = rendering.environment(Path(__file__).parent / "files" / "database")


class File(NamedTuple):
    path: str
    text: str
    mode: int = 0o644
    owner: int = 0


def clients(cidr: str) -> str:
    """The range of the app servers, ``.16`` to ``.31`` of the network."""
    return f"{ipaddress.ip_network(cidr)[16]}/28"


def memory(memory_mib: int, connections: int) -> dict[str, object]:
    """PostgreSQL's memory settings on a host of its own, in MiB.

    A quarter for shared buffers and three quarters as the hint to the planner (its documentation,
    19.4 and 19.7); what is left for all connections at once, with 4 (the default) as the least.
    """
    return {
        "shared_buffers_mib": memory_mib // 4,
        "effective_cache_size_mib": memory_mib * 3 // 4,
        "work_mem_mib": max(4, memory_mib // 2 // connections),
        "maintenance_work_mem_mib": max(64, memory_mib // 16),
    }


def files(
    *, version: str, cidr: str, device: str, memory_mib: int, connections: int, reserved: int
) -> list[File]:
    """Everything but the certificate."""
    conf = f"/etc/postgresql/{version}/main"
    unit = f"postgresql@{version}-main.service"
    values: dict[str, object] = {
        "version": version,
        "conf": conf,
        "folder": f"{MOUNT}/postgresql/{version}/main",
        "mount": MOUNT,
        "device": device,
        "unit": unit,
        "uid": POSTGRES,
        "make_cluster": MAKE_CLUSTER,
        "cluster_unit": CLUSTER_UNIT,
        "clients": clients(cidr),
        "port": PORT,
        "max_connections": connections,
        "reserved_connections": reserved,
        **memory(memory_mib, connections),
    }

    def own(name: str) -> str:
        return _ENVIRONMENT.get_template(name).render(values)

    def shared(name: str) -> str:
        """Of the host's own PostgreSQL: the rules for a data directory are the same."""
        return rendering.render(f"postgres/{name}", **values)

    systemd = "/etc/systemd/system"
    return [
        File(f"{conf}/postgresql.conf", own("postgresql.conf.j2"), 0o640, POSTGRES),
        File(f"{conf}/pg_hba.conf", own("pg_hba.conf.j2"), 0o640, POSTGRES),
        File(f"{conf}/pg_ident.conf", "", 0o640, POSTGRES),
        File(f"{conf}/start.conf", "auto\n", 0o644, POSTGRES),
        File(MAKE_CLUSTER, shared("make-cluster.sh.j2"), 0o755),
        File(f"{systemd}/{CLUSTER_UNIT}", shared("postgres-cluster.service.j2")),
        File("/etc/systemd/logind.conf.d/50-postgres.conf", shared("logind.conf")),
        File(f"{systemd}/{unit}.d/50-stages.conf", shared("postgresql.service.conf.j2")),
        File(f"{systemd}/data.mount", own("data.mount.j2")),
        File("/etc/nftables.conf", own("nftables.conf.j2"), 0o755),
    ]


def admin_sql(password: str) -> str:
    """SQL for ``psql``'s standard input; it holds the password."""
    quoted = "'" + password.replace("'", "''") + "'"
    return _ENVIRONMENT.get_template("admin.sql.j2").render(admin=ADMIN, password=quoted)


def certificate(version: str, certificate_pem: str, key_pem: str) -> list[File]:
    conf = f"/etc/postgresql/{version}/main"
    return [
        File(f"{conf}/server.crt", certificate_pem, 0o644, POSTGRES),
        File(f"{conf}/server.key", key_pem, 0o600, POSTGRES),
    ]


def inputs(props: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of :func:`files` that a database's resource holds, as numbers again."""
    return {
        "version": props["version"],
        "memory_mib": int(props["memory_mib"]),
        "connections": int(props["connections"]),
        "reserved": int(props["reserved"]),
    }
