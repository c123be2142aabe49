"""What is known of DigitalOcean's types, one row a type (``components/seam/known.py``).

The inputs that replace are those that ``digitalocean/terraform-provider-digitalocean`` marks with
ForceNew (its source, read in November 2026); Pulumi's provider is built from it. A type with a cost
alone is in no stack of ours.
"""

from __future__ import annotations

from typing import Final

from components.clouds.digitalocean.known import costs, database_costs, downtime, facts
from components.clouds.digitalocean.known.names import (
    ADDRESS,
    ASSIGNMENT,
    ATTACHMENT,
    CLUSTER,
    DROPLET,
    FIREWALL,
    INDEX,
    REPLICA,
    SPACE,
    TAG,
    TRUSTED_SOURCES,
    VOLUME,
    VPC,
)
from components.seam.downtime import another_address, grown_volume
from components.seam.known import Known, free

KNOWN: Final[dict[str, Known]] = {
    DROPLET: Known(
        replaces=(
            *("image", "region", "publicNetworking", "sshKeys", "userData", "monitoring"),
            *("dropletAgent", "vpcUuid", "ipv6"),  # ipv6: only when it is taken away
        ),
        terraform="digitalocean_droplet",
        cost=costs.droplet,
        facts=facts.droplet,
    ),
    VOLUME: Known(
        replaces=(
            *("region", "name", "description", "snapshotId"),
            *("initialFilesystemType", "initialFilesystemLabel"),
        ),
        holds="data",
        terraform="digitalocean_volume",
        cost=costs.volume,
        downtime=grown_volume,
        facts=facts.volume,
    ),
    ATTACHMENT: Known(
        replaces=("dropletId", "volumeId"), terraform="digitalocean_volume_attachment", cost=free
    ),
    ADDRESS: Known(
        replaces=("region",),
        holds="address",
        terraform="digitalocean_reserved_ip",
        cost=costs.reserved_ip,
        downtime=another_address,
        facts=facts.address,
    ),
    ASSIGNMENT: Known(  # an assigned address costs nothing
        replaces=("ipAddress", "dropletId"),
        terraform="digitalocean_reserved_ip_assignment",
        cost=free,
    ),
    VPC: Known(replaces=("region", "ipRange"), terraform="digitalocean_vpc", cost=free),
    FIREWALL: Known(terraform="digitalocean_firewall", cost=free, facts=facts.firewall),
    TAG: Known(replaces=("name",), terraform="digitalocean_tag", cost=free),
    CLUSTER: Known(
        replaces=("name", "engine", "privateNetworkUuid", "projectId"),
        holds="data",
        terraform="digitalocean_database_cluster",
        cost=database_costs.cluster,
        downtime=downtime.cluster,
        facts=facts.cluster,
    ),
    REPLICA: Known(
        replaces=("name", "clusterId", "region", "privateNetworkUuid", "tags"),
        terraform="digitalocean_database_replica",
        cost=database_costs.replica,
        facts=facts.replica,
    ),
    TRUSTED_SOURCES: Known(
        replaces=("clusterId",), terraform="digitalocean_database_firewall", cost=free
    ),
    SPACE: Known(
        replaces=("region", "name"),
        holds="data",
        terraform="digitalocean_spaces_bucket",
        cost=costs.space,
        facts=facts.bucket,
    ),
    f"{INDEX}spacesKey:SpacesKey": Known(terraform="digitalocean_spaces_key", cost=free),
    f"{INDEX}dnsRecord:DnsRecord": Known(
        replaces=("domain", "type"), terraform="digitalocean_record", cost=free
    ),
    f"{INDEX}monitorAlert:MonitorAlert": Known(terraform="digitalocean_monitor_alert", cost=free),
    f"{INDEX}uptimeAlert:UptimeAlert": Known(terraform="digitalocean_uptime_alert", cost=free),
    f"{INDEX}uptimeCheck:UptimeCheck": Known(
        terraform="digitalocean_uptime_check", cost=costs.uptime_check
    ),
    f"{INDEX}certificate:Certificate": Known(cost=free),
    f"{INDEX}databaseConnectionPool:DatabaseConnectionPool": Known(cost=free),
    f"{INDEX}databaseDb:DatabaseDb": Known(cost=free),
    f"{INDEX}databaseUser:DatabaseUser": Known(cost=free),
    f"{INDEX}domain:Domain": Known(cost=free),
    f"{INDEX}loadBalancer:LoadBalancer": Known(cost=costs.load_balancer),
    f"{INDEX}project:Project": Known(cost=free),
    f"{INDEX}spacesBucketCorsConfiguration:SpacesBucketCorsConfiguration": Known(cost=free),
    f"{INDEX}spacesBucketObject:SpacesBucketObject": Known(cost=free),  # priced as its bucket
    f"{INDEX}spacesBucketPolicy:SpacesBucketPolicy": Known(cost=free),
    f"{INDEX}sshKey:SshKey": Known(cost=free),
    **dict.fromkeys(costs.SNAPSHOTS, Known(cost=costs.snapshot)),
}
