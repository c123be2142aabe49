"""``./stages cost what-if``: other settings of a stack, priced beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.main import main


def document(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["cost", "what-if", *words, "--json"]) == 0
    output: dict[str, Any] = json.loads(capsys.readouterr().out)
    return output


def totals(document: dict[str, Any]) -> list[tuple[str, float]]:
    return [
        (
            ",".join(f"{key}={value}" for key, value in alternative["settings"].items()),
            alternative["usd_per_month"],
        )
        for alternative in document["alternatives"]
    ]


def test_each_setting_alone_and_all_together(capsys: pytest.CaptureFixture[str]) -> None:
    output = document(capsys, "aws-stage2", "server.plan=t4g.small", "database.standby=true")
    assert output["usd_per_month"] == 79.53
    assert totals(output) == [
        ("server.plan=t4g.small", 67.26),
        ("database.standby=true", 128.55),
        ("server.plan=t4g.small,database.standby=true", 116.28),
    ]
    assert [alternative["usd_difference"] for alternative in output["alternatives"]] == [
        -12.27,
        49.02,
        36.75,
    ]
    assert [change["name"] for change in output["alternatives"][1]["changes"]] == [
        "Database server",
        "Database disk",
    ]


def test_the_same_setting_twice_is_never_put_together(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["stages:server.plan=t4g.small", "server.plan=t4g.large"]
    assert len(document(capsys, "aws-stage2", *words)["alternatives"]) == 2


def test_settings_of_one_word_belong_together(capsys: pytest.CaptureFixture[str]) -> None:
    zones = '["us-east-1a","us-east-1b"]'
    words = f"server.plan=t4g.small,database.standby=true,network.zones={zones}"
    (alternative,) = document(capsys, "aws-stage2", words)["alternatives"]
    assert alternative["settings"]["network.zones"] == zones
    assert alternative["usd_per_month"] == 116.28


def test_settings_that_are_refused_only_together(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["digitalocean-stage2", "database.plan=db-s-1vcpu-1gb", "database.standby=true"]
    *_, both = document(capsys, *words)["alternatives"]
    assert both["usd_per_month"] is None
    assert both["refused"].startswith("stages:database.standby: should be false with db-s-1vcpu")
    assert main(["cost", "what-if", *words]) == 0
    out = capsys.readouterr().out
    assert "all of them" in out
    assert "refused" in out
    assert "Choose db-s-1vcpu-2gb or larger." in out


def test_what_has_no_price_is_told_and_the_total_is_at_least(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["cost", "what-if", "aws-stage2", "region=us-west-1", "--format", "markdown"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "| **region=us-west-1** | at least " in out
    assert "- region=us-west-1: Not priced: aws-stage2-" in out


def test_a_line_without_a_price_is_not_gone_and_the_difference_is_no_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (alternative,) = document(capsys, "aws-stage2", "region=us-west-1")["alternatives"]
    disk = next(each for each in alternative["changes"] if each["name"] == "Database disk")
    assert (disk["after"], disk["not_priced"], disk["usd_difference"]) == (None, True, None)
    assert alternative["usd_difference"] is None
    assert main(["cost", "what-if", "aws-stage2", "region=us-west-1"]) == 0
    out = capsys.readouterr().out
    assert "gone" not in out
    (line,) = [line for line in out.splitlines() if "  database: Database disk" in line]
    assert line.split()[-4:] == ["not", "priced", "not", "known"]


EXAMPLE = " For example server.plan=t4g.small; docs/settings.md lists the keys.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["aws-stage1", "server.plan=t9"], "stages:server.plan: should be one of t4g.micro,"
         " t4g.small, t4g.medium, t4g.large, m7g.medium, m7g.large, t3.micro, t3.small,"
         " t3.medium, t3.large, got 't9'\n"),
        (["aws-stage1", "server.plam=t4g.small"],
         "stages:server.plam: should be a known key. The nearest is stages:server.plan.\n"),
        (["aws-stage1", "database.standby=true"], "stages:database.standby: should not be set in"
         " stage 1: stage 1 has one server and no managed database. Remove the line.\n"),
        (["aws-stage1", "t4g.small"],
         f"KEY=VALUE: should be a setting and its value, got 't4g.small'.{EXAMPLE}"),
        (["aws-stage1", "=5"], f"KEY=VALUE: should be a setting and its value, got '=5'.{EXAMPLE}"),
        (["aws-stage1"],
         "Missing argument 'KEY=VALUE'. See `./stages cost what-if --help`.\n"),
    ],
)  # fmt: skip
def test_a_wrong_setting_has_the_error_of_a_settings_file(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cost", "what-if", *words]) == 2
    assert capsys.readouterr().err == sentence


def test_a_stack_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "what-if", "aws-stage3", "server.plan=t4g.small"]) == 2
    assert capsys.readouterr().err.startswith("STACK: should be one of aws-stage1, aws-stage2, ")
