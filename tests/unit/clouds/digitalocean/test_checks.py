"""What DigitalOcean cannot do with settings, told without an account; every error word for word."""

from __future__ import annotations

import pytest

from components import settings
from components.clouds.digitalocean import checks, plans
from components.errors import UserError
from components.seam.provider import load
from tests.support.planned import stack_values


def make(stack: str = "digitalocean-stage2", **more: object) -> None:
    stage = "1" if more.get("stage") == "1" else "2"
    values = stack_values(f"digitalocean-stage{stage}")
    values |= {key.replace("__", "."): value for key, value in more.items()}
    values = {key: value for key, value in values.items() if value is not None}
    load("digitalocean").cloud(settings.read(stack, values))


def refusal(stack: str = "digitalocean-stage2", **more: object) -> str:
    with pytest.raises(UserError) as error:
        make(stack, **more)
    return str(error.value)


def test_the_stack_files_are_fine() -> None:
    make()
    make("digitalocean-stage1", stage="1")


@pytest.mark.parametrize("stack", ["Shop", "2shop", "shop_2"])
def test_a_stack_name_that_volumes_do_not_take(stack: str) -> None:
    assert refusal(stack) == (
        "stack name: should be small letters, digits and -, the first a letter, on digitalocean,"
        f" got {stack!r}. For example digitalocean-stage1."
    )


def test_an_unknown_region() -> None:
    assert refusal(region="eu-central-1") == (
        "stages:region: should be one of ams3, atl1, blr1, fra1, lon1, nyc1, nyc2, nyc3, ric1,"
        " sfo2, sfo3, sgp1, syd1, tor1, got 'eu-central-1'"
    )


def test_the_regions_are_the_sdk_s_and_those_it_lacks() -> None:
    import pulumi_digitalocean

    known = {region.value for region in pulumi_digitalocean.Region}
    closed = {"ams2", "sfo1"}
    assert set(checks.REGIONS) - known == {"atl1", "ric1"}
    assert known - set(checks.REGIONS) == closed


def test_no_way_in() -> None:
    assert refusal(access__ssh_keys=None) == (
        "stages:access.ssh_keys: should be a list of public SSH keys, got nothing."
        " Give the one line of your .pub file."
    )
    assert refusal(access__ssh_cidrs=None) == (
        "stages:access.ssh_cidrs: should be the networks that you log in from, got nothing."
        " For example [203.0.113.7/32]."
    )


def test_a_tunnel_that_is_another_cloud_s() -> None:
    assert refusal(access__instance_connect=True) == (
        "stages:access.instance_connect: should be false on digitalocean, which has no such tunnel,"
        " got True. Remove the line, and name the networks that you log in from in"
        " stages:access.ssh_cidrs."
    )
    make(access__instance_connect=None, access__ssh_cidrs=["84.20.1.2/32"])


def test_a_range_that_digitalocean_keeps() -> None:
    assert refusal(network__cidr="10.244.7.0/24") == (
        "stages:network.cidr: should be outside 10.244.0.0/16, which DigitalOcean keeps for itself,"
        " got '10.244.7.0/24'. For example 10.82.0.0/24."
    )


def test_zones_and_flow_logs_that_it_does_not_have() -> None:
    assert refusal(network__zones=["fra1-a"]) == (
        "stages:network.zones: should be empty on digitalocean, whose regions have no zones to"
        " choose, got ['fra1-a']. Remove the line."
    )
    assert refusal(network__flow_logs=True) == (
        "stages:network.flow_logs: should be false on digitalocean, which has none, got True."
        " Remove the line."
    )


def test_plans_that_do_not_exist() -> None:
    lines = refusal(server__plan="t4g.small", database__plan="db.t4g.micro").splitlines()
    assert lines == [
        f"stages:server.plan: should be one of {', '.join(plans.SERVERS)}, got 't4g.small'",
        f"stages:database.plan: should be one of {', '.join(plans.DATABASES)}, got 'db.t4g.micro'",
    ]


def test_a_standby_where_none_is_offered() -> None:
    assert refusal(database__plan="db-s-1vcpu-1gb", database__standby=True) == (
        "stages:database.standby: should be false with db-s-1vcpu-1gb, for which DigitalOcean"
        " offers no standby, got True. Choose db-s-1vcpu-2gb or larger."
    )


def test_fact_31_backups_are_kept_seven_days() -> None:
    assert refusal(database__backup_days=14) == (
        "stages:database.backup_days: should be 7 on digitalocean, which keeps every backup that"
        " long, got 14. Remove the line."
    )


def test_a_limit_that_growth_does_not_have() -> None:
    assert refusal(database__storage_limit_gib=100) == (
        "stages:database.storage_limit_gib: should be unset on digitalocean, whose clusters grow"
        " without a limit or not at all, got 100. Remove the line, and raise"
        " stages:database.storage_gib when the disk alarm comes."
    )
    make(database__storage_limit_gib=None, database__storage_gib=100)


def test_a_disk_that_is_not_sold_with_the_plan() -> None:
    make(database__storage_gib=120)
    assert refusal(database__storage_gib=200) == (
        "stages:database.storage_gib: should be at most 120, which is what DigitalOcean sells with"
        " db-s-2vcpu-4gb, got 200. db-s-4vcpu-8gb has room for it."
    )
    assert refusal(database__storage_gib=600, database__plan="db-s-6vcpu-16gb") == (
        "stages:database.storage_gib: should be at most 580, which is what DigitalOcean sells with"
        " db-s-6vcpu-16gb, got 600. No size has room for it."
    )


@pytest.mark.parametrize(
    ("plan", "free"),
    [
        ("db-s-1vcpu-1gb", 22),
        ("db-s-1vcpu-2gb", 47),
        ("db-s-2vcpu-4gb", 97),
        ("db-s-4vcpu-8gb", 197),
    ],
)
def test_fact_29_connections_of_a_plan(plan: str, free: int) -> None:
    plan_ = plans.database(plan)
    assert plan_.connection_limit - plan_.reserved_connections == free


def test_every_database_has_its_included_disk() -> None:
    assert plans.INCLUDED_STORAGE_GIB.keys() == plans.DATABASES.keys()
    assert [name for name, plan in plans.DATABASES.items() if not plan.standby_offered] == [
        "db-s-1vcpu-1gb"
    ]
