"""Alarms, the profile that the host's own metrics need, and the flow logs: only when asked for."""

from __future__ import annotations

import json

import pytest

from tests.unit.clouds.aws import graph
from tests.unit.clouds.aws.graph import Graph, Node

ALARM = "cloudwatch/metricAlarm:MetricAlarm"
DATABASE = "rds/instance:Instance"
EMAIL = "ops@example.com"


@pytest.fixture(scope="module")
def stage_1() -> Graph:
    return graph.of_stage(1, alarms__email=EMAIL)


@pytest.fixture(scope="module")
def stage_2() -> Graph:
    return graph.of_stage(
        2, alarms__email=EMAIL, database__read_replicas=2, database__plan="db.t4g.small"
    )


def thresholds(stack: Graph, part: str) -> dict[str, tuple[str, str, float, float]]:
    """Metric, comparison, threshold and minutes of each alarm of a part, by its role."""
    return {
        node.name.removeprefix(f"{part}-"): (
            node.inputs["metricName"],
            node.inputs["comparisonOperator"],
            node.inputs["threshold"],
            node.inputs["period"] * node.inputs["evaluationPeriods"] / 60,
        )
        for node in stack.of(ALARM)
        if node.name.startswith(f"{part}-")
    }


OVER, UNDER = "GreaterThanThreshold", "LessThanThreshold"


@pytest.mark.parametrize("stage", [1, 2])
def test_without_an_address_there_is_no_alarm_no_topic_and_no_right(stage: int) -> None:
    kinds = {node.type for node in graph.of_stage(stage).nodes}
    assert not {kind for kind in kinds if kind.startswith(("aws:cloudwatch", "aws:sns"))}
    assert "aws:iam/rolePolicy:RolePolicy" not in kinds


@pytest.mark.parametrize("email", [None, EMAIL])
def test_the_server_keeps_its_profile_when_the_alarms_go(email: str | None) -> None:
    """The provider takes none off: it would be deleted while the server has it."""
    stack = graph.of_stage(1, **({"alarms__email": email} if email else {}))
    profile = stack.only("iam/instanceProfile:InstanceProfile")
    server = stack.only("ec2/instance:Instance")
    assert profile.urn in server.from_inputs["iamInstanceProfile"]


def test_the_servers_thresholds(stage_1: Graph, stage_2: Graph) -> None:
    server = {
        "cpu": ("CPUUtilization", OVER, 75, 15),
        "hardware": ("StatusCheckFailed_System", OVER, 0, 2),
        "system": ("StatusCheckFailed_Instance", OVER, 0, 5),
        "memory": ("memory_used_percent", OVER, 90, 15),
        "disk": ("disk_used_percent", OVER, 80, 15),
        "troubles": ("troubles", OVER, 0, 15),
    }
    data = {"data": ("data_used_percent", OVER, 80, 15)}
    assert thresholds(stage_1, "aws-stage1-app-server") == {**server, **data}
    assert thresholds(stage_2, "aws-stage2-app-server") == server


def test_the_databases_thresholds(stage_2: Graph) -> None:
    assert thresholds(stage_2, "aws-stage2-database") == {
        "cpu": ("CPUUtilization", OVER, 75, 15),
        "memory": ("FreeableMemory", UNDER, 2 * 1024**3 * 6 // 100, 15),
        "storage": ("FreeStorageSpace", UNDER, 20 * 1024**3 // 10, 15),
        "connections": ("DatabaseConnections", OVER, 180, 15),
    }
    for number in (1, 2):
        assert thresholds(stage_2, f"aws-stage2-replica-{number}") == {
            "lag": ("ReplicaLag", OVER, 600, 15)
        }


def test_the_memory_alarm_of_the_smallest_database_ends() -> None:
    """One that idles had 106 MB free at the least, in a week (RoboFinSystems/robosystems#1086)."""
    stack = graph.of_stage(2, alarms__email=EMAIL, database__plan="db.t4g.micro")
    assert stack.only(ALARM, "database-memory").inputs["threshold"] < 0.8 * 106_000_000


def test_the_storage_alarm_follows_the_disk(stage_2: Graph) -> None:
    """RDS lets the disk grow: what the engine knows of it counts, not the first size."""
    alarm, database = stage_2.only(ALARM, "database-storage"), stage_2.only(DATABASE, "-database")
    assert alarm.from_inputs["threshold"] == {database.urn}


def test_every_alarm_is_sent_to_the_address_when_it_begins_and_when_it_ends(stage_2: Graph) -> None:
    topic = "arn:aws:x:eu-central-1:123456789012:aws-stage2-alarms"
    subscription = stage_2.only("sns/topicSubscription:TopicSubscription").inputs
    assert (subscription["protocol"], subscription["endpoint"]) == ("email", EMAIL)
    assert subscription["topic"] == topic
    for alarm in stage_2.of(ALARM):
        assert topic in alarm.inputs["alarmActions"]
        assert alarm.inputs["okActions"] == [topic]


def test_broken_hardware_is_left_by_itself(stage_1: Graph) -> None:
    actions = {node.name: node.inputs["alarmActions"] for node in stage_1.of(ALARM)}
    recover = "arn:aws:automate:eu-central-1:ec2:recover"
    assert [name for name, each in actions.items() if recover in each] == [
        "aws-stage1-app-server-hardware"
    ]


def test_alarms_watch_what_they_are_named_after(stage_2: Graph) -> None:
    for alarm in stage_2.of(ALARM):
        assert alarm.inputs.get("dimensions") == expected_dimensions(alarm), alarm.name


def expected_dimensions(alarm: Node) -> dict[str, str] | None:
    if alarm.inputs["namespace"] == "stages/aws-stage2":
        return None  # one host sends them: a replaced server goes on with the same alarm
    if alarm.inputs["namespace"] == "AWS/EC2":
        return {"InstanceId": "i-0123456789abcdef0"}
    return {"DBInstanceIdentifier": f"{alarm.name.rsplit('-', 1)[0]}-1234567"}


def test_the_servers_profile_may_send_its_stacks_metrics_and_nothing_else(stage_1: Graph) -> None:
    (policy,) = stage_1.of("iam/rolePolicy:RolePolicy")
    assert json.loads(policy.inputs["policy"])["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": "stages/aws-stage1"}},
        }
    ]
    role = stage_1.only("iam/role:Role")
    trust = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert [each["Principal"] for each in trust] == [{"Service": "ec2.amazonaws.com"}]
    profile = stage_1.only("iam/instanceProfile:InstanceProfile")
    server = stage_1.only("ec2/instance:Instance")
    assert profile.urn in server.from_inputs["iamInstanceProfile"]


def test_flow_logs_are_off_by_default_for_they_cost(stage_1: Graph) -> None:
    assert stage_1.of("ec2/flowLog:FlowLog") == []


def test_flow_logs_hold_every_connection_for_ninety_days() -> None:
    stack = graph.of_stage(1, network__flow_logs="true")
    log = stack.only("ec2/flowLog:FlowLog")
    group = stack.only("cloudwatch/logGroup:LogGroup")
    assert log.inputs["trafficType"] == "ALL"
    assert log.inputs["vpcId"] == "aws-stage1-vpc-id"
    assert group.inputs["retentionInDays"] == 90
    (policy,) = stack.of("iam/rolePolicy:RolePolicy")
    (statement,) = json.loads(policy.inputs["policy"])["Statement"]
    assert statement["Resource"] == "arn:aws:x:eu-central-1:123456789012:aws-stage1-flows:*"
    assert policy.urn in log.depends_on
