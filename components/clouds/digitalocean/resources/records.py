"""Records in a domain of DigitalOcean's DNS that the account has. Costs nothing."""

from __future__ import annotations

import pulumi
import pulumi_digitalocean as digitalocean

from components.seam.dns import RecordNeeds

ITSELF = "@"
"""How DigitalOcean calls the domain's own name among its records."""


def records(
    name: str, needs: RecordNeeds, address: pulumi.Output[str], parent: pulumi.Resource
) -> pulumi.Output[str]:
    """Make an A record for each name. One that somebody else made stays beside it."""
    made = [
        digitalocean.DnsRecord(
            f"{name}-record-{domain}",
            domain=needs.zone,
            type="A",
            name=domain.removesuffix(needs.zone).removesuffix(".") or ITSELF,
            value=address,
            ttl=needs.ttl_s,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        for domain in needs.names
    ]
    return pulumi.Output.all(address, *(record.id for record in made)).apply(
        lambda known: str(known[0])
    )
