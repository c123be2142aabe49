"""Bills that were worked out by hand from the vendors' rules before anything counted them.

The arithmetic stands beside each figure: us-east-1, 730 hours, prices of 2026-11.
``cost_plans.ec2`` has a disk of gp3 at .08 a GB and an address of its own at .005 an hour.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from planning.costs import price_books
from planning.costs.estimate import Estimate, estimate, money
from tests.support import cost_plans
from tests.support.cost_plans import Planned, ec2, rds, resource

TODAY = datetime.date(2026, 11, 29)
US = {"region": "us-east-1"}


def cost(made: Sequence[Planned], usage: Mapping[str, int], today: datetime.date) -> Estimate:
    given: dict[tuple[str, ...], Decimal] = {
        (key,): Decimal(quantity) for key, quantity in usage.items()
    }
    return estimate(cost_plans.plan(*made), price_books.all_clouds(today), given)


def replica(source: Planned, name: str = "replica", **more: object) -> Planned:
    inputs = {**US, "replicateSourceDb": "[unknown]", "instanceClass": "db.t4g.micro", **more}
    sources = {"replicateSourceDb": [source["urn"]]}
    return resource(cost_plans.DATABASE, name, inputs, sources=sources)


def in_subnet(**flags: object) -> list[Planned]:
    """A server that says nothing of an address, in a subnet with these flags."""
    subnet = resource("aws:ec2/subnet:Subnet", "subnet", {**US, **flags})
    server = ec2(disk_gib=20)[0]
    del server["inputs"]["associatePublicIpAddress"]
    return [subnet, {**server, "propertyDependencies": {"subnetId": [subnet["urn"]]},
                     "inputs": {**server["inputs"], "subnetId": "[unknown]"}}]  # fmt: skip


def eip(**sources: str) -> Planned:
    return resource("aws:ec2/eip:Eip", "address", US, sources={k: [v] for k, v in sources.items()})


SERVER = ec2(disk_gib=20)
"""730 * .0336 + 20 * .08 + 730 * .005 = 24.528 + 1.60 + 3.65 = 29.778"""
PRIMARY = rds("db.t4g.micro", disk_gib=50)
"""730 * .016 + 50 * .115 = 11.68 + 5.75 = 17.43"""

FIGURES: dict[str, tuple[Sequence[Planned], Mapping[str, int], str]] = {
    # RDS keeps as many GiB of backups free as all databases of the region have disk.
    "backups: a primary: 17.43 + (60 - 50) * .095": (
        [PRIMARY], {"database_backup_gib": 60}, "18.38"),
    "backups: with a standby, whose disk counts once: 730 * .032 + 50 * .23 + 10 * .095": (
        [rds("db.t4g.micro", disk_gib=50, standby=True)], {"database_backup_gib": 60}, "35.81"),
    "backups: a second primary: 17.43 + 730 * .016 + 100 * .115 + (200 - 150) * .095": (
        [PRIMARY, rds("db.t4g.micro", disk_gib=100, name="second")],
        {"database_backup_gib": 200}, "45.36"),
    "backups: a replica: 2 * 17.43, 100 of 100 GiB are free": (
        [PRIMARY, replica(PRIMARY)], {"database_backup_gib": 100}, "34.86"),
    "backups: three replicas: 4 * 17.43, 200 of 200 GiB are free, not 50 (14.25 less)": (
        [PRIMARY, *(replica(PRIMARY, f"replica-{at}") for at in range(3))],
        {"database_backup_gib": 200}, "69.72"),
    "backups: another region's database makes nothing free: 17.43 + 10 * .095"
    " + 730 * .019 + 50 * .137": (
        [PRIMARY, rds("db.t4g.micro", "eu-central-1", disk_gib=50, name="there")],
        {"database_backup_gib": 60}, "39.10"),
    # A Droplet's backups are daily where no policy says otherwise: 30 %, weekly 20 %.
    "droplet: backups without a policy: 24 * 1.3": (
        [cost_plans.droplet(backups=True)], {}, "31.20"),
    "droplet: daily backups: 24 * 1.3": (
        [cost_plans.droplet(backups=True, backupPolicy={"plan": "daily"})], {}, "31.20"),
    "droplet: weekly backups: 24 * 1.2": (
        [cost_plans.droplet(backups=True, backupPolicy={"plan": "weekly"})], {}, "28.80"),
    # Every public IPv4 address costs .005 an hour, once.
    "address: the server's own": (SERVER, {}, "29.78"),
    "address: a static one that names the server replaces its own": (
        [*SERVER, eip(instance=SERVER[0]["urn"])], {}, "29.78"),
    "address: one that names its interface does so too": (
        [*SERVER, eip(networkInterface=SERVER[0]["urn"])], {}, "29.78"),
    "address: a static one for nobody comes on top: + 3.65": (
        [*SERVER, eip()], {}, "33.43"),
    "address: of a subnet that gives them": (in_subnet(mapPublicIpOnLaunch=True), {}, "29.78"),
    "address: none of a subnet that gives none: - 3.65": (in_subnet(), {}, "26.13"),
    "address: of the network that every account has": (in_subnet()[1:] and [
        {**SERVER[0], "inputs": {k: v for k, v in SERVER[0]["inputs"].items()
                                 if k != "associatePublicIpAddress"}}], {}, "29.78"),
    "address: of a database on the internet: 730 * .032 + 30 * .115 + 3.65": (
        [rds("db.t4g.small", disk_gib=30, publiclyAccessible=True)], {}, "30.46"),
    # An old version of PostgreSQL costs .10 a vCPU-hour, after two years .20, unless refused.
    "support: version 13 on 2 vCPU: 49.75 + 2 * 730 * .10": (
        [rds(engineVersion="13.22")], {}, "195.75"),
    "support: the standby pays as well: 98.77 + 4 * 730 * .10": (
        [rds(engineVersion="13", standby=True)], {}, "390.77"),
    "support: version 11 in its third year: 49.75 + 2 * 730 * .20": (
        [rds(engineVersion="11")], {}, "341.75"),
    "support: refused": (
        [rds(engineVersion="13",
             engineLifecycleSupport="open-source-rds-extended-support-disabled")], {}, "49.75"),
    "support: version 14 is not old yet": ([rds(engineVersion="14")], {}, "49.75"),
    # Traffic out: 100 GB are free, then 10 TB at .09, 40 TB at .085, 100 TB at .07, the rest .05.
    "traffic: 30.58 + 50 * .09": (ec2(), {"egress_gb": 150}, "35.08"),
    "traffic: 30.58 + 10,240 * .09 + 9,660 * .085": (ec2(), {"egress_gb": 20_000}, "1,773.28"),
    "traffic: 30.58 + 10,240 * .09 + 40,960 * .085 + 102,400 * .07 + 46,300 * .05": (
        ec2(), {"egress_gb": 200_000}, "13,916.78"),
    # CPU above the baseline of T sizes, once a stack.
    "credits: two servers: 2 * 30.58 + 10 * .04": (
        [*ec2(), {**ec2()[0], "urn": cost_plans.urn(cost_plans.INSTANCE, "two")}],
        {"cpu_credit_hours": 10}, "61.56"),
    "credits: a database: 49.75 + 10 * .075": ([rds()], {"database_credit_hours": 10}, "50.50"),
    # DigitalOcean's database disks: included, in steps of 10 GiB at .215, up to the plan's most.
    "disk: what is included: 60.90": ([cost_plans.cluster(disk_gib=60)], {}, "60.90"),
    "disk: a step: 60.90 + 10 * .215": ([cost_plans.cluster(disk_gib=70)], {}, "63.05"),
    "disk: the most of 4 GiB: 60.90 + 60 * .215": ([cost_plans.cluster(disk_gib=120)], {}, "73.80"),
    # A replica names its source.
    "replica: by the name of its source: 17.43 * 2": (
        [rds("db.t4g.micro", disk_gib=50, identifier="shop"),
         {**replica(PRIMARY, replicateSourceDb="shop"), "propertyDependencies": {}}], {}, "34.86"),
    "replica: by its ARN: 17.43 * 2": (
        [rds("db.t4g.micro", disk_gib=50, identifier="shop"),
         {**replica(PRIMARY, replicateSourceDb="arn:aws:rds:us-east-1:123456789012:db:shop"),
          "propertyDependencies": {}}], {}, "34.86"),
    # What is stored, by use.
    "bucket: dumps and old versions: 100 * .023": (
        [resource("aws:s3/bucket:Bucket", "dumps", US)], {"bucket_gb": 100}, "2.30"),
    "spaces: 5 for 250 GiB and 1,024 GiB of traffic: 5 + 50 * .02 + 100 * .01": (
        [resource("digitalocean:index/spacesBucket:SpacesBucket", "dumps", {"region": "fra1"})],
        {"spaces_gib": 300, "spaces_egress_gib": 1124}, "7.00"),
    "snapshots: of a volume: 10 * .08 + 40 * .05": (
        [resource("aws:ebs/volume:Volume", "data", {**US, "type": "gp3", "size": 10})],
        {"snapshot_gib": 40}, "2.80"),
    "snapshots: of a volume of DigitalOcean without a Droplet: 10 * .10 + 40 * .06": (
        [resource("digitalocean:index/volume:Volume", "data", {"region": "fra1", "size": 10})],
        {"snapshot_gib": 40}, "3.40"),
}  # fmt: skip


@pytest.mark.parametrize("what", FIGURES)
def test_a_bill_is_the_one_worked_out_by_hand(what: str) -> None:
    made, usage, usd = FIGURES[what]
    estimate = cost(made, usage, TODAY)
    assert (money(estimate.total), estimate.unpriced) == (usd, ())
    assert not {(key,) for key in usage} - estimate.used


REFUSED: dict[str, tuple[Planned, str, str]] = {
    "a spot instance": (
        {**SERVER[0], "inputs": {**SERVER[0]["inputs"],
                                 "instanceMarketOptions": {"marketType": "spot"}}},
        "5.25", "Server: a spot instance has a price that changes by the hour"),
    "an instance on hardware of its own": (
        {**SERVER[0], "inputs": {**SERVER[0]["inputs"], "tenancy": "dedicated"}},
        "5.25", "Server: only shared tenancy has a price here, got 'dedicated'"),
    "a disk that is not sold": (
        cost_plans.cluster(disk_gib=200),
        "60.90", "Database disk: db-s-2vcpu-4gb is sold with 60 to 120 GiB, got 200"),
    "a disk that is too small": (
        cost_plans.cluster(disk_gib=50),
        "60.90", "Database disk: db-s-2vcpu-4gb is sold with 60 to 120 GiB, got 50"),
    "a replica of a database elsewhere": (
        {**replica(PRIMARY, replicateSourceDb="theirs"), "propertyDependencies": {}},
        "11.68", "Database disk: as that of 'theirs', which is not in the plan"),
    "a subnet elsewhere": (
        {**SERVER[0], "inputs": {**SERVER[0]["inputs"], "subnetId": "subnet-1",
                                 "associatePublicIpAddress": None}},
        "26.13", "Public IPv4 address: whether the subnet 'subnet-1' gives one is not in the plan"),
    "an endpoint with an address": (
        resource("aws:ec2/vpcEndpoint:VpcEndpoint", "logs", {**US, "vpcEndpointType": "Interface"}),
        "0.00", "only an endpoint of type Gateway is free, got 'Interface'"),
    "a version that has left": (
        rds(engineVersion="9.6"),
        "49.75", "Extended Support: nothing is known of PostgreSQL 9"),
    "extended support elsewhere": (
        rds("db.t4g.micro", "eu-central-1", engineVersion="13"),
        "16.61", "Extended Support: rds-extended-support/year-1-2 has no price in eu-central-1,"
        " only in us-east-1; add a row and its source to components/clouds/aws/known/prices.json"),
    "an address elsewhere": (
        resource("aws:ec2/eip:Eip", "address", {"region": "us-west-1"}),
        "0.00", "Public IPv4 address: ipv4 has no price in us-west-1, only in ap-northeast-1,"
        " ap-south-1, ap-southeast-1, ap-southeast-2, ca-central-1, eu-central-1, eu-north-1,"
        " eu-west-1, eu-west-2, eu-west-3, sa-east-1, us-east-1, us-east-2, us-west-2; `make prices"
        " REFRESH=1 CLOUD=aws REGION=us-west-1` looks it up"),
}  # fmt: skip
"""What has no price, what the rest costs, and why."""


@pytest.mark.parametrize("what", REFUSED)
def test_what_has_no_price_is_refused_and_the_rest_is_priced(what: str) -> None:
    made, usd, reason = REFUSED[what]
    estimate = cost([made], {}, TODAY)
    assert [unpriced.reason for unpriced in estimate.unpriced] == [reason]
    assert money(estimate.total) == usd


def test_a_network_of_hardware_of_its_own() -> None:
    """Its tenancy is that of every server in it."""
    vpc = resource("aws:ec2/vpc:Vpc", "network", {**US, "instanceTenancy": "dedicated"})
    subnet, server = in_subnet(mapPublicIpOnLaunch=True)
    subnet = {**subnet, "propertyDependencies": {"vpcId": [vpc["urn"]]}}
    estimate = cost([vpc, subnet, server], {}, TODAY)
    assert money(estimate.total) == "5.25"
    assert [unpriced.reason for unpriced in estimate.unpriced] == [
        "Server: only shared tenancy has a price here, got 'dedicated'"
    ]


@pytest.mark.parametrize(
    ("day", "usd"),
    [
        ("2027-02-28", "49.75"),
        ("2027-03-01", "195.75"),
        ("2029-02-28", "195.75"),
        ("2029-03-01", "341.75"),
    ],
)
def test_extended_support_of_version_14_costs_from_its_day_on(day: str, usd: str) -> None:
    estimate = cost([rds(engineVersion="14")], {}, datetime.date.fromisoformat(day))
    assert money(estimate.total) == usd


FREE: list[tuple[str, Mapping[str, Any]]] = [
    ("aws:ec2/securityGroupRule:SecurityGroupRule", {"type": "ingress"}),
    ("aws:acm/certificate:Certificate", {"domainName": "shop.example.com"}),
    ("aws:acm/certificateValidation:CertificateValidation", {}),
    ("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration", {}),
    ("aws:ec2/eip:Eip", {**US, "publicIpv4Pool": "ipv4pool-ec2-1"}),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", US),
    ("aws:rds/snapshot:Snapshot", US),
    ("digitalocean:index/certificate:Certificate", {}),
    ("digitalocean:index/spacesBucketPolicy:SpacesBucketPolicy", {}),
]


@pytest.mark.parametrize(("type_", "inputs"), FREE)
def test_what_is_free(type_: str, inputs: Mapping[str, Any]) -> None:
    estimate = cost([resource(type_, "one", inputs)], {}, TODAY)
    assert (estimate.free, estimate.lines, estimate.unpriced) == ({type_: 1}, (), ())


def test_a_bucket_with_its_rules_and_its_key_is_one_line() -> None:
    """Versions that a lock keeps are stored as well; nothing else of it costs."""
    bucket = resource("aws:s3/bucket:Bucket", "dumps", {**US, "objectLockEnabled": True})
    kinds = (
        *("LifecycleConfiguration", "ObjectLockConfiguration", "OwnershipControls", "Policy"),
        *("PublicAccessBlock", "ServerSideEncryptionConfiguration", "Versioning"),
    )
    rules = [resource(f"aws:s3/bucket{kind}:Bucket{kind}", kind, US) for kind in kinds]
    key = [resource(f"aws:iam/{of}:{of}", "key", {}) for of in ("user", "userPolicy", "accessKey")]
    estimate = cost([bucket, *rules, *key], {"bucket_gb": 1000}, TODAY)
    assert (money(estimate.total), len(estimate.lines), estimate.unpriced) == ("23.00", 1, ())
    assert estimate.lines[0].detail == "locked versions count"
    space = resource("digitalocean:index/spacesBucket:SpacesBucket", "dumps", {"region": "fra1"})
    access = resource("digitalocean:index/spacesKey:SpacesKey", "key", {})
    assert cost([space, access], {}, TODAY).unpriced == ()


def test_a_lock_of_its_own_type_is_the_buckets() -> None:
    bucket = resource("aws:s3/bucket:Bucket", "dumps", US)
    type_ = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
    lock = resource(type_, "lock", US, sources={"bucket": [bucket["urn"]]})
    assert [line.detail for line in cost([bucket, lock], {}, TODAY).lines] == [
        "locked versions count"
    ]


def test_a_private_certificate_is_not_free() -> None:
    inputs = {"certificateAuthorityArn": "arn:aws:acm-pca:us-east-1:123456789012:authority"}
    estimate = cost([resource("aws:acm/certificate:Certificate", "one", inputs)], {}, TODAY)
    assert [unpriced.reason for unpriced in estimate.unpriced] == [
        "a certificate of a private authority, or one that can be exported, has no price here"
    ]
