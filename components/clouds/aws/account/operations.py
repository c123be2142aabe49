"""What the operator's commands ask of this cloud: see ``components/seam/operations.py``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from components import outputs
from components.clouds.aws.account import api, leftovers, pending, room
from components.clouds.aws.account.preflight import check
from components.seam import buckets
from components.seam.operations import Operations

BUCKET = "aws:s3/bucket:Bucket"
DATABASE = "aws:rds/instance:Instance"


def unlock(resources: Sequence[Mapping[str, Any]]) -> None:
    """Lift RDS's own deletion protection, which the engine does not know of.

    docs/facts/pulumi.md 2.
    RDS does that at once, whatever the hour of maintenance. Raises ``UserError``.
    """
    for resource in resources:
        known = resource.get("outputs") or {}
        if resource["type"] == DATABASE and known.get("deletionProtection"):
            try:
                api.call(
                    api.client("rds", str(known["region"])),
                    "modify_db_instance",
                    DBInstanceIdentifier=str(known["identifier"]),
                    DeletionProtection=False,
                )
            except api.Failed as error:
                raise api.user_error(error) from error


def stored(resources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What S3's buckets hold."""
    contents = {}
    for resource in resources:
        if resource["type"] == BUCKET:
            with suppress(api.Failed):
                contents[str(resource["urn"])] = buckets.holds(_sizes(resource))
    return contents


def undeletable(resources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Name the buckets that hold something, by URN, with the rules that keep them private: AWS
    deletes an empty one alone, and the project's own rights delete no object."""
    reasons: dict[str, str] = {}
    for resource in resources:
        is_kept = resource.get("protect") or (resource.get("outputs") or {}).get("forceDestroy")
        if resource["type"] == BUCKET and not is_kept and (why := _not_empty(resource)):
            reasons[str(resource["urn"])] = why
    rules = {
        str(resource["urn"]): "it belongs to that bucket"
        for resource in resources
        for urn in (resource.get("propertyDependencies") or {}).get("bucket") or []
        if urn in reasons
    }
    return {**reasons, **rules}


def _not_empty(bucket: Mapping[str, Any]) -> str:
    """Why a bucket cannot be deleted; empty if it can."""
    region = (bucket.get("outputs") or {}).get("region")
    console = f"https://{region}.console.aws.amazon.com/s3/bucket/{bucket['id']}/empty"
    try:
        if next(_sizes(bucket), None) is None:
            return ""
    except api.Failed as error:
        return "" if error.code == "NoSuchBucket" else f"whether it is empty is not known: {error}"
    return f"it holds objects or earlier versions, and only an administrator empties it: {console}"


def _sizes(bucket: Mapping[str, Any]) -> Iterator[int]:
    """Of its objects and their earlier versions; a mark that hides one takes no room."""
    s3 = api.client("s3", str((bucket.get("outputs") or {}).get("region")))
    more: dict[str, str] = {}
    while True:
        answer = api.call(s3, "list_object_versions", Bucket=str(bucket["id"]), **more)
        yield from (int(version["Size"]) for version in answer.get("Versions") or ())
        yield from (0 for _ in answer.get("DeleteMarkers") or ())
        if not answer.get("IsTruncated"):
            return
        more = {
            "KeyMarker": answer["NextKeyMarker"],
            "VersionIdMarker": answer.get("NextVersionIdMarker", ""),
        }


def own_address(values: Mapping[str, Any]) -> str:
    """The static one: the address of the server's birth went when it came."""
    return str(values[outputs.ADDRESS])


OPERATIONS = Operations(
    preflight=check,
    own_address=own_address,
    replicate="GRANT rds_replication TO {role}",  # RDS gives nobody the attribute
    room=room.check,
    pending=pending.lines,
    cancel_pending=pending.cancel,
    unlock=unlock,
    undeletable=undeletable,
    stored=stored,
    point_in_time="RDS does it: `aws rds restore-db-instance-to-point-in-time` makes a new instance"
    " beside this one, as of any second of the last stages:database.backup_days days.",
    unmanaged=leftovers.lines,
)
