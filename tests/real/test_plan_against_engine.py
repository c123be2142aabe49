"""The offline plan says what the engine's own preview says: the real CLI previews local stacks.

Only what both know is compared. The cloud stacks cannot be previewed without credentials (a
provider adds defaults and names there); the recorder knows no cloud, so what holds for one holds.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation
from pulumi.automation.events import EngineEvent, StepEventStateMetadata
from pulumi.runtime import rpc

from components import program, settings
from components.seam.planned import SECRET, UNKNOWN
from planning.plan import plan_settings
from scripts.lib.checkout import Checkout
from tests.support.planned import RELEASE, stack_values

pytestmark = pytest.mark.real

ROOT = program.PROJECT


def previewed(stack: str, folder: Path) -> dict[str, StepEventStateMetadata]:
    """What the engine would make, by URN."""
    chosen = settings.read(stack, stack_values(stack))
    planned: dict[str, StepEventStateMetadata] = {}

    def heard(event: EngineEvent) -> None:
        step = event.resource_pre_event
        if step is None or step.metadata.new is None:
            return
        # The engine adds a default provider for each SDK that names none.
        if not step.metadata.urn.endswith("::default"):
            planned[step.metadata.urn] = step.metadata.new

    (folder / "state").mkdir()
    tools = os.pathsep.join([str(Checkout(ROOT).cli), str(ROOT / "tools" / "bin")])
    workspace = automation.LocalWorkspaceOptions(
        work_dir=str(folder),
        project_settings=automation.ProjectSettings(name="stages", runtime="python"),
        env_vars={
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "of this test alone",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_PYTHON_CMD": str(ROOT / ".venv/bin/python"),
            "PYTHONPATH": str(ROOT),
            "PATH": os.pathsep.join([tools, os.environ["PATH"]]),
        },
    )
    made = automation.create_stack(
        stack,
        project_name="stages",
        program=lambda: program.declare(chosen, RELEASE),
        opts=workspace,
    )
    made.preview(on_event=heard)
    return planned


def as_the_plan_has_it(value: Any) -> Any:
    """The engine's words for what is secret or not known, in the plan's words."""
    if isinstance(value, dict):
        if value.get(rpc._special_sig_key) == rpc._special_secret_sig:
            return SECRET
        return {key: as_the_plan_has_it(item) for key, item in value.items() if key != "__provider"}
    if isinstance(value, list):
        return [as_the_plan_has_it(item) for item in value]
    return UNKNOWN if value == rpc.UNKNOWN else value


@pytest.mark.parametrize("stack", ["local-stage1", "local-stage2"])
def test_the_plan_is_the_engine_s_preview(
    stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join([str(Checkout(ROOT).cli), os.environ["PATH"]]))
    engine = previewed(stack, tmp_path)
    plan = {
        resource["urn"]: resource
        for resource in plan_settings(settings.read(stack, stack_values(stack)), RELEASE).resources
    }
    assert sorted(plan) == sorted(engine)
    for urn, mine in plan.items():
        its = engine[urn]
        assert mine["type"] == its.type
        assert mine["custom"] == bool(its.custom)
        assert mine.get("parent", "") == (its.parent or "")
        assert mine.get("protect", False) == bool(its.protect), urn
        own = {key: value for key, value in mine["inputs"].items() if key != "__provider"}
        assert json.dumps(own, sort_keys=True) == json.dumps(
            as_the_plan_has_it(its.inputs), sort_keys=True
        ), urn
