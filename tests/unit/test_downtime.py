"""What a plan costs in downtime: each cloud's answers, and what is the same on all of them.

The numbers are expectations (see the module): nothing here shows that a cloud keeps to them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from components import settings
from components.cloud_names import cloud_names
from components.seam import downtime
from components.seam.downtime import Downtime, Step
from components.seam.provider import load
from components.settings import Settings
from tests.support.planned import planned, stack_values

HOST = "pulumi-python:dynamic/stages:HostConfiguration"


def of(stack: str, **more: object) -> Settings:
    values = stack_values(stack) | {key.replace("__", "."): value for key, value in more.items()}
    return settings.read(stack, values)


def step(type_: str, op: downtime.Op = "update", **more: Any) -> Step:
    return Step(urn=f"urn:pulumi:s::stages::stages:stage:One${type_}::s-app-thing", op=op, **more)


def cost(stack: str, *steps: Step, **more: object) -> list[str]:
    return [step.text() for step in downtime.expected(steps, of(stack, **more))]


AWS_SERVER = "aws:ec2/instance:Instance"
AWS_DATABASE = "aws:rds/instance:Instance"
CLUSTER = "digitalocean:index/databaseCluster:DatabaseCluster"


@pytest.mark.parametrize(
    ("stack", "change", "says"),
    [
        (
            "aws-stage1",
            step(AWS_SERVER, old={"instanceType": "t4g.small"}, new={"instanceType": "t4g.large"}),
            "the app, 1 to 5 min, during this run: the server is stopped, gets its new size",
        ),
        (
            "aws-stage1",
            step("aws:ebs/volume:Volume", old={"size": 20}, new={"size": 40}),
            "the app, no downtime: the volume grows in use; its file system follows at the",
        ),
        (
            "aws-stage1",
            step("aws:ec2/eip:Eip", "replace"),
            "the app, at least 1 min, during this run: the static address becomes another one",
        ),
        (
            "aws-stage2",
            step(AWS_DATABASE, old={"instanceClass": "a"}, new={"instanceClass": "b"}),
            "the database, 2 to 20 min, in the hour of maintenance, sunday 04:00 UTC: the disk",
        ),
        (
            "aws-stage2",
            step(
                AWS_DATABASE,
                old={"instanceClass": "a", "multiAz": True},
                new={"instanceClass": "b", "multiAz": True},
            ),
            "the database, 1 to 2 min, in the hour of maintenance, sunday 04:00 UTC: the standby",
        ),
        (
            "aws-stage2",
            step(AWS_DATABASE, old={"allocatedStorage": 20}, new={"allocatedStorage": 40}),
            "the database, no downtime: the disk grows in use",
        ),
        (
            "aws-stage2",
            step(AWS_DATABASE, old={"engineVersion": "16"}, new={"engineVersion": "17"}),
            "the database, at least 10 min, in the hour of maintenance",
        ),
        (
            "aws-stage2",
            step(AWS_DATABASE, "replace"),
            "the database, at least 5 min, during this run: the database is replaced by an empty",
        ),
        (
            "aws-stage2",
            step("aws:rds/parameterGroup:ParameterGroup", fields=frozenset({"parameters"})),
            "the database, no downtime: static parameters take effect when",
        ),
        (
            "digitalocean-stage1",
            step("digitalocean:index/volume:Volume", old={"size": 10}, new={"size": 20}),
            "the app, no downtime: the volume grows in use",
        ),
        (
            "digitalocean-stage1",
            step("digitalocean:index/reservedIp:ReservedIp", "replace"),
            "the app, at least 1 min, during this run: the static address becomes another one",
        ),
        (
            "digitalocean-stage2",
            step(CLUSTER, old={"size": "a"}, new={"size": "b"}),
            "the database, 5 s to 5 min, during this run: nodes of the new size",
        ),
        (
            "digitalocean-stage2",
            step(CLUSTER, old={"version": "16"}, new={"version": "17"}),
            "the database, at least 1 min, during this run: a new major version",
        ),
        (
            "digitalocean-stage2",
            step(CLUSTER, old={"nodeCount": 1}, new={"nodeCount": 2}),
            "the database, up to 1 min, during this run: a node comes or goes",
        ),
        (
            "digitalocean-stage2",
            step(CLUSTER, "replace"),
            "the database, at least 5 min, during this run: the cluster is replaced by an empty",
        ),
        (
            "local-stage1",
            step("pulumi-python:dynamic/local:Server", old={"plan": "a"}, new={"plan": "b"}),
            "the app, 5 s to 1 min, during this run: the host is restarted to have its new size",
        ),
        (
            "local-stage1",
            step("pulumi-python:dynamic/local:Volume", old={"size_gib": "1"}, new={"size_gib": 2}),
            "the app, no downtime: the volume grows in use",
        ),
        (
            "local-stage2",
            step("pulumi-python:dynamic/local:Database", fields=frozenset({"memory_mib"})),
            "the database, 5 s to 1 min, during this run: its host is restarted",
        ),
        (
            "local-stage2",
            step("pulumi-python:dynamic/local:Database", fields=frozenset({"admin_password"})),
            "the database, up to 10 s, during this run: PostgreSQL may be restarted",
        ),
        (
            "local-stage2",
            step("pulumi-python:dynamic/local:Database", "replace"),
            "the database, 5 s to 2 min, during this run: its host is replaced; the data stays",
        ),
    ],
)
def test_each_change_has_its_cost(stack: str, change: Step, says: str) -> None:
    (message,) = cost(stack, change)
    assert message.startswith(says), message
    assert message.endswith(")"), "without a source"


def test_a_database_that_changes_at_once_says_so() -> None:
    change = step(AWS_DATABASE, fields=frozenset({"instanceClass"}))
    (message,) = cost("aws-stage2", change, database__apply_immediately=True)
    assert message.startswith("the database, 2 to 20 min, during this run:")


def test_what_is_of_no_account_costs_nothing() -> None:
    tags = step(AWS_SERVER, old={"tags": {}}, new={"tags": {"a": "b"}})
    replica = step(AWS_DATABASE, old={"instanceClass": "a"}, new={"replicateSourceDb": "x"})
    made = step(AWS_SERVER, "create", new={"instanceType": "a"})
    gone = step(HOST, "delete")
    assert cost("aws-stage2", tags, replica, made, gone) == []


@pytest.mark.parametrize("cloud", cloud_names())
def test_every_cloud_says_what_a_replaced_server_costs(cloud: str) -> None:
    (first,) = cost(f"{cloud}-stage1", step(HOST, "replace", old_first=True))
    assert "the old one first: the app does not answer from the old one's shutdown" in first
    (second,) = cost(f"{cloud}-stage2", step(HOST, "replace"))
    message = "the new one first: the address moves to it once it has passed its readiness check"
    assert message in second
    spans = load(cloud).downtime
    assert spans.OLD_FIRST.most_s is not None and spans.NEW_FIRST.most_s is not None
    assert spans.OLD_FIRST.source and spans.NEW_FIRST.source


def changed_host(**more: Any) -> Step:
    """A change of the host of the very stack."""
    (inputs,) = [
        resource["inputs"]
        for resource in planned("local-stage1").resources
        if resource["type"] == HOST
    ]
    return step(HOST, old=inputs, new={**inputs, **more})


@pytest.mark.parametrize("processes", [1, 2])
def test_a_deploy_costs_no_downtime(processes: int) -> None:
    units = [f"web@{8001 + number}.service" for number in range(processes)]
    assert cost("local-stage1", changed_host(release={}, app={"web_units": units})) == [
        "the app, no downtime: each web process is restarted while another one stands in for it (no"
        " request fails in the tests of deploys on real hosts)"
    ]


def test_a_stack_that_was_promoted_restarts_no_process() -> None:
    assert cost("local-stage1", changed_host(release={}, app={"web_units": []})) == []


def test_a_file_that_restarts_a_service_is_told_and_one_that_reloads_it_is_not() -> None:
    files = changed_host().old["files"]
    conf = "/etc/postgresql/17/main/postgresql.conf"
    (message,) = cost("local-stage1", changed_host(files={**files, conf: {"content": "new"}}))
    assert message.startswith(
        "the app, 1 s to 1 min, during this run: postgresql@17-main.service is restarted"
    )
    hba = "/etc/postgresql/17/main/pg_hba.conf"
    assert cost("local-stage1", changed_host(files={**files, hba: {"content": "new"}})) == []


def test_what_is_restarted_follows_from_the_path_of_a_secret_file() -> None:
    """As a stack's own run has them; a preview of the engine hides them."""

    def written(path: str) -> Step:
        old, new = ({path: {"content": each}} for each in ("old", "new"))
        host = changed_host()
        return step(
            HOST,
            old={**host.old, "secret_files": old},
            new={**host.new, "secret_files": new},
        )

    assert cost("local-stage1", written("/etc/pgbouncer/userlist.txt")) == []
    (message,) = cost("local-stage1", written("/etc/app/app.env"))
    assert message.startswith("the app, no downtime: each web process is restarted while")
    (hidden,) = cost("local-stage1", changed_host(secret_files="[secret]x"))
    assert hidden == message, "which of them changes is not known"


