"""What a changed setting changes: these resources, in this way, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from pulumi.automation.errors import CommandError

from tests.engine.conftest import Bring

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHJlcGxhY2UgdGhpcyBrZXkgd2l0aCB5b3VyIG93biIh other"
OFFICE = "198.18.0.0/24"
HOST = "update HostConfiguration app-host"
SERVING = "update InService app-in-service"
"""What is in service is only recorded: nothing happens on the host."""


@dataclass(frozen=True)
class Change:
    """Settings, and the changes that they bring; names without the stack's."""

    stack: str
    title: str
    settings: Mapping[str, object]
    brings: set[str]


ACCESS = {"access__ssh_cidrs": ["203.0.113.7/32", OFFICE], "access__ssh_keys": [OTHER_KEY]}
APP = {"database__pool_size": 7, "database__pool_mode": "session", "app__web_processes": 3}
VOLUME = {"data__volume_gib": 20}
REPLICA = {"database__read_replicas": 1}
EMAIL = {"alarms__email": "alarms@example.org"}
DATABASE = {
    "database__standby": True,
    "database__storage_gib": 100,
    "database__maintenance_day": "monday",
    "database__maintenance_hour": 7,
}
AWS_RULE = "create SecurityGroupIngressRule app-ssh-198-18-0-0-24"
AWS_IMAGE = {"server__image": "ami-0123456789abcdef1"}
AWS_PLAN = {"server__plan": "t4g.large"}
AWS_SERVER = "update Instance app-server"
AWS_DATABASE = "update Instance database"
AWS_RIGHTS = {
    "create RolePolicy app-server-metrics",
    "create Topic alarms",
    "create TopicSubscription alarms-email",
}
AWS_ALARMS = {
    f"create MetricAlarm app-server-{role}"
    for role in ("cpu", "disk", "hardware", "memory", "system", "troubles")
}
AWS_FLOWS = {f"create {kind} flows" for kind in ("FlowLog", "LogGroup", "Role", "RolePolicy")}
DO_FIREWALL = "update Firewall firewall"
DO_CLUSTER = "update DatabaseCluster database"
ROLES = ("cpu", "disk", "memory")
DO_ALARMS = {f"create MonitorAlert alarm-{role}" for role in ROLES}

TUNNEL = {"access__tunnel_from": "192.0.2.9"}
SUBSCRIBES = {"database__subscribes": True}
AWS_SUBSCRIBES = {
    "SecurityGroupEgressRule database-publisher",
    "SecurityGroupIngressRule app-subscriber",
}

CHANGES = [
    # An image, a boot document, a Droplet's keys: for the next server (docs/facts/pulumi.md 5, 11).
    Change("aws-stage1", "access", {**ACCESS, **AWS_IMAGE}, {AWS_RULE, HOST}),
    Change("aws-stage1", "app", APP, {HOST}),
    Change("aws-stage1", "plan", AWS_PLAN, {AWS_SERVER, HOST}),
    Change("aws-stage1", "volume", VOLUME, {"update Volume data"}),
    Change(
        "aws-stage1",
        "alarms",
        EMAIL,
        {*AWS_RIGHTS, *AWS_ALARMS, "create MetricAlarm app-server-data"},
    ),
    Change("aws-stage1", "flow logs", {"network__flow_logs": True}, AWS_FLOWS),
    Change("aws-stage1", "tunnel", TUNNEL, {"create SecurityGroupIngressRule app-tunnel"}),
    Change("aws-stage2", "subscribes", SUBSCRIBES, {f"create {rule}" for rule in AWS_SUBSCRIBES}),
    Change("aws-stage2", "access", {**ACCESS, **AWS_IMAGE}, {AWS_RULE, HOST}),
    Change("aws-stage2", "plan", AWS_PLAN, {AWS_SERVER, HOST}),
    Change("aws-stage2", "database", {**DATABASE, "database__backup_days": 9}, {AWS_DATABASE}),
    Change(
        "aws-stage2",
        "database plan",
        {"database__plan": "db.t4g.large"},
        {AWS_DATABASE, "update ParameterGroup database"},
    ),
    Change("aws-stage2", "replica", REPLICA, {"create Instance replica-1"}),
    Change("digitalocean-stage1", "access", ACCESS, {DO_FIREWALL, HOST}),
    Change("digitalocean-stage1", "app", APP, {HOST}),
    Change("digitalocean-stage1", "volume", VOLUME, {"update Volume data"}),
    Change("digitalocean-stage1", "alarms", EMAIL, DO_ALARMS),
    Change("digitalocean-stage1", "tunnel", TUNNEL, {DO_FIREWALL}),
    Change("digitalocean-stage2", "subscribes", SUBSCRIBES, {DO_FIREWALL}),
    Change("digitalocean-stage2", "access", ACCESS, {DO_FIREWALL, HOST}),
    Change("digitalocean-stage2", "database", DATABASE, {DO_CLUSTER}),
    Change(
        "digitalocean-stage2", "database plan", {"database__plan": "db-s-4vcpu-8gb"}, {DO_CLUSTER}
    ),
    Change(
        "digitalocean-stage2",
        "replica",
        REPLICA,
        {"create DatabaseReplica replica-1", "create DatabaseFirewall replica-1-firewall"},
    ),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.stack} {change.title}")
