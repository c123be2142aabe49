"""What only the account and the region know: asked before anything is made, nothing is changed.

One thing is kept on this machine: the authority of the region's databases (``rds_ca.py``).
Every lack is one sentence. The rights to ask are in iam-policy.json.
"""

from __future__ import annotations

import ipaddress
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

from components.clouds.aws import checks, plans
from components.clouds.aws.account import api
from components.clouds.aws.known import regions
from components.clouds.aws.resources import boundary, image, rds_ca
from components.errors import UserError, invalid
from components.settings import Settings
from components.settings.problems import Words, raise_all

EXAMPLE_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIHJlcGxhY2UgdGhpcyBrZXkgd2l0aCB5b3VyIG93biEh"
"""In the stack files that come with the project; nobody has its private half."""

DOCUMENTATION = tuple(
    ipaddress.IPv4Network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
)
"""RFC 5737: addresses of examples."""

CLI_TIMEOUT_S = 30


def check(settings: Settings) -> None:
    """Raise ``UserError`` with everything that account, region or this machine cannot give."""
    checks.check(settings)
    raise_all([*_examples(settings), *_tunnel(settings)])
    region = regions.region(settings.region)
    try:
        who = api.call(api.client("sts", region), "get_caller_identity")
        raise_all([*_region(region)])
        ec2 = api.client("ec2", region)
        problems = [*_boundary(api.client("iam", region), who["Account"])]
        problems += [*_zones(ec2, settings), *_server(ec2, settings), *_image(ec2, settings)]
        if settings.dns.zone:
            problems += _dns(api.client("route53", region), settings.dns.zone)
        if settings.stage == 2:
            problems += _database(api.client("rds", region), settings)
    except api.Failed as error:
        raise api.user_error(error) from error
    raise_all(problems)


def _examples(settings: Settings) -> Iterator[UserError]:
    for key in settings.access.ssh_keys:
        if EXAMPLE_KEY in key:
            yield UserError(
                "stages:access.ssh_keys: should be your own key, got the example of the file",
                "Give the line of your .pub file: nobody has the example's private half.",
            )
    for cidr in settings.access.ssh_cidrs:
        network = ipaddress.IPv4Network(cidr)
        if any(network.subnet_of(example) for example in DOCUMENTATION):
            yield invalid(
                "stages:access.ssh_cidrs",
                "the networks that you log in from",
                cidr,
                "That is an example, which nobody has. Yours, where you are now:"
                " `curl https://checkip.amazonaws.com`.",
            )


def _tunnel(settings: Settings) -> Iterator[UserError]:
    if not settings.access.instance_connect:
        return
    remedy = "Install it, for stages:access.instance_connect: https://aws.amazon.com/cli/."
    if shutil.which("aws") is None:
        yield UserError("the AWS CLI 2 should be on this machine's PATH, got none", remedy)
        return
    result = subprocess.run(
        ["aws", "--version"], capture_output=True, text=True, timeout=CLI_TIMEOUT_S, check=False
    )
    if not result.stdout.startswith("aws-cli/2"):
        version = (result.stdout or result.stderr).split(" ")[0].strip()
        yield UserError(f"the AWS CLI should be of version 2, got {version!r}", remedy)


def _region(region: str) -> Iterator[UserError]:
    """Newer regions are off until the account switches them on."""
    asked = api.client("ec2", regions.DEFAULT)
    answer = api.call(asked, "describe_regions", RegionNames=[region], AllRegions=True)["Regions"]
    if answer and answer[0].get("OptInStatus") == "not-opted-in":
        yield invalid(
            "stages:region",
            "a region that is switched on in the account",
            region,
            f"`aws account enable-region --region-name {region}` switches it on.",
        )


def _boundary(iam: Any, account: str) -> Iterator[UserError]:
    """Without it AWS refuses to make the server's role, in the middle of an ``up``."""
    arn = boundary.in_account(account)
    try:
        api.call(iam, "get_policy", PolicyArn=arn)
    except api.Failed as error:
        if error.code != "NoSuchEntity":
            raise
        yield UserError(
            f"The account should have the policy {arn}, got none",
            "An administrator makes it once: `aws iam create-policy --policy-name"
            f" {boundary.NAME} --policy-document"
            " file://components/clouds/aws/iam-boundary.json`.",
        )


def _zones(ec2: Any, settings: Settings) -> Iterator[UserError]:
    region = regions.region(settings.region)
    answer = api.call(ec2, "describe_availability_zones")["AvailabilityZones"]
    available = sorted(
        zone["ZoneName"]
        for zone in answer
        if zone["State"] == "available" and zone["ZoneType"] == "availability-zone"
    )
    for zone in regions.zones(region, settings.network.zones):
        if zone not in available:
            yield invalid(
                "stages:network.zones",
                f"two of {', '.join(available)}, which the account has",
                zone,
                f"For example [{', '.join(available[:2])}].",
            )


def _server(ec2: Any, settings: Settings) -> Iterator[UserError]:
    region = regions.region(settings.region)
    zone = regions.zones(region, settings.network.zones)[0]
    plan = settings.server.plan or plans.DEFAULT_SERVER
    answer = api.call(
        ec2,
        "describe_instance_type_offerings",
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": [plan]}],
    )
    offered = sorted(offering["Location"] for offering in answer["InstanceTypeOfferings"])
    if zone not in offered:
        yield invalid(
            "stages:server.plan",
            f"one that {zone} has",
            plan,
            f"Put a zone that has it first in stages:network.zones: {', '.join(offered)}."
            if offered
            else f"Choose another: {region} does not have it at all.",
        )


