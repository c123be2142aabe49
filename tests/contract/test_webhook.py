"""Alarms go to a webhook as well, or instead, and its URL stays hidden: one body for all clouds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.cloud_names import cloud_names
from components.errors import UserError
from tests.support import authorities
from tests.support.planned import of_type, planned, settled

SECRET = "s3cretpath"
URLS = {
    "aws": f"https://events.example.com/{SECRET}",
    "digitalocean": f"https://hooks.slack.com/services/{SECRET}",
}
STACKS = [f"{name}-stage{stage}" for name in cloud_names() for stage in (1, 2) if name != "local"]


def url(stack: str) -> str:
    return URLS[stack.partition("-")[0]]


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("email", [None, "ops@example.com"])
def test_every_alarm_is_sent_there_and_the_url_is_a_secret(stack: str, email: str | None) -> None:
    more: dict[str, Any] = {"alarms__webhook": url(stack), "alarms__uptime": True}
    more |= {"alarms__email": email} if email else {}
    with authorities.known("us-east-1"):
        made = settled(stack, **more)
    assert SECRET not in made.plan.json()
    received = [
        json.dumps(made.open_inputs[resource["name"]])
        for type_ in (":TopicSubscription", ":MonitorAlert", ":UptimeAlert")
        for resource in of_type(made.plan, type_)
    ]
    assert received
    if stack.startswith("aws"):  # a topic, here and in us-east-1, and its readers
        topics = of_type(made.plan, ":Topic")
        assert sum(SECRET in text for text in received) == len(topics)
        assert sum("@" in text for text in received) == (len(topics) if email else 0)
    else:
        assert all(SECRET in text for text in received)
        assert all(("@" in text) is bool(email) for text in received)


@pytest.mark.parametrize("stack", STACKS)
def test_an_encrypted_url_of_a_file_that_the_engine_has_not_read(stack: str) -> None:
    plan = planned(stack, alarms__webhook={"secure": "v1:abcd"})
    kinds = {resource["type"].rpartition(":")[2] for resource in plan.resources}
    assert kinds & {"MetricAlarm", "MonitorAlert"}


@pytest.mark.parametrize("chat", ["hooks.slack.com", "discord.com"])
def test_sns_speaks_no_chat(chat: str) -> None:
    with pytest.raises(UserError) as caught:
        planned("aws-stage1", alarms__webhook=f"https://{chat}/{SECRET}")
    assert str(caught.value) == (
        "stages:alarms.webhook: should be an endpoint that confirms subscriptions of SNS on AWS,"
        f" got one of {chat}, which does not. Slack channels have e-mail addresses, which"
        " stages:alarms.email takes; or let Amazon Q Developer in chat applications read the"
        " stack's topic."
    )
    planned("aws-stage1", alarms__email="channel@shop.slack.com")


def test_digitalocean_speaks_slack_alone() -> None:
    with pytest.raises(UserError) as caught:
        planned("digitalocean-stage1", alarms__webhook=URLS["aws"])
    assert str(caught.value) == (
        "stages:alarms.webhook: should be a webhook of Slack (https://hooks.slack.com/services/...)"
        " on digitalocean, whose alerts speak its language alone, got another URL. Make one at"
        " https://api.slack.com/apps, or let stages:alarms.email lead to where you want it."
    )
    planned("digitalocean-stage1", alarms__email="ops@example.com")
