"""The remedy of a wrong setting, followed: the same file is accepted then."""

from __future__ import annotations

import datetime
import re

import pytest
import yaml

from components import settings
from components.seam.provider import load
from components.settings.reading import all_keys
from tests.unit.clouds.aws.graph import LEAST as AWS
from tests.unit.test_settings_errors import LEAST, cases, error_text


def examples() -> list[tuple[str, object, object]]:
    """Return each case whose remedy has a value: the key, the wrong value and the remedy's."""
    pairs = []
    for values, message in cases():
        value = re.search(r"(?:For example (.+)|Without the line it is `(.+)`)\.$", message)
        if len(values) == 1 and value and "AAAA..." not in message:  # the shape of a key only
            ((name, wrong),) = values.items()
            pairs.append((name, wrong, yaml.safe_load(value[1] or value[2])))
    return pairs


def test_there_are_examples_to_try() -> None:
    assert len(examples()) > 30


@pytest.mark.parametrize(("name", "wrong", "example"), examples())
def test_the_value_that_a_remedy_names_is_accepted(
    name: str, wrong: object, example: object
) -> None:
    stage = "1" if 1 in all_keys()[name].stages else "2"
    values = {**LEAST, "stage": stage}
    assert f"stages:{name}" in error_text({**values, name: wrong})
    match wrong, example:
        case list(), str():
            example = [example]
        case dict(), str():
            example = {example: "x"}
    settings.read("s", {**values, name: example})


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "::/0"])
def test_ssh_from_anywhere_as_its_error_says(cidr: str) -> None:
    values: dict[str, object] = {**LEAST, "access.ssh_cidrs": [cidr]}
    assert error_text(values).endswith(
        "set stages:access.ssh_from_anywhere: true to let everyone try."
    )
    settings.read("s", {**values, "access.ssh_from_anywhere": True})


def test_a_zone_beside_its_domain_as_its_error_says() -> None:
    values: dict[str, object] = {**LEAST, "dns.zone": "example.com"}
    assert error_text(values).endswith("Set stages:domain, or remove the line.")
    settings.read("s", {**values, "domain": "shop.example.com"})
    settings.read("s", LEAST)


def test_somebody_who_is_told_as_the_error_about_uptime_says() -> None:
    values: dict[str, object] = {**LEAST, "alarms.uptime": True}
    assert error_text(values).endswith("Set one of them, or remove the line.")
    settings.read("s", {**values, "alarms.email": "ops@example.com"})
    settings.read("s", {**values, "alarms.webhook": "https://hooks.example.com/x"})


def test_instance_connect_as_the_error_about_no_networks_says() -> None:
    values = {name: value for name, value in AWS.items() if name != "access.ssh_cidrs"}
    values |= {"stage": "1", "access.instance_connect": True}
    load("aws").cloud(settings.read("aws-stage1", values))


def test_a_restore_without_backups_as_its_error_says() -> None:
    values: dict[str, object] = {**LEAST, "database.restore_from": "latest", "backups.off": True}
    assert "Remove stages:backups.off, or stages:database.restore_from" in error_text(values)
    for name in ("backups.off", "database.restore_from"):
        settings.read("s", {key: value for key, value in values.items() if key != name})


def test_a_time_to_restore_is_one_in_utc_however_it_is_written() -> None:
    moment = datetime.datetime(2026, 11, 29, 12, 0, 6)
    for written in ("2026-11-29T13:00:06+01:00", "2026-11-29 12:00:06", moment):
        read = settings.read("s", {**LEAST, "database.restore_from": written})
        assert read.database.restore_from == "2026-11-29T12:00:06.000000+00:00"
