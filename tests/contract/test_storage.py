"""A bucket for the app's files, on every cloud and in both stages: one body for all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from components import outputs
from components.cloud_names import cloud_names
from components.host import app
from components.settings import Stage
from planning.plan import Plan
from tests.contract.test_clouds import own_settings
from tests.contract.test_plans import _secret_files
from tests.support import authorities, planned

BUCKETS = (":Bucket", ":SpacesBucket")
STACKS = [(name, stage) for name in cloud_names() for stage in (1, 2)]


@pytest.fixture(
    params=STACKS, ids=[f"{name}-stage{stage}" for name, stage in STACKS], scope="module"
)
def stack(request: pytest.FixtureRequest) -> tuple[str, Stage]:
    name, stage = request.param
    return name, stage


@pytest.fixture(scope="module")
def plan(stack: tuple[str, Stage]) -> Plan:
    return planned.planned("{}-stage{}".format(*stack), storage__bucket=True)


def environment(stack: tuple[str, Stage], **more: object) -> dict[str, str]:
    """The app's variables, as if everything were there."""
    with authorities.known(own_settings(*stack).region or "us-east-1"):
        inputs = planned.settled("{}-stage{}".format(*stack), None, None, **more).open_inputs
    content = next(_secret_files(inputs))[app.ENVIRONMENT]["content"]
    return dict(re.findall(r'^(\w+)="(.*)"$', content, re.MULTILINE))


def test_the_app_finds_it_by_the_names_that_s3s_libraries_read(stack: tuple[str, Stage]) -> None:
    variables = environment(
        stack, storage__bucket=True, app__environment={"AWS_DEFAULT_REGION": "elsewhere"}
    )
    names = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "STORAGE_BUCKET"}
    assert [name for name in names if not variables[name]] == []
    if stack[0] != "local":  # whose provider says it
        assert variables["AWS_ENDPOINT_URL_S3"].startswith("https://")
    assert variables["STORAGE_BUCKET_URL"] == (
        f"{variables['AWS_ENDPOINT_URL_S3']}/{variables['STORAGE_BUCKET']}"
    )
    assert variables["AWS_DEFAULT_REGION"] == "elsewhere", "the settings go before it"
    assert ("AWS_CA_BUNDLE" in variables) == (stack[0] == "local"), "a public authority is known"


def test_without_one_there_is_no_such_variable_and_no_bucket(stack: tuple[str, Stage]) -> None:
    variables = environment(stack)
    assert [name for name in variables if name.startswith(("AWS_", "STORAGE_BUCKET"))] == []
    assert variables.get("STORAGE_DIR") == ("/data/storage" if stack[1] == 1 else None)
    without = planned.planned("{}-stage{}".format(*stack))
    buckets = [
        resource["name"] for resource in without.resources if resource["type"].endswith(BUCKETS)
    ]
    assert [name for name in buckets if not name.endswith("-backups-bucket")] == []


def test_it_outlives_the_stack_with_its_rules(stack: tuple[str, Stage], plan: Plan) -> None:
    """``down`` takes what is not protected: a bucket that stays keeps what makes it private."""
    bucket = [
        resource
        for resource in plan.resources
        if resource["type"].endswith((*BUCKETS, "local:Volume"))
    ]
    storage = [resource for resource in bucket if "-storage" in resource["name"]]
    assert storage and all(resource["protect"] for resource in storage if not _is_host(resource))
    rules = [
        resource for resource in plan.resources if resource["type"].startswith("aws:s3/bucket")
    ]
    assert [resource["name"] for resource in rules if not resource.get("protect")] == []
    loose = planned.planned(
        "{}-stage{}".format(*stack), storage__bucket=True, data__protected=False
    )
    assert [resource["name"] for resource in loose.resources if resource.get("protect")] == []


def _is_host(resource: Mapping[str, Any]) -> bool:
    """On this machine the bucket's data is the volume; its server may go."""
    return str(resource["type"]).endswith("local:Bucket")


def test_a_promotion_knows_it_from_the_outputs(plan: Plan) -> None:
    assert outputs.STORAGE in plan.outputs
