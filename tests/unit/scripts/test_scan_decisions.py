"""The tables of security rules in the clouds' READMEs: whole, and decided rule by rule."""

from __future__ import annotations

import re
from collections import Counter

from scripts.lib.scan.decisions import VERDICTS, decided, decisions, read_readme

SHAPES = {
    "aws": r"(EC2|RDS|S3|SSM|IAM|CloudWatch)\.\d+|CIS \d(\.\d+)+|CKV2?_AWS_\d+|AWS-\d{4}",
    "digitalocean": r"CKV2?_DIO_\d+|DIG-\d{4}",
}
"""How the owners of the rules write their ids."""


def test_the_clouds_whose_resources_a_scanner_knows_have_a_table() -> None:
    assert {decision.cloud for decision in decisions()} == set(SHAPES)


def test_each_rule_is_decided_once() -> None:
    named = Counter((decision.cloud, decision.id) for decision in decisions())
    assert [each for each, count in named.items() if count > 1] == []


def test_ids_are_written_as_their_owners_write_them() -> None:
    wrong = [
        decision.id
        for decision in decisions()
        if not re.fullmatch(SHAPES[decision.cloud], decision.rule)
    ]
    assert wrong == []


def test_a_rule_that_is_not_kept_says_why() -> None:
    for decision in decisions():
        assert decision.verdict in VERDICTS, decision.id
        assert decision.verdict == "kept" or len(decision.reason) > 12, decision.id
        assert decision.verdict != "setting" or re.search("stages:|alarms", decision.reason), (
            decision.id
        )


def test_a_decision_about_some_resources_comes_before_the_one_about_all() -> None:
    among = read_readme(
        "\n## Security rules\n\n| topic | ids | verdict | why |\n|---|---|---|---|\n"
        "| databases | X.1, X.2 | kept | |\n| replicas | X.1 (replica) | waived | made anew |\n",
        "any",
    )
    of_replica = decided("X.1", "shop-replica-1", among)
    assert of_replica and (of_replica.verdict, of_replica.id) == ("waived", "X.1 (replica)")
    of_database = decided("X.1", "shop-database", among)
    assert of_database and of_database.verdict == "kept"
    assert decided("X.3", "shop-database", among) is None
