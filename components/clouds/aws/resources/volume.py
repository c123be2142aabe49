"""The volume of PostgreSQL's data in stage 1: it outlives its server (docs/facts/aws.md 12)."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components.clouds.aws.context import Context
from components.seam.cloud import Guarantee, VolumeAnswer, VolumeNeeds


def make(ctx: Context, name: str, needs: VolumeNeeds, parent: pulumi.Resource) -> VolumeAnswer:
    """Declare an encrypted gp3 volume in the first zone. Costs $0.08 a GiB and month."""
    volume = aws.ebs.Volume(
        f"{name}-data",
        region=ctx.region,
        availability_zone=ctx.zones[0],
        type="gp3",
        size=needs.size_gib,
        encrypted=True,
        final_snapshot=needs.protected,
        tags=ctx.tags(f"{name}-data"),
        opts=ctx.child(
            parent,
            protect=needs.protected,
            # The provider sends ModifyVolume when this alone changes, which AWS refuses or counts
            # against the volume's modifications (hashicorp/terraform-provider-aws#31044).
            ignore_changes=["finalSnapshot"],
            # The last snapshot is waited for, and a large volume's takes hours; the default is 10m.
            custom_timeouts=pulumi.CustomTimeouts(update="30m", delete="12h"),
        ),
    )
    return VolumeAnswer(
        id=volume.id,
        device=volume.id.apply(device),
        encrypted_at_rest=Guarantee(kept=True, reason="EBS encrypts the volume with aws/ebs's key"),
        backed_up=Guarantee(
            kept=False,
            reason="EBS keeps copies in its zone and takes no snapshots by itself; a last one is"
            " taken before a volume goes that was made protected",
        ),
    )


def device(volume_id: str) -> str:
    """The path of a volume on a server: NVMe's serial number is the id without its hyphen."""
    serial = volume_id.replace("-", "")
    return f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{serial}"
