"""Totals to the cent, of plans whose bill was worked out by hand (730 h, us-east-1)."""

from __future__ import annotations

import datetime
import itertools
from decimal import Decimal

import pytest

from planning.costs import price_books
from planning.costs.compare import percent
from planning.costs.estimate import Estimate, estimate, money
from tests.support import cost_plans
from tests.support.cost_plans import Planned

TODAY = datetime.date(2026, 11, 22)
CLOUDS = price_books.all_clouds(TODAY)


def cost(*resources: Planned, **usage: str) -> Estimate:
    given: dict[tuple[str, ...], Decimal] = {(key,): Decimal(usage[key]) for key in usage}
    return estimate(cost_plans.plan(*resources), CLOUDS, given)


@pytest.mark.parametrize(
    ("size", "usd"),
    [
        ("t4g.small", "18.31"),
        ("t4g.medium", "30.58"),
        ("t3.medium", "36.42"),
        ("t3.large", "66.79"),
    ],
)
def test_a_server_of_aws(size: str, usd: str) -> None:
    assert money(cost(*cost_plans.ec2(size)).total) == usd


@pytest.mark.parametrize(
    ("size", "standby", "usd"),
    [
        ("db.t4g.micro", False, "13.98"),
        ("db.t4g.small", False, "25.66"),
        ("db.t4g.medium", False, "49.75"),
        ("db.t4g.small", True, "52.05"),
        ("db.t4g.medium", True, "98.77"),
    ],
)
def test_a_database_of_aws(size: str, standby: bool, usd: str) -> None:
    assert money(cost(cost_plans.rds(size, standby=standby)).total) == usd


@pytest.mark.parametrize(
    ("policy", "usd"), [({}, "31.20"), ({"plan": "daily"}, "31.20"), ({"plan": "weekly"}, "28.80")]
)
def test_a_droplet_with_backups(policy: dict[str, str], usd: str) -> None:
    made = cost_plans.droplet(backups=True, backupPolicy=policy)
    assert money(cost(made).total) == usd


@pytest.mark.parametrize(
    ("size", "nodes", "disk_gib", "usd"),
    [
        ("db-s-1vcpu-1gb", 1, 10, "15.15"),
        ("db-s-1vcpu-2gb", 2, 30, "60.90"),
        ("db-s-2vcpu-4gb", 1, 60, "60.90"),
        ("db-s-2vcpu-4gb", 1, 61, "63.05"),  # a step of 10 GiB at .215
        ("db-s-2vcpu-4gb", 2, 80, "130.40"),  # 2 * (60.90 + 20 * .215)
        ("db-s-4vcpu-8gb", 1, None, "122.10"),
    ],
)
def test_a_database_of_digitalocean(size: str, nodes: int, disk_gib: int | None, usd: str) -> None:
    made = cost_plans.cluster(size, nodes=nodes, disk_gib=disk_gib)
    assert money(cost(made).total) == usd


def test_iops_and_throughput_above_the_baseline() -> None:
    made = cost_plans.resource(
        "aws:ebs/volume:Volume",
        "data",
        {"region": "us-east-1", "type": "gp3", "size": 100, "iops": 4000, "throughput": 225},
    )
    # 100 * .08 + 1000 * .005 + 100 * .04
    assert money(cost(made).total) == "17.00"


@pytest.mark.parametrize(
    ("disk_gib", "iops", "usd"),
    [(100, 4000, "31.50"), (400, 12000, "46.00"), (400, 12500, "56.00")],
)
def test_iops_of_a_database_above_its_baseline(disk_gib: int, iops: int, usd: str) -> None:
    estimate = cost(cost_plans.rds(disk_gib=disk_gib, iops=iops))
    disk = [line for line in estimate.lines if line.kind == "disk"]
    assert money(sum((line.usd_per_month or Decimal(0) for line in disk), Decimal(0))) == usd


def test_usage_counts_beyond_its_free_part() -> None:
    server = cost_plans.ec2()
    bare = cost(*server).total
    assert cost(*server, egress_gb="100").total == bare
    assert cost(*server, egress_gb="150").total - bare == Decimal("4.50")


def test_usage_that_nobody_told_has_a_unit_price_and_no_amount() -> None:
    lines = {line.name: line for line in cost(*cost_plans.ec2()).unknown}
    egress = lines["Traffic to the internet"]
    assert (egress.quantity, egress.usd_per_month) == (None, None)
    assert egress.price.usd == Decimal("0.09")


def test_every_combination_of_two_sizes_is_the_sum_of_both() -> None:
    for server, database in itertools.product(("t4g.small", "t3.large"), ("db.t4g.micro",)):
        parts = cost_plans.ec2(server), cost_plans.rds(database)
        assert cost(*parts[0], parts[1]).total == cost(*parts[0]).total + cost(parts[1]).total


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [("0", "0", "0 %"), ("5", "5", "0 %"), ("0", "5", "new"), ("8", "9", "+12.5 %"),
     ("9", "0", "-100.0 %")],
)  # fmt: skip
def test_a_change_in_per_cent(before: str, after: str, words: str) -> None:
    assert percent(Decimal(before), Decimal(after)) == words
