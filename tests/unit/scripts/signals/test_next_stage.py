"""What a stage 1 stack would cost as stage 2."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from components import settings
from planning.costs import price_books
from planning.costs.estimate import estimate
from scripts.lib import cost_inputs
from scripts.lib.signals.next_stage import Cost, cost, settings_of_stage_2

TODAY = datetime.date(2026, 11, 22)
VALUES: dict[str, object] = {
    "cloud": "digitalocean",
    "stage": "1",
    "app.repository": ".",
    "app.directory": "examples/django",
    "access.ssh_keys": [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBCnkgYCz4nWzBYNoAvJr1pJZ2aHAFmTWcVEB6MIhAZh x"
    ],
    "access.ssh_cidrs": ["203.0.113.7/32"],
}


def of(values: dict[str, object]) -> Cost:
    return cost("shop", settings.read("shop", values), values, TODAY)


def test_the_difference_is_that_of_both_plans() -> None:
    cost = of(VALUES)
    clouds = price_books.all_clouds(TODAY)
    both = [
        estimate(cost_inputs.of_values("shop", {**VALUES, "stage": stage}), clouds).total
        for stage in ("1", "2")
    ]
    assert [cost.now, cost.then] == both
    assert cost.more == both[1] - both[0]
    assert cost.more > Decimal(50)
    assert cost.line() == (
        f"As stage 2 this stack costs ${cost.then} a month, and {cost.per_use} lines that are"
        f" billed per use: ${cost.more} more than now (${cost.now})."
    )


def test_settings_that_mean_nothing_in_stage_2_are_left_behind() -> None:
    values = {
        **VALUES,
        "data.volume_gib": 20,
        "maintenance.window_min": 5,
        "server.plan": "s-2vcpu-4gb",
    }
    then = settings_of_stage_2(values, 20)
    assert settings.read("shop", then).stage == 2
    assert then["server.plan"] == "s-2vcpu-4gb"
    assert not {"data.volume_gib", "maintenance.window_min"} & then.keys()


def test_what_has_no_plan_has_no_cost() -> None:
    cost = of({**VALUES, "server.plan": "huge"})
    assert cost.now is None
    assert cost.line().startswith(
        "What stage 2 would cost is not known: stages:server.plan: should be one of "
    )
    assert cost.as_json()["stage2_usd_per_month"] is None


def test_a_region_without_prices_has_no_cost() -> None:
    """Not the little that other lines come to."""
    values = {**VALUES, "cloud": "aws", "region": "eu-south-1"}
    cost = of(values)
    assert (cost.now, cost.then) == (None, None)
    assert cost.line().startswith(
        "What stage 2 would cost is not known: shop-data: Data volume: no prices are known for the"
        " region 'eu-south-1'"
    )


@pytest.mark.parametrize("stack", [name for name in cost_inputs.stack_names() if "stage1" in name])
def test_every_stack_of_stage_1_has_a_stage_2(stack: str) -> None:
    from components.settings import stacks

    file = cost_inputs.ROOT / "stacks" / f"Pulumi.{stack}.yaml"
    cost = of(dict(stacks.values(file, stack)))
    assert cost.then is not None, cost.reason
    assert cost.then >= (cost.now or 0)
