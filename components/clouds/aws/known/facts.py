"""What the policies may ask of AWS's resources: see ``components/seam/facts.py``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.clouds.aws.known.names import GROUP, INGRESS
from components.clouds.aws.known.topology import ALL_PROTOCOLS
from components.seam.facts import (
    Database,
    Disk,
    Fact,
    FactRule,
    Kept,
    Labelled,
    Opening,
    Server,
    flag,
    is_world,
    number,
    text,
    who,
)
from components.seam.planned import UNKNOWN, PlannedResource, PlannedResources

EVERY_PORT = (0, 65535)


def with_labels(own: FactRule) -> FactRule:
    """Facts of a resource, and its labels where it has any."""

    def facts(resource: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
        yield from own(resource, resources)
        if isinstance(resource.inputs.get("tags"), dict):
            yield Labelled(**who(resource), labels=resource.inputs["tags"])

    return facts


def server(server: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """Its root disk, and how it is made."""
    inputs = server.inputs
    options = inputs.get("metadataOptions") or {}
    root = inputs.get("rootBlockDevice") or {}
    yield Disk(**who(server), encrypted=None if root == UNKNOWN else flag(root, "encrypted"))
    yield Server(
        **who(server),
        user_data=text(inputs, "userData") or text(inputs, "userDataBase64"),
        user_data_from=tuple(
            urn for key in ("userData", "userDataBase64") for urn in server.sources.get(key, ())
        ),
        tokens_only=None if options == UNKNOWN else _tokens_only(options),
        image=text(inputs, "ami"),
        image_kept="ami" in server.ignore_changes or text(inputs, "ami").startswith("ami-"),
    )


def volume(volume: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """A disk that holds data."""
    yield Disk(**who(volume), encrypted=flag(volume.inputs, "encrypted"))
    yield Kept(**who(volume), what="data volume", protected=volume.protect)


def address(address: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """An address that others know."""
    yield Kept(**who(address), what="static address", protected=address.protect)


def bucket(bucket: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """A bucket that holds data."""
    yield Kept(**who(bucket), what="bucket", protected=bucket.protect)


def ingress(rule: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """The ports that a rule opens."""
    yield _opening(rule)


def database(database: PlannedResource, resources: PlannedResources) -> Iterator[Fact]:
    """A database, or a replica: it is made anew from its primary, whose backups and protection
    count."""
    inputs = database.inputs
    replica = "replicateSourceDb" in inputs
    yield Database(
        **who(database),
        public=flag(inputs, "publiclyAccessible") or _world_admitted(resources, database),
        encrypted=flag(inputs, "storageEncrypted"),
        backup_days=None if replica else number(inputs, "backupRetentionPeriod", 0),
        deletion_protected=None if replica else flag(inputs, "deletionProtection"),
    )
    if not replica:
        yield Kept(**who(database), what="database", protected=database.protect)


def _tokens_only(options: Mapping[str, Any]) -> bool:
    """AWS's own defaults leave version 1 open; the hop limit keeps containers out."""
    if options.get("httpEndpoint") == "disabled":
        return True
    return (
        options.get("httpTokens") == "required"
        and number(options, "httpPutResponseHopLimit", 1) == 1
    )


def _world_admitted(resources: PlannedResources, database: PlannedResource) -> bool:
    groups = set(resources.behind(database, "vpcSecurityGroupIds", GROUP))
    return any(
        is_world(cidr)
        for rule in resources.by_type(INGRESS)
        if groups & set(resources.behind(rule, "securityGroupId", GROUP))
        for cidr in _opening(rule).cidrs
    )


def _opening(rule: PlannedResource) -> Opening:
    inputs = rule.inputs
    first, last = EVERY_PORT
    if inputs.get("ipProtocol") != ALL_PROTOCOLS:
        first = number(inputs, "fromPort", first) or 0
        last = number(inputs, "toPort", last) or 0
    cidrs = tuple(inputs[key] for key in ("cidrIpv4", "cidrIpv6") if inputs.get(key))
    return Opening(**who(rule), cidrs=cidrs, first_port=first, last_port=last)
