"""The backups of a stack that is down: they stay with what opens them until they are named."""

from __future__ import annotations

from collections.abc import Sequence

from components.seam.buckets import backups
from components.seam.operations import Operations
from scripts.lib.engine import Resource


def resources(stack: str, every: Sequence[Resource]) -> list[Resource]:
    """Of the state: the protected bucket of the backups, what belongs to it, and the passphrase."""
    kept = (one for one in every if one.is_real and one.is_protected and not one.is_left_over)
    return [one for one in kept if _is_bucket(stack, one) or _is_secrets(stack, one)]


def lines(stack: str, kept: Sequence[Resource], operations: Operations) -> list[str]:
    """What they are, with the size of what is in them."""
    stored = operations.stored([one.state for one in kept])
    said = []
    for one in kept:
        what = f": {stored[one.urn]}" if one.urn in stored else ""
        said.append(
            f"{one.title}: the passphrase that opens them"
            if _is_secrets(stack, one)
            else f"{one.title}{what}"
        )
    return said


def _is_bucket(stack: str, one: Resource) -> bool:
    return _name(one).startswith(f"{backups(stack)}-")


def _is_secrets(stack: str, one: Resource) -> bool:
    """Protected only where there are backups (``SingleServer``)."""
    return _name(one) == f"{stack}-secrets"


def _name(resource: Resource) -> str:
    return resource.urn.rsplit("::", 1)[-1]
