"""The files of an app's users in a promotion: stage 1's in a folder, stage 2's in a bucket."""

from __future__ import annotations

import shlex

from tests.real.stages.intruder import app_host, as_root, inside
from tests.support.clone import Stack

FOLDER = "/data/storage"
S3 = """. /etc/app/app.env
s3() { curl -sS --fail-with-body --aws-sigv4 "aws:amz:$AWS_REGION:s3" \\
    --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" "$@"; }
"""


def write(stack: Stack, name: str, text: str) -> None:
    """As the app, where its web process runs."""
    place = shlex.quote(f"{FOLDER}/{name}")
    code, said = inside(
        app_host(stack), f"mkdir -p $(dirname {place}) && printf %s {shlex.quote(text)} > {place}"
    )
    assert code == 0, said


def link(stack: Stack, name: str, to: str) -> None:
    """Out of the folder, as an app that was taken over would."""
    code, said = inside(app_host(stack), f"ln -s {to} {FOLDER}/{name}")
    assert code == 0, said


def read(stack: Stack, name: str) -> list[str]:
    """Owner, mode and content of a file in the folder; a link is not followed."""
    place = shlex.quote(f"{FOLDER}/{name}")
    known = as_root(app_host(stack), f"stat --format='%U %a %F' {place} && cat {place}")
    return known.splitlines()


def put(stack: Stack, key: str, text: str) -> None:
    """Into the stack's bucket; ``key`` as in a URL."""
    as_root(app_host(stack), f'{S3} s3 -X PUT -d {shlex.quote(text)} "$STORAGE_BUCKET_URL/{key}"')


def get(stack: Stack, key: str) -> str:
    return as_root(app_host(stack), f'{S3} s3 "$STORAGE_BUCKET_URL/{key}"')


def keys(stack: Stack) -> str:
    """The listing of the stack's bucket."""
    return as_root(app_host(stack), f'{S3} s3 "$STORAGE_BUCKET_URL/?list-type=2"')
