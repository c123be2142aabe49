"""What the policies may ask of DigitalOcean's resources: see ``components/seam/facts.py``.

DigitalOcean encrypts every disk and cluster, backs every cluster up for 7 days and offers no
protection of its own and no tokens for its metadata address: nothing is set that could be judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.clouds.digitalocean.known.names import TRUSTED_SOURCES
from components.seam.facts import (
    Database,
    Fact,
    Kept,
    Labelled,
    Opening,
    Server,
    is_world,
    text,
    who,
)
from components.seam.planned import UNKNOWN, PlannedResource, PlannedResources

EVERY_PORT = (0, 65535)


def droplet(droplet: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """How it is made."""
    image = text(droplet.inputs, "image")
    yield Server(
        **who(droplet),
        user_data=text(droplet.inputs, "userData"),
        user_data_from=tuple(droplet.sources.get("userData", ())),
        tokens_only=None,
        image=image,
        # A slug names a newer image after a while; the id of one stays.
        image_kept="image" in droplet.ignore_changes or image.isdigit(),
    )
    yield _labelled(droplet)


def volume(volume: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """A disk that holds data."""
    yield Kept(**who(volume), what="data volume", protected=volume.protect)
    yield _labelled(volume)


def address(address: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """An address that others know."""
    yield Kept(**who(address), what="static address", protected=address.protect)


def bucket(bucket: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """A bucket that holds data."""
    yield Kept(**who(bucket), what="bucket", protected=bucket.protect)


def cluster(cluster: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """A database that holds data."""
    yield Kept(**who(cluster), what="database", protected=cluster.protect)
    yield from replica(cluster, resources)


def replica(database: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """A database, whoever holds the data."""
    yield Database(
        **who(database),
        public=_is_public(resources, database),
        encrypted=None,
        backup_days=None,
        deletion_protected=None,
    )
    yield _labelled(database)


def firewall(firewall: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """The ports that it opens."""
    for rule in _maps(firewall, "inboundRules"):
        if rule.get("protocol") == "icmp":
            continue
        first, last = EVERY_PORT
        ports = str(rule.get("portRange") or "all")
        if ports not in ("all", "0", UNKNOWN):
            low, _, high = ports.partition("-")
            first, last = int(low), int(high or low)
        cidrs = tuple(str(cidr) for cidr in rule.get("sourceAddresses") or ())
        yield Opening(**who(firewall), cidrs=cidrs, first_port=first, last_port=last)


def _is_public(resources: PlannedResources, database: PlannedResource) -> bool:
    """Without trusted sources a database is open to all; a replica has sources of its own."""
    mine = [
        firewall
        for firewall in resources.by_type(TRUSTED_SOURCES)
        if database.urn in firewall.sources.get("clusterId", ())
    ]
    admitted = [
        str(rule.get("value"))
        for firewall in mine
        for rule in _maps(firewall, "rules")
        if rule.get("type") == "ip_addr"
    ]
    return not mine or any(is_world(cidr) for cidr in admitted)


def _maps(resource: PlannedResource, key: str) -> Iterator[Mapping[str, Any]]:
    value = resource.inputs.get(key)
    return (
        (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())
    )


def _labelled(resource: PlannedResource) -> Labelled:
    """A label is a tag such as ``stack:shop``: tags have no values here. On other resources than
    servers, volumes and databases a tag is no label (resources/names.py)."""
    tags = resource.inputs.get("tags")
    pairs = [str(tag).partition(":") for tag in tags] if isinstance(tags, list) else []
    labels = {name: value for name, colon, value in pairs if colon}
    return Labelled(**who(resource), labels=labels)
