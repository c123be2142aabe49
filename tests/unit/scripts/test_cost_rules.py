"""What has a line, what is free, what has no price, and what is refused."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from components.clouds.aws import plans as aws_plans
from components.clouds.aws.known import support_costs
from components.clouds.digitalocean import plans as digitalocean_plans
from components.clouds.digitalocean.known import database_costs
from components.clouds.digitalocean.known.names import ASSIGNMENT
from components.errors import UserError
from components.seam.costs import Line
from planning.costs import chart, plan_file, price_books
from planning.costs.compare import compare
from planning.costs.estimate import PARTS, Cloud, Estimate, estimate, money, total
from planning.difference import bill
from scripts.lib import cost_inputs
from tests.support import cost_plans
from tests.support.cost_plans import Planned, resource
from tests.support.planned import planned

TODAY = datetime.date(2026, 11, 22)
CLOUDS = price_books.all_clouds(TODAY)
US = {"region": "us-east-1"}


def cost(*resources: Planned, **usage: str) -> Estimate:
    given: dict[tuple[str, ...], Decimal] = {(key,): Decimal(usage[key]) for key in usage}
    return estimate(cost_plans.plan(*resources), CLOUDS, given)


def lines(estimate: Estimate) -> dict[str, str]:
    """Name and amount of every line."""
    shown = {}
    for line in estimate.lines:
        usd = line.usd_per_month
        shown[line.name] = "per use" if usd is None else money(usd)
    return shown


@pytest.mark.parametrize(
    ("type_", "inputs", "usd"),
    [
        ("aws:ec2/eip:Eip", US, "3.65"),
        ("aws:ec2/natGateway:NatGateway", US, "32.85"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", {**US, "namespace": "AWS/EC2"}, "0.10"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", {**US, "namespace": "stages/x"}, "0.40"),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", {**US, "metricQueries": [{}, {}]}, "0.20"),
        ("aws:secretsmanager/secret:Secret", US, "0.40"),
        ("digitalocean:index/uptimeCheck:UptimeCheck", {}, "1.00"),
        ("aws:kms/key:Key", US, "1.00"),
        ("aws:lightsail/instance:Instance", {**US, "bundleId": "medium_3_0"}, "24.00"),
        ("aws:lightsail/database:Database", {**US, "bundleId": "micro_ha_2_0"}, "30.00"),
        ("digitalocean:index/volume:Volume", {"region": "fra1", "size": 10}, "1.00"),
        ("digitalocean:index/reservedIp:ReservedIp", {"region": "fra1"}, "5.00"),
        ("digitalocean:index/loadBalancer:LoadBalancer", {"region": "fra1"}, "12.00"),
        ("digitalocean:index/spacesBucket:SpacesBucket", {"region": "fra1"}, "5.00"),
    ],
)
def test_one_resource(type_: str, inputs: Mapping[str, Any], usd: str) -> None:
    estimate = cost(resource(type_, "one", inputs))
    assert (money(estimate.total), estimate.unpriced) == (usd, ())


@pytest.mark.parametrize(
    ("made", "usage", "usd"),
    [
        (resource("aws:cloudwatch/logGroup:LogGroup", "flows", US), {"log_gb": "3"}, "1.50"),
        (resource("aws:s3/bucket:Bucket", "uploads", US), {"bucket_gb": "100"}, "2.30"),
        (resource("aws:route53/record:Record", "shop", US), {"dns_million_queries": "5"}, "2.00"),
        (cost_plans.rds(), {"database_backup_gib": "30"}, "50.70"),
        (cost_plans.rds(), {"database_credit_hours": "10"}, "50.50"),
        (cost_plans.rds(), {"zone_traffic_gb": "100"}, "50.75"),
        (cost_plans.droplet(), {"egress_beyond_pool_gib": "100"}, "25.00"),
        (cost_plans.droplet(), {"snapshot_gib": "50"}, "27.00"),
    ],
)
def test_usage(made: Planned, usage: dict[str, str], usd: str) -> None:
    assert money(cost(made, **usage).total) == usd


@pytest.mark.parametrize(
    ("inputs", "usd"),
    [
        ({"type": "HTTP", "requestInterval": 30}, "0.00"),
        ({"type": "HTTPS", "requestInterval": 30}, "1.00"),
        ({"type": "HTTPS_STR_MATCH", "requestInterval": 10, "measureLatency": True}, "4.00"),
    ],
)
def test_options_of_a_health_check(inputs: Mapping[str, Any], usd: str) -> None:
    """Beside the $3.65 of the address that it asks."""
    address = resource("aws:ec2/eip:Eip", "address", US)
    check = resource(
        "aws:route53/healthCheck:HealthCheck",
        "site",
        {**US, **inputs},
        sources={"ipAddress": [address["urn"]]},
    )
    assert money(cost(address, check).total - Decimal("3.65")) == usd
    assert [resource.reason for resource in cost({**check, "sources": {}}).unpriced] == [
        "only a health check of an Elastic IP has a price"
    ]


def test_a_metric_of_ones_own_is_paid_once() -> None:
    alarm = "aws:cloudwatch/metricAlarm:MetricAlarm"
    same = {**US, "namespace": "stages/x", "metricName": "memory"}
    pair = [resource(alarm, name, same) for name in ("high", "low")]
    assert money(cost(*pair).total) == "0.50"
    other = resource(alarm, "disk", {**same, "metricName": "disk"})
    assert money(cost(*pair, other).total) == "0.90"


def test_the_first_address_goes_when_the_static_one_comes() -> None:
    server = cost_plans.ec2()[0]
    host = resource(
        "pulumi-python:dynamic/stages:HostConfiguration",
        "host",
        {},
        sources={"server_id": [server["urn"]]},
    )
    address = resource("aws:ec2/eip:Eip", "address", US)
    association = resource(
        "aws:ec2/eipAssociation:EipAssociation",
        "address",
        {},
        sources={"instanceId": [host["urn"]], "allocationId": [address["urn"]]},
    )
    assert money(cost(server).total) == "30.58"
    assert money(cost(server, host, address, association).total) == "30.58"
    assert money(cost(server, address).total) == "34.23"


def test_a_reserved_address_costs_nothing_while_it_is_assigned() -> None:
    address = resource("digitalocean:index/reservedIp:ReservedIp", "address", {"region": "fra1"})
    assignment = resource(ASSIGNMENT, "address", {}, sources={"ipAddress": [address["urn"]]})
    estimate = cost(address, assignment)
    assert (estimate.lines, sum(estimate.free.values())) == ((), 2)


def test_a_replica_has_the_disk_of_its_source() -> None:
    primary = cost_plans.rds(standby=True, disk_gib=50)
    replica = resource(
        cost_plans.DATABASE,
        "replica",
        {**US, "replicateSourceDb": "[unknown]", "instanceClass": "db.t4g.micro",
         "storageType": "gp3"},
        sources={"replicateSourceDb": [primary["urn"]]},
    )  # fmt: skip
    more = cost(primary, replica).total - cost(primary).total
    assert more == Decimal("0.016") * 730 + Decimal("0.115") * 50


def test_a_replica_of_digitalocean_is_one_more_node() -> None:
    primary = cost_plans.cluster(nodes=2)
    replica = resource(
        "digitalocean:index/databaseReplica:DatabaseReplica",
        "replica",
        {"region": "fra1"},
        sources={"clusterId": [primary["urn"]]},
    )
    assert money(cost(primary, replica).total) == "182.70"


def test_included_disks_are_those_of_the_plans() -> None:
    assert database_costs.INCLUDED_DISK_GIB == digitalocean_plans.INCLUDED_STORAGE_GIB
    assert database_costs.MOST_DISK_GIB == digitalocean_plans.MOST_STORAGE_GIB


def test_processors_of_a_database_are_those_of_the_plans() -> None:
    for plan in aws_plans.DATABASES.values():
        assert support_costs.vcpus_of(plan.name) == plan.vcpus
    assert [support_costs.vcpus_of(size) for size in ("db.r6g.xlarge", "db.m7g.4xlarge")] == [4, 16]
    assert support_costs.vcpus_of("db.t2.micro") is None


def test_every_line_has_one_colour_and_one_part() -> None:
    for stack in cost_inputs.stack_names():
        for line in estimate(cost_inputs.plan(stack), CLOUDS).lines:
            assert sum(category.holds(line) for category in chart.CATEGORIES) == 1, line
            assert line.part in PARTS


@pytest.mark.parametrize("stack", cost_inputs.stack_names())
@pytest.mark.parametrize("more", [{}, {"alarms__email": "ops@example.com"}])
def test_everything_in_the_stacks_of_this_checkout_has_a_price(
    stack: str, more: dict[str, object]
) -> None:
    if stack.startswith("local"):
        more = {}
    if stack.endswith("stage2") and not stack.startswith("local"):
        more = {**more, "database__read_replicas": 1, "database__standby": True}
    document = planned(stack, None, **more).document()
    priced = estimate(plan_file.of_document(document, stack), CLOUDS)
    assert priced.unpriced == ()
    assert bool(priced.lines) != stack.startswith("local")


def test_what_has_no_rule_is_told() -> None:
    estimate = cost(resource("aws:elasticache/cluster:Cluster", "cache", {}))
    assert [
        (resource.resource, resource.type, resource.reason) for resource in estimate.unpriced
    ] == [("cache", "aws:elasticache/cluster:Cluster", "no rule says what this type costs")]
    assert estimate.total == 0


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (
            resource("aws:ebs/volume:Volume", "data", {**US, "type": "io2", "size": 10}),
            "Data volume: io2, 10 GiB: only gp3 with a size has a price here",
        ),
        (
            resource(cost_plans.INSTANCE, "server", {**US, "instanceType": "t4g.small"}),
            "Root disk: an unnamed type, the image decides on GiB: only gp3 with a size has a"
            " price here",
        ),
        (
            cost_plans.rds(performanceInsightsEnabled=True, performanceInsightsRetentionPeriod=731),
            "Performance Insights for 731 days: only 7 are free",
        ),
        (cost_plans.rds(storageType="io1"), "storageType: only gp3 has a price here, got 'io1'"),
        (
            resource("aws:cloudwatch/metricAlarm:MetricAlarm", "fast", {**US, "period": 10}),
            "an alarm on a period under 60 s has another price",
        ),
    ],
)
def test_options_without_a_price_are_told(made: Planned, reason: str) -> None:
    assert [resource.reason for resource in cost(made).unpriced] == [reason]


@pytest.mark.parametrize(
    ("made", "reasons"),
    [
        (
            cost_plans.ec2("t4g.smal")[0],
            [
                "Server: ec2/t4g.smal has no price in any region; the nearest: t4g.small, t3.small,"
                " t3a.small"
            ],
        ),
        (
            cost_plans.ec2(region="eu-centrl-1")[0],
            [
                f"{name}: no prices are known for the region 'eu-centrl-1'; the nearest:"
                " eu-central-1, ca-central-1, eu-west-1"
                for name in (
                    *("Server", "CPU above the baseline", "Root disk", "Public IPv4 address"),
                    "Traffic to the internet",
                )
            ],
        ),
        (
            cost_plans.droplet(region="fra9", backups=True),
            [
                "Droplet: no prices are known for the region 'fra9'; the nearest: fra1",
                "Backups: a part of the Droplet's price, which has none here",
                "Traffic out, beyond the pool: no prices are known for the region 'fra9'; the"
                " nearest: fra1",
                "Snapshots: no prices are known for the region 'fra9'; the nearest: fra1",
            ],
        ),
        (
            cost_plans.rds(engine="mysql"),
            ["engine: should be postgres to have a price, got 'mysql'"],
        ),
        (
            cost_plans.cluster("db-s-1vcpu-1gb", nodes=2),
            ["db-s-1vcpu-1gb is not offered with a standby: it has no price"],
        ),
        (
            cost_plans.ec2("[unknown]")[0],
            ["instanceType: should be known before a price is, got '[unknown]'"],
        ),
    ],
)
def test_what_has_no_price_is_refused_by_name_and_the_rest_is_priced(
    made: Planned, reasons: list[str]
) -> None:
    more = resource("aws:ebs/volume:Volume", "more", {**US, "type": "gp3", "size": 100})
    estimate = cost(made, more)
    assert [resource.reason for resource in estimate.unpriced] == reasons
    assert "Data volume" in lines(estimate)
    assert estimate.total >= Decimal(8)


def test_the_other_lines_of_a_resource_keep_their_price() -> None:
    """Its disk and its address, of a server whose size nobody knows."""
    assert lines(cost(*cost_plans.ec2("t9.huge"))) == {
        "Root disk": "2.40",
        "Public IPv4 address": "3.65",
        "Traffic to the internet": "per use",
    }


def test_a_total_without_all_prices_is_at_least_so_much() -> None:
    """RDS's backups have no price in eu-west-1: that matters only once there are some."""
    assert cost(cost_plans.rds(region="eu-west-1")).unpriced
    assert cost(cost_plans.rds(region="eu-west-1")).least == ""
    assert cost(cost_plans.rds(region="eu-west-1"), database_backup_gib="9").least == "at least "
    assert cost(*cost_plans.ec2("t9.huge")).least == "at least "


