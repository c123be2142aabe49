"""Whether a server runs and where it answers, by EC2's own answers (botocore's stubber checks the
shape of what is asked and answered)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from components.clouds.aws.account import identity, power
from components.errors import UserError
from components.remote import power as host_power
from components.seam.power import Route
from tests.unit.clouds.aws.graph import ARN
from tests.unit.clouds.aws.stubbed import Stubbed

ID = "i-0123456789abcdef0"
BIRTH = "192.0.2.1"


class Cloud(Stubbed):
    """EC2 and STS, asked about one instance."""

    def instance(self, state: str, address: str | None = None) -> None:
        description: dict[str, Any] = {"InstanceId": ID, "State": {"Name": state}}
        if address:
            description["PublicIpAddress"] = address
        reservations = {"Reservations": [{"Instances": [description]}]}
        self.answer("ec2", "describe_instances", reservations, InstanceIds=[ID])

    def refusal(self, code: str) -> None:
        self.error("ec2", "describe_instances", code)

    def account(self, number: str) -> None:
        self.answer("sts", "get_caller_identity", {"Account": number})


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    made = Cloud(monkeypatch, "ec2", "sts")
    monkeypatch.setattr(power, "PAUSE_S", 0)
    yield made
    made.done()


@pytest.mark.parametrize(
    ("ec2", "expected"),
    [
        ("pending", "running"),
        ("running", "running"),
        ("stopping", "off"),
        ("stopped", "off"),
        ("shutting-down", "gone"),
        ("terminated", "gone"),
    ],
)
def test_a_state_of_ec2(cloud: Cloud, ec2: str, expected: str) -> None:
    cloud.instance(ec2)
    assert host_power.server_state("aws", ARN) == expected
    assert cloud.regions == ["eu-central-1"]


def test_a_server_that_its_own_account_does_not_know_is_gone(cloud: Cloud) -> None:
    cloud.refusal("InvalidInstanceID.NotFound")
    cloud.account("123456789012")
    assert power.server_state(ARN) == "gone"


def test_a_server_that_another_account_does_not_know_may_well_run(cloud: Cloud) -> None:
    """Credentials of the wrong account must not skip a shutdown."""
    cloud.refusal("InvalidInstanceID.NotFound")
    cloud.account("999999999999")
    assert power.server_state(ARN) == "running"


def test_a_server_that_is_not_listed_any_more_is_gone(cloud: Cloud) -> None:
    cloud.answer("ec2", "describe_instances", {"Reservations": []})
    cloud.account("123456789012")
    assert power.server_state(ARN) == "gone"


@pytest.mark.parametrize(
    "code", ["UnauthorizedOperation", "RequestLimitExceeded", "ExpiredToken", "InternalError"]
)
def test_what_ec2_does_not_tell_counts_as_running(cloud: Cloud, code: str) -> None:
    cloud.refusal(code)
    assert power.server_state(ARN) == "running"


def test_without_credentials_it_counts_as_running(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    assert power.server_state(ARN) == "running"
    assert power.route(ARN, BIRTH) == Route(host=BIRTH)


def test_a_profile_that_does_not_exist_counts_as_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    assert power.server_state(ARN) == "running"


def test_fact_13_the_address_of_birth_gives_way_to_the_current_one(cloud: Cloud) -> None:
    cloud.instance("running", "192.0.2.2")
    assert host_power.route("aws", ARN, BIRTH) == Route(host="192.0.2.2")


def test_fact_13_after_the_static_one_has_left_the_next_one_is_waited_for(cloud: Cloud) -> None:
    cloud.instance("running")
    cloud.instance("running")
    cloud.instance("running", "192.0.2.3")
    assert power.route(ARN, BIRTH) == Route(host="192.0.2.3")


def test_the_wait_has_an_end(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "ADDRESS_WAIT_S", -1)
    cloud.instance("running")
    assert power.route(ARN, BIRTH) == Route(host=BIRTH)
    assert cloud.asked == ["DescribeInstances"]


def test_a_server_that_is_off_is_not_waited_for(cloud: Cloud) -> None:
    cloud.instance("stopped")
    assert power.route(ARN, BIRTH) == Route(host=BIRTH)
    assert cloud.asked == ["DescribeInstances"]


def test_without_an_answer_the_recorded_address_is_tried(cloud: Cloud) -> None:
    cloud.refusal("UnauthorizedOperation")
    assert power.route(ARN, BIRTH) == Route(host=BIRTH)


def test_through_an_endpoint_the_aws_cli_is_the_tunnel_and_nobody_is_asked() -> None:
    assert power.route(ARN, ID) == Route(
        host=ID,
        proxy_command="aws ec2-instance-connect open-tunnel --region eu-central-1"
        f" --instance-id {ID} --remote-port 22",
    )


def test_a_servers_id_tells_region_account_and_instance() -> None:
    assert identity.parts(ARN) == ("eu-central-1", "123456789012", ID)
    with pytest.raises(UserError) as caught:
        identity.parts("i-0123456789abcdef0")
    assert str(caught.value) == (
        "server: should be the ARN of an EC2 instance, got 'i-0123456789abcdef0'"
    )


def test_asking_loads_no_pulumi_sdk_of_aws_and_importing_no_boto3() -> None:
    code = (
        "import sys, components.clouds.aws.account.power\n"
        "assert 'pulumi_aws' not in sys.modules and 'boto3' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
