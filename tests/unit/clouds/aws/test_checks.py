"""What AWS cannot serve is told from the settings alone, word for word."""

from __future__ import annotations

import pytest

from components import settings
from components.clouds.aws import plans
from components.clouds.aws.known import regions
from components.clouds.aws.resources import subnets
from components.clouds.aws.resources.database import backup_window, maintenance_window
from components.clouds.aws.resources.volume import device
from components.errors import UserError
from components.seam.provider import load
from tests.unit.clouds.aws.graph import LEAST, LEAST_2


def error_text(stack: str, values: dict[str, object]) -> str:
    """Load the cloud and return what the user reads."""
    chosen = settings.read(stack, values)
    with pytest.raises(UserError) as caught:
        load("aws").cloud(chosen)
    assert caught.value.exit_code == 2
    return str(caught.value)


ONE: dict[str, object] = {**LEAST, "stage": "1"}

CASES: list[tuple[str, dict[str, object], str]] = [
    (
        "My_Stack",
        ONE,
        "stack name: should be small letters, digits and single hyphens on AWS, the first a letter,"
        " got 'My_Stack'. For example aws-stage2.",
    ),
    (
        "aws-stage1",
        {key: value for key, value in ONE.items() if key != "access.ssh_keys"},
        "stages:access.ssh_keys: should be at least one public SSH key, got nothing. AWS makes no"
        " key for the stack: give the line of your own .pub file.",
    ),
    (
        "aws-stage1",
        {key: value for key, value in ONE.items() if key != "access.ssh_cidrs"},
        "stages:access.ssh_cidrs: should be the networks that you log in from, got nothing. Name"
        " them, or set stages:access.instance_connect: true to come in through an EC2 Instance"
        " Connect Endpoint.",
    ),
    (
        "aws-stage1",
        {**ONE, "access.instance_connect": "true"},
        "stages:access.ssh_cidrs: should hold the stack's network 10.81.0.0/24 as well, got"
        " 203.0.113.7/32. The endpoint's sessions come from there: add it, or remove the line.",
    ),
    (
        "aws-stage1",
        {**ONE, "access.ssh_cidrs": ["2001:db8::/48"]},
        "stages:access.ssh_cidrs: should be IPv4 networks, got '2001:db8::/48'. The stack's network"
        " has no IPv6: name the IPv4 network that you come from.",
    ),
    (
        "aws-stage1",
        {**ONE, "region": "eu-centrl-1"},
        "stages:region: should be a region of AWS, got 'eu-centrl-1'. The nearest name is"
        " eu-central-1.",
    ),
    (
        "aws-stage1",
        {**ONE, "region": "moon"},
        "stages:region: should be a region of AWS, got 'moon'. For example us-east-1 or"
        " eu-central-1.",
    ),
    (
        "aws-stage1",
        {**ONE, "network.zones": ["eu-central-1a", "eu-west-1b"]},
        "stages:network.zones: should be two zones of eu-central-1, got eu-central-1a, eu-west-1b."
        " For example [eu-central-1a, eu-central-1b].",
    ),
    (
        "aws-stage1",
        {**ONE, "network.zones": ["eu-central-1a"]},
        "stages:network.zones: should be two zones of eu-central-1, got eu-central-1a. For example"
        " [eu-central-1a, eu-central-1b].",
    ),
    (
        "aws-stage1",
        {**ONE, "server.plan": "s-1vcpu-1gb"},
        "stages:server.plan: should be one of t4g.micro, t4g.small, t4g.medium, t4g.large,"
        " m7g.medium, m7g.large, t3.micro, t3.small, t3.medium, t3.large, got 's-1vcpu-1gb'",
    ),
    (
        "aws-stage1",
        {**ONE, "server.image": "debian-13-x64"},
        "stages:server.image: should be the id of an AMI, got 'debian-13-x64'. For example"
        " ami-0123456789abcdef0.",
    ),
    (
        "aws-stage2",
        {**LEAST_2, "database.plan": "db.t2.micro"},
        "stages:database.plan: should be one of db.t4g.micro, db.t4g.small, db.t4g.medium,"
        " db.t4g.large, db.m7g.large, got 'db.t2.micro'",
    ),
    (
        "aws-stage2",
        {**LEAST_2, "database.storage_gib": "10"},
        "stages:database.storage_gib: should be at least 20 on AWS, got 10. Set it to 20: RDS makes"
        " no smaller disk.",
    ),
    (
        "aws-stage2",
        {**LEAST_2, "database.storage_limit_gib": "21"},
        "stages:database.storage_limit_gib: should be 20, or at least 22, got 21. RDS wants at"
        " least a tenth more to grow into; the size itself means no growth.",
    ),
]


