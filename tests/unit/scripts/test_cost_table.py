"""The stacks of this checkout, in every size and region, with and without a standby.

A line has a price if and only if the price file has a row for it. One that has none is refused by
its item and region, and the rest keeps its price.
"""

from __future__ import annotations

import datetime
import functools
import itertools
import json
from collections.abc import Mapping

import pytest

from components.clouds.aws import plans as aws_plans
from components.clouds.aws.known.regions import REGIONS
from components.clouds.digitalocean import plans as digitalocean_plans
from components.clouds.digitalocean.known.costs import REGIONS as DIGITALOCEAN_REGIONS
from planning.costs import plan_file, price_books
from planning.costs.estimate import Estimate, estimate
from tests.support.planned import planned

CLOUDS = price_books.all_clouds(datetime.date(2026, 11, 29))


@functools.cache
def keys(cloud: str) -> frozenset[tuple[str, str]]:
    """Item and region of every row, by JSON alone."""
    rows = json.loads(price_books.prices_path(cloud).read_text())["prices"]
    return frozenset((row["item"], row["region"]) for row in rows)


@functools.cache
def document(stack: str, standby: bool) -> str:
    more = {"database__standby": standby} if stack.endswith("stage2") else {}
    return json.dumps(planned(stack, None, **more).document())


def cost(stack: str, standby: bool, changes: Mapping[str, str]) -> Estimate:
    """The estimate of a stack in which some texts are others: its sizes, its region."""
    text = document(stack, standby)
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    return estimate(plan_file.parse(text, stack), CLOUDS)


def server_items(size: str) -> set[str]:
    credits = {f"ec2-credits/{size.partition('.')[0]}"} if size.startswith("t") else set()
    return {f"ec2/{size}", "volume/gp3", "ipv4", "egress", *credits}


def database_items(size: str, standby: bool) -> set[str]:
    family = "rds-standby" if standby else "rds"
    credits = {f"rds-credits/{size.split('.')[1]}"} if size.startswith("db.t") else set()
    return {
        f"{family}/{size}",
        f"{family}-disk/gp3",
        "rds-backup",
        "logs",
        "zone-traffic",
        *credits,
    }


def check(estimate: Estimate, wanted: set[str], region: str) -> None:
    """Priced is what has a row; all else is refused by name."""
    known = {item for item in wanted if {(item, region), (item, "*")} & keys("aws")}
    if region not in {at for _, at in keys("aws")}:
        assert estimate.lines == ()
        assert len(estimate.unpriced) >= len(wanted)
        assert all(f"no prices are known for the region '{region}'" in resource.reason
                   for resource in estimate.unpriced)  # fmt: skip
        return
    assert {line.price.item for line in estimate.lines} == known
    refused = {
        tuple(resource.reason.split(": ")[1].split(" has no price in "))
        for resource in estimate.unpriced
    }
    assert {item for item, _ in refused} == wanted - known
    assert all(where.startswith(f"{region}, only in ") for _, where in refused)


@pytest.mark.parametrize("region", REGIONS)
def test_stage_1_of_aws(region: str) -> None:
    for size in aws_plans.SERVERS:
        changes = {f'"{aws_plans.DEFAULT_SERVER}"': f'"{size}"', "us-east-1": region}
        estimate = cost("aws-stage1", False, changes)
        check(estimate, {*server_items(size), "snapshot", "s3"}, region)
        assert f"ec2/{size}" in {line.price.item for line in estimate.lines} or not estimate.lines


@pytest.mark.parametrize("region", REGIONS)
def test_stage_2_of_aws(region: str) -> None:
    for size, standby in itertools.product(aws_plans.DATABASES, (False, True)):
        changes = {f'"{aws_plans.DEFAULT_DATABASE}"': f'"{size}"', "us-east-1": region}
        estimate = cost("aws-stage2", standby, changes)
        wanted = server_items(aws_plans.DEFAULT_SERVER) | database_items(size, standby) | {"s3"}
        check(estimate, wanted, region)
        assert not estimate.lines or any(
            line.price.item.endswith(f"/{size}") for line in estimate.lines
        )


@pytest.mark.parametrize("region", DIGITALOCEAN_REGIONS)
def test_stages_of_digitalocean(region: str) -> None:
    for size in digitalocean_plans.SERVERS:
        changes = {
            f'"{digitalocean_plans.DEFAULT_SERVER[1]}"': f'"{size}"',
            '"fra1"': f'"{region}"',
        }
        estimate = cost("digitalocean-stage1", False, changes)
        assert estimate.unpriced == ()
        assert f"droplet/{size}" in {line.price.item for line in estimate.lines}
    for plan, standby in itertools.product(digitalocean_plans.DATABASES.values(), (False, True)):
        if standby and not plan.standby_offered:
            continue
        changes = {
            f'"{digitalocean_plans.DEFAULT_DATABASE}"': f'"{plan.name}"',
            '"fra1"': f'"{region}"',
            disk(digitalocean_plans.DEFAULT_DATABASE): disk(plan.name),
        }
        estimate = cost("digitalocean-stage2", standby, changes)
        assert estimate.unpriced == ()
        assert f"database/{plan.name}" in {line.price.item for line in estimate.lines}


def disk(plan: str) -> str:
    """What a plan includes, as a plan file says it."""
    return f'"{digitalocean_plans.INCLUDED_STORAGE_GIB[plan] * 1024}"'


def test_how_many_regions_have_prices() -> None:
    assert len({at for _, at in keys("aws")} - {"*"}) == 15
    assert len(REGIONS) == 34