def test_a_plan_of_a_pull_request_has_no_total_where_a_size_is_refused() -> None:
    plan = cost_plans.document(*cost_plans.ec2("t9.huge"))
    with pytest.raises(UserError, match=r"server: Server: ec2/t9\.huge has no price"):
        bill.compare_costs("fixture", None, plan, None)


@pytest.mark.parametrize("gib", [-5, "much"])
def test_a_number_that_is_none_has_no_price(gib: object) -> None:
    (missing,) = cost(cost_plans.rds(allocatedStorage=gib)).unpriced
    assert missing.reason == f"allocatedStorage: should be a number, 0 or more, got {gib!r}"


SIZES = some.sampled_from(["t4g.small", "t4g.medium", "t3.large"])
ONE = some.one_of(
    some.builds(lambda size: ("ec2", cost_plans.ec2(size)[0]["inputs"]), SIZES),
    some.builds(
        lambda gib, iops: ("volume", {**US, "type": "gp3", "size": gib, "iops": iops}),
        some.integers(1, 900),
        some.integers(3000, 9000),
    ),
    some.builds(
        lambda standby, gib: ("rds", cost_plans.rds(standby=standby, disk_gib=gib)["inputs"]),
        some.booleans(),
        some.integers(20, 900),
    ),
    some.just(("droplet", cost_plans.droplet(backups=True)["inputs"])),
    some.builds(lambda n: ("cluster", cost_plans.cluster(nodes=n)["inputs"]), some.integers(1, 3)),
    some.sampled_from([("vpc", US), ("odd", US)]),
)
TYPES = {
    "ec2": cost_plans.INSTANCE,
    "volume": "aws:ebs/volume:Volume",
    "rds": cost_plans.DATABASE,
    "droplet": cost_plans.DROPLET,
    "cluster": cost_plans.CLUSTER,
    "vpc": "aws:ec2/vpc:Vpc",
    "odd": "aws:backup/plan:Plan",
}
MANY = some.lists(ONE, max_size=6).map(
    lambda given: [resource(TYPES[kind], f"one-{at}", inputs)
                   for at, (kind, inputs) in enumerate(given)]
)  # fmt: skip
USAGE = some.fixed_dictionaries(
    {}, optional={key: some.integers(0, 500).map(str) for key in ("egress_gb", "snapshot_gib")}
)