@pytest.mark.parametrize(
    ("stack", "values", "message"), CASES, ids=[case[2][:40] for case in CASES]
)
def test_told_word_for_word(stack: str, values: dict[str, object], message: str) -> None:
    assert error_text(stack, values) == message


@pytest.mark.parametrize("limit", ["20", "22", "1000"])
def test_a_limit_with_room_to_grow_or_none_is_fine(limit: str) -> None:
    chosen = settings.read("aws-stage2", {**LEAST_2, "database.storage_limit_gib": limit})
    assert load("aws").cloud(chosen).name == "aws"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    message = error_text("aws-stage2", {**LEAST_2, "region": "moon", "database.storage_gib": "5"})
    assert [line.split(": ")[0] for line in message.splitlines()] == [
        "stages:region",
        "stages:database.storage_gib",
    ]


def test_a_network_too_small_for_two_zones_is_refused() -> None:
    assert subnets.divide("10.0.0.0/26").private == ("10.0.0.32/28", "10.0.0.48/28")
    with pytest.raises(UserError) as caught:
        subnets.divide("10.0.0.0/27")
    assert str(caught.value) == (
        "stages:network.cidr: should be at least a /26, for two subnets in each of two zones, got"
        " '10.0.0.0/27'. For example 10.81.0.0/24."
    )


@pytest.mark.parametrize(
    ("region", "zones"),
    [
        ("eu-central-1", ("eu-central-1a", "eu-central-1b")),
        ("ap-northeast-1", ("ap-northeast-1a", "ap-northeast-1c")),
    ],
)
def test_the_first_two_zones(region: str, zones: tuple[str, str]) -> None:
    assert regions.zones(region, ()) == zones
    assert regions.zones(region, (f"{region}c", f"{region}a")) == (f"{region}c", f"{region}a")


def test_connection_limits_are_rdss_formula_over_the_whole_memory() -> None:
    limits = {name: plan.connection_limit for name, plan in plans.DATABASES.items()}
    assert limits == {
        "db.t4g.micro": 112,
        "db.t4g.small": 225,
        "db.t4g.medium": 450,
        "db.t4g.large": 901,
        "db.m7g.large": 901,
    }


def test_graviton_is_arm64_and_the_rest_is_not() -> None:
    arm = {name for name, plan in plans.SERVERS.items() if plan.architecture == "arm64"}
    assert arm == {name for name in plans.SERVERS if name.split(".")[0] in {"t4g", "m7g"}}


@pytest.mark.parametrize(
    ("day", "hour", "maintenance", "backup"),
    [
        ("sunday", 4, "sun:04:00-sun:05:00", "02:00-03:00"),
        ("sunday", 23, "sun:23:00-mon:00:00", "21:00-22:00"),
        ("monday", 1, "mon:01:00-mon:02:00", "23:00-00:00"),
    ],
)
def test_maintenance_and_backup_do_not_overlap(
    day: str, hour: int, maintenance: str, backup: str
) -> None:
    assert maintenance_window(day, hour) == maintenance
    assert backup_window(hour) == backup


def test_a_volumes_device_is_named_by_its_serial_number() -> None:
    assert device("vol-0a1b") == "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0a1b"
