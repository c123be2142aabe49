"""The stage's network: a VPC with two public subnets and, for a database, two private ones.

Costs nothing by itself: there is no NAT gateway, the app server has a public address and RDS needs
none (docs/facts/aws.md 21). It never opens the database to anything but the app server's group.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.clouds.aws.context import Context
from components.clouds.aws.resources import alarms, boundary, firewall, flow_logs
from components.clouds.aws.resources.subnets import divide
from components.seam.cloud import NetworkAnswer, NetworkNeeds


@dataclass(frozen=True, kw_only=True)
class AwsNetwork(NetworkAnswer):
    """What the rest of this folder needs of the network, beside what a stage sees."""

    public_subnet_id: pulumi.Output[str]
    """In the first zone, where the server and its volume are."""
    private_subnet_ids: tuple[pulumi.Output[str], ...]
    app_group_id: pulumi.Output[str]
    database_group_id: pulumi.Output[str] | None
    boundary_arn: pulumi.Output[str]
    """Of the policy that every role of the stack stays within."""
    topic_arn: pulumi.Output[str] | None
    """Where alarms go; ``None`` without an address for them."""
    ways: tuple[pulumi.Resource, ...]
    """Routes and rules that a server needs from its first second to its shutdown."""


def make(ctx: Context, name: str, needs: NetworkNeeds, parent: pulumi.Resource) -> AwsNetwork:
    """Declare the network."""
    # Data lives in a network with a database: then it stays when the rest is taken down.
    keep = needs.private_database and ctx.settings.data.protected
    vpc = aws.ec2.Vpc(
        f"{name}-vpc",
        region=ctx.region,
        cidr_block=needs.cidr,
        enable_dns_support=True,
        enable_dns_hostnames=True,  # a database's name answers with its private address
        tags=ctx.tags(f"{name}-vpc"),
        opts=ctx.child(parent, protect=keep),
    )
    aws.ec2.DefaultSecurityGroup(  # without rules nobody gets in by being forgotten (EC2.2)
        f"{name}-default-group",
        region=ctx.region,
        vpc_id=vpc.id,
        ingress=[],
        egress=[],
        # No tags: the provider sets them on the group that came with the VPC, and the right to
        # tag what has none would be the right to change it.
        opts=ctx.child(parent),
    )
    ranges = divide(needs.cidr)
    public, routes = _public(ctx, name, vpc, ranges.public, parent)
    private = (
        _private(ctx, name, vpc, ranges.private, keep, parent) if needs.private_database else ()
    )
    groups = firewall.make(
        ctx, name, vpc, needs, endpoint_subnet=public[0], keep=keep, parent=parent
    )
    if ctx.settings.network.flow_logs:
        flow_logs.make(ctx, name, vpc, parent)
    return AwsNetwork(
        id=vpc.id,
        cidr=needs.cidr,
        public_subnet_id=public[0].id,
        private_subnet_ids=tuple(subnet.id for subnet in private),
        app_group_id=groups.app.id,
        database_group_id=groups.database.id if groups.database else None,
        boundary_arn=boundary.arn(vpc.arn),
        topic_arn=alarms.topic(ctx, name, parent),
        ways=(*routes, *groups.rules),
    )


def _public(
    ctx: Context, name: str, vpc: aws.ec2.Vpc, ranges: tuple[str, str], parent: pulumi.Resource
) -> tuple[list[aws.ec2.Subnet], list[pulumi.Resource]]:
    """Subnets with a way to the internet, and that way. No address is given out by itself."""
    gateway = aws.ec2.InternetGateway(
        f"{name}-gateway",
        region=ctx.region,
        vpc_id=vpc.id,
        tags=ctx.tags(f"{name}-gateway"),
        # Taken over to another VPC it would leave the old one's servers cut off before they have
        # was shut down, and AWS refuses while they have public addresses.
        opts=ctx.child(parent, replace_on_changes=["vpcId"]),
    )
    table = aws.ec2.RouteTable(
        f"{name}-public",
        region=ctx.region,
        vpc_id=vpc.id,
        tags=ctx.tags(f"{name}-public"),
        opts=ctx.child(parent),
    )
    route = aws.ec2.Route(
        f"{name}-internet",
        region=ctx.region,
        route_table_id=table.id,
        destination_cidr_block="0.0.0.0/0",
        gateway_id=gateway.id,
        opts=ctx.child(parent),
    )
    subnets = _subnets(ctx, f"{name}-public", vpc, ranges, protect=False, parent=parent)
    return subnets, [route, *_associations(ctx, f"{name}-public", table, subnets, parent)]


def _private(
    ctx: Context,
    name: str,
    vpc: aws.ec2.Vpc,
    ranges: tuple[str, str],
    keep: bool,
    parent: pulumi.Resource,
) -> list[aws.ec2.Subnet]:
    """Subnets without a way out, in two zones even for a database in one (docs/facts/aws.md 21)."""
    table = aws.ec2.RouteTable(
        f"{name}-private",
        region=ctx.region,
        vpc_id=vpc.id,
        tags=ctx.tags(f"{name}-private"),
        opts=ctx.child(parent),
    )
    subnets = _subnets(ctx, f"{name}-private", vpc, ranges, protect=keep, parent=parent)
    _associations(ctx, f"{name}-private", table, subnets, parent)
    return subnets


def _subnets(
    ctx: Context,
    name: str,
    vpc: aws.ec2.Vpc,
    ranges: tuple[str, str],
    *,
    protect: bool,
    parent: pulumi.Resource,
) -> list[aws.ec2.Subnet]:
    return [
        aws.ec2.Subnet(
            f"{name}-{letter}",
            region=ctx.region,
            vpc_id=vpc.id,
            cidr_block=cidr,
            availability_zone=zone,
            map_public_ip_on_launch=False,  # the server asks for its address itself (EC2.15)
            tags=ctx.tags(f"{name}-{letter}"),
            opts=ctx.child(parent, protect=protect),
        )
        for letter, cidr, zone in zip("ab", ranges, ctx.zones, strict=True)
    ]


def _associations(
    ctx: Context,
    name: str,
    table: aws.ec2.RouteTable,
    subnets: list[aws.ec2.Subnet],
    parent: pulumi.Resource,
) -> list[pulumi.Resource]:
    return [
        aws.ec2.RouteTableAssociation(
            f"{name}-{letter}",
            region=ctx.region,
            route_table_id=table.id,
            subnet_id=subnet.id,
            opts=ctx.child(parent),
        )
        for letter, subnet in zip("ab", subnets, strict=True)
    ]
