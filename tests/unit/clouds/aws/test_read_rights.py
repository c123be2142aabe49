"""The rights of a preview: those of an ``up`` that only read, and no other."""

from __future__ import annotations

import json
from pathlib import Path

from components.clouds import aws

FOLDER = Path(str(aws.__file__)).parent
READS = ("Describe", "Get", "List")


def actions(name: str) -> set[str]:
    """Every action that a policy allows, without those of `make prices`: no preview asks them."""
    found: set[str] = set()
    for statement in json.loads((FOLDER / name).read_text())["Statement"]:
        assert statement["Effect"] == "Allow"
        if statement["Sid"] == "Prices":
            continue
        action = statement["Action"]
        found |= {action} if isinstance(action, str) else {*action}
    return found


def test_a_preview_may_read_what_an_up_reads_and_change_nothing() -> None:
    reads = {one for one in actions("iam-policy.json") if one.partition(":")[2].startswith(READS)}
    assert actions("iam-policy-read.json") == reads
