"""checkov on the plans of the clouds' stacks: each check that it makes is decided in a README.

What it proves is that the translation and checkov agree with the tables; each check that is kept
is also seen to fail on a plan that was broken for it. What a cloud would do is not shown.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pytest

from planning.plan import Plan
from scripts.lib.scan.checkov import Verdict, scan
from scripts.lib.scan.decisions import Decision, decided, decisions
from tests.support.planned import planned

AROUND: dict[str, Any] = {
    "alarms__email": "ops@example.com",
    "alarms__uptime": True,
    "domain": "shop.example.com",
    "dns__zone": "example.com",
}
WATCHED: dict[str, Any] = {**AROUND, "network__flow_logs": True, "access__instance_connect": True}
PLANS: Mapping[str, Plan] = {
    "aws-stage1": planned("aws-stage1"),
    "aws-stage2": planned("aws-stage2"),
    "digitalocean-stage1": planned("digitalocean-stage1"),
    "digitalocean-stage2": planned("digitalocean-stage2"),
    "all-on-aws-stage1": planned("aws-stage1", access__ssh_cidrs=["10.81.0.0/24"], **WATCHED),
    "all-on-aws-stage2": planned(
        "aws-stage2",
        access__ssh_cidrs=["10.82.0.0/24"],
        database__standby=True,
        database__read_replicas=1,
        storage__bucket=True,
        **WATCHED,
    ),
    "all-on-digitalocean-stage2": planned(
        "digitalocean-stage2",
        database__standby=True,
        database__read_replicas=1,
        storage__bucket=True,
        **AROUND,
    ),
}
"""The stacks of this checkout, and those with every setting that a rule asks for."""

WORLD = {"cidrIpv4": "0.0.0.0/0"}
ANYTHING = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
ANYONE = json.dumps(
    {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}
)
ANY_SERVICE = json.dumps(
    {
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
            }
        ]
    }
)
RDS = "rds/instance:Instance"
SERVER = "ec2/instance:Instance"
BUCKET = "s3/bucket:Bucket"
PRIVATE = ":BucketPublicAccessBlock"
BREAKS: Mapping[str, tuple[str, str, str, Mapping[str, Any]]] = {
    # check: plan, end of the type, part of the name, inputs
    "CKV_AWS_3": ("aws-stage1", "ebs/volume:Volume", "", {"encrypted": False}),
    "CKV2_AWS_2": ("aws-stage1", "ebs/volume:Volume", "", {"encrypted": False}),
    "CKV_AWS_8": ("aws-stage1", SERVER, "", {"rootBlockDevice": {"encrypted": False}}),
    "CKV2_AWS_41": ("aws-stage1", SERVER, "", {"iamInstanceProfile": None}),
    "CKV_AWS_79": ("aws-stage1", SERVER, "", {"metadataOptions": {"httpTokens": "optional"}}),
    "CKV_AWS_135": ("aws-stage1", SERVER, "", {"ebsOptimized": False}),
    "CKV_AWS_46": (
        "aws-stage1",
        SERVER,
        "",
        {"userData": "export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
    ),
    "CKV_AWS_24": ("aws-stage1", ":SecurityGroupIngressRule", "ssh", WORLD),
    "CKV_AWS_25": (
        "aws-stage1",
        ":SecurityGroupIngressRule",
        "ssh",
        {**WORLD, "fromPort": 3389, "toPort": 3389},
    ),
    "CKV_AWS_23": ("aws-stage1", ":SecurityGroupIngressRule", "ssh", {"description": None}),
    "CKV2_AWS_12": (
        "aws-stage1",
        ":DefaultSecurityGroup",
        "",
        {"ingress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "self": True}]},
    ),
    "CKV2_AWS_5": ("aws-stage1", SERVER, "", {"vpcSecurityGroupIds": None}),
    "CKV_AWS_130": ("aws-stage1", "ec2/subnet:Subnet", "public-a", {"mapPublicIpOnLaunch": True}),
    "CKV2_AWS_19": ("aws-stage1", "ec2/eipAssociation:EipAssociation", "", {"allocationId": None}),
    "CKV2_AWS_35": ("aws-stage1", "ec2/route:Route", "", {"instanceId": "i-0", "gatewayId": None}),
    "CKV_AWS_16": ("aws-stage2", RDS, "", {"storageEncrypted": False}),
    "CKV_AWS_17": ("aws-stage2", RDS, "", {"publiclyAccessible": True}),
    "CKV_AWS_129": ("aws-stage2", RDS, "", {"enabledCloudwatchLogsExports": None}),
    "CKV_AWS_133": ("aws-stage2", RDS, "", {"backupRetentionPeriod": 0}),
    "CKV_AWS_211": ("aws-stage2", RDS, "", {"caCertIdentifier": "rds-ca-2019"}),
    "CKV_AWS_226": ("aws-stage2", RDS, "", {"autoMinorVersionUpgrade": False}),
    "CKV_AWS_293": ("aws-stage2", RDS, "", {"deletionProtection": False}),
    "CKV_AWS_353": ("aws-stage2", RDS, "", {"performanceInsightsEnabled": False}),
    "CKV2_AWS_60": ("aws-stage2", RDS, "", {"copyTagsToSnapshot": False}),
    "CKV2_AWS_69": (
        "aws-stage2",
        "rds/parameterGroup:ParameterGroup",
        "",
        {"parameters": [{"name": "rds.force_ssl", "value": "0"}]},
    ),
    "CKV_AWS_66": ("all-on-aws-stage1", ":LogGroup", "", {"retentionInDays": None}),
    "CKV_AWS_319": ("all-on-aws-stage1", ":MetricAlarm", "", {"actionsEnabled": False}),
    "CKV_AWS_60": ("all-on-aws-stage1", "iam/role:Role", "", {"assumeRolePolicy": ANYONE}),
    "CKV_AWS_61": ("all-on-aws-stage1", "iam/role:Role", "", {"assumeRolePolicy": ANY_SERVICE}),
    "CKV_AWS_62": ("all-on-aws-stage1", ":RolePolicy", "metrics", {"policy": ANYTHING}),
    "CKV_AWS_63": ("all-on-aws-stage1", ":RolePolicy", "metrics", {"policy": ANYTHING}),
    "CKV2_AWS_40": ("all-on-aws-stage1", ":RolePolicy", "metrics", {"policy": ANYTHING}),
    "CKV_AWS_277": (
        "aws-stage1",
        ":SecurityGroupIngressRule",
        "ssh",
        {**WORLD, "fromPort": -1, "toPort": -1, "ipProtocol": "-1"},
    ),
    "CKV_AWS_19": (
        "aws-stage1",
        ":BucketServerSideEncryptionConfiguration",
        "",
        {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "none"}}]},
    ),
    "CKV_AWS_20": ("aws-stage1", BUCKET, "", {"acl": "public-read"}),
    "CKV_AWS_57": ("aws-stage1", BUCKET, "", {"acl": "public-read-write"}),
    "CKV_AWS_21": (
        "aws-stage1",
        ":BucketVersioning",
        "",
        {"versioningConfiguration": {"status": "Suspended"}},
    ),
    "CKV_AWS_53": ("aws-stage1", PRIVATE, "", {"blockPublicAcls": False}),
    "CKV_AWS_54": ("aws-stage1", PRIVATE, "", {"blockPublicPolicy": False}),
    "CKV_AWS_55": ("aws-stage1", PRIVATE, "", {"ignorePublicAcls": False}),
    "CKV_AWS_56": ("aws-stage1", PRIVATE, "", {"restrictPublicBuckets": False}),
    "CKV2_AWS_6": ("aws-stage1", PRIVATE, "", {"bucket": None}),
    "CKV2_AWS_65": (
        "aws-stage1",
        ":BucketOwnershipControls",
        "",
        {"rule": {"objectOwnership": "ObjectWriter"}},
    ),
    "CKV_AWS_300": (
        "aws-stage1",
        ":BucketLifecycleConfiguration",
        "",
        {"rules": [{"id": "versions", "status": "Enabled", "filter": {"prefix": ""}}]},
    ),
    "CKV2_AWS_61": ("aws-stage1", ":BucketLifecycleConfiguration", "", {"bucket": None}),
    "CKV_AWS_348": ("aws-stage1", ":AccessKey", "", {"user": "root"}),
    "CKV_DIO_1": ("digitalocean-stage1", ":SpacesBucket", "", {"versioning": {"enabled": False}}),
    "CKV_DIO_3": ("digitalocean-stage1", ":SpacesBucket", "", {"acl": "public-read"}),
    "CKV_DIO_2": ("digitalocean-stage1", ":Droplet", "", {"sshKeys": None}),
    "CKV_DIO_4": (
        "digitalocean-stage1",
        ":Firewall",
        "",
        {
            "inboundRules": [
                {"protocol": "tcp", "portRange": "22", "sourceAddresses": ["0.0.0.0/0"]}
            ]
        },
    ),
}

NEVER_RED = {
    "CKV_AWS_93": "it reads a policy that Terraform encodes; ours is JSON already",
    "CKV_AWS_382": "about rules within a group",
    "CKV2_AWS_22": "about passwords for the console, which no user here is given",
    "CKV2_AWS_30": "it is content with any aws_db_instance",
    "CKV2_AWS_44": "about routes to a peered network",
    "CKV2_AWS_56": "about a policy of AWS that no role here is given",
    "CKV_AWS_274": "about a policy of AWS that no role here is given",
    "CKV_AWS_388": "about Aurora",
    "CKV_AWS_393": "about roles for GitHub Actions",
}
"""Kept checks that no input of a resource of ours could break."""


def broken(check: str) -> Plan:
    """The plan whose inputs break one check."""
    name, type_, part, inputs = BREAKS[check]
    plan = PLANS[name]
    broken_ones = [
        resource
        for resource in plan.resources
        if resource["type"].endswith(type_) and part in resource["name"]
    ]
    assert broken_ones, f"{check}: {name} has no {type_} {part}"
    changed = {
        resource["urn"]: {**resource, "inputs": {**resource["inputs"], **inputs}}
        for resource in broken_ones
    }
    resources = tuple(changed.get(resource["urn"], resource) for resource in plan.resources)
    return dataclasses.replace(plan, resources=resources)


def unowned_image() -> Plan:
    """A plan that takes the newest image of whoever names one so."""
    plan = PLANS["aws-stage1"]
    arguments = {
        key: value for key, value in plan.lookups[0]["arguments"].items() if key != "owners"
    }
    return dataclasses.replace(plan, lookups=({**plan.lookups[0], "arguments": arguments},))


@pytest.fixture(scope="module")
def verdicts() -> list[Verdict]:
    """One run for everything: the plans, and each that was broken for one check."""
    breaks = {f"broken-{check}": broken(check) for check in BREAKS}
    return scan({**PLANS, **breaks, "broken-CKV_AWS_386": unowned_image()})


@pytest.fixture(scope="module")
def of_plans(verdicts: list[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.plan in PLANS]


def of_checkov(verdict: str) -> list[Decision]:
    return [
        ruling
        for ruling in decisions()
        if ruling.rule.startswith("CKV") and ruling.verdict == verdict
    ]


def decision(of: Verdict) -> Decision | None:
    return decided(of.check, of.resource, decisions())


def test_every_check_that_is_made_is_decided(of_plans: list[Verdict]) -> None:
    made = {(verdict.check, verdict.title) for verdict in of_plans if decision(verdict) is None}
    assert made == set()


def test_what_is_kept_holds_for_every_resource(of_plans: list[Verdict]) -> None:
    failed = [verdict for verdict in of_plans if not verdict.passed]
    wrong = [
        verdict for verdict in failed if (ruling := decision(verdict)) and ruling.verdict == "kept"
    ]
    assert wrong == []
    seen = {ruling.id for verdict in of_plans if verdict.passed and (ruling := decision(verdict))}
    assert {ruling.id for ruling in of_checkov("kept")} - seen == set(), "kept, and never looked at"


def test_a_setting_makes_what_it_promises(of_plans: list[Verdict]) -> None:
    pairs = [(verdict, ruling) for verdict in of_plans if (ruling := decision(verdict))]
    off = {
        ruling.id
        for verdict, ruling in pairs
        if not verdict.passed and not verdict.plan.startswith("all-on")
    }
    on = {
        ruling.id
        for verdict, ruling in pairs
        if not verdict.passed and verdict.plan.startswith("all-on")
    }
    settings = {ruling.id for ruling in of_checkov("setting")}
    assert settings - off == set(), "kept without the setting: say so"
    assert settings & on == set(), "not kept with the setting"


def test_a_waiver_that_nothing_needs_any_more_goes(of_plans: list[Verdict]) -> None:
    failed = {
        ruling.id for verdict in of_plans if not verdict.passed and (ruling := decision(verdict))
    }
    assert {ruling.id for ruling in of_checkov("waived")} - failed == set()


def test_what_does_not_apply_was_not_looked_at(of_plans: list[Verdict]) -> None:
    made = {verdict.check for verdict in of_plans}
    assert {ruling.rule for ruling in of_checkov("not applicable")} & made == set()


def test_each_kept_check_was_seen_to_fail(verdicts: list[Verdict]) -> None:
    red = {
        verdict.check
        for verdict in verdicts
        if verdict.plan == f"broken-{verdict.check}" and not verdict.passed
    }
    kept = {ruling.rule for ruling in of_checkov("kept")}
    assert kept - red - NEVER_RED.keys() == set()
    assert red & NEVER_RED.keys() == set()