@settings(deadline=None, max_examples=60)
@given(MANY, USAGE, some.randoms(use_true_random=False))
def test_sums_and_order(many: list[Planned], usage: dict[str, str], random: Any) -> None:
    estimate = cost(*many, **usage)
    by_hand = [line.usd_per_month for line in estimate.lines if line.usd_per_month is not None]
    assert estimate.total == sum(by_hand, Decimal(0))
    assert estimate.total == sum((total(estimate.of_part(part)) for part in PARTS), Decimal(0))
    shuffled = list(many)
    random.shuffle(shuffled)
    assert cost(*shuffled, **usage) == estimate
    assert compare(estimate, estimate).changes == ()


@settings(deadline=None, max_examples=60)
@given(MANY, ONE, USAGE)
def test_one_more_resource_never_lowers_the_total(
    many: list[Planned], another: tuple[str, Any], usage: dict[str, str]
) -> None:
    more = resource(TYPES[another[0]], "more", another[1])
    assert cost(*many, more, **usage).total >= cost(*many, **usage).total


def test_lines_of_two_stacks_are_paired_without_their_names() -> None:
    def stack(name: str, size: str) -> Estimate:
        made = cost_plans.ec2(size)[0]
        own = resource(made["type"], f"{name}-server", made["inputs"], stack=name)
        return estimate(cost_plans.plan(own, stack=name), CLOUDS)

    difference = compare(stack("shop", "t4g.small"), stack("shop-test", "t4g.medium"))
    assert [(change.resource, change.name, change.usd) for change in difference.changes] == [
        ("server", "Server", Decimal("12.27"))
    ]


