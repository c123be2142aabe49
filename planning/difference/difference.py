"""What an ``up`` would do to each resource: from two offline plans, or as an engine's preview says.

Two plans differ where a change of code or settings makes them differ. What neither can tell: what
is really there, and what only a provider knows (defaults, values that come from other resources).
A resource that takes a value from one that is replaced is taken to change with it, as the engine
does; whether it is replaced, too, is said by ``planning/kinds.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.seam import downtime
from planning import kinds
from planning.difference.document import Operation, Resource, Value
from planning.difference.redact import opened
from planning.difference.values import differences
from planning.values import UNKNOWN

State = Mapping[str, Any]
"""One entry of a plan's ``resources``, or a state in an engine's preview."""

GENERATION = "replacement trigger"
PROTECT = "protect"
PROVIDER = "provider"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One resource that is not as it was."""

    urn: str
    operation: Operation
    old: State
    new: State
    fields: tuple[str, ...] = ()
    """Inputs that change, top level only; may hold some that are equal: their source changes.
    Empty where nobody told: an engine that asks a dynamic provider tells none."""
    because: tuple[str, ...] = ()
    old_first: bool = False

    @property
    def there(self) -> State:
        """The state that says most: what is, or what will be."""
        return self.old or self.new

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

    def resource(self) -> Resource:
        """The change as the document tells it."""
        type_ = str(self.there.get("type") or self.urn.split("::")[-2].rpartition("$")[2])
        loses = self.operation in {"replace", "delete"}
        shown = {*self.fields} - {"__provider"}
        both = self.operation in {"update", "replace"}
        old, new = (
            {key: value for key, value in _inputs(state).items() if key in shown or not self.fields}
            for state in (self.old, self.new)
        )
        inputs = differences(old, new) if both else ()
        told = {top_of(value.path) for value in inputs}
        follow = sorted(shown - told) if both else []
        if GENERATION in self.because:
            inputs = (_option("replacementTrigger", GENERATION, self.old, self.new), *inputs)
        if self.old and self.new and _protected(self.old) != _protected(self.new):
            inputs = (_option("protect", PROTECT, self.old, self.new), *inputs)
        return Resource(
            operation=self.operation,
            type=type_,
            name=self.urn.rpartition("::")[2],
            inputs=(*inputs, *(Value(path=key, before=None, after=None) for key in follow)),
            because=self.because,
            holds=kinds.lookup(type_).lost(_inputs(self.old)) if loses else "",
            protected=loses and _protected(self.old),
        )


@dataclass(frozen=True, kw_only=True)
class Difference:
    """All changes of one stack, and how many of its resources stay."""

    changes: tuple[Change, ...]
    same: int


def of_plans(before: Sequence[State] | None, after: Sequence[State] | None) -> Difference:
    """Compare the resources of two offline plans; ``None``: there is no such stack."""
    old = {str(state["urn"]): state for state in before or () if is_real(state)}
    new = {str(state["urn"]): state for state in after or () if is_real(state)}
    renamed = _renamed(old, new)
    moved: set[str] = set()
    """URNs of what is another object than before, or new."""
    changes = []
    for urn, state in new.items():
        was = old.get(renamed.get(urn, urn))
        change = _create(urn, state) if was is None else _compare(urn, was, state, moved)
        if change:
            changes.append(change)
            if _moves(change, moved):
                moved.add(urn)
    kept = {renamed.get(urn, urn) for urn in new}
    changes += [
        Change(urn=urn, operation="delete", old=state, new={})
        for urn, state in old.items()
        if urn not in kept
    ]
    touched = {change.urn for change in changes}
    return Difference(changes=tuple(changes), same=sum(urn not in touched for urn in new))


