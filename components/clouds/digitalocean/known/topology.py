"""A plan on DigitalOcean as boxes and arrows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.clouds.digitalocean.known.names import (
    ADDRESS,
    ASSIGNMENT,
    ATTACHMENT,
    CLUSTER,
    DROPLET,
    FIREWALL,
    REPLICA,
    SPACE,
    TAG,
    TRUSTED_SOURCES,
    VOLUME,
    VPC,
)
from components.seam.planned import PlannedResource, PlannedResources
from components.seam.topology import ANY_PORT, Picture, node

POSTGRES = "25060"
"""Port of every managed PostgreSQL."""
HTTPS = "443"


def picture(resources: Sequence[PlannedResource]) -> Picture:
    """Read what stands where, and what the cloud and database firewalls let through."""
    known = PlannedResources.index(resources)
    drawn = Picture()
    for vpc in known.by_type(VPC):
        lines = (vpc.inputs["ipRange"], vpc.inputs["region"])
        drawn.add(node(vpc, "network", lines))
    for droplet in known.by_type(DROPLET):
        around = known.behind(droplet, "vpcUuid", VPC)
        lines = (droplet.inputs["size"], droplet.inputs["image"])
        drawn.add(node(droplet, "server", lines, around))
    for volume in known.by_type(VOLUME):
        around = [
            urn
            for attachment in known.by_type(ATTACHMENT)
            if volume.urn in known.behind(attachment, "volumeId", VOLUME)
            for urn in known.behind(attachment, "dropletId", DROPLET)
        ]
        drawn.add(node(volume, "volume", (f"{volume.inputs['size']} GiB",), around))
    for bucket in known.by_type(SPACE):
        drawn.add(node(bucket, "bucket", ("Spaces, versioned", "encrypted, private")))
        for host in drawn.by_kind("server"):
            drawn.allow(host.id, bucket.urn, HTTPS)
    _databases(known, drawn)
    _cloud_firewalls(known, drawn)
    _addresses(known, drawn)
    return drawn


def _databases(known: PlannedResources, drawn: Picture) -> None:
    for cluster in known.by_type(CLUSTER):
        inputs = cluster.inputs
        nodes = "with a standby" if inputs["nodeCount"] > 1 else "one node"
        lines = (f"PostgreSQL {inputs['version']}", inputs["size"], nodes)
        around = known.behind(cluster, "privateNetworkUuid", VPC)
        drawn.add(node(cluster, "database", lines, around))
    for replica in known.by_type(REPLICA):
        around = known.behind(replica, "privateNetworkUuid", VPC)
        drawn.add(node(replica, "database", ("read replica", replica.inputs["size"]), around))
    for database in drawn.by_kind("database"):
        firewalls = [
            firewall
            for firewall in known.by_type(TRUSTED_SOURCES)
            if firewall.deleted_with == database.id
        ]
        if not firewalls:  # open to every source
            drawn.allow(drawn.outside(["0.0.0.0/0"]), database.id, POSTGRES)
        for firewall in firewalls:
            for rule in firewall.inputs["rules"]:
                for source in _admitted(known, drawn, firewall, rule):
                    drawn.allow(source, database.id, POSTGRES)


def _admitted(
    known: PlannedResources, drawn: Picture, firewall: PlannedResource, rule: Mapping[str, Any]
) -> list[str]:
    if rule["type"] == "tag":
        return _tagged(known, known.behind(firewall, "rules", TAG))
    return [drawn.outside([rule["value"]])]


def _tagged(known: PlannedResources, tags: Sequence[str]) -> list[str]:
    """Droplets that carry one of the tags."""
    return [
        droplet.urn
        for droplet in known.by_type(DROPLET)
        if set(tags) & set(known.behind(droplet, "tags", TAG))
    ]


def _cloud_firewalls(known: PlannedResources, drawn: Picture) -> None:
    for firewall in known.by_type(FIREWALL):
        droplets = _tagged(known, known.behind(firewall, "tags", TAG))
        for droplet in droplets:
            for rule in firewall.inputs.get("inboundRules", ()):
                source = drawn.outside(rule["sourceAddresses"])
                drawn.allow(source, droplet, _port(rule))
            for rule in firewall.inputs.get("outboundRules", ()):
                target = drawn.outside(rule["destinationAddresses"])
                drawn.allow(droplet, target, _port(rule))


def _addresses(known: PlannedResources, drawn: Picture) -> None:
    for address in known.by_type(ADDRESS):
        drawn.add(node(address, "address", ("reserved IP",)))
        for assignment in known.by_type(ASSIGNMENT):
            if address.urn in known.behind(assignment, "ipAddress", ADDRESS):
                for droplet in known.behind(assignment, "dropletId", DROPLET):
                    drawn.through(address.urn, droplet)


def _port(rule: Mapping[str, Any]) -> str:
    port = rule.get("portRange", "all")
    return ANY_PORT if port == "all" else str(port)
