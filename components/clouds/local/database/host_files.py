"""The files of a database host: PostgreSQL, its certificate, its firewall, its volume's mount."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from components.clouds.local.database.cluster import Cluster, slot
from components.host import rendering
from components.host.data_volume import MOUNT
from components.host.postgres import UID as UID
from components.host.postgres import temp_file_limit_mib

PORT = 5432
ADMIN = "dbadmin"
REPLICATOR = "replicator"
"""The role of standby and replicas: may read the log, and nothing else."""
MAKE_CLUSTER = "/usr/local/lib/stages/make-cluster"
CLUSTER_UNIT = "postgres-cluster.service"

_ENVIRONMENT = rendering.environment(Path(__file__).parent / "files")


class File(NamedTuple):
    path: str
    text: str
    mode: int = 0o644
    owner: int = 0


def clients(cidr: str) -> str:
    """The range of the app servers, ``.16`` to ``.31`` of the network."""
    return f"{ipaddress.ip_network(cidr)[16]}/28"


def members(cidr: str) -> str:
    """The range of the databases, ``.64`` to ``.79`` of the network."""
    return f"{ipaddress.ip_network(cidr)[64]}/28"


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
    *,
    version: str,
    cidr: str,
    device: str,
    memory_mib: int,
    connections: int,
    reserved: int,
    storage_gib: int,
    replicated: bool = False,
) -> list[File]:
    """Everything but the certificate, what replication takes, and what says the member's role."""
    conf = folder_of(version)
    unit = f"postgresql@{version}-main.service"
    values: dict[str, object] = {
        "version": version,
        "conf": conf,
        "folder": f"{MOUNT}/postgresql/{version}/main",
        "mount": MOUNT,
        "device": device,
        "unit": unit,
        "uid": UID,
        "make_cluster": MAKE_CLUSTER,
        "cluster_unit": CLUSTER_UNIT,
        "clients": clients(cidr),
        "members": members(cidr) if replicated else "",
        "replicator": REPLICATOR,
        "port": PORT,
        "max_connections": connections,
        "reserved_connections": reserved,
        "temp_file_limit_mib": temp_file_limit_mib(storage_gib),
        **memory(memory_mib, connections),
    }

    def own(name: str) -> str:
        return _render(name, **values)

    def shared(name: str) -> str:
        """Of the host's own PostgreSQL: the rules for a data directory are the same."""
        return rendering.render(f"postgres/{name}", **values)

    systemd = "/etc/systemd/system"
    return [
        File(f"{conf}/postgresql.conf", own("postgresql.conf.j2"), 0o640, UID),
        File(f"{conf}/pg_hba.conf", own("pg_hba.conf.j2"), 0o640, UID),
        File(f"{conf}/pg_ident.conf", "", 0o640, UID),
        File(f"{conf}/start.conf", "auto\n", 0o644, UID),
        File(f"{systemd}/{CLUSTER_UNIT}", shared("postgres-cluster.service.j2")),
        File("/etc/systemd/logind.conf.d/50-postgres.conf", shared("logind.conf")),
        File(f"{systemd}/{unit}.d/50-stages.conf", shared("postgresql.service.conf.j2")),
        File(f"{systemd}/data.mount", mount(device, MOUNT)),
        File("/etc/nftables.conf", firewall(cidr, PORT, databases=replicated), 0o755),
    ]


def mount(device: str, where: str) -> str:
    """The unit that mounts the volume."""
    return _render("data.mount.j2", device=device, mount=where)


def firewall(cidr: str, port: int, *, databases: bool) -> str:
    """The rules of a host that app servers reach at one port, and ``databases`` too if so told."""
    return _render(
        "nftables.conf.j2",
        clients=clients(cidr),
        members=members(cidr) if databases else "",
        port=port,
    )


def role(cluster: Cluster, member: str) -> list[File]:
    """What a member is: how its data directory comes to be, and whom it follows.

    A member that is not the primary never starts on data that is not a standby's.
    """
    values: dict[str, object] = {
        "version": cluster.version,
        "folder": data_of(cluster.version),
        "mount": MOUNT,
        "uid": UID,
        "database": cluster.name,
        "port": PORT,
        "follows": cluster.follows(member),
        "slot": slot(member),
        "conninfo": _conninfo(cluster),
        "synchronous": slot(cluster.synchronous) if member == cluster.primary else "",
        "above_data": rendering.render(
            "postgres/above-data.sh.j2", mount=MOUNT, version=cluster.version
        ),
    }
    make = (
        _render("follow.sh.j2", **values)
        if cluster.follows(member)
        else rendering.render("postgres/make-cluster.sh.j2", **values)
    )
    conf = f"{folder_of(cluster.version)}/replication.conf"
    return [
        File(MAKE_CLUSTER, make, 0o755),
        File(
            f"/etc/systemd/system/{CLUSTER_UNIT}.d/50-follow.conf",
            _render("follow.conf.j2", **values),
        ),
        File(conf, _render("replication.conf.j2", **values), 0o640, UID),
    ]


def replication(version: str, ca_pem: str, password: str) -> list[File]:
    """How a member gets in at the primary, whichever that is: over TLS that is verified in full."""
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    conf = folder_of(version)
    return [
        File(f"{conf}/ca.crt", ca_pem.strip() + "\n", 0o644, UID),
        File(f"{conf}/pgpass", f"*:*:*:{REPLICATOR}:{escaped}\n", 0o600, UID),
    ]


def _conninfo(cluster: Cluster) -> str:
    """The primary by the database's name, wherever that leads; a silent one is given up."""
    conf = folder_of(cluster.version)
    given = {
        "host": cluster.name,
        "port": PORT,
        "user": REPLICATOR,
        "passfile": f"{conf}/pgpass",
        "sslmode": "verify-full",
        "sslrootcert": f"{conf}/ca.crt",
        "connect_timeout": 3,
        "tcp_user_timeout": 5000,
    }
    return " ".join(f"{key}={value}" for key, value in given.items())


def admin_sql(password: str, replication_password: str = "") -> str:
    """SQL for ``psql``'s standard input; it holds the passwords."""
    return _render(
        "admin.sql.j2",
        admin=ADMIN,
        password=_quoted(password),
        replicator=REPLICATOR,
        replication=replication_password and _quoted(replication_password),
    )


def folder_of(version: str) -> str:
    """PostgreSQL's configuration on a host."""
    return f"/etc/postgresql/{version}/main"


def data_of(version: str) -> str:
    """PostgreSQL's data on the volume."""
    return f"{MOUNT}/postgresql/{version}/main"


def _render(name: str, **values: object) -> str:
    return _ENVIRONMENT.get_template(name).render(values)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def certificate(version: str, certificate_pem: str, key_pem: str) -> list[File]:
    conf = folder_of(version)
    return [
        File(f"{conf}/server.crt", certificate_pem, 0o644, UID),
        File(f"{conf}/server.key", key_pem, 0o600, UID),
    ]


def inputs(props: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of :func:`files` that a database's resource holds, as numbers again."""
    return {
        "version": props["version"],
        "memory_mib": int(props["memory_mib"]),
        "connections": int(props["connections"]),
        "reserved": int(props["reserved"]),
        "storage_gib": int(props["storage_gib"]),
        "replicated": bool(props.get("replication_password")),
    }
