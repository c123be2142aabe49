"""Managed PostgreSQL: a cluster in the stack's VPC that only the stack's Droplets reach.

Role and database ``app`` are not made here but by the host configuration, as ``doadmin``: what
DigitalOcean's API makes belongs to ``doadmin``, sorts by another locale than stage 1, and from
PostgreSQL 15 on leaves its users without rights on the schema.
"""

from __future__ import annotations

import pulumi
import pulumi_digitalocean as digitalocean

from components.clouds.digitalocean import plans
from components.clouds.digitalocean.resources import alarms
from components.clouds.digitalocean.resources.names import labels
from components.clouds.digitalocean.resources.network import Network
from components.seam.cloud import DatabaseAnswer, DatabaseNeeds, Guarantee
from components.settings import Settings

ENGINE = "pg"
ADMIN_DATABASE = "defaultdb"
"""Exists in every cluster and cannot be deleted."""


def database(
    name: str,
    needs: DatabaseNeeds,
    network: Network,
    settings: Settings,
    region: str,
    parent: pulumi.Resource,
) -> DatabaseAnswer:
    """Make the cluster, close it at once, add the read replicas."""
    storage_mib = str(plans.storage_gib(needs.plan, needs.storage_gib) * 1024)
    cluster = digitalocean.DatabaseCluster(
        f"{name}-database",
        engine=ENGINE,
        version=str(needs.version),
        size=needs.plan,
        region=region,
        node_count=2 if needs.standby else 1,
        storage_size_mib=storage_mib,
        private_network_uuid=network.id,
        maintenance_windows=[
            digitalocean.DatabaseClusterMaintenanceWindowArgs(
                day=settings.database.maintenance_day,
                hour=f"{settings.database.maintenance_hour:02}:00",
            )
        ],
        tags=labels(settings),
        opts=pulumi.ResourceOptions(parent=parent, protect=needs.protected),
    )
    firewall = _closed(
        f"{name}-database-firewall", cluster.id, cluster, network, parent, needs.protected
    )
    read_hosts = []
    for number in range(1, needs.read_replicas + 1):
        replica = digitalocean.DatabaseReplica(
            f"{name}-replica-{number}",
            cluster_id=cluster.id,
            size=needs.plan,
            storage_size_mib=storage_mib,
            region=region,
            private_network_uuid=network.id,
            tags=labels(settings),
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[firewall]),
        )
        # A replica has trusted sources of its own; nothing learns where it is before it is closed.
        own = _closed(
            f"{name}-replica-{number}-firewall", replica.uuid, replica, network, parent, False
        )
        read_hosts.append(
            pulumi.Output.all(replica.private_host, own.id).apply(lambda known: str(known[0]))
        )
    alarms.for_database(name, cluster.id, settings.alarms, parent)
    # Nothing learns where the database is before it is closed.
    closed = pulumi.Output.all(cluster.private_host, cluster.port, firewall.id)
    ca = digitalocean.get_database_ca_output(
        cluster_id=cluster.id, opts=pulumi.InvokeOutputOptions(parent=parent)
    )
    return DatabaseAnswer(
        host=closed.apply(lambda known: str(known[0])),
        port=closed.apply(lambda known: int(known[1])),
        admin_user=cluster.user,
        admin_password=cluster.password,  # made by DigitalOcean; the SDK marks it as secret
        admin_database=ADMIN_DATABASE,
        ca_pem=ca.certificate,
        encrypted_at_rest=Guarantee(
            kept=True, reason="DigitalOcean encrypts disks and backups of clusters (LUKS)"
        ),
        backed_up=Guarantee(
            kept=True,
            reason="daily, and to any minute of the last 7 days; deleting the cluster deletes its"
            " backups, so dumps elsewhere are needed as well",
        ),
        standby=Guarantee(
            kept=needs.standby,
            reason="a second node takes over by itself"
            if needs.standby
            else "stages:database.standby is false",
        ),
        read_hosts=tuple(read_hosts),
    )


def _closed(
    name: str,
    target: pulumi.Output[str],
    owner: pulumi.Resource,
    network: Network,
    parent: pulumi.Resource,
    protect: bool,
) -> digitalocean.DatabaseFirewall:
    """Admit the stack's Droplets alone, by tag. Without this a database is open to every source.

    Deleting it opens the database again: so it is protected with its owner, and goes with it
    without a request of its own.
    """
    return digitalocean.DatabaseFirewall(
        name,
        cluster_id=target,
        rules=[digitalocean.DatabaseFirewallRuleArgs(type="tag", value=network.app_tag)],
        opts=pulumi.ResourceOptions(parent=parent, protect=protect, deleted_with=owner),
    )
