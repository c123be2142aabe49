"""The domain's record, on every cloud that has a DNS of its own: one body for all of them."""

from __future__ import annotations

from typing import Any

import pytest

from components.cloud_names import cloud_names
from components.errors import UserError
from components.settings import Stage
from planning.plan import Plan
from tests.support.planned import Resource, of_type, only, plan_needs, planned

RECORDS = (":Record", ":DnsRecord")
NAMED: dict[str, Any] = {"domain": "shop.example.com", "dns__zone": "example.com"}
STACKS = [(name, stage) for name in cloud_names() for stage in (1, 2) if name != "local"]


@pytest.fixture(params=STACKS, ids=[f"{name}-stage{stage}" for name, stage in STACKS])
def stack(request: pytest.FixtureRequest) -> str:
    name, stage = request.param
    return f"{name}-stage{stage}"


def records(plan: Plan) -> list[Resource]:
    return [record for type_ in RECORDS for record in of_type(plan, type_)]


def test_the_record_leads_to_what_serves_and_service_begins_and_ends_around_it(stack: str) -> None:
    """Its address comes from the assignment, whose server has passed the readiness check."""
    plan = planned(stack, **NAMED)
    (record,) = records(plan)
    assert (record["inputs"]["type"], record["inputs"]["ttl"]) == ("A", 300)
    assignment = only(plan, "EipAssociation" if "aws" in stack else "IpAssignment")
    assert assignment["urn"] in set(plan_needs(record))
    service = only(plan, ":InService")
    assert record["urn"] in service["propertyDependencies"]["address"]
    assert not record.get("protect")
    assert plan.outputs["dns_zone"] == "example.com"


@pytest.mark.parametrize("domain", ["example.com", "a.shop.example.com"])
def test_the_name_in_the_zone(stack: str, domain: str) -> None:
    plan = planned(stack, domain=domain, dns__zone="example.com")
    (record,) = records(plan)
    relative = {"example.com": "@", "a.shop.example.com": "a.shop"}[domain]
    assert record["inputs"]["name"] == (domain if "aws" in stack else relative)


def test_elsewhere_nothing_is_made(stack: str) -> None:
    plan = planned(stack, domain="shop.example.com")
    assert records(plan) == []
    assert "dns_zone" not in plan.outputs


@pytest.mark.parametrize("stage", [1, 2])
def test_local_has_no_dns(stage: Stage) -> None:
    with pytest.raises(UserError) as caught:
        planned(f"local-stage{stage}", **NAMED)
    assert str(caught.value) == (
        "stages:dns.zone: should be left out on local, which has no DNS of its own (`up` says which"
        " record to make), got 'example.com'. Remove the line."
    )
