"""The backups of a stack that is down: they stay with what opens them until they are named."""

from __future__ import annotations

from collections.abc import Sequence

from components.seam.buckets import backups
from components.seam.operations import Operations
from scripts.lib.engine import Resource


def resources(stack: str, every: Sequence[Resource]) -> list[Resource]:
    """Of the state: the protected bucket of the backups, what belongs to it, and the passphrase."""
    of_backups = (
        resource
        for resource in every
        if resource.is_real and resource.is_protected and not resource.is_left_over
    )
    return [
        resource
        for resource in of_backups
        if _is_bucket(stack, resource) or _is_secrets(stack, resource)
    ]


def lines(stack: str, kept: Sequence[Resource], operations: Operations) -> list[str]:
    """What they are, with the size of what is in them."""
    stored = operations.stored([resource.state for resource in kept])
    texts = []
    for resource in kept:
        what = f": {stored[resource.urn]}" if resource.urn in stored else ""
        texts.append(
            f"{resource.title}: the passphrase that opens them"
            if _is_secrets(stack, resource)
            else f"{resource.title}{what}"
        )
    return texts


def _is_bucket(stack: str, resource: Resource) -> bool:
    return _name(resource).startswith(f"{backups(stack)}-")


def _is_secrets(stack: str, resource: Resource) -> bool:
    """Protected only where there are backups (``SingleServer``)."""
    return _name(resource) == f"{stack}-secrets"


def _name(resource: Resource) -> str:
    return resource.urn.rsplit("::", 1)[-1]
