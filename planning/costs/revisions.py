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
        found = self.comparison
        return {
            "stack": self.stack,
            "error": self.error or None,
            "usd_before": number(cents(found.before.total)) if found else None,
            "usd_after": number(cents(found.after.total)) if found else None,
            "usd_difference": document.usd_difference(found) if found else None,
            "changes": [document.change_of(change) for change in found.changes] if found else [],
        }


def as_table(all_: Sequence[Revised], title: str, today: datetime.date) -> RenderableType:
    """The stacks that changed below each other."""
    found = table.new(f"What {title} costs", HEADS)
    for one in all_:
        if one.changed:
            found.add_section()
            first, *changes = one.rows()
            table.add(found, *first, style="bold")
            for row in changes:
                table.add(found, *row)
    if not any(one.changed for one in all_):
        table.add(found, "nothing changes", "", "", "", "")
    return Group(found, table.notes(_notes(all_, today)))


def as_markdown(all_: Sequence[Revised], title: str, today: datetime.date) -> str:
    """A block for a pull request: a row for each stack that changed, its lines folded."""
    changed = [one for one in all_ if one.changed]
    lines = [f"### What {title} costs", ""]
    lines += [markdown.escaped_row(HEADS), "|---|--:|--:|--:|--:|"] if changed else []
    lines += [markdown.escaped_row(next(one.rows())) for one in changed]
    for one in changed:
        first, *changes = one.rows()
        if changes:
            lines += ["", *markdown.fold(f"{one.stack}: {first[3]}", HEADS, changes)]
    lines += ["", *(f"- {markdown.escaped(text)}" for text in _notes(all_, today))]
    return "\n".join(lines) + "\n"


def as_document(all_: Sequence[Revised], base: str, head: str) -> dict[str, Any]:
    """For a machine."""
    return {
        "version": 1,
        "currency": "USD",
        "base": base,
        "head": head,
        "stacks": [one.document() for one in all_],
    }


def _notes(all_: Sequence[Revised], today: datetime.date) -> list[str]:
    told = [text for one in all_ if one.changed for text in one.notes()]
    same = [one.stack for one in all_ if not one.changed]
    if same:
        told.append(f"As before: {', '.join(same)}.")
    compared = [one.comparison for one in all_ if one.comparison and one.changed]
    sides = [side for both in compared for side in (both.before, both.after)]
    return told + rows.price_words(sides, today)
