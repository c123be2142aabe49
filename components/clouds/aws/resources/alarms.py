"""Alarms of CloudWatch, sent to ``stages:alarms.email`` and ``stages:alarms.webhook``.

Without either there are none. Each costs $0.10 a month, each of the host's own metrics $0.30
(docs/costs.md). AWS sends one message to have the address confirmed; nothing arrives before that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.clouds.aws.context import Context
from components.seam.cloud import DatabasePlan

CPU_PERCENT = 75
MEMORY_PERCENT = 90
DISK_PERCENT = 80
CONNECTIONS_PERCENT = 80
FREE_MEMORY_PERCENT = 6
"""A ``db.t4g.micro`` with nothing to do has about a tenth free (106 MB at the least in a week,
RoboFinSystems/robosystems#1086): at a tenth the alarm would never end."""
FREE_STORAGE_PERCENT = 10
"""RDS lets a disk grow when less than a tenth is free: below it for 15 minutes, it did not."""
REPLICA_LAG_S = 600
"""RDS counts the time since the last replayed transaction; without writes the primary ends its
WAL segment every 5 minutes, so that an idle replica seems to lag up to 300 s.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PostgreSQL.Replication.ReadReplicas.Monitor.html"""

MEMORY_METRIC = "memory_used_percent"
DISK_METRIC = "disk_used_percent"
DATA_METRIC = "data_used_percent"
TROUBLES_METRIC = "troubles"


def namespace(ctx: Context) -> str:
    """Where a stack's host puts its own metrics; its profile may write nowhere else."""
    return f"stages/{ctx.settings.stack}"


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One threshold. It has to be crossed in each of ``periods`` periods of ``period_s``."""

    role: str
    meaning: str
    namespace: str
    metric: str
    threshold: pulumi.Input[float]
    below: bool = False
    dimensions: dict[str, pulumi.Input[str]] = field(default_factory=dict)
    statistic: str = "Average"
    period_s: int = 300
    periods: int = 3
    actions: tuple[str, ...] = ()
    """What AWS does by itself, beside the message."""
    silence: bool = False
    """Whether a message is also sent when values stop coming. None is sent before the first."""


def topic(
    ctx: Context, name: str, parent: pulumi.Resource, region: str = ""
) -> pulumi.Output[str] | None:
    """Declare the topic and its readers. Not encrypted: alarms carry no secret, and CloudWatch
    can publish only to a topic with a key of one's own, $1 a month."""
    if not ctx.settings.alarms.wanted:
        return None
    made = aws.sns.Topic(
        f"{name}-alarms",
        region=region or ctx.region,
        tags=ctx.tags(f"{name}-alarms"),
        opts=ctx.child(parent),
    )
    endpoints: dict[str, tuple[str, pulumi.Input[str] | None]] = {
        "email": ("email", ctx.settings.alarms.email),
        "webhook": (
            "https",
            ctx.settings.alarms.webhook and pulumi.Output.secret(ctx.settings.alarms.webhook),
        ),
    }
    for role, (protocol, endpoint) in endpoints.items():
        if endpoint is not None:
            aws.sns.TopicSubscription(
                f"{name}-alarms-{role}",
                region=region or ctx.region,
                topic=made.arn,
                protocol=protocol,
                endpoint=endpoint,
                opts=ctx.child(parent),
            )
    return made.arn


def server(ctx: Context, instance_id: pulumi.Input[str], *, volume: bool) -> list[Alarm]:
    """Return the alarms of an app server; memory and disk are metrics that it sends itself."""
    instance = {"InstanceId": instance_id}
    own = namespace(ctx)
    alarms = [
        Alarm(
            role="cpu",
            meaning=f"CPU over {CPU_PERCENT} % for 15 minutes",
            namespace="AWS/EC2",
            metric="CPUUtilization",
            threshold=CPU_PERCENT,
            dimensions=instance,
        ),
        Alarm(
            role="hardware",
            meaning="AWS's own checks of the server's hardware fail: it is moved to another",
            namespace="AWS/EC2",
            metric="StatusCheckFailed_System",
            threshold=0,
            dimensions=instance,
            statistic="Maximum",
            period_s=60,
            periods=2,
            actions=(f"arn:aws:automate:{ctx.region}:ec2:recover",),
        ),
        Alarm(
            role="system",
            meaning="AWS's own checks of the server's operating system fail",
            namespace="AWS/EC2",
            metric="StatusCheckFailed_Instance",
            threshold=0,
            dimensions=instance,
            statistic="Maximum",
            period_s=60,
            periods=5,
        ),
        _own(own, "memory", MEMORY_METRIC, MEMORY_PERCENT, "Memory"),
        _own(own, "disk", DISK_METRIC, DISK_PERCENT, "Disk"),
    ]
    alarms.append(
        Alarm(
            role="troubles",
            meaning="Something that runs on the server has failed for 15 minutes, or its"
            " certificate ends: `./stages status` says what",
            namespace=own,
            metric=TROUBLES_METRIC,
            threshold=0,
        )
    )
    if volume:
        alarms.append(_own(own, "data", DATA_METRIC, DISK_PERCENT, "Data volume"))
    return alarms


def _own(namespace: str, role: str, metric: str, percent: int, what: str) -> Alarm:
    """An alarm on what the host sends. One of them, memory, also tells that it sends nothing."""
    return Alarm(
        role=role,
        meaning=f"{what} over {percent} % for 15 minutes",
        namespace=namespace,
        metric=metric,
        threshold=percent,
        silence=metric == MEMORY_METRIC,
    )


def database(
    identifier: pulumi.Input[str], plan: DatabasePlan, storage_gib: pulumi.Output[int]
) -> list[Alarm]:
    """Return the alarms of a database. ``storage_gib`` is the size that its disk has by now."""
    at = {"DBInstanceIdentifier": identifier}
    connections = plan.connection_limit * CONNECTIONS_PERCENT // 100
    return [
        Alarm(
            role="cpu",
            meaning=f"CPU over {CPU_PERCENT} % for 15 minutes",
            namespace="AWS/RDS",
            metric="CPUUtilization",
            threshold=CPU_PERCENT,
            dimensions=at,
        ),
        Alarm(
            role="memory",
            meaning=f"Less than {FREE_MEMORY_PERCENT} % of the memory free for 15 minutes",
            namespace="AWS/RDS",
            metric="FreeableMemory",
            threshold=plan.memory_mib * 1024**2 * FREE_MEMORY_PERCENT // 100,
            below=True,
            dimensions=at,
        ),
        Alarm(
            role="storage",
            meaning=f"Less than {FREE_STORAGE_PERCENT} % of the disk free for 15 minutes",
            namespace="AWS/RDS",
            metric="FreeStorageSpace",
            threshold=storage_gib.apply(lambda gib: gib * 1024**3 * FREE_STORAGE_PERCENT // 100),
            below=True,
            dimensions=at,
        ),
        Alarm(
            role="connections",
            meaning=f"Over {CONNECTIONS_PERCENT} % of {plan.connection_limit} connections in use"
            " for 15 minutes",
            namespace="AWS/RDS",
            metric="DatabaseConnections",
            threshold=connections,
            dimensions=at,
        ),
    ]


def replica(identifier: pulumi.Input[str]) -> list[Alarm]:
    """Return the alarm of a read replica."""
    return [
        Alarm(
            role="lag",
            meaning=f"More than {REPLICA_LAG_S} s behind the primary for 15 minutes",
            namespace="AWS/RDS",
            metric="ReplicaLag",
            threshold=REPLICA_LAG_S,
            dimensions={"DBInstanceIdentifier": identifier},
        )
    ]


def make(
    ctx: Context,
    name: str,
    alarms: Sequence[Alarm],
    topic_arn: pulumi.Output[str] | None,
    parent: pulumi.Resource,
    region: str = "",
) -> None:
    """Declare alarms as ``<name>-<role>``; none without a topic."""
    if topic_arn is None:
        return
    for alarm in alarms:
        aws.cloudwatch.MetricAlarm(
            f"{name}-{alarm.role}",
            region=region or ctx.region,
            alarm_description=f"{ctx.settings.stack}: {alarm.meaning}",
            namespace=alarm.namespace,
            metric_name=alarm.metric,
            dimensions=alarm.dimensions or None,
            statistic=alarm.statistic,
            comparison_operator="LessThanThreshold" if alarm.below else "GreaterThanThreshold",
            threshold=alarm.threshold,
            period=alarm.period_s,
            evaluation_periods=alarm.periods,
            alarm_actions=[topic_arn, *alarm.actions],
            ok_actions=[topic_arn],
            # A gap is no reading: a new server has sent nothing yet, a stopped one never will.
            treat_missing_data="missing",
            insufficient_data_actions=[topic_arn] if alarm.silence else None,
            tags=ctx.tags(f"{name}-{alarm.role}"),
            opts=ctx.child(parent),
        )
