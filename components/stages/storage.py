"""The bucket of the app's files, where the settings ask for one, and how the app reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from components.host import authorities
from components.seam.cloud import BucketAnswer, BucketNeeds, Cloud, NetworkAnswer
from components.settings import Settings


def bucket(
    name: str, cloud: Cloud, settings: Settings, network: NetworkAnswer, parent: pulumi.Resource
) -> BucketAnswer | None:
    """Declare the bucket; ``None`` where none is asked for."""
    if not settings.storage.bucket:
        return None
    needs = BucketNeeds(
        retention_days=settings.storage.retention_days,
        locked=False,  # the app replaces and deletes its users' files as they wish
        protected=settings.data.protected,
    )
    return cloud.bucket(f"{name}-storage", needs, network, parent=parent)


def known(answer: BucketAnswer | None) -> pulumi.Output[dict[str, Any]]:
    """The answer's values, for :func:`environment`; empty without a bucket."""
    if answer is None:
        return pulumi.Output.from_input({})
    return pulumi.Output.all(
        name=answer.name,
        endpoint=answer.endpoint,
        region=answer.region,
        access_key_id=answer.access_key_id,
        secret_access_key=answer.secret_access_key,
        ca_pem=answer.ca_pem or "",
    )


def environment(values: Mapping[str, Any]) -> dict[str, str]:
    """The app's variables: S3's libraries read those that begin with ``AWS_`` by themselves.

    An app may have others in its settings, which win: a key of its own to AWS, for example.
    """
    if not values:
        return {}
    trusts = {**authorities.ENVIRONMENT, "AWS_CA_BUNDLE": authorities.BUNDLE}
    return {
        "STORAGE_BUCKET": values["name"],
        "STORAGE_BUCKET_URL": f"{values['endpoint']}/{values['name']}",
        "AWS_ENDPOINT_URL_S3": values["endpoint"],
        "AWS_REGION": values["region"],
        "AWS_DEFAULT_REGION": values["region"],
        "AWS_ACCESS_KEY_ID": values["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": values["secret_access_key"],
        **(trusts if values["ca_pem"] else {}),
    }
