"""What the servers' key to a bucket may do, by S3's names, where a cloud can say it so finely.

It reads, writes, lists and deletes. To delete without a version's name hides the object; what
deletes a version for good (``s3:DeleteObjectVersion``) is not among these, nor what changes the
bucket's rules: whoever takes a server over cannot destroy what was in its bucket.
"""

from __future__ import annotations

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
