"""The operator's rights: real actions, all that the resources and questions need, and no star.

That they suffice is not shown: nothing here has run against an account.
"""

from __future__ import annotations

import fnmatch
import json
import re
from functools import cache
from pathlib import Path

import boto3  # type: ignore[import-untyped]
import pytest
from botocore import xform_name  # type: ignore[import-untyped]

from components.clouds import aws
from tests.unit.clouds.aws import graph

FILE = Path(str(aws.__file__)).with_name("iam-policy.json")
STATEMENTS = json.loads(FILE.read_text())["Statement"]
NO_OPERATION = {"iam:PassRole", "ec2-instance-connect:OpenTunnel"}
"""Rights that no call of the API is named after."""

NEEDED = {
    "cloudwatch/logGroup:LogGroup": ["logs:CreateLogGroup", "logs:DeleteLogGroup"],
    "cloudwatch/metricAlarm:MetricAlarm": ["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"],
    "ebs/volume:Volume": ["ec2:CreateVolume", "ec2:ModifyVolume", "ec2:DeleteVolume"],
    "ec2/defaultSecurityGroup:DefaultSecurityGroup": [
        *("ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress")
    ],
    "ec2/eip:Eip": ["ec2:AllocateAddress", "ec2:ReleaseAddress"],
    "ec2/eipAssociation:EipAssociation": ["ec2:AssociateAddress", "ec2:DisassociateAddress"],
    "ec2/flowLog:FlowLog": ["ec2:CreateFlowLogs", "ec2:DeleteFlowLogs", "iam:PassRole"],
    "ec2/instance:Instance": [
        *("ec2:RunInstances", "ec2:StopInstances", "ec2:StartInstances", "ec2:TerminateInstances"),
        *("ec2:ModifyInstanceAttribute", "iam:PassRole"),
    ],
    "ec2/internetGateway:InternetGateway": [
        *("ec2:CreateInternetGateway", "ec2:AttachInternetGateway"),
        *("ec2:DetachInternetGateway", "ec2:DeleteInternetGateway"),
    ],
    "ec2/route:Route": ["ec2:CreateRoute", "ec2:DeleteRoute"],
    "ec2/routeTable:RouteTable": ["ec2:CreateRouteTable", "ec2:DeleteRouteTable"],
    "ec2/routeTableAssociation:RouteTableAssociation": [
        *("ec2:AssociateRouteTable", "ec2:DisassociateRouteTable")
    ],
    "ec2/securityGroup:SecurityGroup": ["ec2:CreateSecurityGroup", "ec2:DeleteSecurityGroup"],
    "ec2/subnet:Subnet": ["ec2:CreateSubnet", "ec2:DeleteSubnet"],
    "ec2/volumeAttachment:VolumeAttachment": ["ec2:AttachVolume", "ec2:DetachVolume"],
    "ec2/vpc:Vpc": ["ec2:CreateVpc", "ec2:ModifyVpcAttribute", "ec2:DeleteVpc"],
    "ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": [
        *("ec2:CreateInstanceConnectEndpoint", "ec2:DeleteInstanceConnectEndpoint"),
        *("ec2:CreateNetworkInterface", "ec2-instance-connect:OpenTunnel"),
    ],
    "iam/instanceProfile:InstanceProfile": [
        *("iam:CreateInstanceProfile", "iam:AddRoleToInstanceProfile"),
        *("iam:RemoveRoleFromInstanceProfile", "iam:DeleteInstanceProfile"),
    ],
    "iam/role:Role": ["iam:CreateRole", "iam:DeleteRole"],
    "iam/rolePolicy:RolePolicy": ["iam:PutRolePolicy", "iam:DeleteRolePolicy"],
    "rds/instance:Instance": [
        *("rds:CreateDBInstance", "rds:CreateDBInstanceReadReplica", "rds:ModifyDBInstance"),
        *("rds:DeleteDBInstance", "rds:CreateDBSnapshot", "iam:CreateServiceLinkedRole"),
    ],
    "rds/parameterGroup:ParameterGroup": [
        *("rds:CreateDBParameterGroup", "rds:ModifyDBParameterGroup", "rds:DeleteDBParameterGroup")
    ],
    "rds/subnetGroup:SubnetGroup": ["rds:CreateDBSubnetGroup", "rds:DeleteDBSubnetGroup"],
    "sns/topic:Topic": ["sns:CreateTopic", "sns:DeleteTopic"],
    "sns/topicSubscription:TopicSubscription": ["sns:Subscribe", "sns:Unsubscribe"],
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule": ["ec2:AuthorizeSecurityGroupEgress"],
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule": ["ec2:AuthorizeSecurityGroupIngress"],
}
"""Calls that make and end a resource of each type, by AWS's documentation of them."""


