"""Droplet, volume and reserved IP.

A server is made of its boot document, image and keys at birth; all three are ignored afterwards
and reach only servers made later. A new size replaces the Droplet as well: DigitalOcean's own
resize cuts the power under a running database.
"""

from __future__ import annotations

import pulumi
import pulumi_digitalocean as digitalocean

from components.clouds.digitalocean import plans
from components.clouds.digitalocean.resources.names import fingerprint, labels
from components.clouds.digitalocean.resources.network import Network
from components.seam.cloud import (
    AddressAnswer,
    Guarantee,
    ServerAnswer,
    ServerNeeds,
    VolumeAnswer,
    VolumeNeeds,
)
from components.settings import Settings

DELETE_TIMEOUT = "10m"
"""For the end of a Droplet. The provider's default of 60 s, half of which are its own fixed waits,
does not cover a shutdown (terraform-provider-digitalocean#1586)."""
DEVICE = "/dev/disk/by-id/scsi-0DO_Volume_{0}"
"""Where a Droplet sees a volume, by the volume's name."""


def server(
    name: str,
    needs: ServerNeeds,
    network: Network,
    settings: Settings,
    region: str,
    parent: pulumi.Resource,
) -> ServerAnswer:
    """Make a Droplet behind the network's firewall, and attach the volume where there is one."""
    delete_first = needs.volume is not None
    droplet = digitalocean.Droplet(
        f"{name}-server",
        image=settings.server.image or plans.IMAGE,
        size=needs.plan,
        region=region,
        vpc_uuid=network.id,
        user_data=needs.user_data,
        # Keys that the account has already. Without one, a root password goes out by mail.
        ssh_keys=[fingerprint(key) for key in settings.access.ssh_keys],
        monitoring=True,
        # The agent of the web console: a second way in, past the SSH keys.
        droplet_agent=False,
        # Shut down before it is deleted, not switched off.
        graceful_shutdown=True,
        # A disk grown with the plan can never shrink again.
        resize_disk=False,
        tags=[network.app_tag, *labels(settings)],
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=[network.firewall],
            ignore_changes=["image", "sshKeys", "userData"],
            replace_on_changes=["size"],
            replacement_trigger=needs.generation,
            delete_before_replace=delete_first,
            custom_timeouts=pulumi.CustomTimeouts(delete=DELETE_TIMEOUT),
        ),
    )
    attachment = None
    if needs.volume is not None:
        attachment = digitalocean.VolumeAttachment(
            f"{name}-attachment",
            droplet_id=droplet_number(droplet.id),
            volume_id=needs.volume.id,
            opts=_until_its_droplet_goes(parent, delete_before_replace=True),
        )
    return ServerAnswer(
        id=droplet.id,
        attachment_id=attachment.id if attachment else None,
        private_address=droplet.ipv4_address_private,
        ssh_host=droplet.ipv4_address,
        ssh_host_key=None,
        delete_before_replace=delete_first,
    )


def volume(
    name: str, needs: VolumeNeeds, settings: Settings, region: str, parent: pulumi.Resource
) -> VolumeAnswer:
    """Make a blank volume; the boot document formats it once, and it only ever grows."""
    made = digitalocean.Volume(
        f"{name}-data",
        region=region,
        size=needs.size_gib,
        tags=labels(settings),
        opts=pulumi.ResourceOptions(parent=parent, protect=needs.protected),
    )
    return VolumeAnswer(
        id=made.id,
        device=pulumi.Output.format(DEVICE, made.name),
        encrypted_at_rest=Guarantee(
            kept=True, reason="DigitalOcean encrypts every volume (LUKS); it holds the key"
        ),
        backed_up=Guarantee(
            kept=False,
            reason="DigitalOcean takes no scheduled snapshots of volumes, and its backups of a"
            " Droplet leave volumes out",
        ),
    )


def address(name: str, settings: Settings, region: str, parent: pulumi.Resource) -> AddressAnswer:
    """Reserve an IPv4 address. Free while assigned, $5 a month while not."""
    reserved = digitalocean.ReservedIp(
        f"{name}-address",
        region=region,
        opts=pulumi.ResourceOptions(parent=parent, protect=settings.data.protected),
    )
    return AddressAnswer(id=reserved.id, address=reserved.ip_address)


def assign_address(
    name: str,
    answer: AddressAnswer,
    server_id: pulumi.Input[str],
    delete_before_replace: bool,
    parent: pulumi.Resource,
) -> pulumi.Output[str]:
    """Move the address to the Droplet.

    The reserved IP itself never names a Droplet, or the two would fight.
    """
    assignment = digitalocean.ReservedIpAssignment(
        f"{name}-assignment",
        ip_address=answer.address,
        droplet_id=droplet_number(server_id),
        opts=_until_its_droplet_goes(parent, delete_before_replace=delete_before_replace),
    )
    return assignment.ip_address


def _until_its_droplet_goes(
    parent: pulumi.Resource, *, delete_before_replace: bool
) -> pulumi.ResourceOptions:
    """Options of an attachment or assignment: DigitalOcean ends it with its Droplet.

    The engine deletes one again when the replacement around it failed. The provider then panics
    (assignment, resource_reserved_ip_assignment.go:105) or gets a 422 (attachment), and so does
    every ``up`` after that. Without a request of its own the volume also comes off a Droplet that
    is shut down, and a replacement is 20 s shorter.
    """
    return pulumi.ResourceOptions(
        parent=parent, delete_before_replace=delete_before_replace, retain_on_delete=True
    )


def droplet_number(server_id: pulumi.Input[str]) -> pulumi.Output[int]:
    """The API counts Droplets; ids cross the seam as text."""
    return pulumi.Output.from_input(server_id).apply(int)
