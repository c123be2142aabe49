"""Who may talk to whom: security groups with rules that are resources of their own.

Rules within a group and rule resources overwrite each other, and a changed description replaces
the group (docs/facts/aws.md 15): only the second kind is used, and descriptions are fixed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.clouds.aws.context import Context
from components.seam.cloud import NetworkNeeds

ANYWHERE = "0.0.0.0/0"
POSTGRES_PORT = 5432


@dataclass(frozen=True)
class Groups:
    """The groups of a stage."""

    app: aws.ec2.SecurityGroup
    database: aws.ec2.SecurityGroup | None
    rules: list[pulumi.Resource]
    """Those of the app server's group, and the endpoint to come in through."""


def make(
    ctx: Context,
    name: str,
    vpc: aws.ec2.Vpc,
    needs: NetworkNeeds,
    *,
    endpoint_subnet: aws.ec2.Subnet,
    keep: bool,
    parent: pulumi.Resource,
) -> Groups:
    """Declare the groups. ``keep`` protects the database's: its database cannot do without."""
    maker = _Maker(ctx, name, vpc, parent)
    app = maker.group("app", "App server: web from the world, SSH as the settings say")
    rules: list[pulumi.Resource] = [
        maker.ingress("app", "http", app, 80, cidr=ANYWHERE),
        maker.ingress("app", "https", app, 443, cidr=ANYWHERE),
        # Without a rule nothing leaves: packages, mail, other services, and the database below.
        maker.egress("app", "out", app, cidr=ANYWHERE),
    ]
    if ctx.settings.access.instance_connect:
        rules += _endpoint(ctx, name, maker, app, endpoint_subnet, parent)
    rules += [
        maker.ingress("app", f"ssh-{_word(cidr)}", app, 22, cidr=cidr)
        for cidr in needs.ssh_cidrs
        if cidr != needs.cidr  # the default of the settings: nobody logs in from inside
    ]
    tunnel = f"{needs.tunnel_from}/32"
    if needs.tunnel_from and tunnel not in needs.ssh_cidrs:  # AWS takes no rule twice
        maker.ingress("app", "tunnel", app, 22, cidr=tunnel)
    if not needs.private_database:
        return Groups(app, None, rules)
    database = maker.group("database", "Database: PostgreSQL from the app server", protect=keep)
    maker.ingress("database", "app", database, POSTGRES_PORT, group=app)
    if port := needs.subscriber_port:
        maker.egress("database", "publisher", database, port=port, group=app)
        maker.ingress("app", "subscriber", app, port, group=database)
    return Groups(app, database, rules)


def _endpoint(
    ctx: Context,
    name: str,
    maker: _Maker,
    app: aws.ec2.SecurityGroup,
    subnet: aws.ec2.Subnet,
    parent: pulumi.Resource,
) -> list[pulumi.Resource]:
    """The way in without an open port; free of charge, needs AWS CLI 2 at the operator."""
    group = maker.group("endpoint", "Instance Connect endpoint: SSH to the app server")
    return [
        maker.egress("endpoint", "ssh", group, port=22, group=app),
        maker.ingress("app", "ssh-endpoint", app, 22, group=group),
        aws.ec2transitgateway.InstanceConnectEndpoint(
            f"{name}-endpoint",
            region=ctx.region,
            subnet_id=subnet.id,
            security_group_ids=[group.id],
            preserve_client_ip=False,
            tags=ctx.tags(f"{name}-endpoint"),
            opts=ctx.child(parent),
        ),
    ]


def _word(cidr: str) -> str:
    """A network as part of a resource's name: a network more renames no other rule."""
    return re.sub(r"[./:]", "-", cidr)


@dataclass(frozen=True)
class _Maker:
    """Groups and rules of one network, named ``<name>-<group>-<rule>``."""

    ctx: Context
    name: str
    vpc: aws.ec2.Vpc
    parent: pulumi.Resource

    def group(self, role: str, description: str, *, protect: bool = False) -> aws.ec2.SecurityGroup:
        name = f"{self.name}-{role}"
        return aws.ec2.SecurityGroup(
            name,
            region=self.ctx.region,
            vpc_id=self.vpc.id,
            description=description,
            tags=self.ctx.tags(name),
            opts=self.ctx.child(self.parent, protect=protect),
        )

    def ingress(
        self,
        role: str,
        rule: str,
        to: aws.ec2.SecurityGroup,
        port: int,
        *,
        cidr: str | None = None,
        group: aws.ec2.SecurityGroup | None = None,
    ) -> pulumi.Resource:
        name = f"{self.name}-{role}-{rule}"
        return aws.vpc.SecurityGroupIngressRule(
            name,
            region=self.ctx.region,
            security_group_id=to.id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            cidr_ipv4=cidr,
            referenced_security_group_id=group.id if group else None,
            description=rule,
            tags=self.ctx.tags(name),
            opts=self.ctx.child(self.parent),
        )

    def egress(
        self,
        role: str,
        rule: str,
        of: aws.ec2.SecurityGroup,
        *,
        port: int | None = None,
        cidr: str | None = None,
        group: aws.ec2.SecurityGroup | None = None,
    ) -> pulumi.Resource:
        name = f"{self.name}-{role}-{rule}"
        return aws.vpc.SecurityGroupEgressRule(
            name,
            region=self.ctx.region,
            security_group_id=of.id,
            ip_protocol="tcp" if port else "-1",
            from_port=port,
            to_port=port,
            cidr_ipv4=cidr,
            referenced_security_group_id=group.id if group else None,
            description=rule,
            tags=self.ctx.tags(name),
            opts=self.ctx.child(self.parent),
        )
