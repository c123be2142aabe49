"""Somebody is told when the site does not answer from outside: one body for all clouds."""

from __future__ import annotations

from typing import Any

import pytest

from components.cloud_names import cloud_names
from tests.support import authorities
from tests.support.planned import Resource, needed_by, of_type, only, planned, settled

WATCHED: dict[str, Any] = {"alarms__email": "ops@example.com", "alarms__uptime": True}
NAMED: dict[str, Any] = {"domain": "shop.example.com", "dns__zone": "example.com"}
CHECKS = (":HealthCheck", ":UptimeCheck")
ALARMS = (":MetricAlarm", ":UptimeAlert")
STACKS = [f"{name}-stage{stage}" for name in cloud_names() for stage in (1, 2) if name != "local"]


def told_of(check: Resource, plan: Any) -> list[Resource]:
    alarms = [alarm for type_ in ALARMS for alarm in of_type(plan, type_)]
    return [alarm for alarm in alarms if check["urn"] in needed_by(plan, alarm)]


def the_check(plan: Any) -> Resource:
    (check,) = [check for type_ in CHECKS for check in of_type(plan, type_)]
    return check


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("names", [{}, {"domain": "shop.example.com"}, NAMED], ids=len)
def test_it_is_asked_for_once_it_serves(stack: str, names: dict[str, Any]) -> None:
    """Else the first `up` would sound the alarm."""
    plan = planned(stack, **WATCHED, **names)
    check = the_check(plan)
    assert only(plan, ":HostConfiguration")["urn"] in needed_by(plan, check)
    records = [
        record["urn"] for type_ in (":Record", ":DnsRecord") for record in of_type(plan, type_)
    ]
    assert set(records) <= needed_by(plan, check)
    assert told_of(check, plan)


@pytest.mark.parametrize("stack", STACKS)
def test_where_it_is_asked_for(stack: str) -> None:
    def asked(**names: Any) -> dict[str, Any]:
        with authorities.known("us-east-1"):
            return dict(the_check(settled(stack, **WATCHED, **names).plan)["inputs"])

    name, bare = asked(**NAMED), asked()
    if stack.startswith("aws"):
        keys = ("type", "ipAddress", "fqdn", "port", "resourcePath")
        at = "198.51.100.7"
        path = name["resourcePath"]
        assert [name.get(key) for key in keys] == ["HTTPS", at, "shop.example.com", 443, path]
        assert [bare.get(key) for key in keys] == ["HTTP", at, None, 80, path]
        assert path.startswith("/")
    else:
        path = name["target"].removeprefix("https://shop.example.com")
        assert path.startswith("/")
        assert bare["target"] == f"http://198.51.100.7{path}"
        assert (name["type"], bare["type"]) == ("https", "http")


@pytest.mark.parametrize("stack", STACKS)
def test_without_the_setting_nobody_asks(stack: str) -> None:
    plan = planned(stack, alarms__email="ops@example.com")
    assert [check["name"] for type_ in CHECKS for check in of_type(plan, type_)] == []


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1"])
def test_aws_has_the_metric_in_one_region_alone(region: str) -> None:
    plan = planned("aws-stage1", region=region, **WATCHED)
    (alarm,) = told_of(the_check(plan), plan)
    assert alarm["inputs"]["region"] == "us-east-1"
    assert alarm["inputs"]["metricName"] == "HealthCheckStatus"
    topics = {topic["urn"]: topic for topic in of_type(plan, ":Topic")}
    (topic,) = needed_by(plan, alarm) & topics.keys()
    assert topics[topic]["inputs"]["region"] == "us-east-1"
    assert len(topics) == (1 if region == "us-east-1" else 2)
    readers = of_type(plan, ":TopicSubscription")
    assert {reader["inputs"]["endpoint"] for reader in readers} == {"ops@example.com"}
    assert len(readers) == len(topics)
    assert all(reader["inputs"]["region"] in {region, "us-east-1"} for reader in readers)


@pytest.mark.parametrize("domain", [None, "shop.example.com"])
def test_digitalocean_tells_of_a_certificate_that_was_not_renewed(domain: str | None) -> None:
    named: dict[str, Any] = {"domain": domain} if domain else {}
    plan = planned("digitalocean-stage1", **WATCHED, **named)
    by_type = {alert["inputs"]["type"]: alert["inputs"] for alert in told_of(the_check(plan), plan)}
    assert by_type.keys() == {"down_global"} | ({"ssl_expiry"} if domain else set())
    for inputs in by_type.values():
        assert inputs["notifications"] == [{"emails": ["ops@example.com"]}]
        assert inputs["comparison"] == "less_than"
