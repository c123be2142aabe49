"""Records in a hosted zone of Route 53 that the account has. The zone is never the stack's own."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components.clouds.aws.context import Context
from components.seam.dns import RecordNeeds


def make(
    ctx: Context,
    name: str,
    needs: RecordNeeds,
    address: pulumi.Output[str],
    parent: pulumi.Resource,
) -> pulumi.Output[str]:
    """Declare an A record for each name. One that is there already is refused, not overwritten.

    The provider waits until all of Route 53's servers answer with it.
    """
    zone = aws.route53.get_zone_output(
        name=needs.zone,
        private_zone=False,
        opts=pulumi.InvokeOutputOptions(provider=ctx.provider),
    )
    made = [
        aws.route53.Record(
            f"{name}-record-{domain}",
            zone_id=zone.zone_id,
            name=domain,
            type="A",
            ttl=needs.ttl_s,
            records=[address],
            opts=ctx.child(parent),
        )
        for domain in needs.names
    ]
    return pulumi.Output.all(address, *(record.id for record in made)).apply(
        lambda known: str(known[0])
    )
