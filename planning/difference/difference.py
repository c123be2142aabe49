"""What an ``up`` would do to each resource: from two offline plans, or as an engine's preview says.

Two plans differ where a change of code or settings makes them differ. What neither can tell: what
is really there, and what only a provider knows (defaults, values that come from other resources).
A resource that takes a value from one that is replaced is taken to change with it, as the engine
does; whether it is replaced, too, is said by ``planning/known.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.seam import downtime
from components.seam.planned import UNKNOWN, PlannedResource
from planning import known
from planning.costs import plan_file
from planning.difference.document import ChangedResource, Operation, Value
from planning.difference.redact import opened
from planning.difference.values import differences

GENERATION = "replacement trigger"
PROTECT = "protect"
PROVIDER = "provider"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One resource that is not as it was."""

    urn: str
    operation: Operation
    old: PlannedResource | None = None
    new: PlannedResource | None = None
    fields: tuple[str, ...] = ()
    """Inputs that change, top level only; may hold some that are equal: their source changes.
    Empty where nobody says: an engine that asks a dynamic provider names none."""
    because: tuple[str, ...] = ()
    old_first: bool = False

    def step(self) -> downtime.Step:
        """The change as the expectation of downtime takes it."""
        return downtime.Step(
            urn=self.urn,
            op=self.operation,
            old=_inputs(self.old),
            new=_inputs(self.new),
            fields=frozenset(self.fields),
            old_first=self.old_first,
        )

    def resource(self) -> ChangedResource:
        """The change as the document has it."""
        type_ = self.urn.split("::")[-2].rpartition("$")[2]
        loses = self.operation in {"replace", "delete"}
        shown = {*self.fields} - {"__provider"}
        both = self.operation in {"update", "replace"}
        old, new = (
            {key: value for key, value in _inputs(state).items() if key in shown or not self.fields}
            for state in (self.old, self.new)
        )
        inputs = differences(old, new) if both else ()
        listed = {top_of(value.path) for value in inputs}
        follow = sorted(shown - listed) if both else []
        if self.old and self.new and GENERATION in self.because:
            triggers = (self.old.replacement_trigger, self.new.replacement_trigger)
            inputs = (_option(GENERATION, *triggers), *inputs)
        if self.old and self.new and self.old.protect != self.new.protect:
            inputs = (_option(PROTECT, self.old.protect, self.new.protect), *inputs)
        return ChangedResource(
            operation=self.operation,
            type=type_,
            name=self.urn.rpartition("::")[2],
            inputs=(*inputs, *(Value(path=key, before=None, after=None) for key in follow)),
            because=self.because,
            holds=known.lookup(type_).lost(_inputs(self.old)) if loses else "",
            protected=loses and self.old is not None and self.old.protect,
        )


@dataclass(frozen=True, kw_only=True)
class Difference:
    """All changes of one stack, and how many of its resources stay."""

    changes: tuple[Change, ...]
    same: int


def compare(before: Iterable[PlannedResource], after: Iterable[PlannedResource]) -> Difference:
    """Compare the resources of two offline plans; none: there is no such stack."""
    old = {resource.urn: resource for resource in before if is_real(resource)}
    new = {resource.urn: resource for resource in after if is_real(resource)}
    renamed = _renamed(old, new)
    moved: set[str] = set()
    """URNs of what is another object than before, or new."""
    changes = []
    for urn, resource in new.items():
        was = old.get(renamed.get(urn, urn))
        change = (
            Change(urn=urn, operation="create", new=resource)
            if was is None
            else _compare(was, resource, moved)
        )
        if change:
            changes.append(change)
            if _moves(resource, change.operation, moved):
                moved.add(urn)
    remaining = {renamed.get(urn, urn) for urn in new}
    changes += [
        Change(urn=urn, operation="delete", old=resource)
        for urn, resource in old.items()
        if urn not in remaining
    ]
    touched = {change.urn for change in changes}
    return Difference(changes=tuple(changes), same=sum(urn not in touched for urn in new))


