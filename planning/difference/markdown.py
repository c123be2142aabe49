"""The comment: most dangerous things first, a row a stack, then each stack with its parts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from components.seam.downtime import in_words
from planning.difference import strict, verdict
from planning.difference.document import ChangedResource, Document, Downtime, Stack, Value
from planning.difference.escape import block, code, sentence
from planning.difference.marker import LIMIT, MARKER
from planning.difference.truncate import FOLDED_UNITS, Part, Section, fit

DONE: Final = {
    "delete": "deleted",
    "replace": "replaced",
    "update": "changed",
    "create": "created",
}
"""What becomes of a resource, the most dangerous first."""
MOST_DIFF_LINES: Final = 40
MOST_NAMES: Final = 10
ERROR_LINES: Final = 60
NOTHING: Final = "-"
PROTECTED: Final = "it is protected, so `up` refuses until the protection is lifted"
DEFAULT, ABSENT = "default", "none"
"""What a setting is, and an input, that is not there."""


def markdown(document: Document) -> str:
    """The whole comment: at most ``LIMIT`` characters, its first line is ``MARKER``.

    No text of the document is trusted: see ``planning/difference/escape.py``.
    """
    loud = [stack for stack in document.stacks if not verdict.is_quiet(stack)]
    loud.sort(key=_mildness)
    first = Section(
        f"{MARKER}\n## {_title(loud)}",
        [
            Part("", [f"> {line}" for line in _alert(loud)]),
            Part("", _table(loud)),
        ],
    )
    sections = [
        Section(f"### {_label(stack.name)}{_about(stack)}", _parts(stack)) for stack in loud
    ]
    return fit([first, *sections], _ending(document), LIMIT)


def _mildness(stack: Stack) -> tuple[bool, ...]:
    """The most dangerous stack sorts first."""
    operations = {resource.operation for resource in stack.resources}
    return (
        not any(resource.holds == "data" for resource in stack.resources),
        not any(resource.holds for resource in stack.resources),
        stack.status != "failed",
        stack.status != "gone",
        not verdict.mandatory(stack),
        not verdict.over_budget(stack),
        not {"replace", "delete"} & operations,
        stack.status == "new",
    )


def _title(loud: Sequence[Stack]) -> str:
    failed = sum(stack.status == "failed" for stack in loud)
    changed = len(loud) - failed
    words = [f"{changed} stack{'s change' if changed != 1 else ' changes'}"] if changed else []
    words += [f"{failed} preview{'s' if failed != 1 else ''} failed"] if failed else []
    return "Preview: " + (", ".join(words) or "no stack changes")


def _alert(loud: Sequence[Stack]) -> list[str]:
    """What a reviewer must not overlook, in one box."""
    warnings = [
        *(line for stack in loud for line in _losses(stack, "data")),
        *(line for stack in loud for line in _losses(stack, "address")),
        *(
            f"{_label(stack.name)}: the preview **failed**"
            for stack in loud
            if stack.status == "failed"
        ),
        *(line for stack in loud for line in _gone(stack)),
        *(
            f"{_label(stack.name)}: breaks the mandatory policy {code(finding.policy)}:"
            f" {sentence(finding.message)}"
            for stack in loud
            for finding in verdict.mandatory(stack)
        ),
        *(
            f"{_label(stack.name)}: ${_money(stack.cost.after)} a month is **above its budget** of"
            f" ${_money(stack.cost.budget)}"
            for stack in loud
            if stack.cost and verdict.over_budget(stack)
        ),
    ]
    return ["[!CAUTION]", *(f"- {line}" for line in warnings)] if warnings else []


def _losses(stack: Stack, holds: str) -> Iterator[str]:
    words = {
        "data": "**the data in it is lost**",
        "address": "**its address is lost**, DNS and allow lists have to follow",
    }
    for resource in stack.resources:
        if stack.status == "gone" or resource.holds != holds:
            continue
        done = f"({_type(resource)}) is **{DONE[resource.operation]}**"
        guard = f"; {PROTECTED}" if resource.protected else ""
        yield f"{_label(stack.name)}: {code(resource.name)} {done}: {words[holds]}{guard}"


def _gone(stack: Stack) -> Iterator[str]:
    if stack.status != "gone":
        return
    cost = f" and costs ${_money(stack.cost.before)} a month" if stack.cost else ""
    down = code(f"make down STACK={stack.name}")
    yield (
        f"{_label(stack.name)}: its settings are deleted, **the stack is not**: it stays as it is"
        f"{cost}, until {down} takes it away, which needs the settings"
    )


def _table(loud: Sequence[Stack]) -> list[str]:
    if not loud:
        return []
    heads = ["| Stack | Resources | Downtime | USD a month |", "|---|---|---|--:|"]
    return [
        *heads,
        *(
            f"| {_label(stack.name)} | {_counts(stack) or NOTHING} | {_longest(stack)}"
            f" | {_cost(stack)} |"
            for stack in loud
        ),
    ]


def _counts(stack: Stack) -> str:
    if stack.status == "failed":
        return "preview failed"
    if stack.status == "gone":
        return "settings deleted"
    counted = Counter[str](resource.operation for resource in stack.resources)
    return ", ".join(
        f"**{counted[operation]} {word}**"
        if operation in {"delete", "replace"}
        else f"{counted[operation]} {word}"
        for operation, word in DONE.items()
        if counted[operation]
    )


def _longest(stack: Stack) -> str:
    if stack.status in {"failed", "gone", "new"}:
        return NOTHING
    felt = [downtime for downtime in stack.downtime if downtime.most_s != 0]
    if not felt:
        return "none expected"
    longest = max(
        felt, key=lambda downtime: (downtime.most_s is None, downtime.most_s or 0, downtime.least_s)
    )
    return in_words(longest.least_s, longest.most_s)


def _cost(stack: Stack) -> str:
    cost = stack.cost
    if cost is None:
        return "not known"
    words = {"above": ", **over budget**", "above before": ", over budget as before"}
    over = words.get(cost.verdict, "")
    if cost.before is None or cost.after is None:
        return _money(cost.after if cost.before is None else cost.before) + over
    if cost.before == cost.after:
        return _money(cost.after) + over
    rise = f"({_signed(cost.difference)})"
    return f"{_money(cost.before)} → {_money(cost.after)} {rise}{over}"


def _about(stack: Stack) -> str:
    return {"new": " (new)", "failed": " (failed)", "gone": " (settings deleted)"}.get(
        stack.status, ""
    )


def _parts(stack: Stack) -> list[Part]:
    shown = sorted(stack.resources, key=_loss)
    items = [
        *(f"- {_downtime(downtime)}" for downtime in stack.downtime if downtime.most_s != 0),
        *_findings(stack),
        *(f"- Note: {sentence(note)}" for note in stack.notes),
    ]
    settings = [f"- Setting {_value(value, '  ', DEFAULT)}" for value in stack.settings]
    if len(settings) <= FOLDED_UNITS:
        items, settings = [*items, *settings], []
    return [
        Part("", _error(stack)),
        Part("", items),
        Part(f"Settings: {len(settings)} changed", settings),
        Part(_money_title(stack), _money_lines(stack), always_folded=True),
        Part(
            _resources_title(stack),
            [unit for resource in shown for unit in _resource(stack, resource)],
        ),
    ]


def _loss(resource: ChangedResource) -> tuple[int, int]:
    """What loses most sorts first."""
    return ["data", "address", ""].index(resource.holds), [*DONE].index(resource.operation)


def _error(stack: Stack) -> list[str]:
    if not stack.error:
        return []
    lines = stack.error.splitlines()[-ERROR_LINES:]
    return ["\n".join(block(lines))]


def _downtime(downtime: Downtime) -> str:
    long = in_words(downtime.least_s, downtime.most_s)
    why = f"{sentence(downtime.why)} ({sentence(downtime.source)})"
    return f"Downtime of {sentence(downtime.what)}: **{long}**, {sentence(downtime.when)}: {why}"


def _findings(stack: Stack) -> Iterator[str]:
    for finding in stack.findings:
        old = "" if finding.new else ", as before"
        remedy = f" {sentence(finding.remedy)}" if finding.remedy else ""
        what = f"Policy {code(finding.policy)} ({finding.level}{old})"
        yield f"- {what}: {sentence(finding.message)}.{remedy}"


def _money_title(stack: Stack) -> str:
    cost = stack.cost
    if cost is None or cost.before is None or cost.after is None:
        return ""
    budget = f", the budget is ${_money(cost.budget)}" if cost.budget else ""
    return f"Cost: ${_money(cost.before)} → ${_money(cost.after)} a month{budget}"


def _money_lines(stack: Stack) -> list[str]:
    lines = stack.cost.lines if stack.cost else ()
    return [
        f"- {sentence(line.name)}: {sentence(line.before)} → {sentence(line.after)}"
        f" ({sentence(line.difference)})"
        for line in lines
    ]


def _resources_title(stack: Stack) -> str:
    if stack.status == "gone":
        return f"{len(stack.resources)} resources stay, without settings"
    counts = _counts(stack).replace("**", "")
    stay = f", {stack.same} stay" if stack.same else ""
    return f"Resources: {counts or 'none changed'}{stay}"


def _resource(stack: Stack, resource: ChangedResource) -> list[str]:
    """A unit for the resource, and one for each of its changed inputs."""
    if stack.status == "gone":
        keeps = {"data": ", with **data**", "address": ", an **address**"}.get(resource.holds, "")
        return [f"- {code(resource.name)} ({_type(resource)}){keeps}"]
    because = (
        f", forced by {', '.join(map(code, resource.because[:MOST_NAMES]))}"
        if resource.because
        else ""
    )
    word = DONE[resource.operation]
    loud = f"**{word}**" if resource.operation in {"delete", "replace"} else word
    head = f"- {loud} {code(resource.name)} ({_type(resource)}){because}"
    own = [value for value in resource.inputs if not _follows(value)]
    units = [head, *(f"  - {_value(value, '    ', ABSENT)}" for value in own)]
    follow = [
        code(value.path)
        for value in resource.inputs
        if _follows(value) and value.path not in resource.because
    ]
    if follow:
        words = "comes from what changes" if len(follow) == 1 else "come from what changes"
        units.append(f"  - {', '.join(follow[:MOST_NAMES])} {words}")
    return units


def _follows(value: Value) -> bool:
    """Whether it is only known to be another one, as it comes from something that changes."""
    return value.before is None and value.after is None and not value.secret and not value.diff


def _value(value: Value, indent: str, absent: str) -> str:
    name = code(value.path)
    if value.secret:
        return f"{name}: changed, it is not shown"
    if value.diff:
        lines = list(value.diff[:MOST_DIFF_LINES])
        if len(value.diff) > MOST_DIFF_LINES:
            lines.append(f"... {len(value.diff) - MOST_DIFF_LINES} more lines")
        return "\n".join([f"{name}:", *(f"{indent}{line}" for line in block(lines, "diff"))])
    before, after = (absent if side is None else code(side) for side in (value.before, value.after))
    return f"{name}: {before} → {after}"


def _ending(document: Document) -> str:
    quiet = [stack.name for stack in document.stacks if verdict.is_quiet(stack)]
    shown = ", ".join(map(_label, quiet[:50])) + (
        f" and {len(quiet) - 50} more" * (len(quiet) > 50)
    )
    lines = [f"No change: {shown}."] if quiet else []
    offline = any(stack.source == "offline" for stack in document.stacks)
    commits = [_commit(commit) for commit in (document.base, document.head) if commit]
    between = f" of {' and '.join(commits)}" if commits else ""
    if offline:
        lines.append(
            f"<sub>Offline plans{between}: what the code asks for. What is really there, and what"
            " only a cloud knows, is not in them.</sub>"
        )
    elif commits:
        lines.append(f"<sub>Previews{between}.</sub>")
    return "\n\n".join(lines) or "<sub>Nothing was previewed.</sub>"


def _type(resource: ChangedResource) -> str:
    """``aws ec2 Instance`` of ``aws:ec2/instance:Instance``, ``local Server`` of a dynamic one."""
    package, _, rest = resource.type.removeprefix("pulumi-python:dynamic/").partition(":")
    module, _, name = rest.rpartition(":")
    module = module.partition("/")[0].removeprefix("index")
    return code(" ".join(word for word in (package, module, name) if word))


def _label(name: str) -> str:
    """A stack's name in any place, a table included."""
    return f"`{re.sub(r'[^A-Za-z0-9_-]', '?', name)[:40] or '?'}`"


def _money(amount: str | None) -> str:
    return amount if amount and re.fullmatch(strict.MONEY, amount, re.ASCII) else "?"


def _signed(amount: str) -> str:
    return amount if re.fullmatch(rf"\+?{strict.MONEY}", amount, re.ASCII) else "?"


def _commit(given: str) -> str:
    return re.sub(r"[^0-9a-f]", "?", given)[:12]
