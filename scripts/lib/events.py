"""Folds the engine's events into what a person wants to know: decisions without I/O.

Only real resources count: the stack itself, components and providers are the engine's bookkeeping.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.automation.events import (
    DiagnosticEvent,
    EngineEvent,
    OpType,
    StepEventMetadata,
    StepEventStateMetadata,
)

from components.remote.engine_log import OUTPUT
from components.seam import downtime

CHANGES = {
    "create": ("+", "create", "creating", "created"),
    "update": ("~", "change", "changing", "changed"),
    "replace": ("±", "replace", "replacing", "replaced"),
    "create-replacement": ("+", "create anew", "creating anew", "created anew"),
    "delete-replaced": ("-", "delete the old", "deleting the old", "deleted the old"),
    "delete": ("-", "delete", "deleting", "deleted"),
    "refresh": (" ", "look at", "looking at", "looked at"),
    "protect": ("*", "protect", "protecting", "protected"),
    "unprotect": ("*", "no longer protect", "protecting no longer", "protected no longer"),
    "import": ("+", "adopt", "adopting", "adopted"),
    "discard-replaced": ("-", "forget the old", "forgetting the old", "forgot the old"),
}
"""For each operation that does something: its sign, and how it is said before, during, after.
The engine has no operation for a changed protection: it comes with the resource's own."""

OF_A_REPLACEMENT = {"create-replacement", "delete-replaced", "discard-replaced"}
"""What a ``replace`` consists of."""

NOISE = (
    "using pulumi-resource-pulumi-python from $PATH",
    "resource plugin pulumi-python is expected to have version",
)
"""Warnings of the engine about how our launcher was found: as intended."""

ECHOES = ("update failed", "preview failed", "refresh failed", "destroy failed", "resource ")
"""Errors that only repeat that another error happened (the last with ``failed`` somewhere)."""


@dataclass
class Step:
    """One operation on one resource."""

    op: str
    name: str
    kind: str
    started_s: float
    ended_s: float | None = None
    failed: bool = False
    fields: tuple[str, ...] = ()
    """Which inputs differ; after a refresh: which properties are not what they were."""
    drift: str = ""
    """After a refresh: ``update`` for something that differs, ``delete`` for something gone."""
    old: Mapping[str, Any] = field(default_factory=dict, repr=False)
    new: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Inputs before and after; secrets are words."""

    @property
    def title(self) -> str:
        return f"{self.name} ({self.kind})"


@dataclass(frozen=True)
class Problem:
    """What went wrong, with the resource where it happened, if it happened at one."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


@dataclass(frozen=True)
class Output:
    """Lines that a command on a host has printed."""

    text: str


