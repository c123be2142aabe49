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
from components.clouds.aws.resources import boundary
from tests.support.iam import ACCOUNT, ALLOWED, Request, answers
from tests.unit.clouds.aws import graph, provider_calls
from tests.unit.clouds.aws.test_escalation import EVERYTHING

FOLDER = Path(str(aws.__file__)).parent
FILES = (
    *("iam-policy.json", "iam-policy-read.json", "iam-policy-bucket.json"),
    "iam-policy-route53.json",
    "iam-boundary.json",
)
POLICIES = [json.loads((FOLDER / name).read_text()) for name in FILES[:-1]]
STATEMENTS = [each for policy in POLICIES for each in policy["Statement"]]
NO_OPERATION = {"iam:PassRole", "ec2-instance-connect:OpenTunnel"}
"""Rights that no call of the API is named after."""
OTHER_NAMES = {
    "s3:GetAccelerateConfiguration": "s3:GetBucketAccelerateConfiguration",
    "s3:GetBucketCORS": "s3:GetBucketCors",
    "s3:GetBucketObjectLockConfiguration": "s3:GetObjectLockConfiguration",
    "s3:GetBucketPublicAccessBlock": "s3:GetPublicAccessBlock",
    "s3:GetEncryptionConfiguration": "s3:GetBucketEncryption",
    "s3:GetLifecycleConfiguration": "s3:GetBucketLifecycleConfiguration",
    "s3:GetReplicationConfiguration": "s3:GetBucketReplication",
    "s3:ListBucket": "s3:ListObjectsV2",
    "s3:ListBucketVersions": "s3:ListObjectVersions",
    "s3:ListTagsForResource": "s3control:ListTagsForResource",
    "s3:PutBucketObjectLockConfiguration": "s3:PutObjectLockConfiguration",
    "s3:PutBucketPublicAccessBlock": "s3:PutPublicAccessBlock",
    "s3:PutEncryptionConfiguration": "s3:PutBucketEncryption",
    "s3:PutLifecycleConfiguration": "s3:PutBucketLifecycleConfiguration",
    "s3:TagResource": "s3control:TagResource",
    "s3:UntagResource": "s3control:UntagResource",
}
"""Rights of S3 by the call that they are for."""


def actions(effect: str = "Allow") -> set[str]:
    names: set[str] = set()
    for statement in STATEMENTS:
        given = statement["Action"]
        if statement["Effect"] == effect:
            names |= {given} if isinstance(given, str) else {*given}
    return names


@cache
def operations(service: str) -> list[str]:
    name = {"servicequotas": "service-quotas"}.get(service, service)
    client = boto3.client(name, region_name="us-east-1")
    return list(client.meta.service_model.operation_names)


@pytest.mark.parametrize("action", sorted(actions() | actions("Deny")))
def test_every_action_exists(action: str) -> None:
    service, name = OTHER_NAMES.get(action, action).split(":")
    assert action in NO_OPERATION or fnmatch.filter(operations(service), name), action


def test_no_star_writes() -> None:
    assert {action for action in actions() if "*" in action} == {"ec2:Describe*", "rds:Describe*"}


def test_everything_that_the_provider_asks_is_allowed_and_no_more_is_given() -> None:
    needed = list(provider_calls.calls())
    answered = answers([call.request() for call in needed], POLICIES)
    assert [call for call, answer in zip(needed, answered, strict=True) if answer != ALLOWED] == []
    used = {call.action for call in needed} | provider_calls.NOT_EVALUATED
    reads = re.compile(r"[a-z0-9-]+:(Describe|Get|List)")
    assert {action for action in actions() if not reads.match(action)} == used


def test_every_type_of_resource_has_its_calls() -> None:
    everything: dict[str, object] = {
        "alarms__email": "ops@example.com",
        "alarms__uptime": "true",
        "domain": "shop.example.com",
        "dns__zone": "example.com",
        "storage__bucket": "true",
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
    assert used == set(provider_calls.CALLS), "a type without its calls, or calls without a type"


@pytest.mark.parametrize("stage", [1, 2])
def test_every_role_is_where_the_rights_are_and_has_the_boundary(stage: int) -> None:
    stack = graph.of_stage(stage, alarms__email="ops@example.com", network__flow_logs="true")
    roles = stack.of("iam/role:Role")
    assert len(roles) == 2
    for node in roles:
        assert node.inputs["permissionsBoundary"] == provider_calls.BOUNDARY, node.name
    for node in (*roles, *stack.of("iam/instanceProfile:InstanceProfile")):
        assert node.inputs["path"] == "/stages/", node.name
    assert boundary.in_account(ACCOUNT) == provider_calls.BOUNDARY


@pytest.mark.parametrize("email", [None, "ops@example.com"])
def test_the_policies_of_roles_are_within_the_boundary(email: str | None) -> None:
    """What a role is given beyond it would have no effect, unseen."""
    values = {"alarms__email": email} if email else {}
    stack = graph.of_stage(1, network__flow_logs="true", **values)
    limit = json.loads((FOLDER / FILES[-1]).read_text())
    requests = []
    for node in stack.of("iam/rolePolicy:RolePolicy"):
        (statement,) = json.loads(node.inputs["policy"])["Statement"]
        given = statement["Action"]
        names = [given] if isinstance(given, str) else given
        resource = statement["Resource"].replace("arn:aws:x:", "arn:aws:logs:")
        namespace = statement.get("Condition", {}).get("StringEquals", {})
        requests += [Request(name, _log_stream(resource), namespace) for name in names]
    assert set(answers(requests, [EVERYTHING], limit)) == {ALLOWED}


def _log_stream(resource: str) -> str:
    """``<group>:*`` as one stream of it; the made-up ARN lacks two parts of the real one."""
    group = resource.removesuffix(":*")
    if group == "*":
        return group
    *before, name = group.split(":")
    return ":".join([*before, "log-group", f"{name}-1a2b3c4", "log-stream", "x"])


def calls() -> dict[str, set[str]]:
    """Every operation that the folder's own code names, with the actions that it could mean.

    An operation is any text in the code that a service in use has one for: a new call is found
    wherever it stands.
    """
    text = "".join(file.read_text() for file in sorted(FOLDER.rglob("*.py")))
    services = set(re.findall(r'client\(\s*"(\w+)"', text))
    assert services == {
        *("ec2", "iam", "lightsail", "logs", "pricing", "rds", "route53", "s3", "sts")
    }
    words = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', text))
    by_operation: dict[str, set[str]] = {}
    for service in services:
        for operation in operations(service):
            if xform_name(operation) in words:
                by_operation.setdefault(operation, set()).add(f"{service}:{operation}")
    return by_operation


def test_every_call_of_our_own_may_be_made() -> None:
    asked = calls()
    del asked["GetCallerIdentity"]  # needs no right
    assert {"DescribeInstances", "DescribeImages", "DescribeCertificates", "GetProducts"} <= set(
        asked
    )
    for operation, meant in asked.items():
        names = {OTHER_NAMES.get(action, action) for action in actions()}
        given = [name for name in names for each in meant if fnmatch.fnmatch(each, name)]
        assert given, f"{operation}: none of {sorted(meant)} is allowed"


@pytest.mark.parametrize("name", FILES)
def test_it_fits_into_a_managed_policy(name: str) -> None:
    assert len(re.sub(r"\s", "", (FOLDER / name).read_text())) <= 6144
