"""``./stages cost cheapest``: the cheapest sizes on each cloud that meet a need."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.seam.provider import load
from scripts.lib import cost_inputs
from scripts.main import main


def document(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["cost", "cheapest", *words, "--json"]) == 0
    output: dict[str, Any] = json.loads(capsys.readouterr().out)
    return output


def test_what_a_stack_has_is_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    output = document(capsys, "aws-stage2")
    size = {"vcpus": 2, "memory_gib": 4}
    assert output["need"] == {"server": size, "database": size, "standby": False}
    aws, digitalocean = output["clouds"]
    assert (aws["server"]["plan"], aws["database"]["plan"]) == ("t4g.medium", "db.t4g.medium")
    assert (aws["region"], aws["usd_per_month"]) == ("us-east-1", 79.53)
    assert aws["server"]["others"][0] == {"plan": "t3.medium", "usd_more": 5.84}
    assert any(words.startswith("arm64") for words in aws["server"]["trade_offs"])
    assert digitalocean["usd_per_month"] == 89.9


def test_a_smaller_server_and_a_standby(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--vcpus", "1", "--memory-gib", "1", "--database-vcpus", "1"]
    words += ["--database-memory-gib", "1", "--standby"]
    aws, digitalocean = document(capsys, "digitalocean-stage2", *words)["clouds"]
    assert (aws["server"]["plan"], aws["database"]["plan"]) == ("t4g.micro", "db.t4g.micro")
    # Its smallest has no standby.
    assert digitalocean["database"]["plan"] == "db-s-1vcpu-2gb"
    assert digitalocean["usd_per_month"] == 71.9


def test_of_a_stage_1_there_is_a_server_alone(capsys: pytest.CaptureFixture[str]) -> None:
    output = document(capsys, "digitalocean-stage1", "--vcpus", "1", "--memory-gib", "2")
    assert output["need"]["database"] is None
    assert [(cloud["server"]["plan"], cloud["database"]) for cloud in output["clouds"]] == [
        ("t4g.small", None),
        ("s-1vcpu-2gb", None),
    ]


def test_a_cloud_that_has_nothing_large_enough_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["aws-stage2", "--database-memory-gib", "16"]
    assert main(["cost", "cheapest", *words]) == 0
    assert "aws: no database has 2 vCPUs, 16 GiB; the largest, db.t4g.large, has 2 vCPUs, 8" in (
        " ".join(capsys.readouterr().out.split())
    )


def test_a_setting_that_a_cloud_refuses_is_told_in_its_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = cost_inputs.stack_values
    monkeypatch.setattr(
        cost_inputs, "stack_values", lambda name: {**read(name), "database.backup_days": 9}
    )
    aws, digitalocean = document(capsys, "aws-stage2")["clouds"]
    assert aws["refused"] is None
    assert digitalocean["refused"].startswith("stages:database.backup_days: should be 7 on digi")
    assert digitalocean["usd_per_month"] is None


@pytest.mark.parametrize("stack", ["local-stage1", "local-stage2"])
def test_a_local_stack_names_no_key_and_no_network_and_needs_none(
    stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stack that is meant where none is named: what a founder tries first."""
    for cloud in document(capsys, stack)["clouds"]:
        assert cloud["refused"] is None
        assert cloud["usd_per_month"] > 15


def test_a_region_without_prices_has_no_cheapest(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = cost_inputs.stack_values
    monkeypatch.setattr(
        cost_inputs, "stack_values", lambda name: {**read(name), "region": "us-west-1"}
    )
    aws, _ = document(capsys, "aws-stage1")["clouds"]
    assert aws["refused"].startswith("no size has a price: aws-stage1-app-address: Public IPv4")


def test_a_database_of_stage_1_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "cheapest", "aws-stage1", "--standby"]) == 2
    assert capsys.readouterr().err == (
        "--standby and --database-...: should come with a stack of stage 2, got stage 1. In stage 1"
        " PostgreSQL runs on the app's server.\n"
    )


@pytest.mark.parametrize("cloud", ["aws", "digitalocean"])
def test_every_size_has_its_trade_offs(cloud: str) -> None:
    sizes = load(cloud).sizes
    assert sizes is not None
    for server in sizes.servers.values():
        assert list(sizes.server_trade_offs(server))
    for database in sizes.databases.values():
        assert list(sizes.database_trade_offs(database))
