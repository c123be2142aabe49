"""The managed database: RDS for PostgreSQL, private, encrypted, backed up, kept when it goes.

RDS is unencrypted, without backups, on gp2 and unprotected by default (docs/facts/aws.md 17): every
such input is set here. It never gets a name, a public address or a password that RDS rotates (24).
"""

from __future__ import annotations

from typing import TypedDict

import pulumi
import pulumi_aws as aws

from components.clouds.aws import plans
from components.clouds.aws.account import pending
from components.clouds.aws.context import Context
from components.clouds.aws.resources import alarms, rds_ca
from components.clouds.aws.resources.network import AwsNetwork
from components.seam.cloud import DatabaseAnswer, DatabaseNeeds, Guarantee

ADMIN = "stages_admin"
"""Not ``postgres``, which everyone would try first (RDS.25). Another one replaces the database."""
ADMIN_DATABASE = "postgres"
PORT = 5432
GROWTH = 5
"""How often its first size a disk may grow to by itself, when the settings do not say."""
LARGEST_GIB = 65536
"""RDS's largest disk."""
STRIPED_GIB = 400
"""From here on RDS for PostgreSQL stripes a gp3 disk, and refuses what is below its new baseline:
both are included in the price.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage"""
STRIPED_IOPS = 12000
STRIPED_MIBPS = 500
TIMEOUTS = pulumi.CustomTimeouts(create="6h", update="6h", delete="12h")
"""A replica begins with a snapshot of its primary, and a database ends with its last one: both
take hours on a large disk."""


def make(
    ctx: Context, name: str, needs: DatabaseNeeds, network: AwsNetwork, parent: pulumi.Resource
) -> DatabaseAnswer:
    """Declare the database, its replicas and its alarms."""
    if network.database_group_id is None:
        raise ValueError("the network was made without room for a database")
    plan = plans.database(needs.plan)
    subnets = aws.rds.SubnetGroup(
        f"{name}-database",
        region=ctx.region,
        description="Private subnets of the database",
        subnet_ids=list(network.private_subnet_ids),
        tags=ctx.tags(f"{name}-database"),
        opts=ctx.child(parent, protect=needs.protected),
    )
    parameters = _parameters(ctx, name, needs, plan.connection_limit, parent)
    primary = aws.rds.Instance(
        f"{name}-database",
        region=ctx.region,
        engine="postgres",
        # The major version alone: an exact one breaks after an automatic minor upgrade (19).
        engine_version=str(needs.version),
        allow_major_version_upgrade=True,
        auto_minor_version_upgrade=True,
        engine_lifecycle_support="open-source-rds-extended-support-disabled",  # (22)
        instance_class=plan.name,
        storage_type="gp3",
        allocated_storage=needs.storage_gib,
        max_allocated_storage=_storage_limit(ctx, needs),
        **_baseline(needs.storage_gib),
        storage_encrypted=True,
        username=ADMIN,
        password=needs.admin_password,
        multi_az=needs.standby,
        # The server's: another one costs time and $0.01 a GB. RDS takes none with a standby.
        availability_zone=None if needs.standby else ctx.zones[0],
        db_subnet_group_name=subnets.name,
        vpc_security_group_ids=[network.database_group_id],
        publicly_accessible=False,
        port=PORT,
        ca_cert_identifier=rds_ca.IDENTIFIER,
        parameter_group_name=parameters.name,
        backup_retention_period=ctx.settings.database.backup_days,
        backup_window=backup_window(ctx.settings.database.maintenance_hour),
        maintenance_window=maintenance_window(
            ctx.settings.database.maintenance_day, ctx.settings.database.maintenance_hour
        ),
        copy_tags_to_snapshot=True,
        delete_automated_backups=not needs.protected,
        deletion_protection=needs.protected,
        skip_final_snapshot=not needs.protected,
        # A name that is random, stable and kept: the subnet group's own (18).
        final_snapshot_identifier=pulumi.Output.concat(subnets.name, "-final"),
        enabled_cloudwatch_logs_exports=["postgresql", "upgrade"],
        performance_insights_enabled=True,
        performance_insights_retention_period=7,  # days; these are free
        apply_immediately=ctx.settings.database.apply_immediately,
        tags=ctx.tags(f"{name}-database"),
        opts=ctx.child(
            parent,
            protect=needs.protected,
            # A restored database has others, and each of them would replace it: people lost
            # their data by that (23).
            ignore_changes=[
                "snapshotIdentifier",
                "dbName",
                "username",
                "kmsKeyId",
                "availabilityZone",
                *pending.accepted(ctx.settings.stack, f"{name}-database"),
            ],
            custom_timeouts=TIMEOUTS,
        ),
    )
    watched = alarms.database(primary.identifier, plan, primary.allocated_storage)
    alarms.make(ctx, f"{name}-database", watched, network.topic_arn, parent)
    replicas = [
        _replica(ctx, f"{name}-replica-{number}", needs, primary, parameters, network, parent)
        for number in range(1, needs.read_replicas + 1)
    ]
    return DatabaseAnswer(
        host=primary.address,
        port=primary.port,
        admin_user=primary.username,
        admin_password=needs.admin_password,
        admin_database=ADMIN_DATABASE,
        ca_pem=pulumi.Output.from_input(rds_ca.authority(ctx.region)),
        encrypted_at_rest=Guarantee(kept=True, reason="RDS encrypts with aws/rds's key"),
        backed_up=Guarantee(
            kept=True,
            reason=f"to any minute of the last {ctx.settings.database.backup_days} days",
        ),
        standby=Guarantee(
            kept=needs.standby,
            reason="a synchronous standby in the second zone takes over by itself"
            if needs.standby
            else "stages:database.standby is false",
        ),
        read_hosts=tuple(replica.address for replica in replicas),
    )