def actions() -> list[str]:
    found: list[str] = []
    for statement in STATEMENTS:
        given = statement["Action"]
        found += [given] if isinstance(given, str) else given
    return found


@cache
def operations(service: str) -> list[str]:
    name = {"ec2-instance-connect": "ec2-instance-connect"}.get(service, service)
    client = boto3.client(name, region_name="us-east-1")
    return list(client.meta.service_model.operation_names)


@pytest.mark.parametrize("action", actions())
def test_every_action_exists(action: str) -> None:
    service, name = action.split(":")
    assert action in NO_OPERATION or fnmatch.filter(operations(service), name), action


def test_no_action_is_given_twice_or_by_a_star_that_writes() -> None:
    assert len(actions()) == len(set(actions()))
    stars = [action for action in actions() if "*" in action]
    assert stars == ["ec2:Describe*", "rds:Describe*"]


def test_roles_are_those_of_stacks_alone() -> None:
    """Whoever may write any role's policy, or give any role away, may do everything."""
    for statement in STATEMENTS:
        if any("iam:" in action for action in statement["Action"]):
            assert statement["Resource"] != "*", statement["Sid"]
    names = {
        node.name
        for flow_logs in ("true", "false")
        for node in graph.of_stage(
            1, alarms__email="ops@example.com", network__flow_logs=flow_logs
        ).nodes
        if node.type in {"aws:iam/role:Role", "aws:iam/instanceProfile:InstanceProfile"}
    }
    (roles,) = [each for each in STATEMENTS if each["Sid"] == "RolesOfTheStacks"]
    for name in names:
        generated = f"{name}-1a2b3c4"
        assert any(
            fnmatch.fnmatch(f"arn:aws:iam::123456789012:role/{generated}", pattern)
            for pattern in roles["Resource"]
        ), name


def test_every_type_of_resource_may_be_made_and_ended() -> None:
    everything: dict[str, object] = {
        "alarms__email": "ops@example.com",
        "network__flow_logs": "true",
        "access__instance_connect": "true",
        "access__ssh_cidrs": ["10.81.0.0/24", "10.82.0.0/24"],
    }
    used = {
        node.type.removeprefix("aws:")
        for stage in (1, 2)
        for node in graph.of_stage(stage, **everything).nodes
        if node.type.startswith("aws:")
    }
    assert used == set(NEEDED), "a type without its actions, or actions without a type"
    for type_, needed in NEEDED.items():
        for action in needed:
            assert action in actions(), f"{type_}: {action}"


def calls() -> dict[str, set[str]]:
    """Every operation that the folder's own code names, with the actions that it could mean.

    An operation is any text in the code that a service in use has one for: a new call is found
    wherever it stands.
    """
    text = "".join(file.read_text() for file in sorted(FILE.parent.glob("*.py")))
    services = set(re.findall(r'client\(\s*"(\w+)"', text))
    assert services == {"ec2", "rds", "sts", "pricing", "lightsail"}
    words = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', text))
    found: dict[str, set[str]] = {}
    for service in services:
        for operation in operations(service):
            if xform_name(operation) in words:
                found.setdefault(operation, set()).add(f"{service}:{operation}")
    return found


def test_every_call_of_our_own_may_be_made() -> None:
    asked = calls()
    del asked["GetCallerIdentity"]  # needs no right
    assert {"DescribeInstances", "DescribeImages", "DescribeCertificates", "GetProducts"} <= set(
        asked
    )
    for operation, meant in asked.items():
        given = [action for action in actions() for each in meant if fnmatch.fnmatch(each, action)]
        assert given, f"{operation}: none of {sorted(meant)} is allowed"


def test_it_fits_into_a_managed_policy() -> None:
    assert len(re.sub(r"\s", "", FILE.read_text())) <= 6144
