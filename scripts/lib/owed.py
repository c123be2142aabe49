"""What earlier runs left for the next ``up``, read from the state: decisions without I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scripts.lib.display import LEFT_OVER
from scripts.lib.engine import Resource
from scripts.lib.events import describe


def lines(stack: str, deployment: Mapping[str, Any], *, protected: bool) -> list[str]:
    """Return a line for each thing that is owed; ``protected``: what the settings say of data."""
    up = f"`make up STACK={stack}`"
    resources = [Resource(resource) for resource in deployment.get("resources") or ()]
    owed = [
        f"{resource.title}: {LEFT_OVER}; {up} deletes it"
        for resource in resources
        if resource.is_real and resource.is_left_over
    ]
    for operation in deployment.get("pending_operations") or ():
        kind, name = describe(str(operation["resource"]["urn"]))
        owed.append(
            f"{name} ({kind}): an earlier run was {operation['type']} it and did not finish;"
            f" {up} checks what exists"
        )
    return owed + _protection(resources, up, protected=protected)


def being_made(deployment: Mapping[str, Any]) -> list[str]:
    """Return a line for each resource that may exist at the cloud without being in the state."""
    return [
        "{1} ({0}) was being made: if the cloud has it already, it is not in the state. Look "
        "for it in the cloud's console".format(*describe(str(operation["resource"]["urn"])))
        for operation in deployment.get("pending_operations") or ()
        if operation["type"] == "creating"
    ]


def _protection(resources: Sequence[Resource], up: str, *, protected: bool) -> list[str]:
    real = [resource for resource in resources if resource.is_real]
    if not real or protected == any(resource.is_protected for resource in real):
        return []
    state = "nothing is protected" if protected else "there is something protected"
    setting = str(protected).lower()
    return [f"stages:data.protected is {setting} and {state} in the state; {up} records it"]
