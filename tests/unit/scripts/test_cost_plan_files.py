"""The two kinds of plan files, and everything that is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.errors import UserError
from components.seam.planned import UNKNOWN, UNKNOWNS
from planning.costs import plan_file
from tests.support import cost_plans

REAL = Path(__file__).parents[2] / "golden" / "costs" / "preview.json"
"""Printed by the engine 3.259.0 for local-stage2, less inputs that say nothing about costs."""
MAKING = plan_file.MAKING


def resources() -> list[cost_plans.Planned]:
    server = cost_plans.ec2()[0]
    return [
        cost_plans.resource(
            "pulumi:providers:aws", "provider", {"region": "us-east-1"}, custom=True
        ),
        server,
        cost_plans.rds(),
        cost_plans.resource(
            "aws:ec2/eipAssociation:EipAssociation",
            "address",
            {"instanceId": UNKNOWN},
            sources={"instanceId": [server["urn"]]},
        ),
    ]


def test_both_kinds_give_the_same_plan() -> None:
    offline = plan_file.parse(json.dumps(cost_plans.document(*resources())), "plan.json")
    preview = plan_file.parse(json.dumps(cost_plans.preview(*resources())), "preview.json")
    assert offline == preview


def test_a_preview_of_the_real_engine() -> None:
    plan = plan_file.parse(REAL.read_text(), "preview.json")
    assert plan.stack == "local-stage2"
    assert len(plan.resources) == 12
    names = {resource.name for resource in plan.resources if resource.custom}
    assert "local-stage2-app-server" in names
    components = {resource.type for resource in plan.resources if not resource.custom}
    assert {"stages:separate_database:SeparateDatabase", "stages:app_host:AppHost"} <= components


@pytest.mark.parametrize("word", sorted(UNKNOWNS))
def test_what_the_engine_does_not_know_yet_is_the_plans_word(word: str) -> None:
    made = cost_plans.preview(cost_plans.droplet(userData=word, tags=[word]))
    (resource,) = plan_file.parse(json.dumps(made), "preview.json").resources
    assert (resource.inputs["userData"], resource.inputs["tags"]) == (UNKNOWN, [UNKNOWN])


def test_the_engine_s_signs_are_those_of_its_sdk() -> None:
    from pulumi.runtime import rpc

    signs = {value for name, value in vars(rpc).items() if name.startswith("UNKNOWN")}
    assert signs <= UNKNOWNS


def steps(*operations: str) -> dict[str, Any]:
    small, large = cost_plans.droplet("s-1vcpu-1gb"), cost_plans.droplet()
    urn = large["urn"]
    states = {"oldState": small, "newState": large}
    gone = {"oldState": small}
    made = [
        {"op": each, "urn": urn, **(gone if each.startswith("delete") else states)}
        for each in operations
    ]
    return {"steps": made, "changeSummary": {}}


@pytest.mark.parametrize(
    "operations",
    [
        ("create-replacement", "replace", "delete-replaced"),
        ("delete-replaced", "replace", "create-replacement"),
        ("update",),
    ],
)
def test_the_steps_of_one_resource_are_one_resource(operations: tuple[str, ...]) -> None:
    plan = plan_file.parse(json.dumps(steps(*operations)), "preview.json")
    assert [resource.inputs["size"] for resource in plan.resources] == ["s-2vcpu-4gb"]


def test_what_goes_and_what_belongs_to_others_is_not_in_the_plan() -> None:
    document = cost_plans.preview(cost_plans.droplet())
    for name, more in (("old", {"op": "delete"}), ("theirs", {"op": "read"})):
        state = cost_plans.resource(cost_plans.DROPLET, name, {})
        kind = {"oldState": state} if name == "old" else {"newState": {**state, "external": True}}
        document["steps"].append({"urn": state["urn"], **more, **kind})
    plan = plan_file.parse(json.dumps(document), "preview.json")
    assert [resource.name for resource in plan.resources] == ["server"]


def test_a_resource_without_a_region_is_in_its_providers() -> None:
    provider = cost_plans.resource("pulumi:providers:aws", "mine", {"region": "eu-central-1"})
    volume = cost_plans.resource("aws:ebs/volume:Volume", "data", {"type": "gp3", "size": 1})
    volume["provider"] = f"{provider['urn']}::4711"
    for document in (cost_plans.document, cost_plans.preview):
        plan = plan_file.parse(json.dumps(document(provider, volume)), "plan.json")
        assert [resource.region for resource in plan.resources] == ["", "eu-central-1"]


def test_a_default_provider_has_the_region_of_the_settings() -> None:
    document = cost_plans.preview(cost_plans.droplet())
    document["config"] = {"aws:region": "us-east-1"}
    (resource,) = plan_file.parse(json.dumps(document), "preview.json").resources
    assert resource.region == "us-east-1"


def refused(document: object) -> str:
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(UserError) as caught:
        plan_file.parse(text, "plan.json")
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_half_a_file() -> None:
    whole = json.dumps(cost_plans.document(cost_plans.droplet()))
    assert refused(whole[: len(whole) // 2]) == (
        "plan.json: should be a plan as JSON, got an error (Unterminated string starting at:"
        " line 1 column 79 (char 78)). Is it whole? A preview that was stopped leaves half a"
        f" file. {MAKING}"
    )


@pytest.mark.parametrize(
    ("document", "got"),
    [
        ([], "a JSON list"),
        ({}, "JSON with nothing in it"),
        ({"a": 1, "b": 2}, "JSON with a, b"),
        ({"terraform_version": "1.9", "planned_values": {}}, "a plan of Terraform"),
        ({"version": 3, "deployment": {}}, "a state of Pulumi, not a plan"),
        (
            {"resourcePlans": {}},
            "an update plan of Pulumi (`--save-plan`), which has no inputs to price",
        ),
        ({"Resources": {}}, "a template of CloudFormation"),
        ({"steps": []}, "a preview without resources"),
        ({"steps": {}}, "a list of something else"),
    ],
)
def test_a_file_of_something_else(document: object, got: str) -> None:
    assert refused(document) == (
        f"plan.json: should be a plan of this project or of Pulumi, got {got}. {MAKING}"
    )


def test_a_plan_of_another_version() -> None:
    document = {**cost_plans.document(), "version": 2}
    assert refused(document) == f"plan.json: version: should be 1, got 2. {MAKING}"


def test_a_preview_without_what_stays() -> None:
    document = {**cost_plans.preview(cost_plans.droplet()), "changeSummary": {"same": 9}}
    assert refused(document) == (
        "plan.json: should have every resource, got none of the 9 unchanged ones. Make it with"
        " `pulumi preview --json --show-sames > FILE`."
    )


def test_a_preview_that_failed() -> None:
    document = cost_plans.preview(cost_plans.droplet())
    document["diagnostics"] = [{"severity": "error", "message": "no\ncredentials"}]
    assert refused(document) == (
        "plan.json: should be a preview that succeeded, got one with: no credentials. Correct"
        " that, then make the file again."
    )


def test_a_step_that_is_none() -> None:
    assert refused({"steps": [{"op": "create"}]}) == (
        f"plan.json: steps[0]: should have `op` and `urn`, got neither. {MAKING}"
    )


def test_a_resource_without_a_type() -> None:
    document = cost_plans.document(cost_plans.droplet())
    del document["resources"][0]["type"]
    assert refused(document) == f"plan.json: resource 1: type: should be text, got None. {MAKING}"
