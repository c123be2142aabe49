"""The rights of a preview. An ``up`` has them as well, from the same file."""

from __future__ import annotations

import json
from pathlib import Path

from components.clouds import aws

FOLDER = Path(str(aws.__file__)).parent
READS = ("Describe", "Get", "List")


def test_a_preview_may_read_and_change_nothing() -> None:
    (statement,) = json.loads((FOLDER / "iam-policy-read.json").read_text())["Statement"]
    assert statement["Effect"] == "Allow"
    assert [
        action for action in statement["Action"] if not action.partition(":")[2].startswith(READS)
    ] == []