@dataclass
class Run:
    """What one run of the engine has told so far."""

    steps: dict[tuple[str, str], Step] = field(default_factory=dict)
    unchanged: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    outputs: dict[str, object] = field(default_factory=dict)
    """The stack's outputs as of its last event; a secret is a word that says so."""
    outputs_changed: bool = False
    doing: str = ""
    """What a host said last that it is at."""

    def fold(self, event: EngineEvent, now_s: float) -> Step | Output | str | None:
        """Take one event in; return the step that just ended, a warning, or a host's output."""
        if event.resource_pre_event:
            self._begin(event.resource_pre_event.metadata, now_s)
        elif event.res_outputs_event:
            return self._end(event.res_outputs_event.metadata, now_s, failed=False)
        elif event.res_op_failed_event:
            return self._end(event.res_op_failed_event.metadata, now_s, failed=True)
        elif event.diagnostic_event:
            return self._diagnostic(event.diagnostic_event)
        return None

    def running(self) -> list[Step]:
        return [step for step in self.steps.values() if step.ended_s is None]

    def done(self) -> list[Step]:
        """Return the operations that came to their end, well or not."""
        return [step for step in self.steps.values() if step.ended_s is not None]

    def counts(self) -> Counter[str]:
        """Count resources by what was done to them; a replaced one counts once."""
        counted: Counter[str] = Counter()
        for (urn, op), step in self.steps.items():
            if step.failed or (op in OF_A_REPLACEMENT and not self.is_left_over(urn, op)):
                continue
            if op == "refresh":
                self.unchanged.add(urn)
                continue
            counted[op] += 1
        changed = {
            urn for (urn, op) in self.steps if op != "refresh" and not self.is_left_over(urn, op)
        }
        counted["same"] = len(self.unchanged - changed)
        return counted

    def is_left_over(self, urn: str, op: str) -> bool:
        """Whether it deletes an old one that an earlier run replaced and could not delete.

        It comes without the ``replace`` that it was a part of.
        """
        return op == "delete-replaced" and (urn, "replace") not in self.steps

    def drift(self) -> list[Step]:
        """Return what a refresh found to be different or gone."""
        return [step for step in self.steps.values() if step.drift]

    def changes(self) -> bool:
        """Whether anything at all would change or has changed."""
        return self.outputs_changed or any(op != "same" for op, n in self.counts().items() if n)

    def planned(self) -> list[downtime.Step]:
        """Return the operations as one step for each resource."""
        return downtime.folded(
            downtime.EngineOperation(urn=urn, op=op, old=step.old, new=step.new, fields=step.fields)
            for (urn, op), step in self.steps.items()
        )

    def _begin(self, metadata: StepEventMetadata, now_s: float) -> None:
        op = _op(metadata)
        if not _is_real(metadata):
            return
        kind, name = describe(metadata.urn)
        if op in {"same", "update"} and (protection := _protection(metadata)):
            self.steps[metadata.urn, protection] = Step(protection, name, kind, now_s, now_s)
        if op not in CHANGES:
            if op == "same":
                self.unchanged.add(metadata.urn)
            return
        fields = _fields(metadata) if op in {"update", "replace"} else ()
        old, new = _inputs(metadata.old), _inputs(metadata.new)
        self.steps[metadata.urn, op] = Step(op, name, kind, now_s, fields=fields, old=old, new=new)

    def _end(self, metadata: StepEventMetadata, now_s: float, *, failed: bool) -> Step | None:
        if metadata.type == "pulumi:pulumi:Stack":
            old = metadata.old.outputs if metadata.old else {}
            new = metadata.new.outputs if metadata.new else {}
            # The stack's outputs come with its last event; its first has none at all.
            self.outputs_changed = (old or {}) != (new or {})
            self.outputs = dict(new or {})
        op = _op(metadata)
        # A refresh begins as one and ends as what it found: the same, an update, a deletion.
        step = self.steps.get((metadata.urn, "refresh"))
        if step is None or step.ended_s is not None:  # an `up` that looks first does both
            step = self.steps.get((metadata.urn, op))
        if step is None or step.ended_s is not None:
            return None
        step.ended_s, step.failed = now_s, failed
        if step.op == "refresh" and op in {"update", "delete"}:
            new = metadata.new.outputs if metadata.new else {}
            step.drift = op
            old = metadata.old.outputs if metadata.old else {}
            step.fields = tuple(sorted(_drifted(old or {}, new or {})))
        return step

    def _diagnostic(self, event: DiagnosticEvent) -> str | Output | None:
        text = event.message.strip()
        if event.severity == "error":
            self._problem(event.urn or "", text)
        elif event.severity == "info" and event.ephemeral:
            if OUTPUT in text.partition("\n")[0]:
                return Output(text)
            self.doing = text
        elif event.severity == "warning" and text and not any(noise in text for noise in NOISE):
            line = tidy(text)
            if line not in self.warnings:
                self.warnings.append(line)
                return line
        return None

    def _problem(self, urn: str, text: str) -> None:
        message = tidy(text)
        lowered = message.lower()
        echo = lowered.startswith(ECHOES[:-1]) or (
            lowered.startswith(ECHOES[-1]) and "failed" in lowered
        )
        known = any(
            message in problem.message or problem.message in message for problem in self.problems
        )
        if message and not echo and not known:
            where = describe(urn)[1] if urn and "pulumi:pulumi:Stack" not in urn else ""
            self.problems.append(Problem(where, message))


