"""Whether the account's quotas leave room for what a plan makes, asked before anything goes.

AWS refuses what exceeds a quota in the middle of an ``up``. A new account may have as few as 5
vCPUs of on-demand instances, 5 Elastic IP addresses and 5 VPCs in a region.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from components.clouds.aws import plans
from components.clouds.aws.account import api
from components.clouds.aws.known import regions
from components.errors import UserError
from components.seam.downtime import Step
from components.settings.problems import raise_all

STANDARD_FAMILIES = "acdhimrtz"
"""First letters of the instance types that share one quota: its own name lists them."""


@dataclass(frozen=True, kw_only=True)
class Quota:
    """A limit of an account in a region, and what counts towards it."""

    type: str
    """The resource's type."""
    service: str
    code: str
    """What Service Quotas calls it: ``aws service-quotas list-service-quotas``."""
    unit: str
    needed: Callable[[Step], int]
    used: Callable[[Any], int]
    """Given a client of EC2."""


def _vcpus(step: Step) -> int:
    plan = plans.SERVERS.get(str(step.new.get("instanceType")))
    return plan.vcpus if plan else 0


def _running_vcpus(ec2: Any) -> int:
    states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    pages = api.pages(ec2, "describe_instances", Filters=states)
    instances = [
        instance
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    ]
    return sum(
        instance["CpuOptions"]["CoreCount"] * instance["CpuOptions"]["ThreadsPerCore"]
        for instance in instances
        if instance["InstanceType"][0] in STANDARD_FAMILIES and "InstanceLifecycle" not in instance
    )


def _addresses(ec2: Any) -> int:
    return len(api.call(ec2, "describe_addresses")["Addresses"])


def _vpcs(ec2: Any) -> int:
    return sum(len(page["Vpcs"]) for page in api.pages(ec2, "describe_vpcs"))


QUOTAS = (
    Quota(
        type="aws:ec2/instance:Instance",
        service="ec2",
        code="L-1216C47A",
        unit="vCPUs of running on-demand instances",
        needed=_vcpus,
        used=_running_vcpus,
    ),
    Quota(
        type="aws:ec2/eip:Eip",
        service="ec2",
        code="L-0263D0A3",
        unit="Elastic IP addresses",
        needed=lambda step: 1,
        used=_addresses,
    ),
    Quota(
        type="aws:ec2/vpc:Vpc",
        service="vpc",
        code="L-F678F1CE",
        unit="VPCs",
        needed=lambda step: 1,
        used=_vpcs,
    ),
)


def check(steps: Iterable[Step]) -> None:
    """Raise ``UserError`` with each quota that the plan would exceed before the old goes."""
    made = [
        step
        for step in steps
        if step.op == "create" or (step.op == "replace" and not step.old_first)
    ]
    try:
        raise_all([problem for quota in QUOTAS for problem in _exceeded(quota, made)])
    except api.Failed as error:
        raise api.user_error(error) from error


def _exceeded(quota: Quota, made: list[Step]) -> Iterator[UserError]:
    needed: dict[str, int] = {}
    for step in made:
        if step.type == quota.type:
            region = str(step.new.get("region") or regions.DEFAULT)
            needed[region] = needed.get(region, 0) + quota.needed(step)
    for region, more in needed.items():
        limit = _limit(quota, region)
        used = quota.used(api.client("ec2", region))
        if used + more > limit:
            yield UserError(
                f"The AWS account's quota of {quota.unit} in {region} should leave room for"
                f" {more} more, got {used} of {limit} in use",
                "`aws service-quotas request-service-quota-increase --region"
                f" {region} --service-code {quota.service} --quota-code {quota.code}"
                f" --desired-value {used + more}` asks AWS for more. Nothing was changed.",
            )


def _limit(quota: Quota, region: str) -> int:
    client = api.client("service-quotas", region)
    asked = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    try:
        answer = api.call(client, "get_service_quota", **asked)
    except api.Failed as error:
        if error.code != "NoSuchResourceException":
            raise
        answer = api.call(client, "get_aws_default_service_quota", **asked)
    return int(answer["Quota"]["Value"])
