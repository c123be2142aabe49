"""The offline plan says what the engine says of the cloud stacks, before anything exists.

``tests/real/test_plan_against_engine.py`` does the same for local ones. What the clouds' providers
would add to it (default values, names) is not shown: the stand-ins add none.
"""

from __future__ import annotations

import json
from typing import Any

from planning.plan import plan_settings
from tests.engine import made_up
from tests.engine.conftest import Standing
from tests.real.test_plan_against_engine import as_the_plan_has_it
from tests.support.planned import RELEASE

OWN = ("__provider", "__internal", "version")
"""Inputs that the SDK adds to a dynamic resource, and the engine to a provider."""


def test_the_plan_is_what_the_engine_sees(standing: Standing) -> None:
    engine = {
        urn: state
        for urn, state in standing.preview.new.items()
        # The engine adds a default provider for each SDK that names none.
        if "::default" not in urn
    }
    # The plan asks nobody; the engine's preview has the answer to a look-up.
    made = plan_settings(standing.stack.settings(), RELEASE, invokes=made_up.look_up)
    plan = {resource["urn"]: resource for resource in made.resources}
    assert sorted(plan) == sorted(engine)
    for urn, mine in plan.items():
        its = engine[urn]
        assert mine["type"] == its.type
        assert mine["custom"] == bool(its.custom)
        assert mine.get("parent", "") == (its.parent or "")
        assert mine.get("protect", False) == bool(its.protect), urn
        assert text(mine["inputs"]) == text(as_the_plan_has_it(its.inputs)), urn


def text(inputs: dict[str, Any]) -> str:
    return json.dumps({k: v for k, v in inputs.items() if k not in OWN}, sort_keys=True)
