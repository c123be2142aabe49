"""The remedy of a rule, followed: settings that break it are changed as it says."""

from __future__ import annotations

from typing import Any

import pytest

from planning.policies.findings import findings
from planning.policies.rules import RULES
from tests.support.planned import chosen, planned

OPEN = {"access__ssh_cidrs": ["0.0.0.0/0"], "access__ssh_from_anywhere": True}
CLOSED = {"access__ssh_cidrs": ["84.20.1.2/32"]}
LOOSE, KEPT = {"data__protected": False}, {"data__protected": True}
DEAR, CHEAP = {"server__plan": "t4g.large"}, {"server__plan": "t4g.medium"}
SMALL, RAISED = ({**DEAR, "policy__budget_usd_per_month": budget} for budget in ("50", "60"))

CASES = [
    ("admin-ports", "aws-stage1", OPEN, CLOSED),
    ("admin-ports", "digitalocean-stage1", OPEN, CLOSED),
    ("protected-data", "aws-stage2", LOOSE, KEPT),
    ("protected-data", "local-stage1", LOOSE, KEPT),
    ("deletion-protection", "aws-stage2", LOOSE, KEPT),
    ("budget", "aws-stage1", DEAR, CHEAP),
    ("budget", "aws-stage1", SMALL, RAISED),
]


def broken(stack: str, settings: dict[str, Any], image_ignored: bool = True) -> dict[str, str]:
    """The rules that a stack with these settings breaks, and their remedies."""
    document = planned(stack, None, **settings).document()
    if not image_ignored:
        for resource in document["resources"]:
            resource["ignoreChanges"] = []
    return {
        finding.rule: finding.remedy for finding in findings(document, chosen(stack, **settings))
    }


@pytest.mark.parametrize(("rule", "stack", "before", "after"), CASES)
def test_the_rule_is_kept_after_the_change(
    rule: str, stack: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    (remedy,) = [entry.remedy for entry in RULES if entry.id == rule]
    assert broken(stack, before)[rule] == remedy
    assert rule not in broken(stack, after)


@pytest.mark.parametrize(
    ("stack", "image"),
    [("aws-stage1", "ami-0123456789abcdef0"), ("digitalocean-stage1", "123456789")],
)
def test_an_image_is_kept_where_its_changes_are_ignored_or_one_is_named(
    stack: str, image: str
) -> None:
    assert "pinned-image" in broken(stack, {}, image_ignored=False)
    assert "pinned-image" not in broken(stack, {})
    assert "pinned-image" not in broken(stack, {"server__image": image}, image_ignored=False)