def _parameters(
    ctx: Context, name: str, needs: DatabaseNeeds, connection_limit: int, parent: pulumi.Resource
) -> aws.rds.ParameterGroup:
    """Settings of the server, most of which cannot be changed later without a restart (20).

    The name is generated and a new group comes before the old one goes (1), so that a new major
    version gets its group in the same run (19).
    """
    return aws.rds.ParameterGroup(
        f"{name}-database",
        region=ctx.region,
        family=f"postgres{needs.version}",
        description="Parameters of the database",
        parameters=[
            # Exact, so that the pool's numbers are: RDS's own formula leaves out memory that it
            # keeps for itself.
            _parameter("max_connections", str(connection_limit), static=True),
            _parameter("rds.logical_replication", "1", static=True),  # for promotions
            # A slot that nobody reads must not fill the disk. In MB; the smallest has 20 GB.
            _parameter("max_slot_wal_keep_size", "4096", static=False),
            _parameter("rds.force_ssl", "1", static=False),
        ],
        tags=ctx.tags(f"{name}-database"),
        opts=ctx.child(parent, delete_before_replace=False),
    )


def _parameter(name: str, value: str, *, static: bool) -> aws.rds.ParameterGroupParameterArgsDict:
    method = "pending-reboot" if static else "immediate"
    return {"name": name, "value": value, "apply_method": method}


def _replica(
    ctx: Context,
    name: str,
    needs: DatabaseNeeds,
    primary: aws.rds.Instance,
    parameters: aws.rds.ParameterGroup,
    network: AwsNetwork,
    parent: pulumi.Resource,
) -> aws.rds.Instance:
    """Declare a read replica. It holds nothing of its own: not protected, no last snapshot."""
    plan = plans.database(needs.plan)
    assert network.database_group_id is not None  # noqa: S101 - `make` has looked
    made = aws.rds.Instance(
        name,
        region=ctx.region,
        replicate_source_db=primary.identifier,
        instance_class=plan.name,
        storage_type="gp3",
        max_allocated_storage=_storage_limit(ctx, needs),
        **_baseline(needs.storage_gib),
        storage_encrypted=True,
        availability_zone=ctx.zones[0],
        vpc_security_group_ids=[network.database_group_id],
        publicly_accessible=False,
        port=PORT,
        ca_cert_identifier=rds_ca.IDENTIFIER,
        parameter_group_name=parameters.name,
        auto_minor_version_upgrade=True,
        maintenance_window=maintenance_window(
            ctx.settings.database.maintenance_day, ctx.settings.database.maintenance_hour
        ),
        copy_tags_to_snapshot=True,
        skip_final_snapshot=True,
        enabled_cloudwatch_logs_exports=["postgresql", "upgrade"],
        performance_insights_enabled=True,
        performance_insights_retention_period=7,
        apply_immediately=ctx.settings.database.apply_immediately,
        tags=ctx.tags(name),
        opts=ctx.child(
            parent,
            # Another zone replaces it.
            ignore_changes=["availabilityZone", *pending.accepted(ctx.settings.stack, name)],
            custom_timeouts=TIMEOUTS,
        ),
    )
    alarms.make(ctx, name, alarms.replica(made.identifier), network.topic_arn, parent)
    return made


class _Baseline(TypedDict, total=False):
    iops: int
    storage_throughput: int


def _baseline(storage_gib: int) -> _Baseline:
    """Return what a disk of this size has at the least; below ``STRIPED_GIB`` RDS takes neither.

    The provider sends the recorded IOPS along with a new size: those of a small disk are refused
    for a large one (hashicorp/terraform-provider-aws#28382).
    """
    if storage_gib < STRIPED_GIB:
        return {}
    return {"iops": STRIPED_IOPS, "storage_throughput": STRIPED_MIBPS}


def _storage_limit(ctx: Context, needs: DatabaseNeeds) -> int | None:
    """The size up to which the disk grows; ``None`` where the settings want none."""
    limit = ctx.settings.database.storage_limit_gib
    if limit is None:
        return min(GROWTH * needs.storage_gib, LARGEST_GIB)
    return limit if limit > needs.storage_gib else None


def maintenance_window(day: str, hour: int) -> str:
    """Return RDS's words for an hour of a week, UTC: ``sun:04:00-sun:05:00``."""
    week = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    first = week.index(day[:3])
    last = week[(first + (hour == 23)) % 7]
    return f"{week[first]}:{hour:02}:00-{last}:{(hour + 1) % 24:02}:00"


def backup_window(maintenance_hour: int) -> str:
    """Return the hour of the daily backup, two before maintenance: they must not overlap."""
    hour = (maintenance_hour - 2) % 24
    return f"{hour:02}:00-{(hour + 1) % 24:02}:00"
