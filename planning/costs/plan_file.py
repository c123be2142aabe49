"""Two kinds of plan files, one plan: the offline one and ``pulumi preview --json --show-sames``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from components.errors import UserError
from components.seam.costs import UNKNOWN, PlannedResource

MAKING = (
    "`make cost STACK=<stack>` needs no file;"
    " `pulumi preview --json --show-sames > FILE` makes one."
)
STACK_TYPE = "pulumi:pulumi:Stack"
GONE = ("delete", "delete-replaced", "discard", "discard-replaced", "read-discard")
"""Steps after which a resource is no longer there."""
UNKNOWNS = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
"""How the engine writes what is known only later, by kind of value (``pulumi.runtime.rpc``)."""


@dataclass(frozen=True, kw_only=True)
class CostPlan:
    """The resources of one stack."""

    stack: str
    resources: tuple[PlannedResource, ...]


def parse(text: str, name: str) -> CostPlan:
    """Read a plan file called ``name``; raises ``UserError`` for anything else."""
    try:
        document = json.loads(text)
    except ValueError as problem:
        raise UserError(
            f"{name}: should be a plan as JSON, got an error ({problem})",
            "Is it whole? A preview that was stopped leaves half a file. " + MAKING,
        ) from None
    if not isinstance(document, dict):
        raise _no_plan(name, f"a JSON {type(document).__name__}")
    if "steps" in document:
        return _of_preview(document, name)
    if "resources" in document and "stack" in document:
        return of_document(document, name)
    raise _no_plan(name, _other_tool(document))


def of_document(document: Mapping[str, Any], name: str) -> CostPlan:
    """The plan of an offline plan's document: see ``planning/plan.py``."""
    if document.get("version") != 1:
        raise UserError(f"{name}: version: should be 1, got {document.get('version')!r}", MAKING)
    return _plan(str(document["stack"]), _states(document["resources"], name), "", name)


def in_region(plan: CostPlan, region: str) -> CostPlan:
    """The plan with a region for those resources that have none, of their own or a provider's."""
    found = (replace(one, region=one.region or region) for one in plan.resources)
    return replace(plan, resources=tuple(found))


def states(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The resources of either kind of document, as they would be; unknown values as in a plan."""
    if "steps" not in document and "resources" not in document:
        raise _no_plan(name, _other_tool(document))
    found = (
        _preview_states(document, name)
        if "steps" in document
        else _states(document["resources"], name)
    )
    return [  # an engine's states have their name in the URN only
        {
            "name": str(one.get("urn")).rpartition("::")[2],
            **one,
            "inputs": _known(_map(one, "inputs", name)),
        }
        for one in found
    ]


def _of_preview(document: Mapping[str, Any], name: str) -> CostPlan:
    found = _preview_states(document, name)
    config = _map(document, "config", name)
    region = next((str(config[key]) for key in ("aws:region",) if key in config), "")
    stack = next((str(one.get("urn")).split("::")[0].split(":")[-1] for one in found), "")
    if not stack:
        raise _no_plan(name, "a preview without resources")
    return _plan(stack, found, region, name)


def _preview_states(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    for told in _states(document.get("diagnostics") or [], name):
        if told.get("severity") == "error":
            what = " ".join(str(told.get("message")).split())
            raise UserError(
                f"{name}: should be a preview that succeeded, got one with: {what}",
                "Correct that, then make the file again.",
            )
    found: dict[str, Mapping[str, Any]] = {}
    sames = 0
    for at, step in enumerate(_states(document["steps"], name)):
        operation, urn = step.get("op"), step.get("urn")
        if not isinstance(operation, str) or not isinstance(urn, str):
            raise UserError(f"{name}: steps[{at}]: should have `op` and `urn`, got neither", MAKING)
        sames += operation == "same"
        if operation in GONE or operation.startswith("refresh"):
            continue
        state = step.get("newState") or step.get("oldState")
        if isinstance(state, Mapping) and not state.get("external"):
            found[urn] = state
    unchanged = _map(document, "changeSummary", name).get("same", 0)
    if isinstance(unchanged, int) and unchanged > sames:
        raise UserError(
            f"{name}: should have every resource, got none of the {unchanged} unchanged ones",
            "Make it with `pulumi preview --json --show-sames > FILE`.",
        )
    return list(found.values())


def _plan(stack: str, states: Iterable[Mapping[str, Any]], region: str, name: str) -> CostPlan:
    found = list(states)
    for at, state in enumerate(found):
        for key in ("urn", "type"):
            if not isinstance(state.get(key), str):
                raise UserError(
                    f"{name}: resource {at + 1}: {key}: should be text, got {state.get(key)!r}",
                    MAKING,
                )
    regions = {
        str(state["urn"]): str(_map(state, "inputs", str(state["urn"])).get("region") or "")
        for state in found
        if str(state["type"]).startswith("pulumi:providers:")
    }
    return CostPlan(
        stack=stack,
        resources=tuple(_resource(state, regions, region, name) for state in found),
    )


def _resource(
    state: Mapping[str, Any], regions: Mapping[str, str], region: str, name: str
) -> PlannedResource:
    urn = str(state["urn"])
    inputs = _map(state, "inputs", f"{name}: {urn}")
    sources = _map(state, "propertyDependencies", f"{name}: {urn}")
    provider = str(state.get("provider") or "").rpartition("::")[0]
    return PlannedResource(
        urn=urn,
        type=str(state["type"]),
        name=str(state.get("name") or urn.rpartition("::")[2]),
        inputs={key: _known(value) for key, value in inputs.items()},
        custom=bool(state.get("custom", True)),
        region=regions.get(provider) or region,
        sources={
            key: tuple(str(each) for each in urns) if isinstance(urns, list) else ()
            for key, urns in sources.items()
        },
    )


def _known(value: Any) -> Any:
    """A value with the engine's signs for what is not known turned into the plan's word."""
    if isinstance(value, str):
        return UNKNOWN if value in UNKNOWNS else value
    if isinstance(value, Mapping):
        return {key: _known(item) for key, item in value.items()}
    return [_known(item) for item in value] if isinstance(value, list) else value


def _map(value: Mapping[str, Any], key: str, path: str) -> Mapping[str, Any]:
    """A map in a map, empty when there is none."""
    found = value.get(key) or {}
    if not isinstance(found, Mapping):
        raise UserError(f"{path}: {key}: should be a map, got {found!r}", MAKING)
    return found


def _states(value: Any, name: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise _no_plan(name, "a list of something else")
    return value


def _other_tool(document: Mapping[str, Any]) -> str:
    if "planned_values" in document or "terraform_version" in document:
        return "a plan of Terraform"
    if "deployment" in document or "checkpoint" in document:
        return "a state of Pulumi, not a plan"
    if "resourcePlans" in document:
        return "an update plan of Pulumi (`--save-plan`), which has no inputs to price"
    if "stacks" in document and "currency" in document:
        return "an earlier run of `./stages cost`, which only `--compare` takes"
    if "Resources" in document or "AWSTemplateFormatVersion" in document:
        return "a template of CloudFormation"
    return "JSON with " + (", ".join(sorted(document)[:5]) or "nothing in it")


def _no_plan(name: str, got: str) -> UserError:
    return UserError(f"{name}: should be a plan of this project or of Pulumi, got {got}", MAKING)
