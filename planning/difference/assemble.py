"""From plans or an engine's preview of one stack to what the document says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from components import settings
from components.errors import UserError
from components.seam import downtime
from components.seam.planned import PlannedResource
from components.settings import Settings
from planning.costs import plan_file
from planning.difference import bill, difference, redact
from planning.difference.difference import Difference
from planning.difference.document import Cost, Downtime, Finding, Source, Stack, Status, Value
from planning.difference.values import differences
from planning.policies import findings as policy

Json = Mapping[str, Any]
MOST_ERROR: Final = 6000
"""Characters of an error: its end is kept, where the reason is."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One stack at one revision."""

    plan: Json | None = None
    settings: Json | None = None
    """As they stand in the stack's file."""
    error: str = ""


def compare_plans(name: str, base: Side, head: Side) -> Stack:
    """What lies between two offline plans of a stack."""
    changed = _settings(base.settings, head.settings)
    if head.error:
        return _failed(name, "offline", head.error, changed)
    notes = []
    if base.error:
        notes.append(
            f"The base cannot be planned, so all of it is shown as new: {_end(base.error)}"
        )
    compared = difference.compare(_resources(base.plan, name), _resources(head.plan, name))
    status: Status = "changed" if compared.changes or changed else "unchanged"
    status = "new" if base.plan is None else "gone" if head.plan is None else status
    return _stack(
        name, "offline", status, compared, changed, base.plan, head.plan, head.settings, notes
    )


def read_preview(name: str, preview: Json, values: Json | None, stderr: str = "") -> Stack:
    """What an engine's preview says of a stack; ``values`` are its settings."""
    errors = [
        str(diagnostic.get("message"))
        for diagnostic in preview.get("diagnostics") or ()
        if isinstance(diagnostic, Mapping) and diagnostic.get("severity") == "error"
    ]
    if errors or not isinstance(preview.get("steps"), list):
        return _failed(name, "engine", "\n".join(errors) or stderr or "It gave no reason.", ())
    compared = difference.read_preview(preview)
    before = _as_it_is(preview)
    status: Status = "changed" if compared.changes else "unchanged"
    status = status if before else "new"
    return _stack(name, "engine", status, compared, (), before, preview, values, [])


def failed(name: str, source: Source, error: str) -> Stack:
    """A stack of which there is no preview."""
    return _failed(name, source, error, ())


def _stack(
    name: str,
    source: Source,
    status: Status,
    compared: Difference,
    changed: tuple[Value, ...],
    before: Json | None,
    after: Json | None,
    values: Json | None,
    notes: list[str],
) -> Stack:
    chosen = _read(name, values, notes) if after is not None else None
    cost = _cost(name, before, after, chosen, notes)
    return Stack(
        name=name,
        source=source,
        status=status,
        settings=changed,
        resources=tuple(change.resource() for change in compared.changes),
        same=compared.same,
        cost=cost,
        downtime=_downtime(compared, chosen) if status != "gone" else (),
        findings=_findings(name, before, after, chosen, notes),
        notes=tuple(notes),
    )


def _failed(name: str, source: Source, error: str, changed: tuple[Value, ...]) -> Stack:
    return Stack(name=name, source=source, status="failed", error=_end(error), settings=changed)


def _end(error: str) -> str:
    text = redact.without_secrets(error).strip()
    return text if len(text) <= MOST_ERROR else "... " + text[-MOST_ERROR:]


def _read(name: str, values: Json | None, notes: list[str]) -> Settings | None:
    if values is None:
        notes.append("Downtime and policies are unknown: the stack's settings are not known.")
        return None
    try:
        return settings.read(name, values)
    except UserError as error:
        notes.append(f"Downtime and policies are unknown: {error}")
        return None


def _settings(before: Json | None, after: Json | None) -> tuple[Value, ...]:
    """The settings that differ; what may be a secret is named, and not shown."""
    values: list[Value] = []
    for key in sorted({*before, *after}) if before is not None and after is not None else ():
        old, new = ({key: side[key]} if key in side else {} for side in (before or {}, after or {}))
        for value in differences(old, new):
            hidden = Value(path=value.path, before=None, after=None, secret=True)
            values.append(hidden if redact.is_secret_setting(key) else value)
    return tuple(values)


def _resources(plan: Json | None, name: str) -> tuple[PlannedResource, ...]:
    return () if plan is None else plan_file.resources(plan, name)


def _as_it_is(preview: Json) -> dict[str, Any] | None:
    """The preview's old states, as a preview in which nothing changes; none of a new stack."""
    steps = {
        step["urn"]: {"op": "same", "urn": step["urn"], "newState": step["oldState"]}
        for step in preview["steps"]
        if step.get("oldState")
    }
    return {"config": preview.get("config"), "steps": list(steps.values())} if steps else None


def _cost(
    name: str, before: Json | None, after: Json | None, chosen: Settings | None, notes: list[str]
) -> Cost | None:
    try:
        cost = bill.compare_costs(name, before, after, chosen)
        notes += bill.unpriced(name, after)
    except UserError as error:
        notes.append(f"The cost is unknown: {error}")
        return None
    return cost


def _downtime(compared: Difference, chosen: Settings | None) -> tuple[Downtime, ...]:
    if chosen is None:
        return ()
    steps = [change.step() for change in compared.changes]
    return tuple(
        Downtime(
            what=cost.what,
            least_s=cost.least_s,
            most_s=cost.most_s,
            when=cost.when,
            why=cost.why,
            source=cost.source,
        )
        for cost in downtime.expected(steps, chosen)
    )


def _findings(
    name: str, before: Json | None, after: Json | None, chosen: Settings | None, notes: list[str]
) -> tuple[Finding, ...]:
    """The findings in what would be; those that the base has as well are marked."""
    if chosen is None or after is None:
        return ()
    try:
        before_keys = (
            {(finding.rule, finding.urn) for finding in policy.findings(before, chosen)}
            if before
            else set()
        )
        findings = policy.findings(after, chosen)
    except UserError as error:
        notes.append(f"Policies were not checked: {error}")
        return ()
    return tuple(
        Finding(
            policy=finding.rule,
            level=finding.level,
            resource=finding.urn.rpartition("::")[2],
            message=finding.message,
            remedy=finding.remedy,
            new=(finding.rule, finding.urn) not in before_keys,
        )
        for finding in findings
        if finding.rule != bill.BUDGET
    )