def _image(ec2: Any, settings: Settings) -> Iterator[UserError]:
    plan = plans.server(settings.server.plan or plans.DEFAULT_SERVER)
    own = settings.server.image
    try:
        if own:
            images = api.call(ec2, "describe_images", ImageIds=[own])["Images"]
        else:
            images = api.call(
                ec2,
                "describe_images",
                Owners=[image.DEBIAN_ACCOUNT],
                Filters=[
                    {"Name": "name", "Values": [image.name_pattern(plan)]},
                    {"Name": "architecture", "Values": [plan.architecture]},
                ],
            )["Images"]
    except api.Failed as error:
        if not error.code.startswith("InvalidAMIID"):
            raise
        images = []
    if not images:
        yield (
            invalid(
                "stages:server.image",
                "an AMI that the region has",
                own,
                "Name one of this region: ids differ by region.",
            )
            if own
            else UserError(
                "AWS shows no image of Debian 13 in this region",
                "Give the id of one in stages:server.image.",
            )
        )
    elif images[0]["Architecture"] != plan.architecture:
        yield invalid(
            "stages:server.image",
            f"an AMI for {plan.architecture}, which {plan.name} is",
            f"{own} for {images[0]['Architecture']}",
            "Give another image, or another stages:server.plan.",
        )


def _dns(route53: Any, zone: str) -> Iterator[UserError]:
    """Hosted zones may have the same name; in a private one nobody outside finds the domain."""
    answer = api.call(route53, "list_hosted_zones_by_name", DNSName=zone)["HostedZones"]
    same = [hosted for hosted in answer if hosted["Name"] == f"{zone}."]
    public = [hosted for hosted in same if not hosted.get("Config", {}).get("PrivateZone")]
    if not public:
        yield invalid(
            "stages:dns.zone",
            "a public hosted zone that the account has",
            zone,
            f"Make it: `aws route53 create-hosted-zone --name {zone} --caller-reference {zone}`;"
            " the domain's registrar has to name its name servers. Or remove the line, and make"
            " the record where the zone is.",
        )
    elif len(public) > 1:
        ids = ", ".join(hosted["Id"].rpartition("/")[2] for hosted in public)
        yield invalid(
            "stages:dns.zone",
            "the one public hosted zone of its name",
            Words(f"{len(public)} of {zone} ({ids})"),
            "Delete the one whose name servers the domain's registrar does not name.",
        )


def _database(rds: Any, settings: Settings) -> Iterator[UserError]:
    region = regions.region(settings.region)
    plan = settings.database.plan or plans.DEFAULT_DATABASE
    offers = _offers(rds, plan, settings.database.version)
    if not offers:
        yield invalid(
            "stages:database.plan",
            f"one that {region} has for PostgreSQL {settings.database.version} on gp3",
            plan,
            "Choose another plan, or another region.",
        )
        return
    zones = {zone["Name"] for offer in offers for zone in offer["AvailabilityZones"]}
    missing = [zone for zone in regions.zones(region, settings.network.zones) if zone not in zones]
    if missing:
        yield invalid(
            "stages:database.plan",
            f"one that {', '.join(missing)} has",
            plan,
            f"Name two zones that have it in stages:network.zones: {', '.join(sorted(zones))}."
            if len(zones) > 1
            else f"Choose another: only {', '.join(zones)} has it, and a database needs two zones.",
        )
    if settings.database.standby and not any(offer["MultiAZCapable"] for offer in offers):
        yield invalid(
            "stages:database.plan",
            "one that is offered with a standby",
            plan,
            "Choose another, or set stages:database.standby to false.",
        )
    yield from _authority(rds, region)


def _offers(rds: Any, plan: str, version: int) -> list[dict[str, Any]]:
    """What can be ordered: the class, with gp3, in any minor version of the major one."""
    offers: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        answer = api.call(
            rds,
            "describe_orderable_db_instance_options",
            Engine="postgres",
            DBInstanceClass=plan,
            Vpc=True,
            **more,
        )
        offers += answer["OrderableDBInstanceOptions"]
        if not answer.get("Marker"):
            break
        more = {"Marker": answer["Marker"]}
    return [
        offer
        for offer in offers
        if offer["EngineVersion"].split(".")[0] == str(version) and offer["StorageType"] == "gp3"
    ]


def _authority(rds: Any, region: str) -> Iterator[UserError]:
    """Have the authority on this machine, and be sure that it is the one that AWS tells of."""
    try:
        answer = api.call(rds, "describe_certificates", CertificateIdentifier=rds_ca.IDENTIFIER)
    except api.Failed as error:
        if not error.code.startswith("CertificateNotFound"):
            raise
        answer = {"Certificates": []}
    thumbprints = {
        certificate["Thumbprint"].lower().replace(":", "") for certificate in answer["Certificates"]
    }
    if not thumbprints:
        yield invalid(
            "stages:region",
            f"one whose RDS has the authority {rds_ca.IDENTIFIER}",
            region,
            "Choose another region.",
        )
        return
    try:
        rds_ca.provide(region, thumbprints)
    except UserError as error:
        yield error
