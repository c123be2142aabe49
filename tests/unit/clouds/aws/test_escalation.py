"""Nobody becomes an administrator with the rights of an `up`, nor harms what is not a stack's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.clouds import aws
from tests.support.iam import ACCOUNT, ALLOWED, Request, answers
from tests.unit.clouds.aws.provider_calls import BOUNDARY, REGION, Call, calls

FOLDER = Path(str(aws.__file__)).parent
POLICIES = [
    json.loads((FOLDER / f"iam-policy{kind}.json").read_text()) for kind in ("", "-read", "-bucket")
]
LIMIT = json.loads((FOLDER / "iam-boundary.json").read_text())
EVERYTHING: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}

IAM = f"arn:aws:iam::{ACCOUNT}"
ADMIN = f"{IAM}:role/admin"
OWN = f"{IAM}:role/stages/aws-stage1-app-server-1a2b3c4"
USER, GROUP, POLICY = f"{IAM}:user/me", f"{IAM}:group/ops", f"{IAM}:policy/stages"
INSTANCE = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1"
LAMBDA = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:any"
OPEN = f"arn:aws:sns:{REGION}:{ACCOUNT}:aws-stage1-alarms-1"


def given(role: str, service: str) -> Request:
    return Request("iam:PassRole", role, {"iam:PassedToService": f"{service}.amazonaws.com"})


RHINO: dict[str, list[Request]] = {
    "01 a new version of a policy": [Request("iam:CreatePolicyVersion", POLICY)],
    "02 an older version of a policy": [Request("iam:SetDefaultPolicyVersion", POLICY)],
    "03 a server with a stronger role": [given(ADMIN, "ec2")],
    "04 keys of another user": [Request("iam:CreateAccessKey", USER)],
    "05 a password for another user": [Request("iam:CreateLoginProfile", USER)],
    "06 another user's password": [Request("iam:UpdateLoginProfile", USER)],
    "07 a policy on a user": [Request("iam:AttachUserPolicy", USER)],
    "08 a policy on a group": [Request("iam:AttachGroupPolicy", GROUP)],
    "09 a policy on a role": [Request("iam:AttachRolePolicy", ADMIN)],
    "10 an inline policy on a user": [Request("iam:PutUserPolicy", USER)],
    "11 an inline policy on a group": [Request("iam:PutGroupPolicy", GROUP)],
    "12 an inline policy on a role": [Request("iam:PutRolePolicy", ADMIN)],
    "13 another group": [Request("iam:AddUserToGroup", GROUP)],
    "14 who may assume a role": [Request("iam:UpdateAssumeRolePolicy", ADMIN)],
    "15 a function with a role": [
        given(ADMIN, "lambda"),
        Request("lambda:CreateFunction", LAMBDA),
        Request("lambda:InvokeFunction", LAMBDA),
    ],
    "16 a function that a table starts": [
        given(ADMIN, "lambda"),
        Request("lambda:CreateFunction", LAMBDA),
    ],
    "17 other code in a function": [Request("lambda:UpdateFunctionCode", LAMBDA)],
    "18 a Glue endpoint with a role": [given(ADMIN, "glue")],
    "19 a key for a Glue endpoint": [
        Request("glue:UpdateDevEndpoint", f"arn:aws:glue:{REGION}:{ACCOUNT}:devEndpoint/any")
    ],
    "20 a CloudFormation stack with a role": [given(ADMIN, "cloudformation")],
    "21 a data pipeline with a role": [given(ADMIN, "datapipeline")],
}
"""The 21 ways of Rhino Security Labs, by what they need; one right that is refused closes one.
https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/"""

MORE: dict[str, list[Request]] = {
    "a role without a boundary": [Request("iam:CreateRole", OWN)],
    "a role with another boundary": [
        Request("iam:CreateRole", OWN, {"iam:PermissionsBoundary": f"{IAM}:policy/other"})
    ],
    "a role elsewhere": [Request("iam:CreateRole", ADMIN, {"iam:PermissionsBoundary": BOUNDARY})],
    "a stack's role that has no boundary": [Request("iam:PutRolePolicy", OWN)],
    "a managed policy on a stack's role": [
        Request("iam:AttachRolePolicy", OWN, {"iam:PermissionsBoundary": BOUNDARY})
    ],
    "the boundary taken off": [
        Request("iam:DeleteRolePermissionsBoundary", OWN, {"iam:PermissionsBoundary": BOUNDARY})
    ],
    "another boundary": [
        Request("iam:PutRolePermissionsBoundary", OWN, {"iam:PermissionsBoundary": f"{POLICY}-x"})
    ],
    "a wider boundary": [Request("iam:CreatePolicyVersion", BOUNDARY)],
    "the boundary deleted and made anew": [Request("iam:DeletePolicy", BOUNDARY)],
    "a role that has the name and not the path": [
        given(f"{IAM}:role/production-app-server-admin", "ec2")
    ],
    "a stack's role for a function": [given(OWN, "lambda")],
    "another server's boot document": [
        Request("ec2:ModifyInstanceAttribute", INSTANCE, {"aws:ResourceTag/project": "other"})
    ],
    "the project's tag on another server": [
        Request("ec2:CreateTags", INSTANCE, {"aws:RequestTag/project": "stages"})
    ],
    "an alarm that ends a server": [
        Request(
            "cloudwatch:PutMetricAlarm",
            f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:any",
            {
                "aws:RequestTag/project": "stages",
                "cloudwatch:AlarmActions": [OPEN, f"arn:aws:automate:{REGION}:ec2:terminate"],
            },
        )
    ],
    "a volume of another's snapshot": [
        Request("ec2:CreateVolume", f"arn:aws:ec2:{REGION}::snapshot/snap-1")
    ],
    "a server with a disk of another's snapshot": [
        Request("ec2:RunInstances", f"arn:aws:ec2:{REGION}::snapshot/snap-1")
    ],
    "a service-linked role of another service": [
        Request(
            "iam:CreateServiceLinkedRole",
            f"{IAM}:role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForIt",
            {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"},
        )
    ],
}


@pytest.mark.parametrize("ways", [RHINO, MORE], ids=["rhino", "more"])
def test_every_known_way_up_is_closed(ways: dict[str, list[Request]]) -> None:
    requests = [request for path in ways.values() for request in path]
    answered = iter(answers(requests, POLICIES))
    open_ = [name for name, path in ways.items() if {next(answered) for _ in path} == {ALLOWED}]
    assert open_ == []


def test_a_role_of_a_stack_can_do_no_more_than_its_boundary_whatever_its_policy() -> None:
    groups = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"
    refused = [
        *(request for path in (*RHINO.values(), *MORE.values()) for request in path),
        Request("sts:AssumeRole", ADMIN),
        Request("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/EC2"}),
        Request("logs:PutLogEvents", f"{groups}:production:log-stream:x"),
    ]
    needed = [
        Request("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "stages/aws-stage1"}),
        Request("logs:PutLogEvents", f"{groups}:aws-stage1-flows-1a2b3c4:log-stream:x"),
        Request("logs:CreateLogStream", f"{groups}:aws-stage1-flows-1a2b3c4:log-stream:x"),
    ]
    assert set(answers(needed, [EVERYTHING], LIMIT)) == {ALLOWED}
    assert ALLOWED not in answers(refused, [EVERYTHING], LIMIT)


UNBOUND = {
    "security-group": "the group that comes with a VPC gets no tags at its birth, and is closed",
    "network-interface": "a server's gets no tags at its birth; what it is used with has them",
    "volume": "a server's root disk gets no tags at its birth; it can only be made",
    "image": "Debian's own",
    "og": "RDS's own option group; the database beside it has the tag",
    "pg": "named beside a database that has the tag",
    "bucket": "S3 knows no tags of what is being made; the name has -bucket- in it",
    "healthcheck": "Route 53 decides nothing by its tags; one only asks",
    "new-healthcheck": "has no name before it is made",
    "hostedzone": "the user's own, of which the stack makes A records and no other",
    "user": "of a bucket: by path, and only within the boundary",
    "subgrp": "named beside a database that has the tag",
    "snapshot": "the last one of a database is made while that goes; its name ends in -final",
}
"""Kinds that a call may name without the project's tag, with the reason."""


def test_what_has_not_the_projects_tag_is_neither_changed_nor_deleted() -> None:
    bound = [call for call in calls() if call.state in ("made", "ours") and call.kind != "role"]
    bound = [call for call in bound if call.kind != "instance-profile"]  # by path
    for tags in ({}, {"aws:ResourceTag/project": "other", "aws:RequestTag/project": "other"}):
        answered = answers([Request(call.action, call.arn, tags) for call in bound], POLICIES)
        open_ = {call for call, answer in zip(bound, answered, strict=True) if answer == ALLOWED}
        assert {call.action for call in open_} <= (
            {"ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"}
            if not tags
            else set()
        )


def test_what_may_be_named_without_the_tag_has_a_reason() -> None:
    plain = {
        call.kind for call in calls() if call.state in ("plain", "bounded") and "." not in call.kind
    }
    assert plain == set(UNBOUND)


def test_the_evaluator_says_no_as_well_as_yes() -> None:
    """Else the tests above could not fail."""
    call = Call("iam:PutRolePolicy", "role", "ours").request()
    assert answers([call, Request(call.action, ADMIN, call.context)], POLICIES) == [
        ALLOWED,
        "ImplicitlyDenied",
    ]