@pytest.mark.parametrize("cloud", CLOUDS, ids=lambda cloud: str(cloud.name))
def test_a_cloud_s_rows_are_of_its_own_types(cloud: Cloud) -> None:
    costs = cloud.costs
    priced = [type_ for type_, row in cloud.known().items() if row.cost]
    assert priced
    assert all(type_.startswith(costs.PREFIXES) for type_ in priced)
    assert all(key.unit and key.meaning for key in costs.USAGE.values())
    assert cloud.book().cloud == cloud.name


def test_what_has_no_price_is_told_in_one_order() -> None:
    odd = [resource("aws:backup/plan:Plan", name, {}) for name in "ab"]
    assert cost(*odd) == cost(*reversed(odd))


def test_amounts_are_exact() -> None:
    line = next(line for line in cost(*cost_plans.ec2("t4g.small")).lines if line.name == "Server")
    assert isinstance(line, Line)
    assert line.usd_per_month == Decimal("12.2640")


def test_the_baseline_of_a_striped_database_disk_is_in_its_price() -> None:
    """From 400 GiB a stage gives the baseline by name: 12,000 IOPS and 500 MiBps."""
    plain = cost(cost_plans.rds(allocatedStorage=400))
    named = cost(cost_plans.rds(allocatedStorage=400, iops=12000, storageThroughput=500))
    assert named.total == plain.total
    above = cost(cost_plans.rds(allocatedStorage=400, iops=12001, storageThroughput=500))
    assert "Database disk: IOPS above 12000" in lines(above)
