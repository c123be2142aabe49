"""What AWS's resources cost: on demand, 730 hours a month, before taxes and free tiers of accounts.

``price_list.py`` renews the prices. Databases: ``database_costs.py``; alarms, logs and keys:
``operations_costs.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from components.clouds.aws.known import database_costs, operations_costs
from components.clouds.aws.known.disk_costs import gp3, region
from components.seam.costs import (
    HOURS,
    MONTH,
    Line,
    PlannedResource,
    Rule,
    Stack,
    Unpriced,
    UsageKey,
)

PREFIXES = ("aws:",)
REGIONS: tuple[str, ...] = ()

INSTANCE = "aws:ec2/instance:Instance"
ASSOCIATION = "aws:ec2/eipAssociation:EipAssociation"

FREE_EGRESS_GB = Decimal(100)
"""A month, for an account and all of its regions together."""
DETAILED_METRICS = 7
"""Metrics of an instance with detailed monitoring, each charged like one's own."""

FREE: Mapping[str, str] = {
    "aws:ec2/vpc:Vpc": "",
    "aws:ec2/subnet:Subnet": "",
    "aws:ec2/internetGateway:InternetGateway": "",
    "aws:ec2/routeTable:RouteTable": "",
    "aws:ec2/route:Route": "",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "",
    "aws:ec2/securityGroup:SecurityGroup": "",
    "aws:ec2/networkAcl:NetworkAcl": "",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "",
    "aws:ec2/keyPair:KeyPair": "",
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": "",
    "aws:ec2/volumeAttachment:VolumeAttachment": "priced as its volume",
    ASSOCIATION: "priced as its address",
    "aws:ec2/flowLog:FlowLog": "priced as its log group",
    "aws:iam/*": "",
    "aws:rds/subnetGroup:SubnetGroup": "",
    "aws:rds/parameterGroup:ParameterGroup": "",
    "aws:sns/topic:Topic": "1,000 e-mails a month are free",
    "aws:sns/topicSubscription:TopicSubscription": "1,000 e-mails a month are free",
    "aws:kms/alias:Alias": "",
    "aws:secretsmanager/secretVersion:SecretVersion": "priced as its secret",
    "aws:s3/bucketVersioning:BucketVersioning": "priced as its bucket",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "",
    "aws:s3/bucketPolicy:BucketPolicy": "",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": "",
}

USAGE: Mapping[str, UsageKey] = {
    "egress_gb": UsageKey(
        unit="GB a month", meaning="traffic to the internet; the first 100 GB are free"
    ),
    "snapshot_gib": UsageKey(
        unit="GiB", meaning="snapshots of volumes that are kept, on average, as they are stored"
    ),
    "cpu_credit_hours": UsageKey(
        unit="vCPU-hours a month",
        meaning="CPU of T servers above their baseline, once the credits are used up",
    ),
    "nat_gb": UsageKey(unit="GB a month", meaning="traffic through NAT gateways"),
    "log_gb": UsageKey(unit="GB a month", meaning="flow logs and other logs taken in"),
    "log_stored_gb": UsageKey(unit="GB", meaning="logs that are kept, compressed, on average"),
    "bucket_gb": UsageKey(unit="GB", meaning="objects in buckets, on average"),
    **database_costs.USAGE,
}


def _instance(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    at, size = region(resource), resource.text("instanceType")
    family = size.partition(".")[0]
    yield stack.line(
        resource,
        "Server",
        f"ec2/{size}",
        at,
        HOURS,
        part="server",
        kind="compute",
        detail=f"{size}, on demand",
    )
    credit = resource.map("creditSpecification")
    if family.startswith("t") and credit.get("cpuCredits") != "standard":
        yield stack.usage_line(
            resource,
            "CPU above the baseline",
            f"ec2-credits/{family}",
            at,
            "cpu_credit_hours",
            part="server",
            kind="compute",
        )
    for name, disk in [("Root disk", resource.map("rootBlockDevice")), *_more_disks(resource)]:
        yield from gp3(resource, stack, name, disk if isinstance(disk, dict) else {}, "volume")
    if resource.flag("monitoring"):
        yield stack.line(
            resource,
            "Detailed monitoring",
            "metric",
            at,
            Decimal(DETAILED_METRICS),
            part="operations",
            kind="watching",
        )
    if resource.flag("associatePublicIpAddress") and not _has_static_address(resource, stack):
        yield _address(resource, stack)
    if stack.is_first(resource):
        yield stack.usage_line(
            resource,
            "Traffic to the internet",
            "egress",
            at,
            "egress_gb",
            part="network",
            kind="traffic",
            detail=f"after {FREE_EGRESS_GB} GB",
            free=FREE_EGRESS_GB,
        )


def _more_disks(resource: PlannedResource) -> Iterator[tuple[str, object]]:
    for disk in resource.list("ebsBlockDevices"):
        yield "Disk", disk


def _has_static_address(resource: PlannedResource, stack: Stack) -> bool:
    """Its first address is given back once it has a static one, which is a resource of its own."""
    return any(
        stack.behind(one, "instanceId", INSTANCE) == resource for one in stack.of(ASSOCIATION)
    )


def _address(resource: PlannedResource, stack: Stack) -> Line | Unpriced:
    """In use or not, every public IPv4 address costs the same."""
    return stack.line(
        resource,
        "Public IPv4 address",
        "ipv4",
        region(resource),
        HOURS,
        part="network",
        kind="address",
    )


def _eip(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    yield _address(resource, stack)


def _volume(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    yield from gp3(resource, stack, "Data volume", resource.inputs, "volume")
    if stack.is_first(resource):
        yield stack.usage_line(
            resource,
            "Snapshots",
            "snapshot",
            region(resource),
            "snapshot_gib",
            part="server",
            kind="backup",
        )


def _nat(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    at = region(resource)
    yield stack.line(resource, "NAT gateway", "nat", at, HOURS, part="network", kind="traffic")
    if stack.is_first(resource):
        yield stack.usage_line(
            resource,
            "Traffic through NAT",
            "nat-traffic",
            at,
            "nat_gb",
            part="network",
            kind="traffic",
        )


def _bucket(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    if stack.is_first(resource):
        yield stack.usage_line(
            resource,
            "Objects in buckets",
            "s3",
            region(resource),
            "bucket_gb",
            part="server",
            kind="disk",
        )


def _lightsail(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """A whole month of a plan, which carries its disk, its address and its traffic."""
    size = resource.text("bundleId")
    yield stack.line(
        resource,
        "Lightsail server",
        f"lightsail/{size}",
        region(resource),
        MONTH,
        part="server",
        kind="compute",
        detail=size,
    )


def _lightsail_database(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    size = resource.text("bundleId")
    yield stack.line(
        resource,
        "Lightsail database",
        f"lightsail-database/{size}",
        region(resource),
        MONTH,
        part="database",
        kind="compute",
        detail=size,
    )


RULES: Mapping[str, Rule] = {
    INSTANCE: _instance,
    "aws:lightsail/instance:Instance": _lightsail,
    "aws:lightsail/database:Database": _lightsail_database,
    "aws:ebs/volume:Volume": _volume,
    "aws:ec2/eip:Eip": _eip,
    "aws:ec2/natGateway:NatGateway": _nat,
    database_costs.INSTANCE: database_costs.instance,
    **operations_costs.RULES,
    "aws:s3/bucket:Bucket": _bucket,
}