def test_a_changed_setting_changes_this_and_no_more(bring: Bring, change: Change) -> None:
    stack = bring(change.stack).stack
    stack.wish(**change.settings)
    brought = {
        f"{what} {name.replace(f'{change.stack}-', '')}" for what, name in stack.up().changes()
    }
    # The host hears of alarms and replicas as well; what it hears is not this test's.
    assert brought - {HOST, SERVING} == change.brings - {HOST}
    assert HOST in brought or HOST not in change.brings
    assert not {what for what, _ in stack.cloud.log} & {"delete", "shutdown"}


@pytest.mark.parametrize(
    ("name", "wish", "gone"),
    [
        ("aws-stage1", TUNNEL, {"delete SecurityGroupIngressRule app-tunnel"}),
        ("aws-stage2", SUBSCRIBES, {f"delete {rule}" for rule in AWS_SUBSCRIBES}),
        ("digitalocean-stage1", TUNNEL, {DO_FIREWALL}),
        ("digitalocean-stage2", SUBSCRIBES, {DO_FIREWALL}),
    ],
)
def test_what_a_promotion_let_in_goes_with_its_setting(
    bring: Bring, name: str, wish: dict[str, object], gone: set[str]
) -> None:
    stack = bring(name).stack
    before = {thing.id: thing.inputs for thing in stack.cloud.account.things.values()}
    stack.wish(**wish)
    stack.up()
    stack.more = {}
    ended = {
        f"{what} {resource.replace(f'{name}-', '')}" for what, resource in stack.up().changes()
    }
    assert ended - {SERVING} == gone
    assert {thing.id: thing.inputs for thing in stack.cloud.account.things.values()} == before


REFUSED = [
    ("aws-stage1", {"region": "eu-central-1"}, "aws-stage1-app-address"),
    ("digitalocean-stage1", {"region": "ams3"}, "digitalocean-stage1-data"),
    ("aws-stage2", {"network__cidr": "10.99.0.0/20"}, "aws-stage2-vpc"),
    ("digitalocean-stage2", {"network__cidr": "10.99.0.0/20"}, "digitalocean-stage2-network"),
]


@pytest.mark.parametrize(("name", "wish", "kept"), REFUSED, ids=[refused[0] for refused in REFUSED])
def test_what_would_replace_data_is_refused_before_anything_is_done(
    bring: Bring, name: str, wish: dict[str, object], kept: str
) -> None:
    """``make up`` shows the plan first: it is the preview that refuses."""
    stack = bring(name).stack
    stack.wish(**wish)
    with pytest.raises(CommandError):
        stack.preview()
    refused = {problem.where for problem in stack.seen.run.problems}
    assert kept in refused
    assert "protect" in str(stack.seen.run.problems[0])
    assert stack.cloud.log == []
