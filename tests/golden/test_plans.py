"""The plan of every stack file, URNs included: a changed URN is a replaced resource.

The contents of a host's files are left out: ``test_host_files.py`` has them. After a wanted change:
``pytest tests/golden --update-golden``, then read ``git diff``.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from components.program import PROJECT
from components.settings import stacks
from tests.support.planned import planned

FOLDER = Path(__file__).parent / "plans"
STACKS = stacks.names(PROJECT / "stacks")


def shown(stack: str) -> str:
    """The document of a plan as its golden file has it."""
    document: dict[str, Any] = copy.deepcopy(planned(stack).document())
    for resource in document["resources"]:
        files = resource["inputs"].get("files")
        if isinstance(files, dict):
            for file in files.values():
                file["content"] = "[content]"
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("stack", STACKS)
def test_fact_3_plan_is_the_golden_one(stack: str, pytestconfig: pytest.Config) -> None:
    now = shown(stack)
    file = FOLDER / f"{stack}.json"
    if pytestconfig.getoption("--update-golden"):
        FOLDER.mkdir(exist_ok=True)
        file.write_text(now)
        return
    assert file.is_file(), "no golden file: see this file's first lines"
    assert json.loads(now) == json.loads(file.read_text()), "see this file's first lines"
    assert now == file.read_text()


def test_there_is_a_golden_plan_for_every_stack_and_for_nothing_else() -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.json")) == STACKS
