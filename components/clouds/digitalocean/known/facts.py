"""What the policies may ask of DigitalOcean's resources: see ``components/seam/facts.py``.

DigitalOcean encrypts every disk and cluster, backs every cluster up for 7 days and offers no
protection of its own and no tokens for its metadata address: nothing is set that could be judged.
"""

from __future__ import annotations

from collections.abc import Iterator

from components.seam.costs import UNKNOWN
from components.seam.facts import (
    Database,
    Fact,
    Kept,
    Labelled,
    Opening,
    Server,
    ignores,
    is_world,
    origins,
    protected,
    text,
    who,
)
from components.seam.topology import Resource, Resources

DROPLET = "digitalocean:index/droplet:Droplet"
VOLUME = "digitalocean:index/volume:Volume"
ADDRESS = "digitalocean:index/reservedIp:ReservedIp"
CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster"
REPLICA = "digitalocean:index/databaseReplica:DatabaseReplica"
TRUSTED = "digitalocean:index/databaseFirewall:DatabaseFirewall"
SPACE = "digitalocean:index/spacesBucket:SpacesBucket"
FIREWALL = "digitalocean:index/firewall:Firewall"
EVERY_PORT = (0, 65535)


def facts(known: Resources) -> Iterator[Fact]:
    """Everything that a rule may want to know of these resources."""
    for droplet in known.of(DROPLET):
        yield Server(
            **who(droplet),
            user_data=text(droplet["inputs"], "userData"),
            user_data_from=origins(droplet, "userData"),
            tokens_only=None,
            image=text(droplet["inputs"], "image"),
            # A slug names a newer image after a while; the id of one stays.
            image_kept=ignores(droplet, "image") or text(droplet["inputs"], "image").isdigit(),
        )
    for type_, what in (
        (VOLUME, "data volume"),
        (CLUSTER, "database"),
        (ADDRESS, "static address"),
        (SPACE, "bucket"),
    ):
        for one in known.of(type_):
            yield Kept(**who(one), what=what, protected=protected(one))
    for database in (*known.of(CLUSTER), *known.of(REPLICA)):
        yield Database(
            **who(database),
            public=_is_public(known, database),
            encrypted=None,
            backup_days=None,
            deletion_protected=None,
        )
    for firewall in known.of(FIREWALL):
        yield from _openings(firewall)
    for type_ in (DROPLET, VOLUME, CLUSTER, REPLICA):  # elsewhere a tag is no label (names.py)
        for one in known.of(type_):
            yield Labelled(**who(one), labels=_labels(one))


def _is_public(known: Resources, database: Resource) -> bool:
    """Without trusted sources a database is open to all; a replica has sources of its own."""
    mine = [
        firewall
        for firewall in known.of(TRUSTED)
        if database["urn"] in origins(firewall, "clusterId")
    ]
    admitted = [
        str(rule.get("value"))
        for firewall in mine
        for rule in _maps(firewall, "rules")
        if rule.get("type") == "ip_addr"
    ]
    return not mine or any(is_world(cidr) for cidr in admitted)


def _openings(firewall: Resource) -> Iterator[Opening]:
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


def _maps(resource: Resource, key: str) -> Iterator[Resource]:
    value = resource["inputs"].get(key)
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _labels(resource: Resource) -> dict[str, str]:
    """A label is a tag such as ``stack:shop``: tags have no values here."""
    tags = resource["inputs"].get("tags")
    pairs = [str(tag).partition(":") for tag in tags] if isinstance(tags, list) else []
    return {name: value for name, colon, value in pairs if colon}
