"""What the operator's commands ask of this cloud: see ``components/seam/operations.py``."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from components.clouds.digitalocean.account import api, spaces
from components.clouds.digitalocean.account.preflight import check, notes, room
from components.clouds.digitalocean.resources.names import LABELS, stack_label
from components.errors import UserError
from components.seam import buckets
from components.seam.operations import Operations

BUCKET = "digitalocean:index/spacesBucket:SpacesBucket"
VPC = "digitalocean:index/vpc:Vpc"
KINDS = (
    ("databases", "databases", "database cluster"),
    ("droplets", "droplets", "Droplet"),
    ("volumes", "volumes", "volume"),
)


def hosts(stack: str) -> dict[str, str]:
    """The state of every Droplet of a stack, by name."""
    droplets = _tagged("droplets", "droplets", stack_label(stack))
    return {str(droplet["name"]): str(droplet["status"]) for droplet in droplets}


def leftovers(stack: str) -> list[str]:
    """What DigitalOcean bills for this stack, found by its tag, also what the state lost.

    A cluster whose creation failed is forgotten by the provider and billed all the same.
    """
    try:
        return [
            f"{words} {item['name']} ({item['id']}) is on DigitalOcean's bill"
            for path, key, words in KINDS
            for item in _tagged(path, key, stack_label(stack))
        ]
    except (UserError, api.NotFound) as error:
        return [f"what DigitalOcean still bills is not known: {error}"]


def undeletable(resources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Name the VPC that is its region's default, by URN, and each bucket that holds something:
    DigitalOcean refuses to delete them."""
    reasons = {
        str(resource["urn"]): "it is its region's default VPC, which DigitalOcean does not delete;"
        " it costs nothing"
        for resource in resources
        if resource["type"] == VPC and _is_default(str(resource["id"]))
    }
    for resource in resources:
        is_kept = resource.get("protect") or (resource.get("outputs") or {}).get("forceDestroy")
        if resource["type"] == BUCKET and not is_kept and (why := _not_empty(resource)):
            reasons[str(resource["urn"])] = why
    return reasons


def _not_empty(bucket: Mapping[str, Any]) -> str:
    """Why a bucket cannot be deleted; empty if it can."""
    try:
        if next(spaces.sizes(bucket), None) is None:
            return ""
    except api.NotFound:
        return ""
    except api.Unreachable as error:
        return f"whether it is empty is not known: {error.problem}"
    return (
        "it holds objects or earlier versions: destroy it at"
        f" https://cloud.digitalocean.com/spaces/{bucket['id']}"
    )


def stored(resources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What buckets hold."""
    contents = {}
    for resource in resources:
        if resource["type"] == BUCKET:
            with suppress(api.NotFound, api.Unreachable):
                contents[str(resource["urn"])] = buckets.holds(spaces.sizes(resource))
    return contents


def _is_default(vpc_id: str) -> bool:
    try:
        return bool(api.get(f"vpcs/{vpc_id}")["vpc"]["default"])
    except api.NotFound:
        return False


def delete_data(stack: str, _with_backups: bool = True) -> list[str]:
    """Delete the label tags that nothing carries any more: those that are the stack's own, and
    those that the project's stacks share once the last one has gone."""
    tags = {tag["name"]: tag for tag in api.every("tags", "tags")}
    unused = [
        name
        for name in (stack_label(stack), *LABELS)
        if name in tags and not tags[name]["resources"]["count"]
    ]
    for name in unused:
        api.delete(f"tags/{urllib.parse.quote(name, safe='')}")
    return [f"tag {name}" for name in unused]


def _tagged(path: str, key: str, label: str) -> list[dict[str, object]]:
    """The list itself is filtered here: only Droplets and databases can be asked for by tag."""
    return [item for item in api.every(path, key) if label in (item.get("tags") or [])]


OPERATIONS = Operations(
    preflight=check,
    room=room,
    notes=notes,
    hosts=hosts,
    undeletable=undeletable,
    stored=stored,
    point_in_time="DigitalOcean does it: `doctl databases fork` makes a new cluster beside this one"
    " from its backups of the last 7 days.",
    leftovers=leftovers,
    delete_data=delete_data,
)