def of_preview(document: Mapping[str, Any]) -> Difference:
    """Read the steps of ``pulumi preview --json --show-sames``."""
    folded = {step.urn: step for step in downtime.of_preview(document)}
    states: dict[str, dict[str, Any]] = {}
    for step in document["steps"]:
        found = states.setdefault(str(step["urn"]), {"because": ()})
        for key in ("oldState", "newState"):
            if step.get(key) and not found.get(key):
                found[key] = step[key]
        found["because"] = tuple(step.get("replaceReasons") or found["because"])
    changes = []
    for urn, step in folded.items():
        old, new = states[urn].get("oldState") or {}, states[urn].get("newState") or {}
        if is_real(old or new):
            changes.append(
                Change(
                    urn=urn,
                    operation=step.op,
                    old=old,
                    new=new,
                    fields=tuple(sorted(step.fields)),
                    because=states[urn]["because"],
                    old_first=step.old_first,
                )
            )
    told = {change.urn for change in changes}
    changes += [
        Change(urn=urn, operation="update", old=found["oldState"], new=found["newState"])
        for urn, found in states.items()
        if urn not in told
        and {"oldState", "newState"} <= found.keys()
        and is_real(found["newState"])
        if _protected(found["oldState"]) != _protected(found["newState"])
    ]
    real = [
        urn
        for urn, found in states.items()
        if is_real(found.get("oldState") or found.get("newState") or {})
    ]
    touched = {change.urn for change in changes}
    return Difference(changes=tuple(changes), same=sum(urn not in touched for urn in real))


def is_real(state: State) -> bool:
    """Whether it is a thing of its own: no component, and no provider that the engine adds."""
    name = str(state.get("urn")).rpartition("::")[2]
    of_engine = str(state.get("type")).startswith("pulumi:providers:") and "default" in name
    return bool(state.get("custom")) and not of_engine


def _create(urn: str, state: State) -> Change:
    return Change(urn=urn, operation="create", old={}, new=state)


def _moves(change: Change, moved: set[str]) -> bool:
    """Whether what takes a value from this resource gets another one."""
    passed = kinds.lookup(str(change.new["type"])).passes
    if passed:
        return bool(moved.intersection(change.new["propertyDependencies"][passed]))
    return change.operation in {"create", "replace"}


def _compare(urn: str, old: State, new: State, moved: set[str]) -> Change | None:
    kind = kinds.lookup(str(new["type"]))
    ignored = set(new.get("ignoreChanges", ()))
    before, after = _inputs(old), _inputs(new)
    sources = new.get("propertyDependencies", {})
    fields, because = [], []
    for key in sorted({*before, *after} - ignored):
        if not kind.is_relevant(key):
            continue
        follows = moved.intersection(sources.get(key, ())) and _has_unknown(after.get(key))
        paths = [value.path for value in differences(_one(before, key), _one(after, key))]
        paths = [path for path in paths if path not in ignored]
        if paths or follows:
            fields.append(key)
            forced = [path for path in paths if kind.forces(path)]
            if forced or (follows and kind.forces(key)) or key in new.get("replaceOnChanges", ()):
                because.append(key)
    if old.get("replacementTrigger") != new.get("replacementTrigger"):
        because.append(GENERATION)
    if moved & {str(new.get("provider", "")).rpartition("::")[0]}:
        because.append(PROVIDER)
    if not fields and not because and _protected(old) == _protected(new):
        return None
    return Change(
        urn=urn,
        operation="replace" if because else "update",
        old=old,
        new=new,
        fields=tuple(fields),
        because=tuple(because),
        old_first=kind.old_first or _says_old_first(new),
    )


def _says_old_first(state: State) -> bool:
    said = state.get("inputs", {}).get("delete_before_replace")
    return bool(state.get("deleteBeforeReplace")) or said == "yes"


def _renamed(old: Mapping[str, State], new: Mapping[str, State]) -> dict[str, str]:
    """By new URN, the one under which it was known; aliases that are no URNs are not followed."""
    return {
        urn: alias
        for urn, state in new.items()
        if urn not in old
        for alias in state.get("aliases", ())
        if alias in old
    }


def _option(key: str, shown: str, old: State, new: State) -> Value:
    """A changed option of a resource, as if it were an input."""
    before, after = (json.dumps(state.get(key) or False).strip('"') for state in (old, new))
    return Value(path=shown, before=before, after=after)


def _protected(state: State) -> bool:
    return bool(state.get("protect"))


def _inputs(state: State) -> dict[str, Any]:
    found: dict[str, Any] = opened(state.get("inputs") or {})
    found.pop("__provider", None)  # the code of a dynamic resource's provider: no wish
    release = found.get("release")
    if isinstance(release, Mapping):  # a path of the machine that planned: no wish
        found["release"] = {key: value for key, value in release.items() if key != "repository"}
    return found


def _one(inputs: Mapping[str, Any], key: str) -> Mapping[str, Any]:
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
