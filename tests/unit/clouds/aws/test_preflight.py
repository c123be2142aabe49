"""What account and region lack is told before anything is made, word for word."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components import settings
from components.clouds.aws.account import preflight
from components.clouds.aws.resources import image, rds_ca
from components.errors import UserError
from components.seam.provider import load
from tests.support import authorities
from tests.support.planned import settled
from tests.unit.clouds.aws.graph import LEAST, LEAST_2
from tests.unit.clouds.aws.stubbed import Stubbed

OWN: dict[str, object] = {"access.ssh_cidrs": ["84.20.1.2/32"]}
AUTHORITY = authorities.make("Amazon RDS eu-central-1 Root CA RSA2048 G1")
THUMBPRINT = authorities.thumbprint(AUTHORITY)

LATER = [{"Name": "eu-central-1b"}, {"Name": "eu-central-1c"}]
OFFER: dict[str, Any] = {
    "EngineVersion": "17.6",
    "StorageType": "gp3",
    "MultiAZCapable": True,
    "AvailabilityZones": [{"Name": "eu-central-1a"}, {"Name": "eu-central-1b"}],
}


class Account(Stubbed):
    """An account that has everything; each part can be told to lack something."""

    def usual(self, stage: int, **lacks: Any) -> None:
        self.answer("sts", "get_caller_identity", {"Account": "123456789012"})
        self.answer(
            "ec2",
            "describe_regions",
            {"Regions": [{"OptInStatus": lacks.get("opted", "opt-in-not-required")}]},
            RegionNames=["eu-central-1"],
            AllRegions=True,
        )
        if "opted" in lacks:
            return
        limit = "arn:aws:iam::123456789012:policy/stages-boundary"
        if lacks.get("boundary") == "none":
            self.error("iam", "get_policy", "NoSuchEntity")
        else:
            self.answer("iam", "get_policy", {}, PolicyArn=limit)
        zones = lacks.get("zones", ["eu-central-1a", "eu-central-1b", "eu-central-1c"])
        self.answer(
            "ec2",
            "describe_availability_zones",
            {
                "AvailabilityZones": [
                    {"ZoneName": zone, "State": "available", "ZoneType": "availability-zone"}
                    for zone in zones
                ]
                + [
                    {
                        "ZoneName": lacks.get("impaired", "eu-central-1d"),
                        "State": "impaired",
                        "ZoneType": "availability-zone",
                    },
                    {
                        "ZoneName": "eu-central-1-ham-1a",
                        "State": "available",
                        "ZoneType": "local-zone",
                    },
                ]
            },
        )
        self.answer(
            "ec2",
            "describe_instance_type_offerings",
            {"InstanceTypeOfferings": [{"Location": zone} for zone in lacks.get("have", zones)]},
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": [lacks.get("plan", "t4g.medium")]}],
        )
        if lacks.get("image") == "forbidden":
            self.error("ec2", "describe_images", "UnauthorizedOperation")
            return
        if lacks.get("image") == "error":
            self.error("ec2", "describe_images", "InvalidAMIID.NotFound")
        else:
            self.answer(
                "ec2",
                "describe_images",
                {"Images": lacks.get("image", [{"Architecture": "arm64"}])},
            )
        if stage == 2:
            self.database(**lacks)

    def database(self, **lacks: Any) -> None:
        asked = {"Engine": "postgres", "DBInstanceClass": "db.t4g.medium", "Vpc": True}
        operation = "describe_orderable_db_instance_options"
        old = {**OFFER, "EngineVersion": "16.9"}
        first = {"OrderableDBInstanceOptions": [old], "Marker": "more"}
        self.answer("rds", operation, first, **asked)
        offers = lacks.get("offers", [OFFER])
        last = {"OrderableDBInstanceOptions": offers}
        self.answer("rds", operation, last, **asked, Marker="more")
        if offers and lacks.get("certificates", True):
            if lacks.get("authority") == "none":
                self.error("rds", "describe_certificates", "CertificateNotFound")
                return
            if lacks.get("authority") == "forbidden":
                self.error("rds", "describe_certificates", "AccessDenied")
                return
            authority = {"Thumbprint": lacks.get("thumbprint", THUMBPRINT.upper())}
            self.answer(
                "rds",
                "describe_certificates",
                {"Certificates": [authority]},
                CertificateIdentifier=rds_ca.IDENTIFIER,
            )


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(authorities.make("another") + AUTHORITY)
    monkeypatch.setenv(rds_ca.OWN_BUNDLE, str(bundle))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = Account(monkeypatch, "sts", "iam", "ec2", "rds", "route53")
    yield made
    made.done()


def ask(stage: int, **values: object) -> None:
    least = {**(LEAST_2 if stage == 2 else {**LEAST, "stage": "1"}), **OWN}
    given = {**least, **{key.replace("__", "."): value for key, value in values.items()}}
    preflight.check(settings.read(f"aws-stage{stage}", given))


def error_text(stage: int, **values: object) -> str:
    with pytest.raises(UserError) as caught:
        ask(stage, **values)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize("stage", [1, 2])
def test_an_account_that_has_everything_passes(account: Account, stage: int) -> None:
    account.usual(stage)
    ask(stage)
    assert account.regions[0] == "eu-central-1"
    assert "us-east-1" in account.regions, "a region that is off does not answer for itself"


def test_the_limit_of_roles_has_to_be_there(account: Account) -> None:
    account.usual(1, boundary="none")
    assert error_text(1) == (
        "The account should have the policy arn:aws:iam::123456789012:policy/stages-boundary, got"
        " none. An administrator makes it once: `aws iam create-policy --policy-name"
        " stages-boundary --policy-document file://components/clouds/aws/iam-boundary.json`."
    )


def test_the_commands_find_it() -> None:
    assert load("aws").operations.preflight is preflight.check


def test_the_examples_of_the_stack_files_are_refused(account: Account) -> None:
    import yaml

    file = Path(__file__).parents[4] / "stacks" / "Pulumi.aws-stage1.yaml"
    config = yaml.safe_load(file.read_text())["config"]
    values = {key.removeprefix("stages:"): value for key, value in config.items()}
    with pytest.raises(UserError) as caught:
        preflight.check(settings.read("aws-stage1", values))
    assert str(caught.value).splitlines() == [
        "stages:access.ssh_keys: should be your own key, got the example of the file. Give the line"
        " of your .pub file: nobody has the example's private half.",
        "stages:access.ssh_cidrs: should be the networks that you log in from, got"
        " '203.0.113.7/32'. That is an example, which nobody has. Yours, where you are"
        " now: `curl https://checkip.amazonaws.com`.",
    ]


def test_what_the_settings_alone_show_is_told_without_asking(account: Account) -> None:
    assert error_text(2, database__storage_gib="10").startswith(
        "stages:database.storage_gib: should be"
    )


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId", "AuthFailure"])
def test_credentials_that_aws_does_not_take(account: Account, code: str) -> None:
    account.error("sts", "get_caller_identity", code, "The token has expired")
    assert error_text(1) == (
        "AWS does not accept who is asking: The token has expired. Log in with the AWS CLI"
        " (`aws sso login`, `aws configure`) or set AWS_PROFILE."
    )


def test_no_credentials_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    assert error_text(1) == (
        "AWS does not accept who is asking: Unable to locate credentials. Log in with the AWS CLI"
        " (`aws sso login`, `aws configure`) or set AWS_PROFILE."
    )


def test_a_profile_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert error_text(1) == (
        "AWS does not answer: The config profile (no-such-profile) could not be found. Log in with"
        " the AWS CLI (`aws sso login`, `aws configure`) or set AWS_PROFILE."
    )


def test_a_right_that_is_missing(account: Account) -> None:
    account.answer("sts", "get_caller_identity", {"Account": "123456789012"})
    account.error("ec2", "describe_regions", "UnauthorizedOperation", "not authorized to do this")
    assert error_text(1) == (
        "AWS refuses the right to ask: not authorized to do this. The rights are in"
        " components/clouds/aws/iam-policy.json."
    )


def test_a_region_that_is_switched_off(account: Account) -> None:
    account.usual(1, opted="not-opted-in")
    assert error_text(1) == (
        "stages:region: should be a region that is switched on in the account, got 'eu-central-1'."
        " `aws account enable-region --region-name eu-central-1` switches it on."
    )


ZONE: dict[str, Any] = {"Name": "example.com.", "CallerReference": "x"}
NAMES: dict[str, object] = {"domain": "shop.example.com", "dns__zone": "example.com"}


def zones(account: Account, *there: dict[str, Any]) -> None:
    account.usual(1)
    answer = {"HostedZones": list(there), "IsTruncated": False, "MaxItems": "100"}
    account.answer("route53", "list_hosted_zones_by_name", answer, DNSName="example.com")


def test_a_zone_that_the_account_has(account: Account) -> None:
    private = {**ZONE, "Id": "/hostedzone/Z1", "Config": {"PrivateZone": True}}
    zones(account, private, {**ZONE, "Id": "/hostedzone/Z2"})
    ask(1, **NAMES)


def test_a_zone_that_the_account_lacks(account: Account) -> None:
    """AWS answers with the zones from that name on."""
    private = {**ZONE, "Id": "/hostedzone/Z1", "Config": {"PrivateZone": True}}
    zones(account, private, {**ZONE, "Id": "/hostedzone/Z3", "Name": "example.org."})
    assert error_text(1, **NAMES) == (
        "stages:dns.zone: should be a public hosted zone that the account has, got 'example.com'."
        " Make it: `aws route53 create-hosted-zone --name example.com --caller-reference"
        " example.com`; the domain's registrar has to name its name servers. Or remove the line,"
        " and make the record where the zone is."
    )


def test_two_zones_of_one_name(account: Account) -> None:
    zones(account, *({**ZONE, "Id": f"/hostedzone/{id_}"} for id_ in ("Z1", "Z2")))
    assert error_text(1, **NAMES) == (
        "stages:dns.zone: should be the one public hosted zone of its name, got 2 of example.com"
        " (Z1, Z2). Delete the one whose name servers the domain's registrar does not name."
    )


Lack = tuple[int, dict[str, Any], dict[str, object], str]
LACKS: list[Lack] = [
    (
        1,
        {"zones": ["eu-central-1a", "eu-central-1c"]},
        {},
        "stages:network.zones: should be two of eu-central-1a, eu-central-1c, which the account"
        " has, got 'eu-central-1b'. For example [eu-central-1a, eu-central-1c].",
    ),
    (
        1,
        {"zones": ["eu-central-1a", "eu-central-1c"], "impaired": "eu-central-1b"},
        {},
        "stages:network.zones: should be two of eu-central-1a, eu-central-1c, which the account"
        " has, got 'eu-central-1b'. For example [eu-central-1a, eu-central-1c].",
    ),
    (
        1,
        {"have": ["eu-central-1b"]},
        {},
        "stages:server.plan: should be one that eu-central-1a has, got 't4g.medium'. Put a zone"
        " that has it first in stages:network.zones: eu-central-1b.",
    ),
    (
        1,
        {"have": []},
        {},
        "stages:server.plan: should be one that eu-central-1a has, got 't4g.medium'. Choose"
        " another: eu-central-1 does not have it at all.",
    ),
    (
        1,
        {"image": []},
        {},
        "AWS shows no image of Debian 13 in this region. Give the id of one in"
        " stages:server.image.",
    ),
    (
        1,
        {"image": "error"},
        {"server__image": "ami-0123456789abcdef0"},
        "stages:server.image: should be an AMI that the region has, got 'ami-0123456789abcdef0'."
        " Name one of this region: ids differ by region.",
    ),
    (
        1,
        {"image": [{"Architecture": "x86_64"}]},
        {"server__image": "ami-0123456789abcdef0"},
        "stages:server.image: should be an AMI for arm64, which t4g.medium is, got"
        " 'ami-0123456789abcdef0 for x86_64'. Give another image, or another stages:server.plan.",
    ),
    (
        2,
        {"offers": []},
        {},
        "stages:database.plan: should be one that eu-central-1 has for PostgreSQL 17 on gp3, got"
        " 'db.t4g.medium'. Choose another plan, or another region.",
    ),
    (
        2,
        {"offers": [{**OFFER, "AvailabilityZones": [{"Name": "eu-central-1a"}]}]},
        {},
        "stages:database.plan: should be one that eu-central-1b has, got 'db.t4g.medium'."
        " Choose another: only eu-central-1a has it, and a database needs two zones.",
    ),
    (
        2,
        {"offers": [{**OFFER, "AvailabilityZones": LATER}]},
        {},
        "stages:database.plan: should be one that eu-central-1a has, got 'db.t4g.medium'."
        " Name two zones that have it in stages:network.zones: eu-central-1b, eu-central-1c.",
    ),
    (
        2,
        {"offers": [{**OFFER, "MultiAZCapable": False}]},
        {"database__standby": "true"},
        "stages:database.plan: should be one that is offered with a standby, got 'db.t4g.medium'."
        " Choose another, or set stages:database.standby to false.",
    ),
    (
        2,
        {"thumbprint": "ab" * 20},
        {},
        "[bundle]: should hold the certificate with the thumbprint that RDS tells"
        f" ({'ab' * 20}), got others. Bring Amazon's bundle of the region yourself:"
        " STAGES_RDS_CA=/path/to/bundle.pem.",
    ),
    (
        2,
        {"authority": "none"},
        {},
        "stages:region: should be one whose RDS has the authority rds-ca-rsa2048-g1, got"
        " 'eu-central-1'. Choose another region.",
    ),
    (
        2,
        {"authority": "forbidden"},
        {},
        "AWS refuses the right to ask: no. The rights are in"
        " components/clouds/aws/iam-policy.json.",
    ),
]


@pytest.mark.parametrize(("stage", "lacks", "values", "message"), LACKS)
def test_a_lack_is_told(
    account: Account, stage: int, lacks: dict[str, Any], values: dict[str, object], message: str
) -> None:
    account.usual(stage, **lacks)
    bundle = os.environ[rds_ca.OWN_BUNDLE]
    assert error_text(stage, **values).replace(bundle, "[bundle]") == message


OWN_IMAGE: dict[str, object] = {"server__image": "ami-0123456789abcdef0"}
FOLLOWED: list[tuple[int, dict[str, Any], dict[str, object], dict[str, Any], dict[str, object]]] = [
    (
        1,
        {"have": ["eu-central-1b"]},
        {},
        {},
        {"network__zones": ["eu-central-1b", "eu-central-1a"]},
    ),
    (1, {"image": []}, {}, {"image": [{"Architecture": "arm64"}]}, OWN_IMAGE),
    (
        1,
        {"image": [{"Architecture": "x86_64"}]},
        OWN_IMAGE,
        {"image": [{"Architecture": "arm64"}]},
        {"server__image": "ami-0fedcba9876543210"},
    ),
    (
        1,
        {"image": [{"Architecture": "x86_64"}]},
        OWN_IMAGE,
        {"plan": "t3.medium"},
        {**OWN_IMAGE, "server__plan": "t3.medium"},
    ),
    (
        2,
        {"offers": [{**OFFER, "AvailabilityZones": LATER}]},
        {},
        {},
        {"network__zones": ["eu-central-1b", "eu-central-1c"]},
    ),
    (
        2,
        {"offers": [{**OFFER, "MultiAZCapable": False}]},
        {"database__standby": "true"},
        {},
        {"database__standby": "false"},
    ),
]
"""A stage, what the account lacks, the settings that meet it, what is different for those that are
changed as the error says, and those."""


@pytest.mark.parametrize(("stage", "lacks", "before", "then", "after"), FOLLOWED)
def test_a_lack_is_met_by_settings_that_are_changed_as_its_error_says(
    account: Account,
    stage: int,
    lacks: dict[str, Any],
    before: dict[str, object],
    then: dict[str, Any],
    after: dict[str, object],
) -> None:
    account.usual(stage, **lacks)
    assert error_text(stage, **before).count("\n") == 0
    account.usual(stage, **{**lacks, **then})
    ask(stage, **after)


def test_what_a_preview_asks_first_puts_the_databases_authority_there(account: Account) -> None:
    """As the error says of a deployment that does not find it."""
    with pytest.raises(UserError, match="`make preview STACK="):
        settled("aws-stage2", region="eu-central-1")
    account.usual(2)
    ask(2)
    assert settled("aws-stage2", region="eu-central-1").plan.resources


@pytest.mark.parametrize("stage", [1, 2])
def test_the_databases_authority_is_there_afterwards(account: Account, stage: int) -> None:
    account.usual(stage)
    ask(stage)
    kept = rds_ca.file("eu-central-1")
    assert kept.is_file() is (stage == 2)
    assert stage == 1 or kept.read_text() == AUTHORITY


@pytest.mark.parametrize("other", [{"StorageType": "gp2"}, {"EngineVersion": "16.9"}])
def test_another_disk_or_version_is_no_offer(account: Account, other: dict[str, str]) -> None:
    account.usual(2, offers=[{**OFFER, **other}], certificates=False)
    assert "stages:database.plan: should be one that eu-central-1 has" in error_text(2)


def test_a_plan_without_a_standby_is_fine_where_none_is_asked_for(account: Account) -> None:
    account.usual(2, offers=[{**OFFER, "MultiAZCapable": False}])
    ask(2)


def test_a_right_to_look_for_images_that_is_missing_is_no_missing_image(account: Account) -> None:
    account.usual(1, image="forbidden")
    assert error_text(1).startswith("AWS refuses the right to ask: ")


def test_everything_that_is_missing_is_told_at_once(account: Account) -> None:
    account.usual(1, have=[], image=[])
    assert len(error_text(1).splitlines()) == 2


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (None, "the AWS CLI 2 should be on this machine's PATH, got none."),
        (
            "#!/bin/sh\necho aws-cli/1.32.0 Python/3.11 >&2\n",
            "the AWS CLI should be of version 2, got 'aws-cli/1.32.0'.",
        ),
    ],
)
def test_the_tunnel_needs_the_aws_cli_2(
    script: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_aws(script, tmp_path, monkeypatch)
    values: dict[str, object] = {
        "access__instance_connect": "true",
        "access__ssh_cidrs": ["10.81.0.0/24"],
    }
    assert error_text(1, **values) == (
        f"{message} Install it, for stages:access.instance_connect: https://aws.amazon.com/cli/."
    )


def test_with_the_aws_cli_2_the_tunnel_is_fine(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_aws("#!/bin/sh\necho aws-cli/2.23.6 Python/3.13\n", tmp_path, monkeypatch)
    account.usual(1)
    ask(1, access__instance_connect="true", access__ssh_cidrs=["10.81.0.0/24"])


def put_aws(script: str | None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a stand-in for the AWS CLI on a PATH that has nothing else."""
    if script:
        file = folder / "aws"
        file.write_text(script)
        file.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_debians_account_and_names_are_asked_for(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    real: Callable[..., dict[str, Any]] = account.clients["ec2"].describe_images

    def describe_images(**arguments: Any) -> dict[str, Any]:
        asked.update(arguments)
        return real(**arguments)

    monkeypatch.setattr(account.clients["ec2"], "describe_images", describe_images)
    account.usual(1)
    ask(1)
    assert asked["Owners"] == [image.DEBIAN_ACCOUNT]
    assert {"Name": "name", "Values": ["debian-13-arm64-*"]} in asked["Filters"]
