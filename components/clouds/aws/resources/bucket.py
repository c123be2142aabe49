"""A bucket of S3 and the one key that the stack's servers have to it.

Never public, read over TLS alone, encrypted by S3's own keys. What belongs to the bucket is
protected with it: a bucket that ``down`` leaves keeps its rules. Costs what it holds, by the GB.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pulumi
import pulumi_aws as aws

from components.clouds.aws.context import Context
from components.clouds.aws.resources import boundary
from components.clouds.aws.resources.network import AwsNetwork
from components.seam.buckets import BUCKET_ACTIONS, OBJECT_ACTIONS
from components.seam.cloud import BucketAnswer, BucketNeeds, Guarantee

UPLOAD_DAYS = 7
"""After which the parts of an upload that nobody finished go."""


def make(
    ctx: Context, name: str, needs: BucketNeeds, network: AwsNetwork, parent: pulumi.Resource
) -> BucketAnswer:
    """Declare the bucket, its rules, and a user with a key."""
    region = needs.region or ctx.region
    bucket = aws.s3.Bucket(
        called(name),
        region=region,
        object_lock_enabled=needs.locked,
        force_destroy=not needs.protected,
        tags=ctx.tags(f"{name}-bucket"),
        opts=ctx.child(parent, protect=needs.protected),
    )
    _rules(ctx, name, needs, bucket, region, parent)
    key = _key(ctx, name, bucket, network.boundary_arn, parent)
    return BucketAnswer(
        name=bucket.bucket,
        endpoint=pulumi.Output.from_input(f"https://s3.{region}.amazonaws.com"),
        region=pulumi.Output.from_input(region),
        access_key_id=key.id,
        secret_access_key=pulumi.Output.secret(key.secret),
        ca_pem=None,
        encrypted_at_rest=Guarantee(kept=True, reason="S3 encrypts every object with its own keys"),
        versions_kept=Guarantee(
            kept=True, reason="the key's user has no right to delete a version, nor its boundary"
        ),
        locked=Guarantee(
            kept=needs.locked,
            reason="an object lock in governance mode: only who may bypass it deletes a version"
            if needs.locked
            else "no lock was asked for",
        ),
    )


def called(name: str) -> str:
    """The bucket's name in Pulumi, of which S3's is made: small letters, digits and ``-``."""
    return f"{name}-bucket".lower().replace("_", "-")


def _rules(
    ctx: Context,
    name: str,
    needs: BucketNeeds,
    bucket: aws.s3.Bucket,
    region: str,
    parent: pulumi.Resource,
) -> None:
    """One after the other: S3 refuses two changes of a bucket at once."""
    days = needs.retention_days
    rules: dict[str, tuple[Callable[..., pulumi.Resource], dict[str, object]]] = {
        "private": (
            aws.s3.BucketPublicAccessBlock,
            {
                "block_public_acls": True,
                "block_public_policy": True,
                "ignore_public_acls": True,
                "restrict_public_buckets": True,
            },
        ),
        "owner": (
            aws.s3.BucketOwnershipControls,
            {"rule": {"object_ownership": "BucketOwnerEnforced"}},
        ),
        "encryption": (
            aws.s3.BucketServerSideEncryptionConfiguration,
            {"rules": [{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}]},
        ),
        "versions": (
            aws.s3.BucketVersioning,
            {"versioning_configuration": {"status": "Enabled"}},
        ),
        "lifecycle": (
            aws.s3.BucketLifecycleConfiguration,
            {
                "rules": [
                    {
                        "id": "versions",
                        "status": "Enabled",
                        "filter": {"prefix": ""},
                        "noncurrent_version_expiration": {"noncurrent_days": days},
                        "expiration": {"expired_object_delete_marker": True},
                        "abort_incomplete_multipart_upload": {"days_after_initiation": UPLOAD_DAYS},
                    }
                ]
            },
        ),
        "lock": (
            aws.s3.BucketObjectLockConfiguration,
            {"rule": {"default_retention": {"mode": "GOVERNANCE", "days": days}}},
        ),
        "tls": (aws.s3.BucketPolicy, {"policy": bucket.arn.apply(_over_tls_alone)}),
    }
    if not needs.locked:
        del rules["lock"]
    last: pulumi.Resource = bucket
    for role, (resource, inputs) in rules.items():
        opts = ctx.child(parent, protect=needs.protected, depends_on=[last])
        last = resource(
            f"{name}-bucket-{role}", bucket=bucket.id, region=region, opts=opts, **inputs
        )


def _over_tls_alone(arn: str) -> str:
    return _policy(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )


def _key(
    ctx: Context,
    name: str,
    bucket: aws.s3.Bucket,
    boundary_arn: pulumi.Output[str],
    parent: pulumi.Resource,
) -> aws.iam.AccessKey:
    """A user of its own, within the boundary. Not the server's role: its keys are at the metadata
    address, which only root of a host reaches."""
    user = aws.iam.User(
        f"{name}-bucket",
        path=boundary.PATH,
        permissions_boundary=boundary_arn,
        tags=ctx.tags(f"{name}-bucket"),
        opts=ctx.child(parent),
    )
    allowed = aws.iam.UserPolicy(
        f"{name}-bucket",
        user=user.name,
        policy=bucket.arn.apply(_may),
        opts=ctx.child(parent),
    )
    return aws.iam.AccessKey(
        f"{name}-bucket", user=user.name, opts=ctx.child(parent, depends_on=[allowed])
    )


def _may(arn: str) -> str:
    return _policy(
        {"Effect": "Allow", "Action": list(OBJECT_ACTIONS), "Resource": f"{arn}/*"},
        {"Effect": "Allow", "Action": list(BUCKET_ACTIONS), "Resource": arn},
    )


def _policy(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
