"""Estimates as tables for a terminal."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from components.visible import visible
from planning.costs import rows
from planning.costs.compare import Comparison
from planning.costs.estimate import PARTS, Estimate, money, total

SIDE_BY_SIDE = 3
"""So many stacks fit beside each other; more are below each other."""


def of_estimate(
    estimate: Estimate, today: datetime.date, *, summary: bool = False
) -> RenderableType:
    """One stack in full, or in short with one row for each resource."""
    if summary:
        return Group(_summary(estimate), notes(rows.notes(estimate, today)))
    table = new(f"What {estimate.stack} costs a month", ("", *rows.HEADS[1:]))
    for row in rows.of_estimate(estimate):
        style = {0: "bold", 1: "", 2: "dim" if row.cells[1] == rows.UNTOLD else "", 3: "bold"}
        if row.level in {0, 3}:
            table.add_section()
        indent = "  " * min(row.level, 2) * (row.level < 3)
        add(table, indent + row.cells[0], *row.cells[1:], style=style[row.level])
    return Group(table, notes(rows.notes(estimate, today)))


def _summary(estimate: Estimate) -> Table:
    table = new(f"What {estimate.stack} costs a month", ("", "Lines", "USD a month"))
    for row in rows.of_estimate(estimate, summary=True):
        if row.level in {0, 3}:
            table.add_section()
        name, lines, *_, usd = row.cells
        label, style = (f"  {name}", "") if row.level == 1 else (name, "bold")
        add(table, label, lines, usd, style=style)
    return table


def of_many(estimates: Sequence[Estimate], today: datetime.date) -> RenderableType:
    """Several stacks: beside each other by kind of cost, or one a row."""
    table = (
        _side_by_side(estimates) if len(estimates) <= SIDE_BY_SIDE else _below_each_other(estimates)
    )
    sentences = [text for estimate in estimates for text in _short(estimate)]
    return Group(table, notes([*sentences, *rows.price_words(estimates, today)]))


def _side_by_side(estimates: Sequence[Estimate]) -> Table:
    table = new(
        "What the stacks cost a month", ("USD", *(estimate.stack for estimate in estimates))
    )
    for part in PARTS:
        if not any(estimate.of_part(part) for estimate in estimates):
            continue
        table.add_section()
        sums = (rows.subtotal(estimate.of_part(part)) for estimate in estimates)
        add(table, rows.TITLES[part], *sums, style="bold")
        for kind, name in rows.KINDS.items():
            lines = [
                [line for line in estimate.of_part(part) if line.kind == kind]
                for estimate in estimates
            ]
            if any(total(part_lines) for part_lines in lines):
                add(table, f"  {name}", *(rows.subtotal(part_lines) for part_lines in lines))
    table.add_section()
    add(
        table,
        "Total",
        *(f"{estimate.least}{money(estimate.total)}" for estimate in estimates),
        style="bold",
    )
    return table


def _below_each_other(estimates: Sequence[Estimate]) -> Table:
    table = new("What the stacks cost a month", ("USD", *rows.TITLES.values(), "Total"))
    for estimate in estimates:
        sums = (rows.subtotal(estimate.of_part(part)) for part in PARTS)
        add(table, estimate.stack, *sums, f"{estimate.least}{money(estimate.total)}")
    return table


def _short(estimate: Estimate) -> list[str]:
    return [
        f"{estimate.stack}: {text}"
        for text in (*estimate.expected(), *rows.unpriced_words(estimate))
    ]


def of_comparison(comparison: Comparison, today: datetime.date) -> RenderableType:
    """What rises and what falls."""
    title = f"What changes: {comparison.after.stack}"
    table = new(title, ("USD a month", *rows.names(comparison), "Difference", ""))
    *changes, last = rows.of_comparison(comparison)
    for row in changes:
        add(table, *row)
    if not changes:
        add(table, "nothing", "", "", "", "")
    table.add_section()
    add(table, *last, style="bold")
    sentences = [*comparison.after.expected(), *rows.unpriced_in(comparison)]
    return Group(
        table, notes([*sentences, *rows.price_words([comparison.before, comparison.after], today)])
    )


def new(title: str, heads: Sequence[str]) -> Table:
    """An empty table."""
    table = Table(title=_text(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for at, head in enumerate(heads):
        is_text = at == 0 or head == "Unit"
        table.add_column(_text(head), justify="left" if is_text else "right", overflow="fold")
    return table


def add(table: Table, *cells: str, style: str = "") -> None:
    """Add a row whose cells are shown as they are."""
    table.add_row(*(_text(cell) for cell in cells), style=style)


def _text(words: str) -> Text:
    """Text as it is: a name such as ``web[/x]`` is no markup, and no character hides in it."""
    return Text(visible(words))


def notes(sentences: Sequence[str]) -> RenderableType:
    """Sentences below a table."""
    return Padding(_text("\n".join(sentences)), (0, 0, 0, 1))
