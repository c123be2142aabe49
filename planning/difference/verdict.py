"""What a preview amounts to: the exit code, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from planning.difference.document import Document, Finding, Stack

OBJECTION: Final = 1
OVER_BUDGET: Final = 3


def exit_code(document: Document) -> int:
    """0: no objections; 1: a preview failed or a mandatory policy is broken; 3: over budget.

    1 is told before 3. Bad input is 2 and has no document.
    """
    if any(stack.status == "failed" or mandatory(stack) for stack in document.stacks):
        return OBJECTION
    return OVER_BUDGET if any(map(over_budget, document.stacks)) else 0


def mandatory(stack: Stack) -> list[Finding]:
    """Findings that stop an ``up``. Those that the base has as well stop it just so."""
    return [finding for finding in stack.findings if finding.level == "mandatory"]


def over_budget(stack: Stack) -> bool:
    """Whether the change brings the stack above its budget, or further above it."""
    return stack.cost is not None and stack.cost.verdict == "above"


def is_quiet(stack: Stack) -> bool:
    """Whether one line with others is enough for a stack."""
    return stack.status == "unchanged" and not stack.notes and not mandatory(stack)


def reasons(document: Document) -> Iterator[str]:
    """A sentence for each objection, for a log."""
    for stack in document.stacks:
        if stack.status == "failed":
            yield f"{stack.name}: the preview failed."
        for finding in mandatory(stack):
            yield f"{stack.name}: {finding.policy} (mandatory): {finding.message}."
        if stack.cost and over_budget(stack):
            most = stack.cost.budget
            yield f"{stack.name}: ${stack.cost.after} a month is above its budget of ${most}."
