"""A plan on AWS as boxes and arrows."""

from __future__ import annotations

from collections.abc import Sequence

from components.clouds.aws.known.names import (
    ADDRESS,
    ASSOCIATION,
    ATTACHMENT,
    BUCKET,
    EGRESS,
    GROUP,
    INGRESS,
    INSTANCE,
    RDS,
    VOLUME,
    VPC,
)
from components.seam.planned import PlannedResource, PlannedResources
from components.seam.topology import ANY_PORT, Picture, node

HTTPS = "443"
ALL_PROTOCOLS = "-1"


def picture(resources: Sequence[PlannedResource]) -> Picture:
    """Read what stands where, and what the security groups let through."""
    known = PlannedResources.index(resources)
    drawn = Picture()
    for vpc in known.by_type(VPC):
        drawn.add(node(vpc, "network", (vpc.inputs["cidrBlock"], vpc.inputs.get("region", ""))))
    for server in known.by_type(INSTANCE):
        lines = (server.inputs["instanceType"], "Debian 13")
        drawn.add(node(server, "server", lines, known.behind(server, "subnetId", VPC)))
    for database in known.by_type(RDS):
        drawn.add(node(database, "database", _about(database), _network_of(known, database)))
    for volume in known.by_type(VOLUME):
        around = [
            urn
            for attachment in known.by_type(ATTACHMENT)
            if volume.urn in known.behind(attachment, "volumeId", VOLUME)
            for urn in known.behind(attachment, "instanceId", INSTANCE)
        ]
        drawn.add(node(volume, "volume", (f"{volume.inputs['size']} GiB, encrypted",), around))
    for bucket in known.by_type(BUCKET):
        drawn.add(node(bucket, "bucket", ("S3, versioned", "encrypted, private")))
        for host in drawn.by_kind("server"):
            drawn.allow(host.id, bucket.urn, HTTPS)
    _rules(known, drawn)
    _public(known, drawn)
    for address in known.by_type(ADDRESS):
        drawn.add(node(address, "address", ("Elastic IP",)))
        for association in known.by_type(ASSOCIATION):
            if address.urn in known.behind(association, "allocationId", ADDRESS):
                for server_urn in known.behind(association, "instanceId", INSTANCE):
                    drawn.through(address.urn, server_urn)
    return drawn


def _about(database: PlannedResource) -> tuple[str, ...]:
    inputs = database.inputs
    if "replicateSourceDb" in inputs:
        return ("read replica", inputs["instanceClass"])
    nodes = "with a standby" if inputs.get("multiAz") else "one node"
    return (f"PostgreSQL {inputs['engineVersion']}", inputs["instanceClass"], nodes)


def _network_of(known: PlannedResources, database: PlannedResource) -> list[str]:
    """A replica names no subnets: it stands where its primary does, as its groups show."""
    return known.behind(database, "dbSubnetGroupName", VPC) or known.behind(
        database, "vpcSecurityGroupIds", VPC
    )


def _members(known: PlannedResources, groups: Sequence[str]) -> list[str]:
    """Servers and databases in one of the groups."""
    return [
        member.urn
        for member in (*known.by_type(INSTANCE), *known.by_type(RDS))
        if set(groups) & set(known.behind(member, "vpcSecurityGroupIds", GROUP))
    ]


def _rules(known: PlannedResources, drawn: Picture) -> None:
    for rule in known.by_type(INGRESS):
        targets = _members(known, known.behind(rule, "securityGroupId", GROUP))
        for source in _other_side(known, drawn, rule):
            for target in targets:
                drawn.allow(source, target, _port(rule))
    for rule in known.by_type(EGRESS):
        sources = _members(known, known.behind(rule, "securityGroupId", GROUP))
        for target in _other_side(known, drawn, rule):
            for source in sources:
                drawn.allow(source, target, _port(rule))


def _other_side(known: PlannedResources, drawn: Picture, rule: PlannedResource) -> list[str]:
    inputs = rule.inputs
    cidrs = [inputs[key] for key in ("cidrIpv4", "cidrIpv6") if key in inputs]
    if cidrs:
        return [drawn.outside(cidrs)]
    return _members(known, known.behind(rule, "referencedSecurityGroupId", GROUP))


def _public(known: PlannedResources, drawn: Picture) -> None:
    """A database with a public address is within reach of whoever knows a password."""
    for database in known.by_type(RDS):
        if database.inputs.get("publiclyAccessible"):
            drawn.allow(drawn.outside(["0.0.0.0/0"]), database.urn, "5432")


def _port(rule: PlannedResource) -> str:
    inputs = rule.inputs
    if inputs["ipProtocol"] == ALL_PROTOCOLS:
        return ANY_PORT
    low, high = inputs["fromPort"], inputs["toPort"]
    return str(low) if low == high else f"{low}-{high}"
