"""What two revisions of the stacks' settings and code cost, side by side."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType

from planning.costs import document, markdown, rows, table
from planning.costs.compare import Comparison
from planning.costs.document import number
from planning.costs.estimate import cents

HEADS = ("USD a month", "Before", "After", "Difference", "")
Cells = tuple[str, str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class Revised:
    """One stack at both revisions; or why one of them has no plan."""

    stack: str
    comparison: Comparison | None
    error: str = ""

    @property
    def changed(self) -> bool:
        """Whether any line is not as it was, or nobody knows."""
        return self.comparison is None or bool(self.comparison.changes)

    def rows(self) -> Iterator[Cells]:
        """Its totals, and below them each line that is not as it was."""
        if self.comparison is None:
            yield self.stack, "-", "-", "no plan", ""
            return
        *changes, (_, before, after, difference, share) = rows.of_comparison(self.comparison)
        yield self.stack, before, after, difference, share
        for what, *cells, more, part in changes:
            yield f"  {what}", cells[0], cells[1], more, part

    def notes(self) -> Iterator[str]:
        """What is to be said below the table."""
        if self.comparison is None:
            yield f"{self.stack}: {self.error}"
            return
        for words in rows.unpriced_in(self.comparison):
            yield f"{self.stack}: {words}"

    def document(self) -> dict[str, Any]:
        """For a machine."""
        comparison = self.comparison
        return {
            "stack": self.stack,
            "error": self.error or None,
            "usd_before": number(cents(comparison.before.total)) if comparison else None,
            "usd_after": number(cents(comparison.after.total)) if comparison else None,
            "usd_difference": document.usd_difference(comparison) if comparison else None,
            "changes": [document.change_of(change) for change in comparison.changes]
            if comparison
            else [],
        }


def as_table(stacks: Sequence[Revised], title: str, today: datetime.date) -> RenderableType:
    """The stacks that changed below each other."""
    grid = table.new(f"What {title} costs", HEADS)
    for stack in stacks:
        if stack.changed:
            grid.add_section()
            first, *changes = stack.rows()
            table.add(grid, *first, style="bold")
            for row in changes:
                table.add(grid, *row)
    if not any(stack.changed for stack in stacks):
        table.add(grid, "nothing changes", "", "", "", "")
    return Group(grid, table.notes(_notes(stacks, today)))


def as_markdown(stacks: Sequence[Revised], title: str, today: datetime.date) -> str:
    """A block for a pull request: a row for each stack that changed, its lines folded."""
    changed = [stack for stack in stacks if stack.changed]
    lines = [f"### What {title} costs", ""]
    lines += [markdown.escaped_row(HEADS), "|---|--:|--:|--:|--:|"] if changed else []
    lines += [markdown.escaped_row(next(stack.rows())) for stack in changed]
    for stack in changed:
        first, *changes = stack.rows()
        if changes:
            lines += ["", *markdown.fold(f"{stack.stack}: {first[3]}", HEADS, changes)]
    lines += ["", *(f"- {markdown.escaped(text)}" for text in _notes(stacks, today))]
    return "\n".join(lines) + "\n"


def as_document(stacks: Sequence[Revised], base: str, head: str) -> dict[str, Any]:
    """For a machine."""
    return {
        "version": 1,
        "currency": "USD",
        "base": base,
        "head": head,
        "stacks": [stack.document() for stack in stacks],
    }


def _notes(stacks: Sequence[Revised], today: datetime.date) -> list[str]:
    sentences = [text for stack in stacks if stack.changed for text in stack.notes()]
    same = [stack.stack for stack in stacks if not stack.changed]
    if same:
        sentences.append(f"As before: {', '.join(same)}.")
    compared = [stack.comparison for stack in stacks if stack.comparison and stack.changed]
    sides = [side for both in compared for side in (both.before, both.after)]
    return sentences + rows.price_words(sides, today)
