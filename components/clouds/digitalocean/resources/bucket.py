"""A bucket of Spaces and a key to it alone. $5 a month for all of an account's buckets together.

Spaces encrypts every object. It has no object lock, and no key that writes and may not delete a
version: README.md says what that means for backups.
"""

from __future__ import annotations

import pulumi
import pulumi_digitalocean as digitalocean

from components.seam.cloud import BucketAnswer, BucketNeeds, Guarantee
from components.settings import Settings

UPLOAD_DAYS = 7
"""After which the parts of an upload that nobody finished go."""


def bucket(
    name: str, needs: BucketNeeds, settings: Settings, region: str, parent: pulumi.Resource
) -> BucketAnswer:
    """Make the bucket and a key that reads and writes it."""
    where = needs.region or region
    made = digitalocean.SpacesBucket(
        f"{name}-bucket",
        region=where,
        acl="private",
        force_destroy=not needs.protected,
        versioning={"enabled": True},
        lifecycle_rules=[
            {
                "id": "versions",
                "enabled": True,
                "noncurrent_version_expiration": {"days": needs.retention_days},
                "abort_incomplete_multipart_upload_days": UPLOAD_DAYS,
            }
        ],
        opts=pulumi.ResourceOptions(parent=parent, protect=needs.protected),
    )
    key = digitalocean.SpacesKey(
        f"{name}-bucket",
        grants=[{"bucket": made.name, "permission": "readwrite"}],
        opts=pulumi.ResourceOptions(parent=parent, additional_secret_outputs=["secretKey"]),
    )
    return BucketAnswer(
        name=made.name,
        endpoint=pulumi.Output.from_input(f"https://{where}.digitaloceanspaces.com"),
        region=pulumi.Output.from_input(where),
        access_key_id=key.access_key,
        secret_access_key=pulumi.Output.secret(key.secret_key),
        ca_pem=None,
        encrypted_at_rest=Guarantee(kept=True, reason="Spaces encrypts every object (AES-256)"),
        versions_kept=Guarantee(
            kept=False,
            reason="a key of Spaces that writes may delete versions as well; they are kept from"
            " mistakes, not from whoever takes a server over",
        ),
        locked=Guarantee(
            kept=False,
            reason="Spaces has no object lock" if needs.locked else "no lock was asked for",
        ),
    )
