"""What public IPv4 addresses cost: each the same, in use or not, and each once.

A server has one of its own where it or its subnet says so, until a static one takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator

from components.clouds.aws.known.disk_costs import region
from components.seam.cost_rules import Stack
from components.seam.costs import HOURS, Line, Unpriced, unpriced
from components.seam.planned import PlannedResource

INSTANCE = "aws:ec2/instance:Instance"
ADDRESS = "aws:ec2/eip:Eip"
ASSOCIATION = "aws:ec2/eipAssociation:EipAssociation"
SUBNET = "aws:ec2/subnet:Subnet"
DEFAULT_SUBNET = "aws:ec2/defaultSubnet:DefaultSubnet"

NAME = "Public IPv4 address"
STATIC = {
    ADDRESS: ("instance", "networkInterface"),
    ASSOCIATION: ("instanceId", "networkInterfaceId"),
}
"""By which inputs a static address comes to a server."""
OWN_POOLS = ("publicIpv4Pool", "customerOwnedIpv4Pool")
"""Addresses that one has brought along cost nothing."""


def address(resource: PlannedResource, stack: Stack) -> Line | Unpriced:
    """The line of one address."""
    return stack.line(
        resource, NAME, "ipv4", region(resource), HOURS, part="network", kind="address"
    )


def static(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """An Elastic IP."""
    if not any(resource.inputs.get(pool) for pool in OWN_POOLS):
        yield address(resource, stack)


def automatic(resource: PlannedResource, stack: Stack) -> Iterator[Line | Unpriced]:
    """The address that a server gets by itself, if it does."""
    own = resource.inputs.get("associatePublicIpAddress")
    if own is None:
        given = _given_by_subnet(resource, stack)
        if given is None:
            subnet = resource.inputs.get("subnetId")
            reason = f"{NAME}: whether the subnet {subnet!r} gives one is not in the plan"
            yield unpriced(resource, reason)
            return
    else:
        given = resource.flag("associatePublicIpAddress")
    if given and not _has_static(resource, stack):
        yield address(resource, stack)


def _given_by_subnet(resource: PlannedResource, stack: Stack) -> bool | None:
    """What its subnet says; ``None``: that is not known here."""
    if resource.list("networkInterfaces") or resource.map("primaryNetworkInterface"):
        return False
    subnet = stack.source(resource, "subnetId", SUBNET, DEFAULT_SUBNET)
    if subnet is not None:
        by_default = subnet.type == DEFAULT_SUBNET and "mapPublicIpOnLaunch" not in subnet.inputs
        return by_default or subnet.flag("mapPublicIpOnLaunch")
    # Without a subnet it is in the account's default network, which gives addresses.
    return None if resource.inputs.get("subnetId") else True


def _has_static(resource: PlannedResource, stack: Stack) -> bool:
    return any(
        stack.source(user, key, INSTANCE) == resource
        for user in stack.by_type(*STATIC)
        for key in STATIC[user.type]
    )