def read_preview(document: Mapping[str, Any]) -> Difference:
    """Read the steps of ``pulumi preview --json --show-sames``."""
    folded = {step.urn: step for step in downtime.steps_in_preview(document)}
    old = _preview_side(document, "oldState")
    new = _preview_side(document, "newState")
    reasons = {
        str(step["urn"]): tuple(step["replaceReasons"])
        for step in document["steps"]
        if step.get("replaceReasons")
    }
    real = {urn for urn, resource in {**new, **old}.items() if is_real(resource)}
    changes = [
        Change(
            urn=urn,
            operation=step.op,
            old=old.get(urn),
            new=new.get(urn),
            fields=tuple(sorted(step.fields)),
            because=reasons.get(urn, ()),
            old_first=step.old_first,
        )
        for urn, step in folded.items()
        if urn in real
    ]
    changes += [
        Change(urn=urn, operation="update", old=old[urn], new=new[urn])
        for urn in new
        if urn in real and urn in old and urn not in folded
        if old[urn].protect != new[urn].protect
    ]
    touched = {change.urn for change in changes}
    return Difference(changes=tuple(changes), same=len(real - touched))


def _preview_side(document: Mapping[str, Any], key: str) -> dict[str, PlannedResource]:
    """By URN, the first old or new state in a preview's steps."""
    states: dict[str, PlannedResource] = {}
    for step in document["steps"]:
        if step.get(key):
            urn = str(step["urn"])
            states.setdefault(urn, plan_file.read_state({**step[key], "urn": urn}, "preview"))
    return states


def is_real(resource: PlannedResource) -> bool:
    """Whether it is a thing of its own: no component, and no provider that the engine adds."""
    of_engine = resource.type.startswith("pulumi:providers:") and "default" in resource.name
    return resource.custom and not of_engine


def _moves(resource: PlannedResource, operation: Operation, moved: set[str]) -> bool:
    """Whether what takes a value from this resource gets another one."""
    passed = known.lookup(resource.type).passes
    if passed:
        return bool(moved.intersection(resource.sources.get(passed, ())))
    return operation in {"create", "replace"}


def _compare(old: PlannedResource, new: PlannedResource, moved: set[str]) -> Change | None:
    row = known.lookup(new.type)
    ignored = set(new.ignore_changes)
    before, after = _inputs(old), _inputs(new)
    fields, because = [], []
    for key in sorted({*before, *after} - ignored):
        if not row.is_relevant(key):
            continue
        follows = moved.intersection(new.sources.get(key, ())) and _has_unknown(after.get(key))
        paths = [value.path for value in differences(_only(before, key), _only(after, key))]
        paths = [path for path in paths if path not in ignored]
        if paths or follows:
            fields.append(key)
            forced = [path for path in paths if row.forces(path)]
            if forced or (follows and row.forces(key)) or key in new.replace_on_changes:
                because.append(key)
    if old.replacement_trigger != new.replacement_trigger:
        because.append(GENERATION)
    if new.provider in moved:
        because.append(PROVIDER)
    if not fields and not because and old.protect == new.protect:
        return None
    return Change(
        urn=new.urn,
        operation="replace" if because else "update",
        old=old,
        new=new,
        fields=tuple(fields),
        because=tuple(because),
        old_first=row.old_first or _says_old_first(new),
    )


def _says_old_first(resource: PlannedResource) -> bool:
    return resource.delete_before_replace or resource.inputs.get("delete_before_replace") == "yes"


def _renamed(
    old: Mapping[str, PlannedResource], new: Mapping[str, PlannedResource]
) -> dict[str, str]:
    """By new URN, the one under which it was known; aliases that are no URNs are not followed."""
    return {
        urn: alias
        for urn, resource in new.items()
        if urn not in old
        for alias in resource.aliases
        if alias in old
    }


def _option(shown: str, old: Any, new: Any) -> Value:
    """A changed option of a resource, as if it were an input."""
    before, after = (json.dumps(value or False).strip('"') for value in (old, new))
    return Value(path=shown, before=before, after=after)


def _inputs(resource: PlannedResource | None) -> dict[str, Any]:
    inputs: dict[str, Any] = opened(resource.inputs if resource else {})
    inputs.pop("__provider", None)  # the code of a dynamic resource's provider: no wish
    release = inputs.get("release")
    if isinstance(release, Mapping):  # a path of the machine that planned: no wish
        inputs["release"] = {key: value for key, value in release.items() if key != "repository"}
    return inputs


def _only(inputs: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return {key: inputs[key]} if key in inputs else {}


def top_of(path: str) -> str:
    """The input that a leaf is in."""
    return path.partition(".")[0].partition("[")[0]


def _has_unknown(value: Any) -> bool:
    return UNKNOWN in _words(value)


def _words(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _words(item)
    elif isinstance(value, list):
        for item in value:
            yield from _words(item)
    else:
        yield value
