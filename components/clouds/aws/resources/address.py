"""The static address: an Elastic IP, kept when everything else goes. $0.005 an hour."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components.clouds.aws.account import identity
from components.clouds.aws.context import Context
from components.seam.cloud import AddressAnswer


def make(ctx: Context, name: str, parent: pulumi.Resource) -> AddressAnswer:
    """Declare the address. Without it the address would change with every stop (13)."""
    made = aws.ec2.Eip(
        f"{name}-address",
        region=ctx.region,
        domain="vpc",
        tags=ctx.tags(f"{name}-address"),
        opts=ctx.child(parent, protect=ctx.settings.data.protected),
    )
    return AddressAnswer(id=made.id, address=made.public_ip)


def assign(
    ctx: Context,
    name: str,
    address: AddressAnswer,
    server_id: pulumi.Input[str],
    *,
    delete_before_replace: bool,
    parent: pulumi.Resource,
) -> pulumi.Output[str]:
    """Point the address at a server. It may be taken from an older server that still has it.

    Every association has an id of its own, and taking the address away ends the older one: its
    deletion afterwards names an association that is gone, and detaches nothing (13).
    """
    association = aws.ec2.EipAssociation(
        f"{name}-address",
        region=ctx.region,
        allocation_id=address.id,
        instance_id=pulumi.Output.from_input(server_id).apply(
            lambda id: identity.parts(id).instance_id
        ),
        allow_reassociation=True,
        opts=ctx.child(parent, delete_before_replace=delete_before_replace),
    )
    return association.public_ip
