"""The usage file: for a run, a stack, or a resource; what is wrong with it is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.main import main
from tests.support import cost_plans
from tests.support.cost_plans import Planned, resource

US = {"region": "us-east-1"}
EVERYTHING = [
    *cost_plans.ec2(),
    cost_plans.rds(enabledCloudwatchLogsExports=["postgresql"]),
    resource("aws:ebs/volume:Volume", "data", {**US, "type": "gp3", "size": 10}),
    resource("aws:ec2/natGateway:NatGateway", "nat", US),
    resource("aws:cloudwatch/logGroup:LogGroup", "logs", US),
    resource("aws:s3/bucket:Bucket", "dumps", US),
    resource("aws:route53/record:Record", "shop", US),
    cost_plans.droplet(),
    resource("digitalocean:index/spacesBucket:SpacesBucket", "space", {"region": "fra1"}),
]
"""Something for every key."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(stack: str, *made: Planned) -> str:
    Path(f"{stack}.json").write_text(json.dumps(cost_plans.document(*made, stack=stack)))
    return f"{stack}.json"


def servers(*names: str) -> list[Planned]:
    return [resource(cost_plans.INSTANCE, name, cost_plans.ec2()[0]["inputs"]) for name in names]


def estimated(text: str, *plans: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    Path("u.yaml").write_text(text)
    assert main(["cost", *plans, "--usage", "u.yaml", "--format", "json"]) == 0
    stacks: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["stacks"]
    return stacks


def refused(text: str, *plans: str, capsys: pytest.CaptureFixture[str]) -> str:
    Path("u.yaml").write_text(text)
    assert main(["cost", *plans, "--usage", "u.yaml"]) == 2
    return capsys.readouterr().err


def traffic(stack: dict[str, Any]) -> dict[str, float | None]:
    return {
        line["resource"]: line["usd_per_month"]
        for line in stack["lines"]
        if line["name"] == "Traffic to the internet"
    }


def test_a_key_counts_for_every_stack_or_for_the_one_that_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plans = save("one", *servers("web")), save("two", *servers("web"))
    text = "egress_gb: 200\ntwo:\n  egress_gb: 300\n"
    output = estimated(text, *plans, capsys=capsys)
    assert [traffic(stack) for stack in output] == [{"web": 9}, {"web": 18}]


def test_a_key_of_a_resource_leaves_the_stacks_to_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is free is free once: 100 GB, used up by the first."""
    plan = save("shop", *servers("a", "b", "c"))
    output = estimated("b:\n  egress_gb: 50\n", plan, capsys=capsys)
    assert [traffic(stack) for stack in output] == [{"a": None, "b": 0}]
    text = "egress_gb: 80\nshop:\n  b:\n    egress_gb: 50\n"
    output = estimated(text, plan, capsys=capsys)
    assert [traffic(stack) for stack in output] == [{"a": 0, "b": 2.7}]
    urn = cost_plans.urn(cost_plans.INSTANCE, "c")
    output = estimated(f"egress_gb: 80\n'{urn}':\n  egress_gb: 50\n", plan, capsys=capsys)
    assert [traffic(stack) for stack in output] == [{"a": 0, "c": 2.7}]


def test_a_key_for_all_is_used_where_each_has_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    text = "egress_gb: 80\nshop:\n  egress_gb: 200\n  web:\n    egress_gb: 300\n"
    output = estimated(text, save("shop", *servers("web")), capsys=capsys)
    assert [traffic(stack) for stack in output] == [{"web": 18}]


def test_backups_of_two_databases_share_what_is_free(capsys: pytest.CaptureFixture[str]) -> None:
    """40 GiB are free in their region: 30 + 30 - 40 = 20, at .095."""
    made = [cost_plans.rds(name=name) for name in ("a", "b")]
    text = "a:\n  database_backup_gib: 30\nb:\n  database_backup_gib: 30\n"
    (output,) = estimated(text, save("shop", *made), capsys=capsys)
    backups = [line for line in output["lines"] if line["kind"] == "backup"]
    assert [line["usd_per_month"] for line in backups] == [0, 1.9]


def test_the_template_is_a_usage_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "usage"]) == 0
    template = capsys.readouterr().out
    plan = save("shop", *EVERYTHING)
    estimated(template, plan, capsys=capsys)
    lines = [line.removeprefix("# ") for line in template.splitlines() if ": 1" in line]
    assert len(lines) == template.count("default: unknown") > 8
    (output,) = estimated("\n".join(lines), plan, capsys=capsys)
    assert not [line for line in output["lines"] if line["quantity"] is None]


def test_a_compared_stack_uses_keys_too(capsys: pytest.CaptureFixture[str]) -> None:
    Path("u.yaml").write_text("egress_gb: 200\n")
    plans = save("now", cost_plans.droplet()), save("before", *servers("web"))
    assert main(["cost", plans[0], "--compare", plans[1], "--usage", "u.yaml"]) == 0
    assert main(["cost", plans[0], "--usage", "u.yaml"]) == 2
    assert "got none that does" in capsys.readouterr().err


NUMBER = "should be a number, 0 or more"
LEAVE = "Leave the key out when it is not known."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("egress_gb: -1", f"egress_gb: {NUMBER}, got '-1'. {LEAVE}"),
        ("egress_gb: many", f"egress_gb: {NUMBER}, got 'many'. {LEAVE}"),
        ("egress_gb:", f"egress_gb: {NUMBER}, got ''. {LEAVE}"),
        ("shop: {web: {egress_gb: x}}", f"shop: web: egress_gb: {NUMBER}, got 'x'. {LEAVE}"),
        ("- 5", "should be a map of quantities, got ['5']"),
        ("a: [", "should be YAML, got an error (while parsing a flow node expected the node"
         ' content, but found \'<stream end>\' in "<unicode string>", line 1, column 5: a: [ ^)'),
        ("egress_gb: 1\negress_gb: 2",
         "egress_gb: should be there once, got it in line 1 and in line 2"),
        ("shop:\n  egress_gb: 1\n  egress_gb: 2",
         "shop: egress_gb: should be there once, got it in line 2 and in line 3"),
        ("cpu_credit_hour: 1", "should have keys out of {keys}, got 'cpu_credit_hour'. The nearest"
         " is cpu_credit_hours."),
        ("shop: {whatever: 1}", "shop: should have keys out of {keys}, got 'whatever'."
         " `./stages cost usage` lists the keys."),
        ("egress_beyond_pool_gib: 1", "egress_beyond_pool_gib: should be used by a line of the"
         " estimate, got none that does. The nearest is egress_gb."),
        ("database_credit_hours: 1", "database_credit_hours: should be used by a line of the"
         " estimate, got none that does. The nearest is cpu_credit_hours."),
        ("shop: {web: {snapshot_gib: 1}}", "shop: web: snapshot_gib: should be used by a line of"
         " the estimate, got none that does. Leave the key out."),
        ("shopp: {egress_gb: 1}", "shopp: egress_gb: should be below a stack or a resource of the"
         " estimate, got 'shopp'. The nearest is shop."),
        ("a: {b: {c: {egress_gb: 1}}}",
         "a: b: c: should be below a stack and a resource, got it deeper"),
    ],
)  # fmt: skip
def test_a_wrong_usage_file(text: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    keys = (
        "bucket_gb, cpu_credit_hours, database_backup_gib, database_credit_hours, database_log_gb,"
        " dns_million_queries, egress_beyond_pool_gib, egress_gb, log_gb, log_stored_gb, nat_gb,"
        " snapshot_gib, spaces_egress_gib, spaces_gib, zone_traffic_gb"
    )
    err = refused(text, save("shop", *servers("web")), capsys=capsys)
    sentence = sentence.replace("{keys}", keys)
    assert err == f"u.yaml: {sentence}\n"


def test_a_file_that_refers_to_itself(capsys: pytest.CaptureFixture[str]) -> None:
    err = refused("a: &a {b: *a}", save("shop", *servers("web")), capsys=capsys)
    assert err.startswith("u.yaml: should be YAML, got an error (")
