"""What the policies may ask of DigitalOcean's resources: see ``components/seam/facts.py``.

DigitalOcean encrypts every disk and cluster, backs every cluster up for 7 days and offers no
protection of its own and no tokens for its metadata address: nothing is set that could be judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.clouds.digitalocean.known.names import (
    ADDRESS,
    CLUSTER,
    DROPLET,
    FIREWALL,
    REPLICA,
    SPACE,
    TRUSTED_SOURCES,
    VOLUME,
)
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


def facts(known: PlannedResources) -> Iterator[Fact]:
    """Everything that a rule may want to know of these resources."""
    for droplet in known.by_type(DROPLET):
        yield Server(
            **who(droplet),
            user_data=text(droplet.inputs, "userData"),
            user_data_from=tuple(droplet.sources.get("userData", ())),
            tokens_only=None,
            image=text(droplet.inputs, "image"),
            # A slug names a newer image after a while; the id of one stays.
            image_kept="image" in droplet.ignore_changes or text(droplet.inputs, "image").isdigit(),
        )
    for type_, what in (
        (VOLUME, "data volume"),
        (CLUSTER, "database"),
        (ADDRESS, "static address"),
        (SPACE, "bucket"),
    ):
        for one in known.by_type(type_):
            yield Kept(**who(one), what=what, protected=one.protect)
    for database in (*known.by_type(CLUSTER), *known.by_type(REPLICA)):
        yield Database(
            **who(database),
            public=_is_public(known, database),
            encrypted=None,
            backup_days=None,
            deletion_protected=None,
        )
    for firewall in known.by_type(FIREWALL):
        yield from _openings(firewall)
    for type_ in (DROPLET, VOLUME, CLUSTER, REPLICA):  # elsewhere a tag is no label (names.py)
        for one in known.by_type(type_):
            yield Labelled(**who(one), labels=_labels(one))


def _is_public(known: PlannedResources, database: PlannedResource) -> bool:
    """Without trusted sources a database is open to all; a replica has sources of its own."""
    mine = [
        firewall
        for firewall in known.by_type(TRUSTED_SOURCES)
        if database.urn in firewall.sources.get("clusterId", ())
    ]
    admitted = [
        str(rule.get("value"))
        for firewall in mine
        for rule in _maps(firewall, "rules")
        if rule.get("type") == "ip_addr"
    ]
    return not mine or any(is_world(cidr) for cidr in admitted)


def _openings(firewall: PlannedResource) -> Iterator[Opening]:
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


def _maps(resource: PlannedResource, key: str) -> Iterator[Mapping[str, Any]]:
    value = resource.inputs.get(key)
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _labels(resource: PlannedResource) -> dict[str, str]:
    """A label is a tag such as ``stack:shop``: tags have no values here."""
    tags = resource.inputs.get("tags")
    pairs = [str(tag).partition(":") for tag in tags] if isinstance(tags, list) else []
    return {name: value for name, colon, value in pairs if colon}
