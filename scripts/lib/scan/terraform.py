"""An offline plan as Terraform JSON, for scanners that know no Pulumi.

Pulumi's providers are made from Terraform's: names turn from camelCase to snake_case, lists of
blocks from plural to singular. What is known only later becomes a reference to the resource that
it comes from, so that a scanner sees who belongs to whom. Only for reading: Terraform could not
apply it, for the hosts' own resources are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from components.cloud_names import cloud_names
from components.errors import UserError
from components.seam.planned import SECRET, UNKNOWN, PlannedResource, trace
from components.seam.provider import load
from planning.plan import Plan

OWN: Final = ("pulumi:", "pulumi-python:")
"""Types of the engine and of this project: on hosts and in the state, in no cloud's API."""
MAPS: Final = frozenset({"tags", "dimensions"})
"""Inputs whose keys are the user's."""
SAME: Final = frozenset({"alerts"})
"""Blocks that are plural in Terraform as well."""
ALSO: Final = {"referencedSecurityGroupId": "source_security_group_id"}
"""Older names that say the same, where checkov 3.3 knows these alone."""
LATER: Final = "${var.later}"
"""Stands for what no plan knows, secrets among it."""


def translate(plan: Plan) -> dict[str, Any]:
    """The resources and look-ups of a plan; raises ``UserError`` for a type that has no name."""
    types = _types()
    by_urn = {resource.urn: resource for resource in plan.planned()}
    document: dict[str, Any] = {"resource": {}, "data": {}}
    for resource in by_urn.values():
        if not resource.custom or resource.type.startswith(OWN):
            continue
        block = {
            key: value
            for name, given in resource.inputs.items()
            for key, value in _entry(name, given, _references(resource, name, by_urn, types))
        }
        if resource.protect:
            block["lifecycle"] = {"prevent_destroy": True}
        blocks = document["resource"].setdefault(_type(types, resource.type), {})
        blocks[_label(resource.name)] = block
    for number, lookup in enumerate(plan.lookups):
        block = {
            key: value
            for name, given in lookup["arguments"].items()
            for key, value in _entry(name, given, iter(()))
        }
        document["data"].setdefault(_type(types, lookup["token"]), {})[f"lookup-{number}"] = block
    return {kind: blocks for kind, blocks in document.items() if blocks}


def _types() -> dict[str, str]:
    """What every cloud's folder says about names; a cloud that no scanner knows says nothing."""
    return {
        type_: row.terraform
        for cloud in cloud_names()
        for type_, row in load(cloud).known.items()
        if row.terraform
    }


def _type(types: Mapping[str, str], type_: str) -> str:
    if type_ not in types:
        cloud = type_.partition(":")[0]
        raise UserError(
            f"{type_}: should have a name in Terraform, got none",
            f"Add it to components/clouds/{cloud}/known/types.py.",
        )
    return types[type_]


def _entry(name: str, value: Any, references: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """One input; nothing where it is empty, as a block that is not there."""
    if value in (None, [], {}):
        return
    key = _snake(name)
    if isinstance(value, list) and isinstance(value[0], dict) and name not in SAME:
        key = re.sub(r"(?<!s)s$", "", key)  # `ingress` is one already
    translated = _value(name, value, references)
    yield key, translated
    if name in ALSO:
        yield ALSO[name], translated


def _value(name: str, value: Any, references: Iterator[str]) -> Any:
    if value == UNKNOWN:
        return next(references, LATER)
    if value == SECRET:
        return LATER
    if isinstance(value, list):
        return [_value(name, item, references) for item in value]
    if isinstance(value, dict):
        if name in MAPS:
            return {key: _value(key, item, references) for key, item in value.items()}
        return {
            inner: block
            for key, item in value.items()
            for inner, block in _entry(key, item, references)
        }
    return value


def _references(
    resource: PlannedResource,
    name: str,
    by_urn: Mapping[str, PlannedResource],
    types: Mapping[str, str],
) -> Iterator[str]:
    """Where an input comes from, through the hosts' own resources if need be.

    The one whose type its name speaks of comes first: ``instanceId`` is of an instance.
    """
    attribute = next((part for part in ("arn", "name") if _snake(name).endswith(part)), "id")
    stem = re.sub(r"_(id|arn|name)s?$", "", _snake(name)).rpartition("_")[2]
    urns = trace(
        resource.sources.get(name, ()), by_urn, lambda resource: not resource.type.startswith(OWN)
    )
    resources = [by_urn[urn] for urn in urns]
    sources = [
        f"{types[resource.type]}.{_label(resource.name)}"
        for resource in resources
        if resource.type in types
    ]
    sources.sort(key=lambda source: (stem not in source.partition(".")[0], source.find(".")))
    return (f"${{{source}.{attribute}}}" for source in sources)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def _label(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)