def test_the_longest_comes_first_and_what_costs_nothing_last() -> None:
    steps = [
        step("aws:ebs/volume:Volume", old={"size": 20}, new={"size": 40}),
        step(AWS_SERVER, fields=frozenset({"instanceType"})),
        step("aws:ec2/eip:Eip", "replace"),
    ]
    expected = downtime.expected(steps, of("aws-stage1"))
    assert [(line.least_s, line.most_s) for line in expected] == [(60, None), (60, 300), (0, 0)]


def test_fact_7_the_steps_of_an_engines_preview() -> None:
    server, host = (step(type_).urn for type_ in (AWS_SERVER, HOST))
    document = {
        "steps": [
            {"op": "same", "urn": server.replace("thing", "other")},
            {
                "op": "update",
                "urn": server,
                "oldState": {"inputs": {"instanceType": "t4g.small", "tags": {}}},
                "newState": {"inputs": {"instanceType": "t4g.large", "tags": {"a": "b"}}},
                "detailedDiff": {"instanceType": {}, "tags.a": {}, "list[0].x": {}},
            },
            {"op": "delete-replaced", "urn": host, "oldState": {"inputs": {"login": "ops"}}},
            {"op": "replace", "urn": host},
            {"op": "create-replacement", "urn": host, "newState": {"inputs": {"login": "ops"}}},
        ]
    }
    steps = downtime.steps_in_preview(document)
    assert [(step.op, step.old_first, sorted(step.fields)) for step in steps] == [
        ("update", False, ["instanceType", "list", "tags"]),
        ("replace", True, []),
    ]
    assert steps[1].old == steps[1].new == {"login": "ops"}
    assert (steps[0].type, steps[0].name) == (AWS_SERVER, "s-app-thing")
    expected = downtime.expected(steps, of("aws-stage1"))
    assert [line.most_s for line in expected] == [900, 300]
    back = [
        Downtime(**line) for line in json.loads(json.dumps([line.as_json() for line in expected]))
    ]
    assert back == expected


@pytest.mark.parametrize(
    ("least_s", "most_s", "words"),
    [
        (0, 30, "up to 30 s"),
        (0, None, "for an unknown time"),
        (60, None, "at least 1 min"),
        (60, 300, "1 to 5 min"),
        (5, 30, "5 to 30 s"),
        (30, 90, "30 s to 2 min"),
    ],
)
def test_a_time_in_words(least_s: int, most_s: int | None, words: str) -> None:
    assert downtime.in_words(least_s, most_s) == words
