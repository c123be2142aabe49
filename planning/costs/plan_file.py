"""Two kinds of plan files, one plan: the offline one and ``pulumi preview --json --show-sames``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components.errors import UserError
from components.seam.planned import UNKNOWN, UNKNOWNS, PlannedResource

MAKING = (
    "`make cost STACK=<stack>` needs no file;"
    " `pulumi preview --json --show-sames > FILE` makes one."
)
REGION = "aws:region"
STACK_TYPE = "pulumi:pulumi:Stack"
GONE = ("delete", "delete-replaced", "discard", "discard-replaced", "read-discard")
"""Steps after which a resource is no longer there."""


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
    return CostPlan(stack=str(document["stack"]), resources=resources(document, name))


def in_region(plan: CostPlan, region: str) -> CostPlan:
    """The plan with a region for those resources that have none, of their own or a provider's."""
    resources = (replace(resource, region=resource.region or region) for resource in plan.resources)
    return replace(plan, resources=tuple(resources))


def resources(document: Mapping[str, Any], name: str) -> tuple[PlannedResource, ...]:
    """The resources of either kind of document, as they would be."""
    if "steps" in document:
        config = _map(document, "config", name)
        return _resources(_preview_states(document, name), str(config.get(REGION) or ""), name)
    if "resources" in document:
        return _resources(_states(document["resources"], name), "", name)
    raise _no_plan(name, _other_tool(document))


def _of_preview(document: Mapping[str, Any], name: str) -> CostPlan:
    planned = resources(document, name)
    if not planned:
        raise _no_plan(name, "a preview without resources")
    return CostPlan(stack=planned[0].urn.split("::")[0].split(":")[-1], resources=planned)


def _preview_states(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    for diagnostic in _states(document.get("diagnostics") or [], name):
        if diagnostic.get("severity") == "error":
            what = " ".join(str(diagnostic.get("message")).split())
            raise UserError(
                f"{name}: should be a preview that succeeded, got one with: {what}",
                "Correct that, then make the file again.",
            )
    states: dict[str, Mapping[str, Any]] = {}
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
            states[urn] = state
    unchanged = _map(document, "changeSummary", name).get("same", 0)
    if isinstance(unchanged, int) and unchanged > sames:
        raise UserError(
            f"{name}: should have every resource, got none of the {unchanged} unchanged ones",
            "Make it with `pulumi preview --json --show-sames > FILE`.",
        )
    return list(states.values())


def _resources(
    states: Sequence[Mapping[str, Any]], region: str, name: str
) -> tuple[PlannedResource, ...]:
    for at, state in enumerate(states):
        for key in ("urn", "type"):
            if not isinstance(state.get(key), str):
                raise UserError(
                    f"{name}: resource {at + 1}: {key}: should be text, got {state.get(key)!r}",
                    MAKING,
                )
    regions = {
        state["urn"]: str(_map(state, "inputs", state["urn"]).get("region") or "")
        for state in states
        if state["type"].startswith("pulumi:providers:")
    }
    return tuple(
        replace(resource, region=regions.get(resource.provider) or region)
        for resource in (read_state(state, name) for state in states)
    )


def read_state(state: Mapping[str, Any], name: str) -> PlannedResource:
    """One resource: of an offline plan, or a state in a preview."""
    urn = str(state["urn"])
    path = f"{name}: {urn}"
    return PlannedResource(
        urn=urn,
        type=str(state["type"]),
        name=str(state.get("name") or urn.rpartition("::")[2]),
        inputs={key: _known(value) for key, value in _map(state, "inputs", path).items()},
        custom=bool(state.get("custom", True)),
        sources={
            key: tuple(str(urn) for urn in urns) if isinstance(urns, list) else ()
            for key, urns in _map(state, "propertyDependencies", path).items()
        },
        provider=str(state.get("provider") or "").rpartition("::")[0],
        protect=bool(state.get("protect")),
        deleted_with=str(state.get("deletedWith") or ""),
        delete_before_replace=bool(state.get("deleteBeforeReplace")),
        ignore_changes=tuple(state.get("ignoreChanges") or ()),
        replace_on_changes=tuple(state.get("replaceOnChanges") or ()),
        replacement_trigger=_known(state.get("replacementTrigger")),
        aliases=tuple(state.get("aliases") or ()),
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
    content = value.get(key) or {}
    if not isinstance(content, Mapping):
        raise UserError(f"{path}: {key}: should be a map, got {content!r}", MAKING)
    return content


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
