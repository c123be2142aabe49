"""The app server: an EC2 instance with Debian 13, its volume attached, no state of its own."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components.clouds.aws import plans
from components.clouds.aws.context import Context
from components.clouds.aws.resources import alarms, profile
from components.clouds.aws.resources.image import image
from components.clouds.aws.resources.network import AwsNetwork
from components.seam.cloud import ServerAnswer, ServerNeeds

DEVICE_NAME = "/dev/sdf"
"""What the API wants to hear; Nitro instances show the volume as NVMe."""


def make(
    ctx: Context, name: str, needs: ServerNeeds, network: AwsNetwork, parent: pulumi.Resource
) -> ServerAnswer:
    """Declare the server, with its volume and its alarms."""
    instance = _instance(ctx, name, needs, network, parent)
    attachment = _attachment(ctx, name, needs, instance, parent)
    watched = alarms.server(ctx, instance.id, volume=needs.volume is not None)
    alarms.make(ctx, f"{name}-server", watched, network.topic_arn, parent)
    tunnel = ctx.settings.access.instance_connect
    return ServerAnswer(
        id=instance.arn,
        attachment_id=attachment.id if attachment else None,
        private_address=instance.private_ip,
        # Its first address goes when the static one comes (docs/facts/aws.md 13): `power.route`
        # finds the one that it has at the time. Through the endpoint a server's id is the way.
        ssh_host=instance.id if tunnel else instance.public_ip,
        ssh_host_key=None,
        delete_before_replace=needs.volume is not None,
    )


def _instance(
    ctx: Context, name: str, needs: ServerNeeds, network: AwsNetwork, parent: pulumi.Resource
) -> aws.ec2.Instance:
    plan = plans.server(needs.plan)
    return aws.ec2.Instance(
        f"{name}-server",
        region=ctx.region,
        ami=image(ctx, plan),
        instance_type=plan.name,
        subnet_id=network.public_subnet_id,
        vpc_security_group_ids=[network.app_group_id],
        # It needs a way out before the static address moves to it, and there is no NAT (13).
        associate_public_ip_address=True,
        iam_instance_profile=profile.make(ctx, name, network.boundary_arn, parent),
        # IMDSv2 alone, and not for containers behind a hop (14). The host admits root only.
        metadata_options={
            "http_endpoint": "enabled",
            "http_tokens": "required",
            "http_put_response_hop_limit": 1,
            "instance_metadata_tags": "disabled",
        },
        root_block_device={
            "encrypted": True,
            "volume_type": "gp3",
            "volume_size": plan.disk_gib,
            "delete_on_termination": True,  # it holds nothing that must survive (12)
            # No tags: the provider sets them after the birth, and the right to tag what has none
            # would be the right to delete it.
        },
        ebs_optimized=True,
        user_data=needs.user_data,
        user_data_replace_on_change=False,
        tags=ctx.tags(f"{name}-server"),
        opts=ctx.child(
            parent,
            # A newer image or boot document is for the next server (5, 11); the automatic
            # address reads as absent once it is released (13). A replacement takes them all.
            ignore_changes=["ami", "userData", "userDataBase64", "associatePublicIpAddress"],
            # A plan of another architecture needs another image: a resize would not start.
            replacement_trigger=f"{needs.generation} {plan.architecture}",
            delete_before_replace=needs.volume is not None,
            depends_on=list(network.ways),
        ),
    )


def _attachment(
    ctx: Context,
    name: str,
    needs: ServerNeeds,
    instance: aws.ec2.Instance,
    parent: pulumi.Resource,
) -> aws.ec2.VolumeAttachment | None:
    """Attach the data volume; a resource of its own, never an inline block device (12)."""
    if needs.volume is None:
        return None
    return aws.ec2.VolumeAttachment(
        f"{name}-data",
        region=ctx.region,
        device_name=DEVICE_NAME,
        instance_id=instance.id,
        volume_id=needs.volume.id,
        stop_instance_before_detaching=True,
        opts=ctx.child(parent, delete_before_replace=True),
    )
