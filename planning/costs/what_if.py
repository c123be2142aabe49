"""What other settings of a stack would cost, each beside what it costs as it is."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType

from planning.costs import document, markdown, rows, table
from planning.costs.compare import Comparison
from planning.costs.document import number
from planning.costs.estimate import Estimate, cents, money

HEADS = ("USD a month", "Total", "Difference", "")
AS_IT_IS = "as it is"
Cells = tuple[str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """Some other settings, and what they change; or why they are refused together."""

    label: str
    settings: Mapping[str, str]
    comparison: Comparison | None
    refused: str = ""

    def rows(self) -> Iterator[Cells]:
        """Its total, and below it each line that is not as it was."""
        if self.comparison is None:
            yield self.label, "refused", "", ""
            return
        *changes, total = rows.of_comparison(self.comparison)
        yield self.label, total[2], *total[3:]
        for what, _, usd, more, part in changes:
            if more != rows.PER_USE:
                yield f"  {what}", usd, more, part
        changed = self.comparison.changes
        per_use = sum(not change.known and not change.unpriced for change in changed)
        if per_use:
            yield f"  lines that depend on usage: {per_use}", rows.PER_USE, "", ""

    def notes(self) -> list[str]:
        """What is to be said below the table."""
        if self.comparison is None:
            return [f"{self.label}: {self.refused}"]
        return [f"{self.label}: {words}" for words in rows.unpriced_words(self.comparison.after)]

    def document(self) -> dict[str, Any]:
        """For a machine."""
        comparison = self.comparison
        return {
            "settings": dict(self.settings),
            "refused": self.refused or None,
            "usd_per_month": number(cents(comparison.after.total)) if comparison else None,
            "usd_difference": document.usd_difference(comparison) if comparison else None,
            "changes": [document.change_of(change) for change in comparison.changes]
            if comparison
            else [],
            "not_priced": [*rows.unpriced_words(comparison.after)] if comparison else [],
        }


def as_table(
    now: Estimate, alternatives: Sequence[Alternative], today: datetime.date
) -> RenderableType:
    """All of them below each other, each with what it changes."""
    grid = table.new(f"What if: {now.stack}", HEADS)
    table.add(grid, *_now(now), style="bold")
    for alternative in alternatives:
        grid.add_section()
        first, *changes = alternative.rows()
        table.add(grid, *first, style="bold")
        for row in changes:
            table.add(grid, *row)
    return Group(grid, table.notes(_notes(now, alternatives, today)))


def as_markdown(now: Estimate, alternatives: Sequence[Alternative], today: datetime.date) -> str:
    """A block for a pull request."""
    lines = [
        f"### What if: `{now.stack}`",
        "",
        markdown.escaped_row(HEADS),
        "|---|--:|--:|--:|",
        markdown.escaped_row(_now(now)),
    ]
    for alternative in alternatives:
        first, *changes = alternative.rows()
        lines.append(markdown.escaped_row([f"**{first[0]}**", *first[1:]]))
        lines += [
            markdown.escaped_row([f"&nbsp;&nbsp;{row[0].strip()}", *row[1:]]) for row in changes
        ]
    lines += ["", *(f"- {markdown.escaped(text)}" for text in _notes(now, alternatives, today))]
    return "\n".join(lines) + "\n"


def as_document(now: Estimate, alternatives: Sequence[Alternative]) -> dict[str, Any]:
    """For a machine."""
    return {
        "version": 1,
        "currency": "USD",
        "stack": now.stack,
        "usd_per_month": number(cents(now.total)),
        "alternatives": [alternative.document() for alternative in alternatives],
    }


def _now(now: Estimate) -> Cells:
    return AS_IT_IS, f"{now.least}{money(now.total)}", "", ""


def _notes(now: Estimate, alternatives: Sequence[Alternative], today: datetime.date) -> list[str]:
    priced = [
        now,
        *(alternative.comparison.after for alternative in alternatives if alternative.comparison),
    ]
    sentences = [f"{AS_IT_IS}: {words}" for words in rows.unpriced_words(now)]
    for alternative in alternatives:
        sentences += alternative.notes()
    return sentences + rows.price_words(priced, today)
