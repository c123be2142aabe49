"""The bucket of a stack's backups, and what opens them: the same in either stage."""

from __future__ import annotations

import pulumi

from components.host.backups import Bucket
from components.resources.secrets import GeneratedSecrets
from components.seam import buckets
from components.seam.cloud import BucketNeeds, Cloud, NetworkAnswer
from components.settings import Settings

PASSPHRASE = "backup-passphrase"  # noqa: S105 - the name of a generated secret


def bucket(
    name: str,
    cloud: Cloud,
    settings: Settings,
    network: NetworkAnswer,
    parent: pulumi.Resource,
) -> pulumi.Input[Bucket] | None:
    """Where the backups go: the cloud's bucket, or one of one's own. ``None``: there are none."""
    if settings.backups.off:
        return None
    if settings.backups.bucket:
        return Bucket(**settings.backups.bucket)
    needs = BucketNeeds(
        retention_days=settings.backups.keep_days,
        locked=False,
        protected=settings.data.protected,
    )
    made = cloud.bucket(buckets.backups(name), needs, network, parent=parent)
    return pulumi.Output.all(
        endpoint=made.endpoint,
        name=made.name,
        region=made.region,
        key_id=made.access_key_id,
        secret=made.secret_access_key,
        ca_pem=made.ca_pem or "",
    ).apply(lambda known: Bucket(**known))


def secrets(
    name: str, names: tuple[str, ...], settings: Settings, parent: pulumi.Resource
) -> GeneratedSecrets:
    """The stack's secrets, with the passphrase of its backups.

    They stay as long as the backups: without the passphrase nobody opens them.
    """
    kept = settings.data.protected and not settings.backups.off
    return GeneratedSecrets(
        f"{name}-secrets",
        (*names, PASSPHRASE),
        pulumi.ResourceOptions(parent=parent, protect=kept),
    )
