"""What the policies may ask of AWS's resources: see ``components/seam/facts.py``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.clouds.aws.known.names import ADDRESS, BUCKET, GROUP, INGRESS, INSTANCE, RDS, VOLUME
from components.clouds.aws.known.topology import ALL_PROTOCOLS
from components.seam.facts import (
    Database,
    Disk,
    Fact,
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


def facts(known: PlannedResources) -> Iterator[Fact]:
    """Everything that a rule may want to know of these resources."""
    for server in known.by_type(INSTANCE):
        yield from _server(server)
    for volume in known.by_type(VOLUME):
        yield Disk(**who(volume), encrypted=flag(volume.inputs, "encrypted"))
        yield Kept(**who(volume), what="data volume", protected=volume.protect)
    for database in known.by_type(RDS):
        yield from _database(known, database)
    for address in known.by_type(ADDRESS):
        yield Kept(**who(address), what="static address", protected=address.protect)
    for bucket in known.by_type(BUCKET):
        yield Kept(**who(bucket), what="bucket", protected=bucket.protect)
    for rule in known.by_type(INGRESS):
        yield _opening(rule)
    for one in known.by_urn.values():
        if one.type.startswith("aws:") and isinstance(one.inputs.get("tags"), dict):
            yield Labelled(**who(one), labels=one.inputs["tags"])


def _server(server: PlannedResource) -> Iterator[Fact]:
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


def _tokens_only(options: Mapping[str, Any]) -> bool:
    """AWS's own defaults leave version 1 open; the hop limit keeps containers out."""
    if options.get("httpEndpoint") == "disabled":
        return True
    return (
        options.get("httpTokens") == "required"
        and number(options, "httpPutResponseHopLimit", 1) == 1
    )


def _database(known: PlannedResources, database: PlannedResource) -> Iterator[Fact]:
    inputs = database.inputs
    replica = "replicateSourceDb" in inputs
    yield Database(
        **who(database),
        public=flag(inputs, "publiclyAccessible") or _world_admitted(known, database),
        encrypted=flag(inputs, "storageEncrypted"),
        # A replica is made anew from its primary, whose backups and protection count.
        backup_days=None if replica else number(inputs, "backupRetentionPeriod", 0),
        deletion_protected=None if replica else flag(inputs, "deletionProtection"),
    )
    if not replica:
        yield Kept(**who(database), what="database", protected=database.protect)


def _world_admitted(known: PlannedResources, database: PlannedResource) -> bool:
    groups = set(known.behind(database, "vpcSecurityGroupIds", GROUP))
    return any(
        is_world(cidr)
        for rule in known.by_type(INGRESS)
        if groups & set(known.behind(rule, "securityGroupId", GROUP))
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
