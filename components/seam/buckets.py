"""What the servers' key to a bucket may do, by S3's names, where a cloud can say it so finely.

It reads, writes, lists and deletes. To delete without a version's name hides the object; what
deletes a version for good (``s3:DeleteObjectVersion``) is not among these, nor what changes the
bucket's rules: whoever takes a server over cannot destroy what was in its bucket.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

OBJECT_ACTIONS: Final = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
)
BUCKET_ACTIONS: Final = (
    "s3:GetBucketLocation",
    "s3:GetBucketVersioning",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
)


def backups(stack: str) -> str:
    """What the bucket of a stack's backups is called; all that belongs to it begins with that."""
    return f"{stack}-backups"


COUNTED_AT_MOST: Final = 50_000
"""Versions of a bucket: more take a minute."""


def holds(sizes: Iterable[int]) -> str:
    """What a bucket holds, of the sizes in bytes of its objects and their earlier versions."""
    number = total = 0
    for size in sizes:
        if number == COUNTED_AT_MOST:
            return f"more than {total / 1024**3:.2f} GiB in more than {number} objects and versions"
        number, total = number + 1, total + size
    return f"{total / 1024**3:.2f} GiB in {number} objects and versions" if number else "nothing"
