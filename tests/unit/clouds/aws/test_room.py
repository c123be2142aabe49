"""A plan that the account's quotas have no room for is refused before it begins."""

from __future__ import annotations

from typing import Any

import pytest

from components.clouds.aws.account import room
from components.errors import UserError
from components.seam.downtime import Op, Step
from tests.unit.clouds.aws.stubbed import Stubbed

RUNNING = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Stubbed:
    return Stubbed(monkeypatch, "ec2", "service-quotas")


def step(type_: str, op: Op = "create", *, old_first: bool = False, **new: Any) -> Step:
    urn = f"urn:pulumi:s::stages::a:b:C${type_}::s-thing"
    return Step(urn=urn, op=op, old_first=old_first, new={"region": "eu-central-1", **new})


def server(op: Op = "create", *, old_first: bool = False) -> Step:
    return step("aws:ec2/instance:Instance", op, old_first=old_first, instanceType="t4g.medium")


def instance(type_: str, cores: int, **more: str) -> dict[str, Any]:
    return {
        "InstanceType": type_,
        "CpuOptions": {"CoreCount": cores, "ThreadsPerCore": 2},
        **more,
    }


def quota(account: Stubbed, service: str, code: str, value: float) -> None:
    account.answer(
        "service-quotas",
        "get_service_quota",
        {"Quota": {"Value": value}},
        ServiceCode=service,
        QuotaCode=code,
    )


def instances(account: Stubbed, *running: dict[str, Any]) -> None:
    answer = {"Reservations": [{"Instances": list(running)}]}
    account.answer("ec2", "describe_instances", answer, Filters=RUNNING)


def test_processors_of_servers_that_run_beside_each_other(account: Stubbed) -> None:
    quota(account, "ec2", "L-1216C47A", 5)
    instances(
        account,
        instance("t3.medium", 1),
        instance("m7i.large", 1),
        instance("p5.48xlarge", 96),  # has a quota of its own
        instance("m7i.xlarge", 2, InstanceLifecycle="spot"),  # so have these
    )
    with pytest.raises(UserError) as error:
        room.check([server("replace")])
    assert str(error.value) == (
        "The AWS account's quota of vCPUs of running on-demand instances in eu-central-1 should"
        " leave room for 2 more, got 4 of 5 in use."
        " `aws service-quotas request-service-quota-increase"
        " --region eu-central-1 --service-code ec2 --quota-code L-1216C47A --desired-value 6`"
        " asks AWS for more. Nothing was changed."
    )
    account.done()


def test_they_fit(account: Stubbed) -> None:
    quota(account, "ec2", "L-1216C47A", 6)
    instances(account, instance("t3.medium", 1), instance("m7i.large", 1))
    room.check([server()])
    account.done()


@pytest.mark.parametrize("what", [server("replace", old_first=True), server("update")])
def test_what_makes_nothing_more_asks_nothing(account: Stubbed, what: Step) -> None:
    room.check([what])
    assert account.asked == []


def test_addresses_and_networks_are_told_together(account: Stubbed) -> None:
    quota(account, "ec2", "L-0263D0A3", 5)
    account.answer("ec2", "describe_addresses", {"Addresses": [{}] * 5})
    account.error("service-quotas", "get_service_quota", "NoSuchResourceException")
    account.answer(
        "service-quotas",
        "get_aws_default_service_quota",
        {"Quota": {"Value": 1}},
        ServiceCode="vpc",
        QuotaCode="L-F678F1CE",
    )
    account.answer("ec2", "describe_vpcs", {"Vpcs": [{}]})
    with pytest.raises(UserError) as error:
        room.check([step("aws:ec2/eip:Eip"), step("aws:ec2/vpc:Vpc")])
    for quota_of, limit in (("Elastic IP addresses", 5), ("VPCs", 1)):
        assert (
            f"The AWS account's quota of {quota_of} in eu-central-1 should leave room for 1 more,"
            f" got {limit} of {limit} in use"
        ) in str(error.value)
    account.done()


def test_a_right_that_is_missing_is_named(account: Stubbed) -> None:
    account.error("service-quotas", "get_service_quota", "AccessDeniedException", "not allowed")
    with pytest.raises(UserError) as error:
        room.check([server()])
    assert str(error.value) == (
        "AWS refuses the right to ask: not allowed. The rights are in"
        " components/clouds/aws/iam-policy.json."
    )
