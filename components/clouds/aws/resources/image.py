"""The image that a new server boots: Debian 13 of Debian's own account."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components.clouds.aws.context import Context
from components.clouds.aws.plans import Ec2Plan

DEBIAN_ACCOUNT = "136693071363"
"""https://wiki.debian.org/Cloud/AmazonEC2Image"""


def name_pattern(plan: Ec2Plan) -> str:
    """Debian's name for its images, which says ``amd64`` where AWS says ``x86_64``."""
    return f"debian-13-{'arm64' if plan.architecture == 'arm64' else 'amd64'}-*"


def image(ctx: Context, plan: Ec2Plan) -> pulumi.Input[str]:
    """Return the image of the settings, or the newest, looked up.

    The server ignores every later change of it (docs/facts/pulumi.md 5): a newer image would
    replace it.
    """
    if ctx.settings.server.image:
        return ctx.settings.server.image
    newest = aws.ec2.get_ami_output(
        region=ctx.region,
        owners=[DEBIAN_ACCOUNT],
        most_recent=True,
        filters=[
            {"name": "name", "values": [name_pattern(plan)]},
            {"name": "architecture", "values": [plan.architecture]},
            {"name": "virtualization-type", "values": ["hvm"]},
            {"name": "root-device-type", "values": ["ebs"]},
        ],
        opts=pulumi.InvokeOutputOptions(provider=ctx.provider),
    )
    return newest.id
