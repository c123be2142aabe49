"""What the policies may ask of AWS's resources: see ``components/seam/facts.py``."""

from __future__ import annotations

from collections.abc import Iterator

from components.clouds.aws.known.topology import ALL_PROTOCOLS, BUCKET, GROUP, INSTANCE, RDS
from components.seam.costs import UNKNOWN
from components.seam.facts import (
    Database,
    Disk,
    Fact,
    Kept,
    Labelled,
    Opening,
    Server,
    flag,
    ignores,
    is_world,
    number,
    origins,
    protected,
    text,
    who,
)
from components.seam.topology import Resource, Resources

VOLUME = "ebs/volume:Volume"
ADDRESS = "ec2/eip:Eip"
RULE = "vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EVERY_PORT = (0, 65535)


def facts(known: Resources) -> Iterator[Fact]:
    """Everything that a rule may want to know of these resources."""
    for server in known.of(INSTANCE):
        yield from _server(server)
    for volume in known.of(VOLUME):
        yield Disk(**who(volume), encrypted=flag(volume["inputs"], "encrypted"))
        yield Kept(**who(volume), what="data volume", protected=protected(volume))
    for database in known.of(RDS):
        yield from _database(known, database)
    for address in known.of(ADDRESS):
        yield Kept(**who(address), what="static address", protected=protected(address))
    for bucket in known.of(BUCKET):
        yield Kept(**who(bucket), what="bucket", protected=protected(bucket))
    for rule in known.of(RULE):
        yield _opening(rule)
    for one in known.by_urn.values():
        if one["type"].startswith("aws:") and isinstance(one["inputs"].get("tags"), dict):
            yield Labelled(**who(one), labels=one["inputs"]["tags"])


def _server(server: Resource) -> Iterator[Fact]:
    inputs = server["inputs"]
    options = inputs.get("metadataOptions") or {}
    root = inputs.get("rootBlockDevice") or {}
    yield Disk(**who(server), encrypted=None if root == UNKNOWN else flag(root, "encrypted"))
    yield Server(
        **who(server),
        user_data=text(inputs, "userData") or text(inputs, "userDataBase64"),
        user_data_from=origins(server, "userData") + origins(server, "userDataBase64"),
        tokens_only=None if options == UNKNOWN else _tokens_only(options),
        image=text(inputs, "ami"),
        image_kept=ignores(server, "ami") or text(inputs, "ami").startswith("ami-"),
    )


def _tokens_only(options: Resource) -> bool:
    """AWS's own defaults leave version 1 open; the hop limit keeps containers out."""
    if options.get("httpEndpoint") == "disabled":
        return True
    return (
        options.get("httpTokens") == "required"
        and number(options, "httpPutResponseHopLimit", 1) == 1
    )


def _database(known: Resources, database: Resource) -> Iterator[Fact]:
    inputs = database["inputs"]
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
        yield Kept(**who(database), what="database", protected=protected(database))


def _world_admitted(known: Resources, database: Resource) -> bool:
    groups = set(known.behind(database, "vpcSecurityGroupIds", GROUP))
    return any(
        is_world(cidr)
        for rule in known.of(RULE)
        if groups & set(known.behind(rule, "securityGroupId", GROUP))
        for cidr in _opening(rule).cidrs
    )


def _opening(rule: Resource) -> Opening:
    inputs = rule["inputs"]
    first, last = EVERY_PORT
    if inputs.get("ipProtocol") != ALL_PROTOCOLS:
        first = number(inputs, "fromPort", first) or 0
        last = number(inputs, "toPort", last) or 0
    cidrs = tuple(inputs[key] for key in ("cidrIpv4", "cidrIpv6") if inputs.get(key))
    return Opening(**who(rule), cidrs=cidrs, first_port=first, last_port=last)
