"""Every rule: the stacks of this checkout pass, and a plan that was broken for it is told.

Each message is compared word for word, with its remedy.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pytest

from components.cloud_names import cloud_names
from components.errors import UserError
from components.seam.facts import Database, Kept, Server
from components.seam.planned import SECRET
from components.settings.policy import RuleId
from planning.plan import Plan
from planning.policies.findings import Finding, budget, facts_of, findings
from planning.policies.rules import RULES
from tests.support.planned import chosen, planned

GOLDEN = Path(__file__).parents[2] / "golden"
STACKS = [f"{cloud}-stage{stage}" for cloud in cloud_names() for stage in (1, 2)]


@dataclass(frozen=True, kw_only=True)
class Break:
    """What is changed in a plan, and what is told then."""

    rule: str
    stack: str
    type: str
    name: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    rest: Mapping[str, Any] = field(default_factory=dict)
    """Other parts of the resource: ``protect``, ``ignoreChanges``, ``propertyDependencies``."""
    gone: bool = False
    message: str


RDS = "rds/instance:Instance"
SERVER = "ec2/instance:Instance"
RULE = ":SecurityGroupIngressRule"
SHOP = "urn:pulumi:aws-stage2::stages::stages:separate_database:SeparateDatabase$"
SECRETS = f"{SHOP}pulumi-python:dynamic/stages:GeneratedSecrets::aws-stage2-secrets"
PRIVATE = "Keep it in the private network, and let in only the app server's group or tag."
OPEN = "Name the networks that you log in from in stages:access.ssh_cidrs."
ENCRYPT = "Turn the encryption on before there is data; afterwards it is a replacement."
KEEP = "Set stages:data.protected to true."
SEND = "Send it with the host configuration, over SSH, or have the server make it."
IMAGE = "Ignore changes of the image, or name one in stages:server.image."
LABELS = "Give it the labels that its neighbours have."
TOKENS = "Require tokens, with a hop limit of 1."
PLANS = "Choose smaller plans, or raise stages:policy.budget_usd_per_month."
BREAKS = [
    Break(
        rule="database-private",
        stack="aws-stage2",
        type=RDS,
        inputs={"publiclyAccessible": True},
        message=f"aws-stage2-database is within reach of the internet. {PRIVATE}",
    ),
    Break(
        rule="database-private",
        stack="digitalocean-stage2",
        type=":DatabaseFirewall",
        gone=True,
        message=f"digitalocean-stage2-database is within reach of the internet. {PRIVATE}",
    ),
    Break(
        rule="database-private",
        stack="digitalocean-stage2",
        type=":DatabaseFirewall",
        inputs={"rules": [{"type": "ip_addr", "value": "0.0.0.0/0"}]},
        message=f"digitalocean-stage2-database is within reach of the internet. {PRIVATE}",
    ),
    Break(
        rule="admin-ports",
        stack="aws-stage1",
        type=RULE,
        name="ssh",
        inputs={"cidrIpv4": "0.0.0.0/0"},
        message=f"aws-stage1-app-ssh-203-0-113-7-32 opens port 22 to 0.0.0.0/0. {OPEN}",
    ),
    Break(
        rule="admin-ports",
        stack="aws-stage1",
        type=RULE,
        name="http",
        inputs={"cidrIpv4": None, "cidrIpv6": "::/0", "fromPort": 80, "toPort": 8080},
        message=f"aws-stage1-app-http opens ports 80 to 8080 to ::/0. {OPEN}",
    ),
    Break(
        rule="admin-ports",
        stack="aws-stage1",
        type=RULE,
        name="ssh",
        inputs={"cidrIpv4": "0.0.0.0/0", "ipProtocol": "-1", "fromPort": None, "toPort": None},
        message="aws-stage1-app-ssh-203-0-113-7-32 opens ports 0 to 65535 to 0.0.0.0/0. " + OPEN,
    ),
    Break(
        rule="admin-ports",
        stack="digitalocean-stage1",
        type=":Firewall",
        inputs={
            "inboundRules": [
                {"protocol": "tcp", "portRange": "5432", "sourceAddresses": ["10.0.0.0/8", "::/0"]}
            ]
        },
        message=f"digitalocean-stage1-firewall opens port 5432 to ::/0. {OPEN}",
    ),
    Break(
        rule="encryption",
        stack="aws-stage1",
        type="ebs/volume:Volume",
        inputs={"encrypted": False},
        message=f"aws-stage1-data is not encrypted at rest. {ENCRYPT}",
    ),
    Break(
        rule="encryption",
        stack="aws-stage1",
        type=SERVER,
        inputs={"rootBlockDevice": {}},
        message=f"aws-stage1-app-server is not encrypted at rest. {ENCRYPT}",
    ),
    Break(
        rule="encryption",
        stack="aws-stage2",
        type=RDS,
        inputs={"storageEncrypted": None},
        message=f"aws-stage2-database is not encrypted at rest. {ENCRYPT}",
    ),
    Break(
        rule="backups",
        stack="aws-stage2",
        type=RDS,
        inputs={"backupRetentionPeriod": 6},
        message="aws-stage2-database keeps backups for 6 days, fewer than 7. Have"
        " it keep them for 7 days or more.",
    ),
    Break(
        rule="protected-data",
        stack="aws-stage2",
        type=RDS,
        rest={"protect": False},
        message=f"aws-stage2-database (database) is not protected from deletion. {KEEP}",
    ),
    Break(
        rule="protected-data",
        stack="digitalocean-stage1",
        type=":ReservedIp",
        rest={"protect": False},
        message="digitalocean-stage1-app-address (static address) is not protected from deletion."
        f" {KEEP}",
    ),
    Break(
        rule="protected-data",
        stack="local-stage2",
        type="local:Volume",
        rest={"protect": False},
        message=f"local-stage2-volume (data volume) is not protected from deletion. {KEEP}",
    ),
    Break(
        rule="deletion-protection",
        stack="aws-stage2",
        type=RDS,
        inputs={"deletionProtection": False},
        message=f"aws-stage2-database can be deleted past Pulumi by a single request. {KEEP}",
    ),
    Break(
        rule="metadata-tokens",
        stack="aws-stage1",
        type=SERVER,
        inputs={"metadataOptions": {"httpTokens": "optional"}},
        message=f"aws-stage1-app-server answers metadata requests without a token. {TOKENS}",
    ),
    Break(
        rule="metadata-tokens",
        stack="aws-stage1",
        type=SERVER,
        inputs={"metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2}},
        message=f"aws-stage1-app-server answers metadata requests without a token. {TOKENS}",
    ),
    Break(
        rule="user-data-secrets",
        stack="aws-stage2",
        type=SERVER,
        rest={"propertyDependencies": {"userData": [SECRETS]}},
        message="aws-stage2-app-server has something of aws-stage2-secrets in its user data."
        f" {SEND}",
    ),
    Break(
        rule="user-data-secrets",
        stack="local-stage1",
        type="local:Server",
        inputs={"user_data": SECRET},
        message=f"local-stage1-app-server has a secret in its user data. {SEND}",
    ),
    *(
        Break(
            rule="user-data-secrets",
            stack="digitalocean-stage1",
            type=":Droplet",
            inputs={"userData": f"#cloud-config\n{text}\n"},
            message="digitalocean-stage1-app-server has what looks like a secret in its user data."
            f" {SEND}",
        )
        for text in (
            "DATABASE_URL=postgres://app:hunter2@10.0.0.5/app",
            "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
            "token: dop_v1_" + "0123456789abcdef" * 4,
            "-----BEGIN RSA PRIVATE KEY-----",
        )
    ),
    Break(
        rule="pinned-image",
        stack="aws-stage1",
        type=SERVER,
        rest={"ignoreChanges": []},
        message=f"aws-stage1-app-server is replaced by whatever [unknown] is next time. {IMAGE}",
    ),
    Break(
        rule="pinned-image",
        stack="digitalocean-stage1",
        type=":Droplet",
        rest={"ignoreChanges": []},
        message="digitalocean-stage1-app-server is replaced by whatever debian-13-x64 is next time."
        f" {IMAGE}",
    ),
    Break(
        rule="labels",
        stack="aws-stage1",
        type="ec2/vpc:Vpc",
        inputs={"tags": {"project": "stages", "stage": ""}},
        message=f"aws-stage1-vpc lacks the labels stack, stage. {LABELS}",
    ),
    Break(
        rule="labels",
        stack="digitalocean-stage1",
        type=":Droplet",
        inputs={"tags": ["project:stages"]},
        message=f"digitalocean-stage1-app-server lacks the labels stack, stage. {LABELS}",
    ),
    Break(
        rule="budget",
        stack="aws-stage1",
        type=SERVER,
        inputs={"instanceType": "t4g.large"},
        message=f"aws-stage1 costs $55.11 a month, above its budget of $50.00. {PLANS}",
    ),
    Break(
        rule="budget",
        stack="aws-stage1",
        type=SERVER,
        inputs={"instanceType": "[unknown]"},
        message="aws-stage1 cannot be priced: aws-stage1-app-server: instanceType: should be known"
        f" before a price is, got '[unknown]'. {PLANS}",
    ),
]


@functools.cache
def plan_of(stack: str) -> Plan:
    return planned(stack)


def broken(how: Break) -> dict[str, Any]:
    document = plan_of(how.stack).document()
    hit = [
        resource
        for resource in document["resources"]
        if resource["type"].endswith(how.type) and how.name in resource["name"]
    ]
    assert hit, f"{how.stack} has no {how.type} {how.name}"
    changed = {
        resource["urn"]: {**resource, **how.rest, "inputs": {**resource["inputs"], **how.inputs}}
        for resource in hit
    }
    document["resources"] = [
        changed.get(resource["urn"], resource)
        for resource in document["resources"]
        if not (how.gone and resource["urn"] in changed)
    ]
    return document


def said(findings: list[Finding], rule: str) -> list[str]:
    return [f"{finding.message}. {finding.remedy}" for finding in findings if finding.rule == rule]


@pytest.mark.parametrize("stack", STACKS)
def test_the_stacks_of_this_checkout_pass(stack: str) -> None:
    assert findings(plan_of(stack).document(), chosen(stack)) == []


@pytest.mark.parametrize("stack", STACKS)
def test_every_cloud_tells_facts_of_what_a_stage_has(stack: str) -> None:
    kinds = {type(fact) for fact in facts_of(plan_of(stack).planned())}
    assert kinds >= {Server, Kept}
    assert (Database in kinds) == stack.endswith("2")


@pytest.mark.parametrize("how", BREAKS, ids=lambda how: f"{how.rule}-{how.stack}")
def test_a_broken_plan_is_told_word_for_word(how: Break) -> None:
    broken_rules = findings(broken(how), chosen(how.stack))
    assert how.message in said(broken_rules, how.rule)
    assert {finding.rule for finding in broken_rules} == {how.rule}


def test_every_rule_is_broken_once() -> None:
    assert {how.rule for how in BREAKS} == set(get_args(RuleId))


def test_ids_are_told_once_and_every_rule_is_whole() -> None:
    assert tuple(rule.id for rule in RULES) == get_args(RuleId)
    for rule in RULES:
        assert rule.level in {"mandatory", "advisory"}, rule.id
        for text in (rule.what, rule.why, rule.remedy):
            assert text.endswith("."), rule.id


def test_a_finding_names_its_resource_and_its_level() -> None:
    (finding,) = findings(broken(BREAKS[0]), chosen("aws-stage2"))
    assert finding.urn == f"{SHOP}aws:rds/instance:Instance::aws-stage2-database"
    assert finding.level == "mandatory"


def test_the_settings_choose_levels_and_turn_rules_off() -> None:
    plan = broken(BREAKS[0])
    (finding,) = findings(
        plan, chosen("aws-stage2", policy__levels={"database-private": "advisory"})
    )
    assert finding.level == "advisory"
    off = chosen("aws-stage2", policy__levels={"database-private": "disabled"})
    assert findings(plan, off) == []


def test_a_replica_needs_no_protection_and_no_backups_of_its_own() -> None:
    wanted = {"database__read_replicas": 2, "database__standby": True}
    for stack in ("aws-stage2", "digitalocean-stage2"):
        broken_rules = findings(planned(stack, None, **wanted).document(), chosen(stack, **wanted))
        assert {finding.rule for finding in broken_rules} <= {"budget"}


def test_every_setting_that_makes_something_passes() -> None:
    wanted = {
        "alarms__email": "ops@example.com",
        "network__flow_logs": True,
        "access__instance_connect": True,
        "access__ssh_cidrs": ["10.82.0.0/24"],
    }
    plan = planned("aws-stage2", None, **wanted).document()
    assert findings(plan, chosen("aws-stage2", **wanted)) == []


def test_the_budget_is_the_settings_or_what_the_stage_is_expected_to_cost() -> None:
    assert str(budget(chosen("aws-stage1"))) == "50"
    assert str(budget(chosen("local-stage2"))) == "150"
    given = chosen("aws-stage2", policy__budget_usd_per_month="79.52")
    broken_rules = findings(plan_of("aws-stage2").document(), given)
    assert [(finding.rule, finding.level, finding.urn) for finding in broken_rules] == [
        ("budget", "advisory", "")
    ]
    assert said(broken_rules, "budget") == [
        f"aws-stage2 costs $79.53 a month, above its budget of $79.52. {PLANS}"
    ]


def test_the_json_of_a_preview_is_judged_by_the_same_rules() -> None:
    preview = json.loads((GOLDEN / "costs" / "preview.json").read_text())
    assert findings(preview, chosen("local-stage2")) == []
    (volume,) = [step for step in preview["steps"] if step["urn"].endswith("-volume")]
    volume["newState"]["protect"] = False
    broken_rules = findings(preview, chosen("local-stage2"))
    assert [(finding.rule, finding.urn) for finding in broken_rules] == [
        ("protected-data", volume["urn"])
    ]


def test_what_is_no_plan_is_told() -> None:
    with pytest.raises(UserError) as caught:
        findings({"terraform_version": "1"}, chosen("aws-stage1"))
    assert str(caught.value).startswith(
        "aws-stage1: should be a plan of this project or of Pulumi, got a plan of Terraform."
    )