def describe(urn: str) -> tuple[str, str]:
    """Return kind and name of a resource: ``Server`` and ``stage1-server``."""
    parts = urn.split("::")
    token = parts[-2] if len(parts) >= 2 else ""
    return re.split(r"[:$]", token)[-1], parts[-1]


def tidy(message: str) -> str:
    """Return an error or warning without the engine's wrapping and without its traceback.

    A traceback of the engine's begins at the edge; the output of a host, in which an app may have
    printed one, is set in by ``  | `` (``components/remote/session.py``) and stays.
    """
    text = _unwrapped(message)
    traces = list(re.finditer(r"^Traceback \(most recent call last\):?$", text, re.MULTILINE))
    if traces:
        # What it ends with: the first line at the edge, and what the exception says below it.
        end = re.search(r"^\S.*", text[traces[-1].end() :], re.MULTILINE | re.DOTALL)
        text = end[0] if end else text.splitlines()[-1]
    return _unwrapped(text)


WRAPPING = re.compile(
    r"^(error|warning|Exception calling application|rpc error: code = \w+ desc ="
    r"|python inline source runtime error|Program failed with an unhandled exception"
    r"|(\w+\.)*(UserError|HostFailed|Exception|RunError))\s*:?\s+"
)


def _unwrapped(text: str) -> str:
    text = text.strip()
    while (shorter := WRAPPING.sub("", text)) != text:
        text = shorter
    return text.strip()


def errors_of(text: str) -> list[str]:
    """Return the errors in what the CLI printed: its ``error:`` lines, or else its last line."""
    lines = [line.strip().removeprefix("stderr: ") for line in text.splitlines()]
    errors = [tidy(line) for line in lines if line.startswith("error: ")]
    last = next((line for line in reversed(lines) if line), "the engine failed and gave no reason")
    return list(dict.fromkeys(errors or [last]))


def _op(metadata: StepEventMetadata) -> str:
    return metadata.op.value if isinstance(metadata.op, OpType) else str(metadata.op)


def _protection(metadata: StepEventMetadata) -> str:
    """``protect`` or ``unprotect`` where the program's protection is not the state's."""
    old, new = metadata.old, metadata.new
    if not old or not new or bool(old.protect) == bool(new.protect):
        return ""
    return "protect" if new.protect else "unprotect"


def _inputs(state: StepEventStateMetadata | None) -> Mapping[str, Any]:
    return (state.inputs or {}) if state else {}


def _is_real(metadata: StepEventMetadata) -> bool:
    state = metadata.new or metadata.old
    return bool(state and state.custom) and not metadata.type.startswith("pulumi:providers:")


def _fields(metadata: StepEventMetadata) -> tuple[str, ...]:
    """Name what differs, top level only: inputs, or else what was really found."""
    named = [*(metadata.diffs or []), *(metadata.detailed_diff or {}), *(metadata.keys or [])]
    differ = {re.split(r"[.\[]", name)[0] for name in named}
    if not differ and metadata.old and metadata.new:
        old, new = metadata.old, metadata.new
        differ = _different(old.inputs, new.inputs) or _different(old.outputs, new.inputs)
    return tuple(sorted(name for name in differ if name and not name.startswith("__")))


def _different(old: Mapping[str, object] | None, new: Mapping[str, object] | None) -> set[str]:
    return {name for name, value in (new or {}).items() if (old or {}).get(name) != value}


def _drifted(old: Mapping[str, object], new: Mapping[str, object]) -> set[str]:
    """Name what differs; of a map, what its new entries say (``<path> is missing``)."""
    names: set[str] = set()
    for name in _different(old, new):
        value, before = new[name], old.get(name) or {}
        if isinstance(value, Mapping) and value and isinstance(before, Mapping):
            names |= {f"{key} {value[key]}" for key in _different(before, value)}
        else:
            names.add(name)
    return names
