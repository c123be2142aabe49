"""The private network of a stack, and the cloud firewall in front of its Droplets.

The firewall is bound to a tag and not to Droplets, so that a Droplet is behind it from its first
second and a replaced one too. The tag is the stack's own (its name is generated): whoever carries
it may reach the database. Costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_digitalocean as digitalocean

from components.clouds.digitalocean.resources.names import PROJECT
from components.seam.cloud import NetworkAnswer, NetworkNeeds
from components.settings import Settings

EVERYWHERE = ["0.0.0.0/0", "::/0"]
WEB_PORTS = ("80", "443")
SSH_PORT = "22"
ALL_PORTS = "all"
"""Not ``1-65535``: the API answers 0 for both, which the provider reads as ``all``, a lasting
difference."""


@dataclass(frozen=True, kw_only=True)
class Network(NetworkAnswer):
    """The answer, with what only this cloud's servers and databases need."""

    app_tag: pulumi.Output[str]
    """Tag of the Droplets that the firewalls mean."""
    firewall: pulumi.Resource
    """In place before any Droplet is."""


def network(
    name: str, needs: NetworkNeeds, settings: Settings, region: str, parent: pulumi.Resource
) -> Network:
    """Make VPC, tag and firewall.

    With a database in it, VPC and tag are protected: the protected cluster stands in the one and
    its firewall on the other, so ``down`` must leave both.
    """
    protect = needs.private_database and settings.data.protected
    vpc = digitalocean.Vpc(
        f"{name}-network",
        region=region,
        ip_range=needs.cidr,
        description=f"{PROJECT}: stack {settings.stack}, stage {settings.stage}",
        opts=pulumi.ResourceOptions(
            parent=parent,
            protect=protect,
            # A VPC cannot go while members are in it, and a cluster's end is not waited for.
            custom_timeouts=pulumi.CustomTimeouts(delete="15m"),
        ),
    )
    tag = digitalocean.Tag(
        f"{name}-app-servers", opts=pulumi.ResourceOptions(parent=parent, protect=protect)
    )
    tunnel = [f"{needs.tunnel_from}/32"] if needs.tunnel_from else []
    subscriber = [str(needs.subscriber_port)] if needs.subscriber_port else []
    firewall = digitalocean.Firewall(
        f"{name}-firewall",
        tags=[tag.name],
        inbound_rules=[
            _inbound(SSH_PORT, list(dict.fromkeys([*needs.ssh_cidrs, *tunnel]))),
            *(_inbound(port, EVERYWHERE) for port in WEB_PORTS),
            *(_inbound(port, [needs.cidr]) for port in subscriber),
        ],
        # Without outbound rules nothing gets out: no packages, no database, no DNS.
        outbound_rules=[
            digitalocean.FirewallOutboundRuleArgs(
                protocol="tcp", port_range=ALL_PORTS, destination_addresses=EVERYWHERE
            ),
            digitalocean.FirewallOutboundRuleArgs(
                protocol="udp", port_range=ALL_PORTS, destination_addresses=EVERYWHERE
            ),
            digitalocean.FirewallOutboundRuleArgs(
                protocol="icmp", destination_addresses=EVERYWHERE
            ),
        ],
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return Network(id=vpc.id, cidr=needs.cidr, app_tag=tag.name, firewall=firewall)


def _inbound(
    port: str, sources: tuple[str, ...] | list[str]
) -> digitalocean.FirewallInboundRuleArgs:
    return digitalocean.FirewallInboundRuleArgs(
        protocol="tcp", port_range=port, source_addresses=list(sources)
    )
